//! Java: classes of all kinds, constructors as methods, Javadoc.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::{CommentKind, block_docs, not_implemented};
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::{Import, ImportKind};

/// Java up to records, sealed types and patterns.
pub(super) static RULES: Rules = Rules {
    name: "java",
    extensions: &["java"],
    modules: Modules::Types,
    grammar: || tree_sitter_java::LANGUAGE.into(),
    roles: &[&[
        ("class_declaration", Role::Definition(class)),
        ("interface_declaration", Role::Definition(class)),
        ("enum_declaration", Role::Definition(class)),
        ("record_declaration", Role::Definition(class)),
        ("annotation_type_declaration", Role::Definition(class)),
        ("method_declaration", Role::Definition(method)),
        ("constructor_declaration", Role::Definition(method)),
        ("compact_constructor_declaration", Role::Definition(method)),
        (
            "annotation_type_element_declaration",
            Role::Definition(method),
        ),
        ("modifiers", Role::Modifiers),
        ("annotation", Role::Decorator),
        ("marker_annotation", Role::Decorator),
        ("import_declaration", Role::Import(import)),
        (
            "method_invocation",
            Role::MethodCall {
                object: Field::Object,
                name: Field::Name,
            },
        ),
        (
            "object_creation_expression",
            Role::Instantiation(Field::Type),
        ),
        (
            "field_access",
            Role::Member {
                object: Field::Object,
                name: Field::Member,
            },
        ),
        ("if_statement", Role::Decision),
        ("while_statement", Role::Decision),
        ("do_statement", Role::Decision),
        ("for_statement", Role::Decision),
        ("enhanced_for_statement", Role::Decision),
        ("catch_clause", Role::Decision),
        ("ternary_expression", Role::Decision),
        ("switch_label", Role::Arm { names_bind: false }),
        ("binary_expression", Role::Operator),
        ("throw_statement", Role::Unfinished(throws_unsupported)),
        ("line_comment", Role::Comment),
        ("block_comment", Role::Comment),
        ("block", Role::Block),
        ("constructor_body", Role::Block),
    ]],
    receivers: &["this"],
    operators: &["&&", "||"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: true,
        construction: Construction::Keyword,
    },
    comments,
    parameter,
};

fn comments(text: &str) -> CommentKind {
    // Java 23 reads `///` as documentation too.
    if text.starts_with("///") && !text.starts_with("////") {
        CommentKind::Outer
    } else {
        block_docs(text)
    }
}

fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let extended = syntax.field(node, Field::Superclass);
    let implemented = syntax.field(node, Field::Interfaces);
    let inherited = syntax.child_of_kind(node, "extends_interfaces");
    let mut bases = Vec::new();
    for clause in [extended, implemented, inherited].into_iter().flatten() {
        let list = syntax.child_of_kind(clause, "type_list").unwrap_or(clause);
        bases.extend(
            syntax
                .named_children(list)
                .into_iter()
                .map(|base| syntax.one_line(base)),
        );
    }
    let name = syntax.field_text(node, Field::Name)?.to_owned();
    Some(Definition::Class(ClassParts {
        name,
        bases,
        ..ClassParts::default()
    }))
}

fn method<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let body = syntax.field(node, Field::Body);
    let is_native = || {
        let modifiers = syntax.child_of_kind(node, "modifiers");
        modifiers.is_some_and(|modifiers| {
            syntax
                .text(modifiers)
                .split_whitespace()
                .any(|word| word == "native")
        })
    };
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        body,
        // An annotation's element has no body either, but nobody implements it.
        is_abstract: body.is_none() && node.kind() == "method_declaration" && !is_native(),
        ..FunctionParts::default()
    }))
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    match node.kind() {
        "formal_parameter" => names.extend(syntax.field_text(node, Field::Name).map(str::to_owned)),
        "spread_parameter" => {
            let declarator = syntax.child_of_kind(node, "variable_declarator");
            let name = declarator.and_then(|declarator| syntax.field_text(declarator, Field::Name));
            names.extend(name.map(|name| format!("...{name}")));
        }
        _ => {}
    }
}

fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let path = syntax
        .named_children(node)
        .into_iter()
        .find(|child| child.kind().ends_with("identifier"));
    let Some(path) = path.map(|path| syntax.text(path)) else {
        return;
    };
    let (module, name) = if syntax.child_of_kind(node, "asterisk").is_some() {
        (Some(path), "*")
    } else {
        path.rsplit_once('.')
            .map_or((None, path), |(module, name)| (Some(module), name))
    };
    let kind = if module.is_some() {
        ImportKind::ImportFrom
    } else {
        ImportKind::Import
    };
    let (name, module) = (name.to_owned(), module.map(str::to_owned));
    outline.add_import(Import {
        alias: None,
        level: 0,
        name,
        module,
        kind,
        line: line(node),
    });
}

fn throws_unsupported<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    let thrown = clip(syntax.text(node), LONGEST_NAME);
    thrown.contains("UnsupportedOperationException") || not_implemented(thrown)
}
