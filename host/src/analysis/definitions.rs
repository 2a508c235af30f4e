//! What is read off a definition's node in the same way for all languages: its place, parameters and emptiness.

use tree_sitter::Node;

use super::outline::Place;
use super::rules::{FunctionParts, Role};
use super::syntax::{Syntax, end_line, line};

/// How far the end of a definition is followed into the blocks at its end.
const DEEPEST_INDENTATION: u32 = 64;

/// Where a definition is, without the decorators that its node begins with and the comments that it ends with.
pub(super) fn place<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Place {
    let start = keyword(syntax, node).unwrap_or(node);
    let end = last_statement(syntax, node).unwrap_or(node);
    Place {
        line: line(start),
        end_line: end_line(end),
        span: start.start_byte()..end.end_byte(),
    }
}

/// The statement that ends a body by indentation, which grammars let reach over the comments behind it.
fn last_statement<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let mut current = node;
    let mut last_statement = None;
    for _ in 0..DEEPEST_INDENTATION {
        let Some(last) = syntax.last_child(current) else {
            break;
        };
        if is_block(syntax, current) {
            if syntax.text(current).starts_with('{') {
                break;
            }
            last_statement = Some(last);
        }
        current = last;
    }
    last_statement
}

/// The first part of a definition behind its decorators, when it has any.
fn keyword<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let first = node.child(0)?;
    if syntax.has_role(first, |role| matches!(role, Role::Decorator)) {
        return behind_decorators(syntax, node);
    }
    if syntax.has_role(first, |role| matches!(role, Role::Modifiers)) {
        return behind_decorators(syntax, first).or_else(|| node.child(1));
    }
    None
}

fn behind_decorators<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let is_decorator = |role: &Role| matches!(role, Role::Decorator | Role::Comment);
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .find(|child| !syntax.has_role(*child, is_decorator))
}

/// The names of a function's parameters. A method's object is left out.
pub(super) fn parameters<'t>(
    syntax: &Syntax<'t>,
    parts: &FunctionParts<'t>,
    is_method: bool,
) -> Vec<String> {
    let rules = syntax.tables.rules;
    let mut names = Vec::new();
    match parts.parameters {
        Some(single) if syntax.is_name(single) => (rules.parameter)(syntax, single, &mut names),
        Some(list) => {
            for child in syntax.named_children(list) {
                (rules.parameter)(syntax, child, &mut names);
            }
        }
        None => {}
    }
    let is_object = |name: &String| rules.receivers.contains(&name.as_str());
    if is_method && names.first().is_some_and(is_object) {
        names.remove(0);
    }
    names
}

/// Whether a body holds nothing but comments, docstrings and idle statements.
pub(super) fn does_nothing<'t>(syntax: &Syntax<'t>, body: Node<'t>) -> bool {
    is_block(syntax, body)
        && body
            .named_children(&mut body.walk())
            .all(|statement| is_idle(syntax, statement))
}

fn is_block<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    syntax.has_role(node, |role| matches!(role, Role::Block))
}

fn is_idle<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    let does_nothing = |role: &Role| matches!(role, Role::Idle | Role::Comment);
    if syntax.has_role(node, does_nothing) {
        return true;
    }
    // A statement that is a lone idle expression, or empty.
    let is_statement = syntax.has_role(node, |role| matches!(role, Role::Wrapper));
    let inner = node.named_child(0);
    is_statement
        && node.named_child_count() <= 1
        && inner.is_none_or(|inner| syntax.has_role(inner, does_nothing))
}
