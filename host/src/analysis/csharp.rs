//! C#: classes of all kinds, constructors as methods, XML documentation, namespaces.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::{CommentKind, block_docs, not_implemented};
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::{Import, ImportKind};

/// C# up to records, patterns and file-scoped namespaces.
pub(super) static RULES: Rules = Rules {
    name: "csharp",
    extensions: &["cs"],
    modules: Modules::Types,
    grammar: || tree_sitter_c_sharp::LANGUAGE.into(),
    roles: &[&[
        ("class_declaration", Role::Definition(class)),
        ("interface_declaration", Role::Definition(class)),
        ("struct_declaration", Role::Definition(class)),
        ("record_declaration", Role::Definition(class)),
        ("enum_declaration", Role::Definition(class)),
        ("method_declaration", Role::Definition(function)),
        ("constructor_declaration", Role::Definition(function)),
        ("local_function_statement", Role::Definition(function)),
        ("attribute_list", Role::Decorator),
        ("namespace_declaration", Role::Namespace),
        ("file_scoped_namespace_declaration", Role::Namespace),
        ("using_directive", Role::Import(import)),
        ("invocation_expression", Role::Call(Field::Function)),
        (
            "object_creation_expression",
            Role::Instantiation(Field::Type),
        ),
        (
            "member_access_expression",
            Role::Member {
                object: Field::Expression,
                name: Field::Name,
            },
        ),
        (
            "member_binding_expression",
            Role::Member {
                object: Field::Expression,
                name: Field::Name,
            },
        ),
        (
            "conditional_access_expression",
            Role::ConditionalAccess(Field::Condition),
        ),
        ("generic_name", Role::NameWrapper),
        ("if_statement", Role::Decision),
        ("while_statement", Role::Decision),
        ("do_statement", Role::Decision),
        ("for_statement", Role::Decision),
        ("foreach_statement", Role::Decision),
        ("catch_clause", Role::Decision),
        ("conditional_expression", Role::Decision),
        ("switch_section", Role::Arm { names_bind: false }),
        ("switch_expression_arm", Role::Arm { names_bind: false }),
        ("binary_expression", Role::Operator),
        ("throw_statement", Role::Unfinished(throws_unsupported)),
        ("throw_expression", Role::Unfinished(throws_unsupported)),
        ("comment", Role::Comment),
        ("block", Role::Block),
    ]],
    receivers: &["this"],
    operators: &["&&", "||", "??"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: true,
        construction: Construction::Keyword,
    },
    comments,
    parameter,
};

fn comments(text: &str) -> CommentKind {
    if text.starts_with("///") && !text.starts_with("////") {
        CommentKind::Outer
    } else {
        block_docs(text)
    }
}

fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let bases = syntax
        .child_of_kind(node, "base_list")
        .map(|list| syntax.named_children(list))
        .unwrap_or_default();
    let base = |base: Node<'t>| match base.kind() {
        "argument_list" => None,
        "primary_constructor_base_type" => base.named_child(0),
        _ => Some(base),
    };
    Some(Definition::Class(ClassParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        bases: bases
            .into_iter()
            .filter_map(base)
            .map(|base| syntax.one_line(base))
            .collect(),
        ..ClassParts::default()
    }))
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let body = syntax.field(node, Field::Body);
    let has = |word: &str| {
        syntax
            .named_children(node)
            .into_iter()
            .any(|child| child.kind() == "modifier" && syntax.text(child) == word)
    };
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        body,
        // What lives outside of C#, or in another part of the class, has no body either.
        is_abstract: body.is_none()
            && node.kind() == "method_declaration"
            && !has("extern")
            && !has("partial"),
        ..FunctionParts::default()
    }))
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    match node.kind() {
        "parameter" => names.extend(syntax.field_text(node, Field::Name).map(str::to_owned)),
        // `params` puts type and name into the list itself.
        "identifier" => names.push(format!("...{}", syntax.text(node))),
        "implicit_parameter" => names.push(syntax.text(node).to_owned()),
        _ => {}
    }
}

/// `using A.B;`, `using static A.B;` and `using X = A.B;`, each naming a namespace or type.
fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let alias = syntax.field_text(node, Field::Name);
    let Some(name) = syntax
        .last_child(node)
        .map(|name| clip(syntax.text(name), LONGEST_NAME))
    else {
        return;
    };
    outline.add_module(alias.unwrap_or(name));
    outline.add_import(Import {
        alias: alias.map(str::to_owned),
        level: 0,
        name: name.to_owned(),
        module: None,
        kind: ImportKind::Import,
        line: line(node),
    });
}

fn throws_unsupported<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    let thrown = clip(syntax.text(node), LONGEST_NAME);
    thrown.contains("NotSupportedException") || not_implemented(thrown)
}
