//! The one pass over a syntax tree: visits every node in source order and acts on the roles of its kind.

use tree_sitter::{Node, Tree};

use super::comments::DocTracker;
use super::outline::Outline;
use super::rules::{ClassParts, Definition, FunctionParts, Role};
use super::scopes::Scopes;
use super::syntax::{Field, Syntax, number};
use super::usages::{Resolver, callee};
use super::{Class, FileAnalysis, Function, definitions};

/// How many calls may lie between a name and the call that it belongs to, as in `a(b(c()))?.d()`.
const MOST_NESTED_NAMES: usize = 16;

/// Fills `analysis` with what `tree` holds.
pub(super) fn walk<'t>(tree: &'t Tree, syntax: Syntax<'t>, analysis: FileAnalysis) -> FileAnalysis {
    let mut walker = Walker {
        syntax,
        depth: 0,
        scopes: Scopes::default(),
        docs: DocTracker::new(syntax.source),
        outline: Outline::new(analysis),
        naming_members: Vec::new(),
        is_abstract: false,
        docstring: None,
    };
    let mut cursor = tree.walk();
    loop {
        walker.visit(cursor.node());
        if cursor.goto_first_child() {
            walker.depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walker.finish();
            }
            walker.depth -= 1;
        }
    }
}

/// The state of one pass.
struct Walker<'t> {
    syntax: Syntax<'t>,
    /// How many nodes are around the current one.
    depth: u32,
    scopes: Scopes<'t>,
    docs: DocTracker<'t>,
    outline: Outline<'t>,
    /// Member accesses that name what a call calls or a definition defines; they are still to come and are no usages
    /// of their own.
    naming_members: Vec<usize>,
    /// A decorator has made the definition that follows abstract.
    is_abstract: bool,
    /// The docstring that a language writes as a statement of the file.
    docstring: Option<String>,
}

impl<'t> Walker<'t> {
    fn visit(&mut self, node: Node<'t>) {
        self.scopes.leave(self.depth);
        for role in self.syntax.tables.roles(node.kind_id()) {
            self.act(*role, node);
        }
    }

    fn act(&mut self, role: Role, node: Node<'t>) {
        match role {
            Role::File(docstring) => self.docstring = docstring(&self.syntax, node),
            Role::Definition(read) => match read(&self.syntax, node) {
                Some(Definition::Class(parts)) => self.open_class(parts, node),
                Some(Definition::Function(parts)) => self.open_function(parts, node),
                None => {}
            },
            Role::Import(read) => read(&self.syntax, node, &mut self.outline),
            Role::Namespace => self.open_namespace(node),
            Role::Call(field) => self.call(node, field),
            Role::MethodCall { object, name } => self.method_call(node, object, name),
            Role::HiddenCalls(read) => {
                for callee in read(&self.syntax, node) {
                    let usage = self.resolver().call(&callee);
                    self.outline.add_usage(usage);
                }
            }
            Role::Instantiation(field) => self.instantiation(self.syntax.field(node, field)),
            Role::InstantiationOfChild => self.instantiation(node.named_child(0)),
            Role::Member { object, name } => self.member(node, object, name),
            Role::Decision => self.decide(1),
            Role::Operator if self.is_decisive(node) => self.decide(1),
            Role::Arm { names_bind } if !catches_all(self.syntax.text(node), names_bind) => {
                self.decide(1)
            }
            Role::DecisionWith(field) if self.syntax.field(node, field).is_some() => self.decide(1),
            Role::Chain => self.decide(number(node.named_child_count()).saturating_sub(1)),
            Role::Unfinished(is_unfinished) if is_unfinished(&self.syntax, node) => {
                self.mark_unfinished()
            }
            Role::Comment => self.comment(node),
            Role::Decorator => self.decorator(node),
            Role::Wrapper => self.docs.wrapper(node.byte_range(), self.depth),
            Role::Package => self.docs.claim_for_file(node.start_byte()),
            Role::Operator
            | Role::Arm { .. }
            | Role::DecisionWith(_)
            | Role::Unfinished(_)
            | Role::Path { .. }
            | Role::Qualified(_)
            | Role::ConditionalAccess(_)
            | Role::Name
            | Role::NameWrapper
            | Role::Modifiers
            | Role::Block
            | Role::Idle => {}
        }
    }

    fn open_class(&mut self, parts: ClassParts, node: Node<'t>) {
        self.is_abstract = false;
        let place = definitions::place(&self.syntax, node);
        let claimed = self.docs.claim(node.byte_range(), self.depth);
        let name = parts.name.clone();
        let class = if parts.is_extension {
            let class = self.outline.class_of(&name, place);
            self.outline.add_bases(class, parts.bases);
            class
        } else {
            self.outline.declare_class(Class {
                name: parts.name,
                line: place.line,
                end_line: place.end_line,
                span: place.span,
                docstring: parts.docstring.or(claimed),
                bases: parts.bases,
                methods: Vec::new(),
            })
        };
        self.scopes.enter_class(class, &name, self.depth);
    }

    fn open_function(&mut self, mut parts: FunctionParts<'t>, node: Node<'t>) {
        let is_abstract = std::mem::take(&mut self.is_abstract) || parts.is_abstract;
        if parts.only_in_class && self.scopes.class().is_none() {
            return;
        }
        self.naming_members
            .extend(parts.assigned_to.map(|member| member.id()));
        let place = definitions::place(&self.syntax, node);
        let owner = parts.owner.filter(|owner| !self.outline.is_module(owner));
        let class = match owner {
            Some(owner) => Some(self.outline.class_of(owner, place.clone())),
            None => self.scopes.class(),
        };
        let claimed = self.docs.claim(node.byte_range(), self.depth);
        let does_nothing = |body| definitions::does_nothing(&self.syntax, body);
        let function = Function {
            name: parts.name.clone(),
            line: place.line,
            end_line: place.end_line,
            span: place.span,
            params: definitions::parameters(&self.syntax, &parts, class.is_some()),
            docstring: parts.docstring.take().or(claimed),
            complexity: 1,
            is_abstract,
            has_pass: parts.body.is_some_and(does_nothing),
            has_not_implemented: false,
        };
        let id = self.outline.add_function(function, class);
        self.scopes
            .enter_function(id, &parts.name, owner, parts.receiver, self.depth);
    }

    fn open_namespace(&mut self, node: Node<'t>) {
        if let Some(name) = self.syntax.field_text(node, Field::Name) {
            for part in name.split([':', '.', '\\']).filter(|part| !part.is_empty()) {
                self.outline.add_module(part);
            }
        }
    }

    fn resolver(&self) -> Resolver<'_, 't> {
        Resolver {
            syntax: &self.syntax,
            scopes: &self.scopes,
            outline: &self.outline,
        }
    }

    fn call(&mut self, node: Node<'t>, field: Field) {
        let called = self.syntax.field(node, field);
        if let Some(callee) = called.and_then(|called| callee(&self.syntax, called)) {
            self.naming_members
                .extend(callee.member.map(|member| member.id()));
            let usage = self.resolver().call(&callee);
            self.outline.add_usage(usage);
        }
    }

    fn method_call(&mut self, node: Node<'t>, object: Field, name: Field) {
        if let Some(name) = self.syntax.field(node, name) {
            let usage = self
                .resolver()
                .method_call(self.syntax.field(node, object), name);
            self.outline.add_usage(usage);
        }
    }

    fn instantiation(&mut self, made: Option<Node<'t>>) {
        let Some(made) = made else {
            return;
        };
        let callee = callee(&self.syntax, made);
        let member = callee.as_ref().and_then(|callee| callee.member);
        self.naming_members.extend(member.map(|member| member.id()));
        if let Some(name) = callee
            .map(|callee| callee.name)
            .or_else(|| self.syntax.last_name(made))
        {
            let usage = self.resolver().instantiation(name);
            self.outline.add_usage(usage);
        }
    }

    fn member(&mut self, node: Node<'t>, object: Field, name: Field) {
        if self.names_another(node.id()) {
            return;
        }
        let name = self
            .syntax
            .field(node, name)
            .filter(|name| self.syntax.is_name(*name));
        if let Some(name) = name {
            let usage = self
                .resolver()
                .member(self.syntax.field(node, object), name);
            self.outline.add_usage(usage);
        }
    }

    /// Whether a member access is one of those still to come. They nest, so it is among the last of them.
    fn names_another(&mut self, id: usize) -> bool {
        let first = self.naming_members.len().saturating_sub(MOST_NESTED_NAMES);
        let found = self.naming_members[first..]
            .iter()
            .rposition(|member| *member == id);
        if let Some(place) = found {
            self.naming_members.truncate(first + place);
        }
        found.is_some()
    }

    fn decide(&mut self, decisions: u32) {
        if let Some(function) = self.scopes.function() {
            self.outline.function_mut(function).complexity += decisions;
        }
    }

    fn is_decisive(&self, node: Node<'t>) -> bool {
        let operator = self.syntax.field_text(node, Field::Operator);
        operator.is_some_and(|operator| self.syntax.tables.rules.operators.contains(&operator))
    }

    fn mark_unfinished(&mut self) {
        if let Some(function) = self.scopes.function() {
            self.outline.function_mut(function).has_not_implemented = true;
        }
    }

    fn comment(&mut self, node: Node<'t>) {
        let kind = (self.syntax.tables.rules.comments)(self.syntax.text(node));
        self.docs.comment(kind, node.byte_range(), self.depth);
    }

    fn decorator(&mut self, node: Node<'t>) {
        self.docs.decorator(node.byte_range());
        let text = self.syntax.text(node);
        let name = text
            .split('(')
            .next()
            .and_then(|path| path.rsplit(['.', '@']).next());
        let abstract_decorators = self.syntax.tables.rules.abstract_decorators;
        self.is_abstract |= name.is_some_and(|name| abstract_decorators.contains(&name.trim()));
    }

    fn finish(self) -> FileAnalysis {
        let docstring = self.docstring.or(self.docs.finish());
        let construction = self.syntax.tables.rules.naming.construction;
        self.outline.finish(docstring, construction.is_a_call())
    }
}

/// Whether the text of an arm begins like `default:`, `case _:` or `_ =>`, or, where names bind, like `case rest:` or
/// `rest =>`.
fn catches_all(arm: &str, names_bind: bool) -> bool {
    let pattern = match arm.strip_prefix("case") {
        Some(pattern) if !pattern.starts_with(is_of_word) => pattern.trim_start(),
        _ => arm,
    };
    let (name, rest) = pattern.split_at(pattern.find(|c| !is_of_word(c)).unwrap_or(pattern.len()));
    let rest = rest.trim_start();
    let takes_all = matches!(name, "_" | "default")
        || (names_bind && name.starts_with(|c: char| c == '_' || c.is_lowercase()));
    let literal = matches!(name, "true" | "false");
    let ends = match rest.strip_prefix(':') {
        Some(more) => !more.starts_with(':'),
        None => rest.is_empty() || rest.starts_with('=') || rest.starts_with("->"),
    };
    takes_all && !literal && ends
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_that_catch_everything_are_told_apart() {
        for arm in [
            "default: x",
            "default",
            "case _:",
            "_ => 1",
            "_=>1",
            "default -> 2",
        ] {
            assert!(catches_all(arm, false), "{arm}");
        }
        for arm in [
            "case 1:",
            "case _x:",
            "_ if a => 1",
            "Some(_) => 1",
            "case x if y:",
            "default_value => 1",
        ] {
            assert!(!catches_all(arm, false), "{arm}");
        }
        for arm in [
            "rest => 1",
            "_rest => 1",
            "case rest:",
            "_ => 1",
            "case_1 => 2",
        ] {
            assert!(catches_all(arm, true), "{arm}");
        }
        for arm in [
            "true => 1",
            "None => 1",
            "MAX => 1",
            "a::b => 1",
            "rest if a => 1",
            "case x.y:",
        ] {
            assert!(!catches_all(arm, true), "{arm}");
        }
    }
}
