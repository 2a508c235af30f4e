//! Access to one parsed text: node texts, fields by number, roles by node kind.

use std::ops::Range;

use tree_sitter::{Language as Grammar, Node};

use super::rules::{Role, Rules};

/// What is stored as a name is cut off at this many bytes. Names proper are far shorter; without a bound, nested
/// patterns, or one long name that is repeated with each usage, would cost the square of the text's length.
pub(super) const LONGEST_NAME: usize = 255;

macro_rules! fields {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// The grammars' field names that the analysis asks for.
        #[derive(Clone, Copy)]
        pub(super) enum Field { $(#[doc = $name] $field),* }

        const FIELD_NAMES: &[&str] = &[$($name),*];
    };
}

fields! {
    Alias = "alias", Alternative = "alternative", Argument = "argument", Arguments = "arguments", Attribute = "attribute", Body = "body",
    Bounds = "bounds", Condition = "condition", Expression = "expression", Method = "method", Prefix = "prefix", Constructor = "constructor", Declarator = "declarator", DefaultValue = "default_value",
    Member = "field", Function = "function", Interfaces = "interfaces", Key = "key", Left = "left", List = "list",
    Macro = "macro", ModuleName = "module_name", Name = "name", Object = "object", Operand = "operand",
    Operator = "operator", Parameter = "parameter", Parameters = "parameters", Path = "path", Pattern = "pattern",
    Property = "property", Receiver = "receiver", Right = "right", Scope = "scope", Source = "source",
    Superclass = "superclass", Superclasses = "superclasses", Trait = "trait", Type = "type", Value = "value",
}

/// A language's rules, resolved to the numbers of its grammar.
pub(super) struct Tables {
    /// The rules they were made of.
    pub(super) rules: &'static Rules,
    /// All roles, those of one kind side by side.
    roles: Vec<Role>,
    /// Where in `roles` those of a kind are, by kind number.
    roles_of_kind: Vec<Range<u32>>,
    /// Whether a kind is a plain name, by kind number.
    is_name: Vec<bool>,
    /// Whether scopes are written in a way of their own (`std::mem`), not like members of an object.
    pub(super) has_paths: bool,
    /// Number of each [`Field`] in the grammar, 0 when the grammar has none of that name.
    fields: Vec<u16>,
}

impl Tables {
    /// Resolves `rules` for `grammar`.
    pub(super) fn new(rules: &'static Rules, grammar: &Grammar) -> Self {
        let mut tables = Self {
            rules,
            roles: Vec::new(),
            roles_of_kind: Vec::new(),
            is_name: Vec::new(),
            has_paths: false,
            fields: FIELD_NAMES
                .iter()
                .map(|name| grammar.field_id_for_name(name).map_or(0, u16::from))
                .collect(),
        };
        for id in 0..u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX) {
            tables.add_kind(grammar, id);
        }
        tables
    }

    fn add_kind(&mut self, grammar: &Grammar, id: u16) {
        let named = grammar.node_kind_is_named(id);
        let kind = grammar.node_kind_for_id(id).filter(|_| named).unwrap_or("");
        let start = self.roles.len() as u32;
        let (mut is_defined, mut is_name) = (false, kind.ends_with("identifier"));
        for (_, role) in self
            .rules
            .roles
            .iter()
            .copied()
            .flatten()
            .filter(|(name, _)| *name == kind)
        {
            let is_definition = matches!(role, Role::Definition(_));
            if !(is_definition && is_defined) {
                self.roles.push(*role);
            }
            is_defined |= is_definition;
            self.has_paths |= matches!(role, Role::Path { .. });
            is_name |= matches!(role, Role::Name);
        }
        self.roles_of_kind.push(start..self.roles.len() as u32);
        self.is_name.push(is_name);
    }

    /// The roles of a node kind; none for the kind of errors, whose number lies outside the grammar.
    pub(super) fn roles(&self, kind_id: u16) -> &[Role] {
        match self.roles_of_kind.get(usize::from(kind_id)) {
            Some(range) => &self.roles[range.start as usize..range.end as usize],
            None => &[],
        }
    }
}

/// One parsed text.
#[derive(Clone, Copy)]
pub(super) struct Syntax<'t> {
    /// The text.
    pub(super) source: &'t str,
    /// The language's rules.
    pub(super) tables: &'t Tables,
}

impl<'t> Syntax<'t> {
    /// The text of a node.
    pub(super) fn text(&self, node: Node<'t>) -> &'t str {
        self.source.get(node.byte_range()).unwrap_or("")
    }

    /// The text of a node on one line, with single spaces, cut off where it gets longer than a name should be.
    pub(super) fn one_line(&self, node: Node<'t>) -> String {
        let words: Vec<_> = clip(self.text(node), LONGEST_NAME)
            .split_whitespace()
            .collect();
        words.join(" ")
    }

    /// The child in a field.
    pub(super) fn field(&self, node: Node<'t>, field: Field) -> Option<Node<'t>> {
        match self.tables.fields[field as usize] {
            0 => None,
            id => node.child_by_field_id(id),
        }
    }

    /// The text of the child in a field.
    pub(super) fn field_text(&self, node: Node<'t>, field: Field) -> Option<&'t str> {
        self.field(node, field).map(|child| self.text(child))
    }

    /// All children in a field.
    pub(super) fn children_in(&self, node: Node<'t>, field: Field) -> Vec<Node<'t>> {
        let id = self.tables.fields[field as usize];
        let mut children = Vec::new();
        let mut cursor = node.walk();
        let mut more = cursor.goto_first_child();
        while more {
            if cursor
                .field_id()
                .is_some_and(|found| u16::from(found) == id)
            {
                children.push(cursor.node());
            }
            more = cursor.goto_next_sibling();
        }
        children
    }

    /// The named children, without comments and line continuations, which may stand anywhere.
    pub(super) fn named_children(&self, node: Node<'t>) -> Vec<Node<'t>> {
        let mut cursor = node.walk();
        let children = node.named_children(&mut cursor);
        children.filter(|child| !child.is_extra()).collect()
    }

    /// The first named child of a kind.
    pub(super) fn child_of_kind(&self, node: Node<'t>, kind: &str) -> Option<Node<'t>> {
        node.named_children(&mut node.walk())
            .find(|child| child.kind() == kind)
    }

    /// The last named child, without comments and line continuations.
    pub(super) fn last_child(&self, node: Node<'t>) -> Option<Node<'t>> {
        let mut cursor = node.walk();
        if !cursor.goto_last_child() {
            return None;
        }
        let is_proper = |child: &Node<'t>| child.is_named() && !child.is_extra();
        // Looking from the start costs time with the number of children, but is seldom needed.
        let last = Some(cursor.node()).filter(is_proper);
        last.or_else(|| node.children(&mut cursor).filter(is_proper).last())
    }

    /// The roles of a node.
    pub(super) fn roles(&self, node: Node<'t>) -> &'t [Role] {
        self.tables.roles(node.kind_id())
    }

    /// Whether a node plays a role.
    pub(super) fn has_role(&self, node: Node<'t>, wanted: impl FnMut(&Role) -> bool) -> bool {
        self.roles(node).iter().any(wanted)
    }

    /// Whether a node is a plain name.
    pub(super) fn is_name(&self, node: Node<'t>) -> bool {
        self.tables
            .is_name
            .get(usize::from(node.kind_id()))
            .is_some_and(|is_name| *is_name)
    }

    /// The plain name at the end of a type or path, without scopes, type arguments and reference signs.
    pub(super) fn last_name(&self, node: Node<'t>) -> Option<Node<'t>> {
        let mut current = node;
        // Types nest by pointers, scopes and arguments; text nested deeper than this names nothing useful.
        for _ in 0..32 {
            if self.is_name(current) && current.named_child_count() == 0 {
                return Some(current);
            }
            let inner = self
                .field(current, Field::Name)
                .or_else(|| self.field(current, Field::Type));
            current = inner.or_else(|| last_or_first(current))?;
        }
        None
    }
}

/// Of nodes without fields: the last part of a scoped name, the first of a generic or pointed-to type.
fn last_or_first(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "scoped_type_identifier" | "qualified_name" => {
            let last = u32::try_from(node.named_child_count())
                .ok()?
                .checked_sub(1)?;
            node.named_child(last)
        }
        "generic_type" | "pointer_type" | "parenthesized_type" => node.named_child(0),
        _ => None,
    }
}

/// The line that a node starts on, from 1.
pub(super) fn line(node: Node<'_>) -> u32 {
    number(node.start_position().row) + 1
}

/// The last line of a node, from 1; one that ends with a line break does not reach the next line.
pub(super) fn end_line(node: Node<'_>) -> u32 {
    let (start, end) = (node.start_position(), node.end_position());
    let ends_before = usize::from(end.column == 0 && end.row > start.row);
    number(end.row - ends_before) + 1
}

/// A count as the database stores it.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The beginning of a text, at most `longest` bytes of it.
pub(super) fn clip(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or("")
}
