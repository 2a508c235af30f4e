//! Syntax trees as data: nested nodes of a text, nodes of one kind, and how many there are of each.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use tree_sitter::{Node, Tree, TreeCursor};

use super::language::Language;
use super::syntax::{clip, line, number};

/// Characters of a node's text that are told.
const LONGEST_TEXT: usize = 120;

/// A node of a syntax tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AstNode {
    /// Its kind in the tree-sitter grammar of its language, such as `function_definition`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its part in the node around it, such as `name` or `body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// First line, from 1.
    pub line: u32,
    /// Byte column of its beginning, from 0.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Byte column of its end.
    pub end_column: u32,
    /// The text of a node that has no named nodes within, cut off where it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The named nodes within.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub children: Vec<AstNode>,
}

/// How much of a tree is told.
#[derive(Clone, Copy, Debug)]
pub struct AstBounds {
    /// Levels of nodes; the outermost node is the first.
    pub depth: usize,
    /// Nodes in all.
    pub nodes: usize,
    /// First line that nodes have to touch.
    pub first_line: u32,
    /// Last line that nodes have to touch.
    pub last_line: u32,
}

/// A tree, or as much of it as was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ast {
    /// The outermost node.
    pub root: AstNode,
    /// Nodes that are told.
    pub told: usize,
    /// Whether there are more within the lines.
    pub has_more: bool,
    /// A hash of the kinds and places of all nodes: what has the same is parsed the same.
    pub hash: String,
}

/// A node that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AstHit {
    /// The kind of the node.
    pub node_type: String,
    /// What it defines or names, where it has a part of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// First line, from 1.
    pub line: u32,
    /// Byte column of its beginning, from 0.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// The beginning of its text, on one line.
    pub text: String,
}

/// How many nodes a tree has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AstCounts {
    /// Named nodes by kind.
    pub kinds: BTreeMap<String, u64>,
    /// All of them.
    pub nodes: u64,
    /// Levels.
    pub depth: u64,
}

/// Every kind of named node that a language has.
pub fn kinds(language: Language) -> BTreeSet<String> {
    let grammar = (language.rules().grammar)();
    let count = u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX);
    let named = (0..count).filter(|id| grammar.node_kind_is_named(*id));
    let kinds = named.filter_map(|id| grammar.node_kind_for_id(id));
    kinds.map(str::to_owned).collect()
}

/// The tree within bounds. Nodes are taken in the order of the text until there are too many.
pub(super) fn tell(tree: &Tree, source: &str, bounds: &AstBounds) -> Ast {
    let mut hasher = blake3::Hasher::new();
    let mut open = vec![told(&tree.walk(), source)];
    let (mut count, mut has_more) = (1, false);
    // Where the node lies that is being looked at: how many of the nodes around it are told.
    walk(tree, |cursor, depth| {
        let node = cursor.node();
        let place = [node.start_byte() as u64, node.end_byte() as u64];
        hasher.update(node.kind().as_bytes());
        for at in place {
            hasher.update(&at.to_le_bytes());
        }
        let lines = number(node.start_position().row + 1)..=number(node.end_position().row + 1);
        let touches = *lines.start() <= bounds.last_line && *lines.end() >= bounds.first_line;
        if depth == 0 || !touches {
            return;
        }
        if depth >= bounds.depth || count >= bounds.nodes {
            has_more = true;
            return;
        }
        close(&mut open, depth);
        if open.len() == depth {
            open.push(told(cursor, source));
            count += 1;
        }
    });
    close(&mut open, 1);
    let root = open.pop().unwrap_or_else(|| told(&tree.walk(), source));
    Ast {
        root,
        told: count,
        has_more,
        hash: hasher.finalize().to_hex().to_string(),
    }
}

/// Puts nodes that have ended into those around them, until `depth` are open.
fn close(open: &mut Vec<AstNode>, depth: usize) {
    while open.len() > depth.max(1)
        && let Some(ended) = open.pop()
        && let Some(around) = open.last_mut()
    {
        around.children.push(ended);
    }
}

/// The nodes of a kind, or all named ones, in the order of the text; those that `wanted` refuses are left out.
pub(super) fn find(tree: &Tree, source: &str, kind: Option<&str>, most: usize) -> Vec<AstHit> {
    let mut found = Vec::new();
    walk(tree, |cursor, _| {
        let node = cursor.node();
        if found.len() < most && kind.is_none_or(|kind| node.kind() == kind) {
            let name = node.child_by_field_name("name");
            found.push(AstHit {
                node_type: node.kind().to_owned(),
                name: name.map(|name| excerpt(name, source)),
                line: line(node),
                column: number(node.start_position().column),
                end_line: number(node.end_position().row + 1),
                text: excerpt(node, source),
            });
        }
    });
    found
}

/// How many nodes of each kind there are.
pub(super) fn count(tree: &Tree) -> AstCounts {
    let mut counts = AstCounts::default();
    walk(tree, |cursor, depth| {
        let kind = cursor.node().kind();
        match counts.kinds.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                counts.kinds.insert(kind.to_owned(), 1);
            }
        }
        counts.nodes += 1;
        counts.depth = counts.depth.max(depth as u64 + 1);
    });
    counts
}

/// Goes over the named nodes in the order of the text, with the number of named nodes around each.
fn walk(tree: &Tree, mut visit: impl FnMut(&TreeCursor<'_>, usize)) {
    let mut cursor = tree.walk();
    // For each node around the current one, whether it is named.
    let mut around: Vec<bool> = Vec::new();
    let mut depth = 0;
    loop {
        let is_named = cursor.node().is_named();
        if is_named {
            visit(&cursor, depth);
        }
        if cursor.goto_first_child() {
            around.push(is_named);
            depth += usize::from(is_named);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            depth -= usize::from(around.pop() == Some(true));
        }
    }
}

fn told(cursor: &TreeCursor<'_>, source: &str) -> AstNode {
    let node = cursor.node();
    AstNode {
        kind: node.kind().to_owned(),
        field: cursor.field_name().map(str::to_owned),
        line: line(node),
        column: number(node.start_position().column),
        end_line: number(node.end_position().row + 1),
        end_column: number(node.end_position().column),
        text: (node.named_child_count() == 0).then(|| excerpt(node, source)),
        children: Vec::new(),
    }
}

/// The beginning of a node's text on one line.
fn excerpt(node: Node<'_>, source: &str) -> String {
    let text = source.get(node.byte_range()).unwrap_or("");
    let words: Vec<&str> = clip(text, LONGEST_TEXT).split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyzer;

    const ALL: AstBounds = AstBounds {
        depth: 100,
        nodes: 1_000,
        first_line: 1,
        last_line: u32::MAX,
    };

    const SOURCE: &str = "def f(a):\n    return a\n\ndef g():\n    f(1)\n";

    fn ast(bounds: &AstBounds) -> Ast {
        Analyzer::new()
            .ast(Language::Python, SOURCE, bounds)
            .unwrap()
    }

    #[test]
    fn a_tree_is_nested_as_the_text_is() {
        let whole = ast(&ALL);
        assert!(!whole.has_more);
        let module = &whole.root;
        assert_eq!((&*module.kind, module.children.len()), ("module", 2));
        let f = &module.children[0];
        assert_eq!(
            (&*f.kind, f.line, f.end_line),
            ("function_definition", 1, 2)
        );
        let kinds: Vec<_> = f
            .children
            .iter()
            .map(|each| (each.field.as_deref(), &*each.kind))
            .collect();
        let expected = [
            (Some("name"), "identifier"),
            (Some("parameters"), "parameters"),
            (Some("body"), "block"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(f.children[0].text.as_deref(), Some("f"));
        assert_eq!(f.text, None);
    }

    #[test]
    fn bounds_leave_nodes_out_and_the_hash_as_it_is() {
        let whole = ast(&ALL);
        let shallow = ast(&AstBounds { depth: 2, ..ALL });
        assert!(shallow.has_more && shallow.root.children[0].children.is_empty());
        assert_eq!((shallow.told, &shallow.hash), (3, &whole.hash));
        let few = ast(&AstBounds { nodes: 4, ..ALL });
        assert_eq!(
            (few.told, few.has_more, few.root.children.len()),
            (4, true, 1)
        );
        let second = ast(&AstBounds {
            first_line: 4,
            ..ALL
        });
        assert_eq!(
            (second.root.children.len(), second.root.children[0].line),
            (1, 4)
        );
        assert!(!second.has_more);
    }

    #[test]
    fn nodes_are_found_and_counted_by_kind() {
        let mut analyzer = Analyzer::new();
        let found = analyzer.ast_nodes(Language::Python, SOURCE, Some("function_definition"), 9);
        let named: Vec<_> = found
            .unwrap()
            .into_iter()
            .map(|hit| (hit.name, hit.line))
            .collect();
        assert_eq!(named, [(Some("f".into()), 1), (Some("g".into()), 4)]);
        let counts = analyzer.ast_counts(Language::Python, SOURCE).unwrap();
        assert_eq!((counts.kinds["identifier"], counts.kinds["call"]), (5, 1));
        assert_eq!(counts.nodes, counts.kinds.values().sum::<u64>());
        assert!(kinds(Language::Python).contains("function_definition"));
    }
}
