//! PHP: classes, traits and functions in namespaces, files that include each other.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::{block_docs, not_implemented};
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::{Import, ImportKind};

/// PHP 8, with HTML around it.
pub(super) static RULES: Rules = Rules {
    name: "php",
    extensions: &["php", "phtml"],
    modules: Modules::Types,
    grammar: || tree_sitter_php::LANGUAGE_PHP.into(),
    roles: &[&[
        ("class_declaration", Role::Definition(class)),
        ("interface_declaration", Role::Definition(class)),
        ("trait_declaration", Role::Definition(class)),
        ("enum_declaration", Role::Definition(class)),
        ("function_definition", Role::Definition(function)),
        ("method_declaration", Role::Definition(function)),
        ("attribute_list", Role::Decorator),
        ("namespace_definition", Role::Namespace),
        ("namespace_use_declaration", Role::Import(import)),
        ("include_expression", Role::Import(include)),
        ("include_once_expression", Role::Import(include)),
        ("require_expression", Role::Import(include)),
        ("require_once_expression", Role::Import(include)),
        ("name", Role::Name),
        ("qualified_name", Role::Qualified(Field::Prefix)),
        ("function_call_expression", Role::Call(Field::Function)),
        (
            "member_call_expression",
            Role::MethodCall {
                object: Field::Object,
                name: Field::Name,
            },
        ),
        (
            "nullsafe_member_call_expression",
            Role::MethodCall {
                object: Field::Object,
                name: Field::Name,
            },
        ),
        (
            "scoped_call_expression",
            Role::MethodCall {
                object: Field::Scope,
                name: Field::Name,
            },
        ),
        ("object_creation_expression", Role::InstantiationOfChild),
        (
            "member_access_expression",
            Role::Member {
                object: Field::Object,
                name: Field::Name,
            },
        ),
        (
            "nullsafe_member_access_expression",
            Role::Member {
                object: Field::Object,
                name: Field::Name,
            },
        ),
        ("if_statement", Role::Decision),
        ("else_if_clause", Role::Decision),
        ("while_statement", Role::Decision),
        ("do_statement", Role::Decision),
        ("for_statement", Role::Decision),
        ("foreach_statement", Role::Decision),
        ("case_statement", Role::Decision),
        ("catch_clause", Role::Decision),
        ("conditional_expression", Role::Decision),
        ("match_conditional_expression", Role::Decision),
        ("binary_expression", Role::Operator),
        ("throw_expression", Role::Unfinished(throws_not_implemented)),
        ("comment", Role::Comment),
        ("compound_statement", Role::Block),
    ]],
    receivers: &["$this", "self", "static"],
    operators: &["&&", "||", "??", "and", "or"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: true,
        construction: Construction::Keyword,
    },
    comments: block_docs,
    parameter,
};

fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let mut bases = Vec::new();
    for clause in ["base_clause", "class_interface_clause"] {
        if let Some(clause) = syntax.child_of_kind(node, clause) {
            bases.extend(names_in(syntax, clause));
        }
    }
    let members = syntax
        .field(node, Field::Body)
        .map(|body| syntax.named_children(body))
        .unwrap_or_default();
    for traits in members
        .into_iter()
        .filter(|member| member.kind() == "use_declaration")
    {
        bases.extend(names_in(syntax, traits));
    }
    Some(Definition::Class(ClassParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        bases,
        ..ClassParts::default()
    }))
}

fn names_in<'t>(syntax: &Syntax<'t>, clause: Node<'t>) -> Vec<String> {
    syntax
        .named_children(clause)
        .into_iter()
        .filter(|name| name.kind().ends_with("name"))
        .map(|name| syntax.one_line(name))
        .collect()
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let body = syntax.field(node, Field::Body);
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        body,
        is_abstract: body.is_none(),
        ..FunctionParts::default()
    }))
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    let dots = if node.kind() == "variadic_parameter" {
        "..."
    } else {
        ""
    };
    let name = syntax.field_text(node, Field::Name);
    names.extend(name.map(|name| format!("{dots}{name}")));
}

/// `use A\B;`, `use A\B as C;`, `use A\{B, C};` and `use function A\f;`.
fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let prefix = syntax
        .child_of_kind(node, "namespace_name")
        .map(|name| syntax.text(name));
    let group = syntax.field(node, Field::Body).unwrap_or(node);
    for clause in syntax
        .named_children(group)
        .into_iter()
        .filter(|child| child.kind() == "namespace_use_clause")
    {
        let Some(used) = clause.named_child(0).map(|used| syntax.text(used)) else {
            continue;
        };
        let path = match prefix {
            Some(prefix) => format!("{prefix}\\{used}"),
            None => used.to_owned(),
        };
        let path = clip(path.trim_start_matches('\\'), LONGEST_NAME);
        let (module, name) = match path.rsplit_once('\\') {
            Some((module, name)) => (Some(module.to_owned()), name),
            None => (None, path),
        };
        outline.add_import(Import {
            alias: syntax.field_text(clause, Field::Alias).map(str::to_owned),
            level: 0,
            name: name.to_owned(),
            kind: match module {
                Some(_) => ImportKind::ImportFrom,
                None => ImportKind::Import,
            },
            module,
            line: line(clause),
        });
    }
}

/// `require __DIR__ . "/lib.php"`: the text in it that is known in advance.
fn include<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let text = clip(syntax.text(node), LONGEST_NAME);
    let quoted = text
        .split_once(['"', '\''])
        .and_then(|(_, rest)| rest.split_once(['"', '\'']))
        .map(|(path, _)| path);
    if let Some(path) = quoted.filter(|path| !path.is_empty()) {
        let name = match text.contains("__DIR__") {
            true => format!(".{path}"),
            false => path.to_owned(),
        };
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

fn throws_not_implemented<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    not_implemented(syntax.text(node))
}
