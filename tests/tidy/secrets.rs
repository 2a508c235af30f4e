//! How secrets are compared: a clock that tells how much of a token is right cannot be seen in a test of answers.

use crate::sources::files;

/// The text of a function, to the brace that closes it in the same column.
fn body<'t>(text: &'t str, signature: &str) -> &'t str {
    let start = text.find(signature).unwrap();
    let indent = text[..start].rsplit('\n').next().unwrap();
    let end = text[start..].find(&format!("\n{indent}}}\n")).unwrap();
    &text[start..start + end]
}

#[test]
fn tokens_are_compared_all_of_them_and_to_their_ends() {
    let sources = files(&["host/src/server/tokens.rs"], &["rs"]);
    let compares = body(&sources[0].text, "fn has(&self");
    assert!(compares.contains(".ct_eq("), "{compares}");
    for early_end in [
        "==",
        "!=",
        "any(",
        "all(",
        "find(",
        "contains(",
        "return",
        "?",
        "&&",
        "||",
    ] {
        assert!(
            !compares.contains(early_end),
            "`{early_end}` ends early: {compares}"
        );
    }
    // Nobody else in the server compares what callers show.
    let rest = files(&["host/src/server"], &["rs"]);
    let others: Vec<&str> = rest
        .iter()
        .filter(|source| source.path != "host/src/server/tokens.rs")
        .filter(|source| {
            let names = ["\"x-api-key\"", "header::AUTHORIZATION"];
            names.iter().any(|name| source.text.contains(name))
        })
        .map(|source| source.path.as_str())
        .collect();
    assert_eq!(others, [""; 0]);
}
