//! Calls in the arguments of a macro, which the grammar leaves as bare tokens.

use tree_sitter::Node;

use crate::analysis::syntax::Syntax;
use crate::analysis::usages::Callee;

/// The calls among the tokens of a macro's invocation, in source order.
pub(super) fn calls<'t>(syntax: &Syntax<'t>, invocation: Node<'t>) -> Vec<Callee<'t>> {
    let mut calls = Vec::new();
    let mut trees: Vec<_> = syntax
        .child_of_kind(invocation, "token_tree")
        .into_iter()
        .collect();
    while let Some(tree) = trees.pop() {
        let tokens: Vec<_> = tree.children(&mut tree.walk()).collect();
        let names = tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| syntax.is_name(**token));
        calls.extend(names.filter_map(|(at, _)| call_at(syntax, &tokens, at)));
        trees.extend(
            tokens
                .into_iter()
                .filter(|token| token.kind() == "token_tree"),
        );
    }
    calls
}

/// The call of the name at a place among tokens: `f(...)`, `x.f(...)`, `T::f(...)` or `f!(...)`.
fn call_at<'t>(syntax: &Syntax<'t>, tokens: &[Node<'t>], at: usize) -> Option<Callee<'t>> {
    let text = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        token.map_or("", |token| syntax.text(*token))
    };
    let name = *tokens.get(at)?;
    let is_macro = text(Some(at + 1)) == "!" && text(Some(at + 2)).starts_with(['(', '[', '{']);
    if !is_macro && !text(Some(at + 1)).starts_with('(') {
        return None;
    }
    let separator = text(at.checked_sub(1));
    let before = at.checked_sub(2).and_then(|before| tokens.get(before));
    let receiver = before.filter(|_| matches!(separator, "." | "::")).copied();
    // What a macro defines is not called.
    (separator != "fn").then_some(Callee {
        receiver,
        is_scoped: separator == "::",
        name,
        member: None,
    })
}
