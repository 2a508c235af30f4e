//! Where a long text may be cut without cutting through a statement.

use tree_sitter::Tree;

/// The depth of the outermost node that begins each line with its first character that is no white space.
pub(super) fn line_depths(tree: &Tree, source: &str) -> Vec<u16> {
    let indents: Vec<usize> = source
        .lines()
        .map(|line| line.len() - line.trim_start().len())
        .collect();
    let mut depths = vec![u16::MAX; indents.len()];
    let mut cursor = tree.walk();
    let mut depth: u16 = 0;
    loop {
        let start = cursor.node().start_position();
        let begins_line = indents.get(start.row) == Some(&start.column);
        if let Some(known) = depths.get_mut(start.row).filter(|_| begins_line) {
            *known = depth.min(*known);
        }
        if cursor.goto_first_child() {
            depth = depth.saturating_add(1);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return depths;
            }
            depth = depth.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Analyzer, Language};

    #[test]
    fn inner_statements_are_deeper_and_strings_are_no_place_to_cut() {
        let source =
            "def f():\n    a = 1\n    if a:\n        b = \"\"\"x\n  y\n\"\"\"\n    return b\n";
        let depths = Analyzer::new().line_depths(Language::Python, source);
        assert_eq!(depths.len(), 7);
        // With the first statement of a block begins the block, which is less deep.
        assert!(depths[1] < depths[2]);
        assert_eq!(depths[2], depths[6]);
        assert!(depths[3] > depths[2]);
        assert_eq!(depths[4], u16::MAX);
    }

    #[test]
    fn nesting_without_end_is_walked() {
        let source = format!("x = {}1{}\n", "(\n".repeat(70_000), ")".repeat(70_000));
        let depths = Analyzer::new().line_depths(Language::Python, &source);
        assert_eq!(depths.len(), 70_001);
    }
}
