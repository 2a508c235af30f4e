//! Bash: functions, and the commands that scripts run; scripts that source each other.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::hash_docs;
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line};
use super::{Import, ImportKind};

/// Bash, and the shells that it inherits from.
pub(super) static RULES: Rules = Rules {
    name: "bash",
    extensions: &["sh", "bash"],
    modules: Modules::Includes,
    grammar: || tree_sitter_bash::LANGUAGE.into(),
    roles: &[&[
        ("function_definition", Role::Definition(function)),
        ("command", Role::Import(source)),
        ("command", Role::Call(Field::Name)),
        ("command_name", Role::NameWrapper),
        ("word", Role::Name),
        ("if_statement", Role::Decision),
        ("elif_clause", Role::Decision),
        ("for_statement", Role::Decision),
        ("c_style_for_statement", Role::Decision),
        ("while_statement", Role::Decision),
        ("case_item", Role::Decision),
        ("ternary_expression", Role::Decision),
        ("binary_expression", Role::Operator),
        ("comment", Role::Comment),
        ("compound_statement", Role::Block),
    ]],
    receivers: &[],
    operators: &["&&", "||"],
    abstract_decorators: &[],
    naming: Naming {
        capital_types: false,
        construction: Construction::Keyword,
    },
    comments: hash_docs,
    // A function's parameters have no names.
    parameter: |_, _, _| {},
};

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        body: syntax.field(node, Field::Body),
        ..FunctionParts::default()
    }))
}

/// `source lib.sh` and `. "$HERE/lib.sh"`; of a path that begins with a variable the rest is kept.
fn source<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let is_source = syntax
        .field_text(node, Field::Name)
        .is_some_and(|name| matches!(name, "source" | "."));
    let Some(path) = syntax
        .field_text(node, Field::Argument)
        .filter(|_| is_source)
    else {
        return;
    };
    let path = clip(path, LONGEST_NAME).replace(['"', '\''], "");
    let known = match path.rfind(['$', '}', ')']) {
        Some(_) => path.rsplit('/').next().unwrap_or(&path).to_owned(),
        None => path,
    };
    if known.is_empty() || known.contains('$') {
        return;
    }
    outline.add_import(Import {
        alias: None,
        level: 0,
        name: known,
        module: None,
        kind: ImportKind::Import,
        line: line(node),
    });
}
