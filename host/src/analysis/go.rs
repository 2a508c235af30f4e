//! Go: named types as classes, methods told by their receiver, comments above as documentation.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::{CommentKind, not_implemented};
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, Syntax, line};
use super::{Import, ImportKind};

/// Go with modules and generics.
pub(super) static RULES: Rules = Rules {
    name: "go",
    extensions: &["go"],
    modules: Modules::Directories,
    grammar: || tree_sitter_go::LANGUAGE.into(),
    roles: &[&[
        ("package_clause", Role::Package),
        ("type_declaration", Role::Wrapper),
        ("type_spec", Role::Definition(declared_type)),
        ("function_declaration", Role::Definition(function)),
        ("method_declaration", Role::Definition(method)),
        ("method_elem", Role::Definition(interface_method)),
        ("var_declaration", Role::Wrapper),
        ("var_spec", Role::Definition(bound_function)),
        ("import_spec", Role::Import(import)),
        ("call_expression", Role::Call(Field::Function)),
        ("call_expression", Role::Unfinished(panics)),
        ("composite_literal", Role::Instantiation(Field::Type)),
        (
            "selector_expression",
            Role::Member {
                object: Field::Operand,
                name: Field::Member,
            },
        ),
        ("type_instantiation_expression", Role::NameWrapper),
        ("if_statement", Role::Decision),
        ("for_statement", Role::Decision),
        ("expression_case", Role::Decision),
        ("type_case", Role::Decision),
        ("communication_case", Role::Decision),
        ("binary_expression", Role::Operator),
        ("comment", Role::Comment),
        ("block", Role::Block),
    ]],
    receivers: &[],
    operators: &["&&", "||"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: false,
        construction: Construction::Keyword,
    },
    comments: |_| CommentKind::Loose,
    parameter,
};

fn declared_type<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let bases = syntax
        .field(node, Field::Type)
        .map(|body| embedded(syntax, body));
    Some(Definition::Class(ClassParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        bases: bases.unwrap_or_default(),
        ..ClassParts::default()
    }))
}

/// The types that a struct or interface embeds, without pointers.
fn embedded<'t>(syntax: &Syntax<'t>, body: Node<'t>) -> Vec<String> {
    let members = match body.kind() {
        "struct_type" => syntax.child_of_kind(body, "field_declaration_list"),
        "interface_type" => Some(body),
        _ => None,
    };
    let members = members
        .map(|members| syntax.named_children(members))
        .unwrap_or_default();
    let types = members
        .into_iter()
        .filter_map(|member| match member.kind() {
            "field_declaration" if syntax.field(member, Field::Name).is_none() => {
                syntax.field(member, Field::Type)
            }
            // A union of types is a constraint, not an embedded interface.
            "type_elem" if member.named_child_count() == 1 => member.named_child(0),
            _ => None,
        });
    types
        .filter(|kept| kept.kind() != "negated_type")
        .map(|kept| syntax.one_line(kept))
        .collect()
}

fn parts<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<FunctionParts<'t>> {
    Some(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        body: syntax.field(node, Field::Body),
        ..FunctionParts::default()
    })
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    Some(Definition::Function(parts(syntax, node)?))
}

fn method<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let receiver = syntax.field(node, Field::Receiver)?.named_child(0)?;
    let owner = syntax.last_name(syntax.field(receiver, Field::Type)?)?;
    Some(Definition::Function(FunctionParts {
        owner: Some(syntax.text(owner)),
        receiver: syntax.field_text(receiver, Field::Name),
        ..parts(syntax, node)?
    }))
}

fn interface_method<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let parts = parts(syntax, node)?;
    Some(Definition::Function(FunctionParts {
        is_abstract: true,
        only_in_class: true,
        ..parts
    }))
}

/// `var handler = func() {}`, with one name and one value.
fn bound_function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let value = syntax.field(node, Field::Value)?;
    let literal = value
        .named_child(0)
        .filter(|literal| literal.kind() == "func_literal")?;
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(literal, Field::Parameters),
        body: syntax.field(literal, Field::Body),
        ..FunctionParts::default()
    }))
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    let dots = if node.kind() == "variadic_parameter_declaration" {
        "..."
    } else {
        ""
    };
    let declared = syntax.children_in(node, Field::Name);
    names.extend(
        declared
            .into_iter()
            .map(|name| format!("{dots}{}", syntax.text(name))),
    );
}

fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let Some(path) = syntax.field_text(node, Field::Path) else {
        return;
    };
    let path = path.trim_matches(['"', '`']);
    let alias = syntax.field_text(node, Field::Name);
    let known_as = alias.unwrap_or_else(|| package_name(path));
    outline.add_module(known_as);
    let (name, module) = (path.to_owned(), None);
    outline.add_import(Import {
        alias: Some(known_as.to_owned()).filter(|name| name != path),
        level: 0,
        name,
        module,
        kind: ImportKind::Import,
        line: line(node),
    });
}

/// The name that a package most likely has: the last part of its path that is no version.
fn package_name(path: &str) -> &str {
    let is_version = |part: &&str| {
        part.strip_prefix('v')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    path.rsplit('/')
        .find(|part| !is_version(part))
        .unwrap_or(path)
}

fn panics<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    syntax.field_text(node, Field::Function) == Some("panic") && not_implemented(syntax.text(node))
}
