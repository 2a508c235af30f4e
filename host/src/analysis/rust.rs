//! Rust: types and traits as classes, `impl` blocks that add methods to them, `use` trees, macros.

mod macros;
#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::CommentKind;
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::{Import, ImportKind};

/// A `use` tree nested deeper than this is not followed: each level repeats the path above it.
const DEEPEST_USE: usize = 64;

/// Rust of all editions.
pub(super) static RULES: Rules = Rules {
    name: "rust",
    extensions: &["rs"],
    modules: Modules::Crates,
    grammar: || tree_sitter_rust::LANGUAGE.into(),
    roles: &[&[
        ("struct_item", Role::Definition(declared_type)),
        ("enum_item", Role::Definition(declared_type)),
        ("union_item", Role::Definition(declared_type)),
        ("trait_item", Role::Definition(declared_type)),
        ("impl_item", Role::Definition(implementation)),
        ("function_item", Role::Definition(function)),
        ("function_signature_item", Role::Definition(signature)),
        ("attribute_item", Role::Decorator),
        ("use_declaration", Role::Import(use_declaration)),
        ("extern_crate_declaration", Role::Import(extern_crate)),
        ("mod_item", Role::Import(module_file)),
        ("call_expression", Role::Call(Field::Function)),
        ("macro_invocation", Role::Call(Field::Macro)),
        ("macro_invocation", Role::HiddenCalls(macros::calls)),
        ("macro_invocation", Role::Unfinished(is_todo)),
        ("struct_expression", Role::Instantiation(Field::Name)),
        (
            "field_expression",
            Role::Member {
                object: Field::Value,
                name: Field::Member,
            },
        ),
        (
            "scoped_identifier",
            Role::Path {
                scope: Field::Path,
                name: Field::Name,
            },
        ),
        (
            "scoped_type_identifier",
            Role::Path {
                scope: Field::Path,
                name: Field::Name,
            },
        ),
        ("generic_function", Role::NameWrapper),
        ("generic_type", Role::NameWrapper),
        ("if_expression", Role::Decision),
        ("while_expression", Role::Decision),
        ("for_expression", Role::Decision),
        ("loop_expression", Role::Decision),
        ("match_arm", Role::Arm { names_bind: true }),
        ("let_chain", Role::Chain),
        ("match_pattern", Role::DecisionWith(Field::Condition)),
        ("let_declaration", Role::DecisionWith(Field::Alternative)),
        ("binary_expression", Role::Operator),
        ("line_comment", Role::Comment),
        ("block_comment", Role::Comment),
        ("block", Role::Block),
    ]],
    receivers: &["self", "Self"],
    operators: &["&&", "||"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: true,
        construction: Construction::CapitalName,
    },
    comments,
    parameter,
};

fn comments(text: &str) -> CommentKind {
    let starts = |marks: &[&str]| marks.iter().any(|mark| text.starts_with(mark));
    if starts(&["////", "/***", "/**/"]) {
        CommentKind::Ordinary
    } else if starts(&["///", "/**"]) {
        CommentKind::Outer
    } else if starts(&["//!", "/*!"]) {
        CommentKind::Inner
    } else {
        CommentKind::Ordinary
    }
}

fn declared_type<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let bounds = syntax.field(node, Field::Bounds);
    let bounds = bounds
        .map(|bounds| syntax.named_children(bounds))
        .unwrap_or_default();
    let is_trait =
        |bound: &Node<'t>| !matches!(bound.kind(), "lifetime" | "line_comment" | "block_comment");
    Some(Definition::Class(ClassParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        bases: bounds
            .into_iter()
            .filter(is_trait)
            .map(|bound| syntax.one_line(bound))
            .collect(),
        ..ClassParts::default()
    }))
}

fn implementation<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let implemented = syntax.field(node, Field::Type)?;
    // `impl Trait for [T]` and the like have no name; what is written stands for it.
    let name = match syntax.last_name(implemented) {
        Some(name) => syntax.text(name).to_owned(),
        None => syntax.one_line(implemented),
    };
    let bases = syntax
        .field(node, Field::Trait)
        .map(|base| syntax.one_line(base));
    let bases = bases.into_iter().collect();
    Some(Definition::Class(ClassParts {
        name,
        bases,
        is_extension: true,
        ..ClassParts::default()
    }))
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        body: syntax.field(node, Field::Body),
        ..FunctionParts::default()
    }))
}

/// A method that a trait leaves to its implementations. Foreign functions look the same but are defined elsewhere.
fn signature<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        is_abstract: true,
        only_in_class: true,
        ..FunctionParts::default()
    }))
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    if node.kind() == "parameter" {
        names.extend(
            syntax
                .field(node, Field::Pattern)
                .map(|pattern| syntax.one_line(pattern)),
        );
    }
}

fn is_todo<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    matches!(
        syntax.field_text(node, Field::Macro),
        Some("todo" | "unimplemented")
    )
}

fn extern_crate<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    if let Some(name) = syntax.field_text(node, Field::Name) {
        add_import(outline, "", name, None, node);
    }
}

/// `mod x;` means a file. One within a module in braces would lie elsewhere, and is rare.
fn module_file<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let is_of_file = node
        .parent()
        .is_some_and(|parent| parent.parent().is_none());
    if is_of_file && syntax.field(node, Field::Body).is_none() {
        extern_crate(syntax, node, outline);
    }
}

/// Flattens a `use` tree into its names, in source order.
fn use_declaration<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let Some(argument) = syntax.field(node, Field::Argument) else {
        return;
    };
    let mut pending = vec![(argument, String::new(), 0)];
    while let Some((tree, prefix, depth)) = pending.pop() {
        match tree.kind() {
            "use_list" | "scoped_use_list"
                if depth < DEEPEST_USE && prefix.len() < LONGEST_NAME =>
            {
                let path = clip(
                    syntax.field_text(tree, Field::Path).unwrap_or(""),
                    LONGEST_NAME,
                );
                let list = syntax.field(tree, Field::List).unwrap_or(tree);
                let prefix = joined(&prefix, path);
                let items = syntax.named_children(list).into_iter().rev();
                pending.extend(items.map(|item| (item, prefix.clone(), depth + 1)));
            }
            "use_list" | "scoped_use_list" => {}
            "use_as_clause" => {
                let path = syntax.field_text(tree, Field::Path).unwrap_or("");
                let alias = syntax.field_text(tree, Field::Alias);
                add_import(outline, &prefix, path, alias, node);
            }
            _ => add_import(outline, &prefix, syntax.text(tree), None, node),
        }
    }
}

/// Adds `path` below `prefix`: its last segment is the name, the rest the module. `self` names the prefix itself.
fn add_import(
    outline: &mut Outline<'_>,
    prefix: &str,
    path: &str,
    alias: Option<&str>,
    statement: Node<'_>,
) {
    let path = if path == "self" && !prefix.is_empty() {
        ""
    } else {
        path
    };
    let full = joined(prefix, path);
    let (module, name) = match full.rsplit_once("::") {
        Some((module, name)) if !module.is_empty() => (Some(module.to_owned()), name),
        Some((_, name)) => (None, name),
        None => (None, full.as_str()),
    };
    let kind = if module.is_some() {
        ImportKind::ImportFrom
    } else {
        ImportKind::Import
    };
    outline.add_import(Import {
        alias: alias.map(str::to_owned),
        level: 0,
        name: name.to_owned(),
        module,
        kind,
        line: line(statement),
    });
}

fn joined(prefix: &str, path: &str) -> String {
    match (prefix.is_empty(), path.is_empty()) {
        (true, _) => path.to_owned(),
        (_, true) => prefix.to_owned(),
        _ => format!("{prefix}::{path}"),
    }
}
