//! Ruby: classes and modules that mix each other in, methods, files that require each other.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::{CommentKind, hash_docs, not_implemented};
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::usages::Callee;
use super::{Import, ImportKind};

/// Ruby 3.
pub(super) static RULES: Rules = Rules {
    name: "ruby",
    extensions: &["rb", "rake", "gemspec"],
    modules: Modules::Includes,
    grammar: || tree_sitter_ruby::LANGUAGE.into(),
    roles: &[&[
        ("class", Role::Definition(class)),
        ("module", Role::Definition(class)),
        ("method", Role::Definition(method)),
        ("singleton_method", Role::Definition(method)),
        ("call", Role::Import(import)),
        ("call", Role::HiddenCalls(call)),
        ("call", Role::Unfinished(raises_not_implemented)),
        ("constant", Role::Name),
        (
            "scope_resolution",
            Role::Path {
                scope: Field::Scope,
                name: Field::Name,
            },
        ),
        ("if", Role::Decision),
        ("elsif", Role::Decision),
        ("unless", Role::Decision),
        ("if_modifier", Role::Decision),
        ("unless_modifier", Role::Decision),
        ("while", Role::Decision),
        ("until", Role::Decision),
        ("while_modifier", Role::Decision),
        ("until_modifier", Role::Decision),
        ("for", Role::Decision),
        ("when", Role::Decision),
        ("in_clause", Role::Decision),
        ("rescue", Role::Decision),
        ("rescue_modifier", Role::Decision),
        ("conditional", Role::Decision),
        ("binary", Role::Operator),
        ("comment", Role::Comment),
    ]],
    receivers: &["self"],
    operators: &["&&", "||", "and", "or"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: true,
        construction: Construction::Method("new"),
    },
    comments,
    parameter,
};

/// Calls at class level that bring in another module's methods.
const MIXINS: [&str; 3] = ["include", "extend", "prepend"];

/// Calls that load another file.
const LOADS: [&str; 3] = ["require", "require_relative", "load"];

fn comments(text: &str) -> CommentKind {
    let is_magic = [
        "# frozen_string_literal",
        "# encoding",
        "# -*-",
        "# typed:",
        "# rubocop:",
    ]
    .iter()
    .any(|mark| text.starts_with(mark));
    if is_magic {
        CommentKind::Ordinary
    } else {
        hash_docs(text)
    }
}

fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let name = syntax.last_name(syntax.field(node, Field::Name)?)?;
    let superclass = syntax
        .field(node, Field::Superclass)
        .and_then(|clause| clause.named_child(0));
    let mut bases: Vec<String> = superclass
        .map(|base| syntax.one_line(base))
        .into_iter()
        .collect();
    if let Some(body) = syntax.field(node, Field::Body) {
        bases.extend(mixed_in(syntax, body));
    }
    Some(Definition::Class(ClassParts {
        name: syntax.text(name).to_owned(),
        bases,
        ..ClassParts::default()
    }))
}

/// The modules that the statements of a class body mix in.
fn mixed_in<'t>(syntax: &Syntax<'t>, body: Node<'t>) -> Vec<String> {
    let mut modules = Vec::new();
    for statement in syntax.named_children(body) {
        let is_mixin = statement.kind() == "call"
            && syntax
                .field_text(statement, Field::Method)
                .is_some_and(|method| MIXINS.contains(&method));
        if let Some(arguments) = syntax
            .field(statement, Field::Arguments)
            .filter(|_| is_mixin)
        {
            let named = syntax.named_children(arguments).into_iter();
            let constants =
                named.filter(|each| matches!(each.kind(), "constant" | "scope_resolution"));
            modules.extend(constants.map(|each| syntax.one_line(each)));
        }
    }
    modules
}

fn method<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    // `def Cart.make` belongs to Cart wherever it stands, `def self.make` to the class around it.
    let owner = syntax
        .field_text(node, Field::Object)
        .filter(|object| object.starts_with(char::is_uppercase));
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        owner,
        parameters: syntax.field(node, Field::Parameters),
        body: syntax.field(node, Field::Body),
        ..FunctionParts::default()
    }))
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    let marks = match node.kind() {
        "splat_parameter" => "*",
        "hash_splat_parameter" => "**",
        "block_parameter" => "&",
        "identifier" | "destructured_parameter" => return names.push(syntax.one_line(node)),
        _ => "",
    };
    let name = syntax.field_text(node, Field::Name);
    names.extend(name.map(|name| format!("{marks}{name}")));
}

/// A call; names alone may be variables as well, and are none.
fn call<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Vec<Callee<'t>> {
    let Some(name) = syntax.field(node, Field::Method) else {
        return Vec::new();
    };
    if loaded(syntax, node).is_some() {
        return Vec::new();
    }
    vec![Callee {
        receiver: syntax.field(node, Field::Receiver),
        is_scoped: false,
        name,
        member: None,
    }]
}

fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let Some(path) = loaded(syntax, node) else {
        return;
    };
    let is_relative = syntax.field_text(node, Field::Method) == Some("require_relative")
        && !path.starts_with('.');
    let name = if is_relative {
        format!("./{path}")
    } else {
        path.to_owned()
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

/// The path in a call that loads a file.
fn loaded<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<&'t str> {
    let method = syntax.field_text(node, Field::Method)?;
    if syntax.field(node, Field::Receiver).is_some() || !LOADS.contains(&method) {
        return None;
    }
    let argument = syntax.field(node, Field::Arguments)?.named_child(0)?;
    let is_text = argument.kind() == "string" && argument.named_child_count() == 1;
    is_text.then(|| {
        clip(
            syntax.text(argument).trim_matches(['"', '\'']),
            LONGEST_NAME,
        )
    })
}

fn raises_not_implemented<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    syntax.field_text(node, Field::Method) == Some("raise") && not_implemented(syntax.text(node))
}
