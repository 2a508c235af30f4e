//! What JavaScript and TypeScript have in common: classes, functions bound to names, modules.

use tree_sitter::Node;

use super::comments::not_implemented;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::{Import, ImportKind};

/// The node kinds that both grammars have.
pub(super) const ROLES: &[(&str, Role)] = &[
    ("class_declaration", Role::Definition(class)),
    ("function_declaration", Role::Definition(function)),
    ("generator_function_declaration", Role::Definition(function)),
    ("method_definition", Role::Definition(function)),
    ("variable_declarator", Role::Definition(bound_to_name)),
    ("assignment_expression", Role::Definition(assigned)),
    ("pair", Role::Definition(bound_to_key)),
    ("export_statement", Role::Import(export_from)),
    ("export_statement", Role::Wrapper),
    ("export_statement", Role::Definition(default_export)),
    ("lexical_declaration", Role::Wrapper),
    ("variable_declaration", Role::Wrapper),
    ("expression_statement", Role::Wrapper),
    ("decorator", Role::Decorator),
    ("import_statement", Role::Import(import)),
    ("call_expression", Role::Import(import_call)),
    ("call_expression", Role::Call(Field::Function)),
    ("new_expression", Role::Instantiation(Field::Constructor)),
    (
        "member_expression",
        Role::Member {
            object: Field::Object,
            name: Field::Property,
        },
    ),
    ("if_statement", Role::Decision),
    ("for_statement", Role::Decision),
    ("for_in_statement", Role::Decision),
    ("while_statement", Role::Decision),
    ("do_statement", Role::Decision),
    ("switch_case", Role::Decision),
    ("catch_clause", Role::Decision),
    ("ternary_expression", Role::Decision),
    ("binary_expression", Role::Operator),
    ("throw_statement", Role::Unfinished(throws_not_implemented)),
    ("comment", Role::Comment),
    ("statement_block", Role::Block),
];

/// The word for the object.
pub(super) const RECEIVERS: &[&str] = &["this"];

/// Operators that choose an operand.
pub(super) const OPERATORS: &[&str] = &["&&", "||", "??"];

/// Types begin with a capital and need `new`.
pub(super) const NAMING: Naming = Naming {
    capital_types: true,
    construction: Construction::Keyword,
};

/// Reads a class with a name of its own.
pub(super) fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let name = name_of(syntax, syntax.field(node, Field::Name)?)?;
    Some(named_class(syntax, node, name))
}

/// Reads a function or method with a name of its own.
pub(super) fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let name = name_of(syntax, syntax.field(node, Field::Name)?)?;
    Some(Definition::Function(named_function(syntax, node, name)))
}

/// Reads a field of a class that holds a function.
pub(super) fn field_function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let name = syntax
        .field(node, Field::Property)
        .or_else(|| syntax.field(node, Field::Name))?;
    bound(
        syntax,
        name_of(syntax, name)?,
        syntax.field(node, Field::Value)?,
    )
}

fn bound_to_name<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let name = syntax.field(node, Field::Name)?;
    bound(
        syntax,
        name_of(syntax, name)?,
        syntax.field(node, Field::Value)?,
    )
}

fn bound_to_key<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let key = syntax.field(node, Field::Key)?;
    bound(
        syntax,
        name_of(syntax, key)?,
        syntax.field(node, Field::Value)?,
    )
}

/// `x = function () {}`, `exports.x = () => 1`; `module.exports = function x() {}` goes by the function's name.
fn assigned<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let value = syntax.field(node, Field::Right)?;
    let target = syntax.field(node, Field::Left)?;
    let member = syntax.field(target, Field::Property);
    let mut name = name_of(syntax, member.unwrap_or(target))?;
    if let Some(own) = syntax.field(value, Field::Name)
        && name == "exports"
    {
        name = name_of(syntax, own)?;
    }
    let mut definition = bound(syntax, name, value)?;
    if let Definition::Function(parts) = &mut definition {
        parts.assigned_to = Some(target);
    }
    Some(definition)
}

fn default_export<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    bound(syntax, "default", syntax.field(node, Field::Value)?)
}

/// A function or class expression under the name that it is bound to.
fn bound<'t>(syntax: &Syntax<'t>, name: &'t str, value: Node<'t>) -> Option<Definition<'t>> {
    match value.kind() {
        "arrow_function" | "function_expression" | "generator_function" => {
            Some(Definition::Function(named_function(syntax, value, name)))
        }
        "class" => Some(named_class(syntax, value, name)),
        _ => None,
    }
}

fn named_function<'t>(syntax: &Syntax<'t>, node: Node<'t>, name: &str) -> FunctionParts<'t> {
    let parameters = syntax.field(node, Field::Parameters);
    FunctionParts {
        name: name.to_owned(),
        parameters: parameters.or_else(|| syntax.field(node, Field::Parameter)),
        body: syntax.field(node, Field::Body),
        ..FunctionParts::default()
    }
}

fn named_class<'t>(syntax: &Syntax<'t>, node: Node<'t>, name: &str) -> Definition<'t> {
    let heritage = syntax.child_of_kind(node, "class_heritage");
    let clauses = heritage
        .map(|heritage| syntax.named_children(heritage))
        .unwrap_or_default();
    let mut bases = Vec::new();
    for clause in clauses {
        match clause.kind() {
            // TypeScript has clauses, JavaScript the base itself.
            "extends_clause" => {
                let values = syntax.children_in(clause, Field::Value);
                bases.extend(values.into_iter().map(|base| syntax.one_line(base)));
            }
            "implements_clause" => bases.extend(type_list(syntax, clause)),
            _ => bases.push(syntax.one_line(clause)),
        }
    }
    Definition::Class(ClassParts {
        name: name.to_owned(),
        bases,
        ..ClassParts::default()
    })
}

/// The types that a clause lists, as written.
pub(super) fn type_list<'t>(syntax: &Syntax<'t>, clause: Node<'t>) -> Vec<String> {
    syntax
        .named_children(clause)
        .into_iter()
        .map(|base| syntax.one_line(base))
        .collect()
}

/// A name as written in a definition; none for one that is computed, and for patterns.
fn name_of<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<&'t str> {
    match node.kind() {
        "string" => Some(syntax.text(node).trim_matches(['"', '\''])),
        "number" => Some(syntax.text(node)),
        // `[Symbol.iterator]() {}` is known by what is written.
        "computed_property_name" => Some(clip(syntax.text(node), LONGEST_NAME)),
        _ => Some(syntax.text(node)).filter(|_| syntax.is_name(node)),
    }
}

/// Adds the name of one parameter: `x`, `...rest`, or a destructuring pattern as written.
pub(super) fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    let pattern = match node.kind() {
        "comment" | "decorator" | "ERROR" => None,
        "assignment_pattern" => syntax.field(node, Field::Left),
        "required_parameter" | "optional_parameter" => syntax.field(node, Field::Pattern),
        _ => Some(node),
    };
    // TypeScript declares the type of `this` like a parameter; there is none at run time.
    let pattern = pattern.filter(|pattern| pattern.kind() != "this");
    names.extend(pattern.map(|pattern| syntax.one_line(pattern)));
}

fn throws_not_implemented<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    not_implemented(syntax.text(node))
}

fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let clause = node
        .named_children(&mut node.walk())
        .find(|child| child.kind() != "comment");
    let source = syntax.field(node, Field::Source);
    match (clause, source) {
        (Some(clause), Some(source)) if clause.kind() == "import_clause" => {
            import_names(syntax, clause, source, outline);
        }
        (_, Some(source)) => add(outline, unquoted(syntax, source), None, node),
        // TypeScript: `import fs = require("fs")`.
        (Some(clause), None) => {
            if let Some(source) = syntax.field(clause, Field::Source) {
                add(outline, unquoted(syntax, source), None, node);
            }
        }
        (None, None) => {}
    }
}

fn import_names<'t>(
    syntax: &Syntax<'t>,
    clause: Node<'t>,
    source: Node<'t>,
    outline: &mut Outline<'t>,
) {
    let module = unquoted(syntax, source);
    for part in syntax.named_children(clause) {
        match part.kind() {
            "named_imports" => {
                for specifier in syntax.named_children(part) {
                    if let Some(name) = syntax.field(specifier, Field::Name) {
                        add_as(
                            outline,
                            syntax.text(name).trim_matches(['"', '\'']),
                            syntax.field_text(specifier, Field::Alias),
                            Some(module),
                            clause,
                        );
                    }
                }
            }
            "namespace_import" => {
                let alias = part.named_child(0).map(|alias| syntax.text(alias));
                add_as(outline, "*", alias, Some(module), clause);
                if let Some(alias) = alias {
                    outline.add_module(alias);
                }
            }
            "identifier" => add(outline, syntax.text(part), Some(module), clause),
            _ => {}
        }
    }
}

/// `export { a } from "m"` and `export * from "m"` take names out of a module like an import.
fn export_from<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let Some(source) = syntax.field(node, Field::Source) else {
        return;
    };
    let module = Some(unquoted(syntax, source));
    let Some(clause) = syntax.child_of_kind(node, "export_clause") else {
        return add(outline, "*", module, node);
    };
    for specifier in syntax
        .named_children(clause)
        .into_iter()
        .filter(|child| child.kind() == "export_specifier")
    {
        let name = syntax
            .field_text(specifier, Field::Name)
            .unwrap_or("default");
        add(outline, name.trim_matches(['"', '\'']), module, node);
    }
}

/// `require("m")` and `import("m")`, of a text known in advance.
fn import_call<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let function = syntax.field(node, Field::Function);
    if !function.is_some_and(|function| matches!(syntax.text(function), "require" | "import")) {
        return;
    }
    let argument = syntax
        .field(node, Field::Arguments)
        .and_then(|arguments| arguments.named_child(0));
    if let Some(argument) = argument.filter(|argument| argument.kind() == "string") {
        add(outline, unquoted(syntax, argument), None, node);
    }
}

fn unquoted<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> &'t str {
    clip(syntax.text(node).trim_matches(['"', '\'']), LONGEST_NAME)
}

fn add(outline: &mut Outline<'_>, name: &str, module: Option<&str>, node: Node<'_>) {
    add_as(outline, name, None, module, node);
}

fn add_as(
    outline: &mut Outline<'_>,
    name: &str,
    alias: Option<&str>,
    module: Option<&str>,
    node: Node<'_>,
) {
    let kind = if module.is_some() {
        ImportKind::ImportFrom
    } else {
        ImportKind::Import
    };
    let (name, module) = (name.to_owned(), module.map(str::to_owned));
    outline.add_import(Import {
        alias: alias.map(str::to_owned),
        level: 0,
        name,
        module,
        kind,
        line: line(node),
    });
}
