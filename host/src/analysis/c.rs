//! C, and the declarators that C++ inherits from it.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::doxygen;
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, Syntax, line};
use super::{Import, ImportKind};

/// The node kinds of C, all of which C++ has too.
pub(super) const ROLES: &[(&str, Role)] = &[
    ("function_definition", Role::Definition(function)),
    ("struct_specifier", Role::Definition(tagged_type)),
    ("union_specifier", Role::Definition(tagged_type)),
    ("enum_specifier", Role::Definition(tagged_type)),
    ("type_definition", Role::Wrapper),
    ("type_definition", Role::Definition(named_by_typedef)),
    ("declaration", Role::Wrapper),
    ("linkage_specification", Role::Wrapper),
    ("preproc_include", Role::Import(include)),
    ("call_expression", Role::Call(Field::Function)),
    (
        "compound_literal_expression",
        Role::Instantiation(Field::Type),
    ),
    (
        "field_expression",
        Role::Member {
            object: Field::Argument,
            name: Field::Member,
        },
    ),
    ("if_statement", Role::Decision),
    ("for_statement", Role::Decision),
    ("while_statement", Role::Decision),
    ("do_statement", Role::Decision),
    ("conditional_expression", Role::Decision),
    ("case_statement", Role::Arm { names_bind: false }),
    ("binary_expression", Role::Operator),
    ("comment", Role::Comment),
    ("compound_statement", Role::Block),
];

/// Operators that decide; the words are C++'s.
pub(super) const OPERATORS: &[&str] = &["&&", "||", "and", "or"];

/// C, and headers shared with C++.
pub(super) static RULES: Rules = Rules {
    name: "c",
    extensions: &["c", "h"],
    modules: Modules::Includes,
    grammar: || tree_sitter_c::LANGUAGE.into(),
    roles: &[ROLES],
    receivers: &[],
    operators: OPERATORS,
    abstract_decorators: &[],
    naming: Naming {
        capital_types: false,
        construction: Construction::Keyword,
    },
    comments: doxygen,
    parameter,
};

/// What a declarator declares as a function.
pub(super) struct Declarator<'t> {
    /// The declared name: a plain or a qualified one.
    pub(super) name: Node<'t>,
    /// The parameter list.
    pub(super) parameters: Option<Node<'t>>,
}

/// Unwraps the declarator of a definition or declaration; none when it declares no function.
pub(super) fn function_declarator<'t>(
    syntax: &Syntax<'t>,
    node: Node<'t>,
) -> Option<Declarator<'t>> {
    let mut current = syntax.field(node, Field::Declarator)?;
    let mut parameters = None;
    loop {
        current = match current.kind() {
            "function_declarator" => {
                parameters = syntax.field(current, Field::Parameters);
                syntax.field(current, Field::Declarator)?
            }
            // What is pointed to is a function, the name itself is none, unless it returns the pointer.
            "pointer_declarator" => {
                parameters = None;
                syntax.field(current, Field::Declarator)?
            }
            "parenthesized_declarator" | "reference_declarator" | "attributed_declarator" => {
                current.named_child(0)?
            }
            _ => break,
        };
    }
    parameters.map(|list| Declarator {
        name: current,
        parameters: Some(list),
    })
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let declarator = function_declarator(syntax, node)?;
    Some(Definition::Function(FunctionParts {
        name: syntax.text(declarator.name).to_owned(),
        parameters: declarator.parameters,
        body: syntax.field(node, Field::Body),
        ..FunctionParts::default()
    }))
}

/// A struct, union or enum with a tag and a body.
pub(super) fn tagged_type<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    syntax.field(node, Field::Body)?;
    let name = syntax
        .text(syntax.last_name(syntax.field(node, Field::Name)?)?)
        .to_owned();
    Some(Definition::Class(ClassParts {
        name,
        ..ClassParts::default()
    }))
}

/// `typedef struct { ... } Name;`: the type has no tag, so the alias is its name.
fn named_by_typedef<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let aliased = syntax.field(node, Field::Type)?;
    syntax.field(aliased, Field::Body)?;
    if syntax.field(aliased, Field::Name).is_some() {
        return None;
    }
    let mut alias = syntax.field(node, Field::Declarator)?;
    while let Some(inner) = syntax.field(alias, Field::Declarator) {
        alias = inner;
    }
    Some(Definition::Class(ClassParts {
        name: syntax.text(alias).to_owned(),
        ..ClassParts::default()
    }))
}

/// Adds the name of one parameter, if it has one.
pub(super) fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    let mut current = match node.kind() {
        "variadic_parameter" => return names.push("...".to_owned()),
        "parameter_declaration"
        | "optional_parameter_declaration"
        | "variadic_parameter_declaration" => match syntax.field(node, Field::Declarator) {
            Some(declarator) => declarator,
            None => return,
        },
        _ => node,
    };
    while let Some(inner) = syntax
        .field(current, Field::Declarator)
        .or_else(|| wrapped_declarator(current))
    {
        current = inner;
    }
    if syntax.is_name(current) {
        names.push(syntax.text(current).to_owned());
    }
}

fn wrapped_declarator(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "parenthesized_declarator"
        | "reference_declarator"
        | "variadic_declarator"
        | "attributed_declarator" => node.named_child(0),
        _ => None,
    }
}

fn include<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    if let Some(path) = syntax.field_text(node, Field::Path) {
        let name = path.trim_matches(['<', '>', '"']).to_owned();
        outline.add_import(Import {
            alias: None,
            level: 0,
            name,
            module: None,
            kind: ImportKind::Import,
            line: line(node),
        });
    }
}
