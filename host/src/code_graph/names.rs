//! Names as the text writes them, with scopes and type arguments around the part that is defined.

use crate::code_db::graph::Definition;

/// The bases of a class, as written.
pub fn written_bases(class: &Definition) -> Vec<String> {
    let json = class.bases.as_deref().unwrap_or("[]");
    serde_json::from_str(json).unwrap_or_default()
}

/// The names of a class's bases, without scopes and type arguments.
pub fn base_names(class: &Definition) -> Vec<String> {
    let written = written_bases(class);
    written
        .iter()
        .map(|base| short_name(base).to_owned())
        .collect()
}

/// The last part of a name as written, without scopes and type arguments.
pub fn short_name(written: &str) -> &str {
    scope_and_name(written).1
}

/// What stands before the last part of a name as written, and that part; type arguments left out.
pub fn scope_and_name(written: &str) -> (Option<&str>, &str) {
    let bare = written.split(['<', '[', '(']).next().unwrap_or(written);
    let bare = bare.trim_start_matches(['*', '&', '\\']).trim();
    match bare.rfind(['.', ':', '\\']) {
        Some(at) => {
            let scope = bare[..at].trim_end_matches([':', '.', '\\']);
            (
                Some(scope).filter(|scope| !scope.is_empty()),
                &bare[at + 1..],
            )
        }
        None => (None, bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_scopes_and_arguments() {
        for (written, scope, name) in [
            ("Order", None, "Order"),
            ("abc.ABC", Some("abc"), "ABC"),
            ("a.b.Order[T]", Some("a.b"), "Order"),
            ("std::fmt::Display", Some("std::fmt"), "Display"),
            ("Base<K, V::Item>", None, "Base"),
            ("\\App\\Models\\User", Some("App\\Models"), "User"),
            ("*Reader", None, "Reader"),
        ] {
            assert_eq!(scope_and_name(written), (scope, name), "{written}");
        }
    }
}
