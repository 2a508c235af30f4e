//! TypeScript: what its types add to JavaScript, in a grammar with and one without JSX.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::block_docs;
use super::ecmascript::{self, type_list};
use super::modules::Modules;
use super::rules::{ClassParts, Definition, FunctionParts, Role, Rules};
use super::syntax::{Field, Syntax};

const ROLES: &[&[(&str, Role)]] = &[
    ecmascript::ROLES,
    &[
        (
            "abstract_class_declaration",
            Role::Definition(ecmascript::class),
        ),
        ("interface_declaration", Role::Definition(interface)),
        ("enum_declaration", Role::Definition(ecmascript::class)),
        ("type_alias_declaration", Role::Definition(object_type)),
        ("function_signature", Role::Definition(ecmascript::function)),
        ("method_signature", Role::Definition(signature)),
        ("abstract_method_signature", Role::Definition(signature)),
        (
            "public_field_definition",
            Role::Definition(ecmascript::field_function),
        ),
        ("ambient_declaration", Role::Wrapper),
        ("internal_module", Role::Namespace),
        ("non_null_expression", Role::NameWrapper),
    ],
];

/// TypeScript without JSX.
pub(super) static RULES: Rules = Rules {
    name: "typescript",
    extensions: &["ts", "mts", "cts"],
    modules: Modules::Relative,
    grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    roles: ROLES,
    receivers: ecmascript::RECEIVERS,
    operators: ecmascript::OPERATORS,
    abstract_decorators: &[],
    naming: ecmascript::NAMING,
    comments: block_docs,
    parameter: ecmascript::parameter,
};

/// TypeScript with JSX.
pub(super) static TSX_RULES: Rules = Rules {
    name: "tsx",
    extensions: &["tsx"],
    modules: Modules::Relative,
    grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    roles: ROLES,
    receivers: ecmascript::RECEIVERS,
    operators: ecmascript::OPERATORS,
    abstract_decorators: &[],
    naming: ecmascript::NAMING,
    comments: block_docs,
    parameter: ecmascript::parameter,
};

fn interface<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let extended = syntax.child_of_kind(node, "extends_type_clause");
    Some(Definition::Class(ClassParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        bases: extended
            .map(|clause| type_list(syntax, clause))
            .unwrap_or_default(),
        ..ClassParts::default()
    }))
}

/// An alias of an object type is an interface by another name; other aliases define nothing.
fn object_type<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let aliased = syntax.field(node, Field::Value)?;
    let name = syntax.field_text(node, Field::Name)?.to_owned();
    (aliased.kind() == "object_type").then(|| {
        Definition::Class(ClassParts {
            name,
            ..ClassParts::default()
        })
    })
}

/// A method declared without a body, in an interface, an abstract class or as an overload. In a type that is written
/// in place it belongs to no class that has a name.
fn signature<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        is_abstract: true,
        only_in_class: true,
        ..FunctionParts::default()
    }))
}
