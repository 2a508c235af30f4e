//! Every file has one idea: it begins with one sentence that says it, and is not too long for it.

use crate::sources::rust_files;

/// More lines than this are more than one idea.
const LONGEST: usize = 420;

const DIRECTORIES: [&str; 5] = ["host", "driver-api", "plugins", "tests/e2e", "tests/tidy"];

#[test]
fn every_file_begins_with_one_sentence() {
    let wrong: Vec<String> = rust_files(&DIRECTORIES)
        .iter()
        .filter(|source| !begins_with_a_sentence(&source.text))
        .map(|source| {
            format!(
                "{}: {}",
                source.path,
                source.text.lines().next().unwrap_or_default()
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "no sentence at the top of:\n{}",
        wrong.join("\n")
    );
}

/// The first line, or the first two where it is long, up to a full stop.
fn begins_with_a_sentence(text: &str) -> bool {
    let mut lines = text.lines().take_while(|line| line.starts_with("//! "));
    let Some(first) = lines.next() else {
        return false;
    };
    let sentence = first.trim_start_matches("//! ");
    let starts = sentence.starts_with(|c: char| c.is_uppercase() || c == '`');
    starts && (sentence.ends_with('.') || lines.next().is_some_and(|second| second.ends_with('.')))
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = rust_files(&DIRECTORIES)
        .iter()
        // Tests lie beside the code, but are not part of its idea.
        .map(|source| (&source.path, code_lines(&source.text)))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(
        long.is_empty(),
        "longer than {LONGEST} lines without tests:\n{}",
        long.join("\n")
    );
}

fn code_lines(text: &str) -> usize {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
        .lines()
        .count()
}

#[test]
fn the_rules_see_what_they_should() {
    assert!(begins_with_a_sentence("//! One idea.\n\nuse x;"));
    assert!(begins_with_a_sentence(
        "//! One idea that is so long that it\n//! needs a second line.\n"
    ));
    assert!(!begins_with_a_sentence("//! x.\n"));
    assert!(!begins_with_a_sentence("use x;\n"));
    assert_eq!(code_lines("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
}
