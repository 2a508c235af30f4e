//! Finds the places where a text does not parse, and says what is wrong there.

use tree_sitter::{Node, Tree};

use super::SyntaxError;
use super::syntax::{line, number};

/// More places than this tell nothing new: one early error often brings on the rest.
const MOST_ERRORS: usize = 20;

/// How much of the offending text a message quotes, in characters.
const QUOTED_CHARACTERS: usize = 40;

/// The first places where the text does not parse, in its order.
pub(super) fn find(tree: &Tree, source: &str) -> Vec<SyntaxError> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    while found.len() < MOST_ERRORS {
        let node = cursor.node();
        let reported = node.is_missing() || (node.is_error() && !holds_errors(node));
        if reported {
            found.push(describe(node, source));
        }
        // Subtrees without errors are passed over whole.
        if !reported && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
    found
}

/// Whether the trouble is further inside: the outermost error often spans the whole text.
fn holds_errors(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| child.has_error())
}

fn describe(node: Node<'_>, source: &str) -> SyntaxError {
    let message = if node.is_missing() {
        format!("missing `{}`", node.kind())
    } else {
        format!(
            "cannot parse `{}`",
            quote(source.get(node.byte_range()).unwrap_or(""))
        )
    };
    SyntaxError {
        line: line(node),
        column: number(node.start_position().column),
        message,
    }
}

/// The beginning of a text on one line, control characters left out.
fn quote(text: &str) -> String {
    let first_line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("")
        .trim();
    let shown = first_line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    let mut quoted: String = shown.take(QUOTED_CHARACTERS).collect();
    if quoted.len() < text.trim().len() {
        quoted.push_str(" ...");
    }
    quoted
}
