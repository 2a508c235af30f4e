//! Which cases are run: all, a group, or those whose names match a pattern.

use driver_api::testkit::{self, Case, Group};

use super::error::ConformanceError;

/// The cases that match any of the patterns; all where there is none.
///
/// # Errors
/// [`ConformanceError::NoCase`] for a pattern that matches none: a slip would pass for a success.
pub fn select(patterns: &[String]) -> Result<Vec<&'static Case>, ConformanceError> {
    let cases = testkit::cases();
    for pattern in patterns {
        if !cases.iter().any(|case| matches(pattern, case.name())) {
            let groups: Vec<&str> = Group::ALL.iter().map(|group| group.as_str()).collect();
            return Err(ConformanceError::NoCase {
                pattern: pattern.clone(),
                groups: groups.join(", "),
            });
        }
    }
    let wanted =
        |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name));
    Ok(cases.iter().filter(|case| wanted(case.name())).collect())
}

/// `*` stands for any text. Without one, the pattern is the name or its first parts.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        let rest = name.strip_prefix(pattern);
        return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    let rests = rest.char_indices().map(|(at, _)| &rest[at..]).chain([""]);
    after.is_empty()
        || rests
            .into_iter()
            .any(|rest| matches_to_the_end(after, rest))
}

fn matches_to_the_end(pattern: &str, text: &str) -> bool {
    match pattern.contains('*') {
        true => matches(pattern, text),
        false => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_select_by_parts_or_by_stars() {
        for (pattern, name, expected) in [
            ("types", "types.i64.min", true),
            ("types.i64", "types.i64.min", true),
            ("types.i64.min", "types.i64.min", true),
            ("types.i6", "types.i64.min", false),
            ("types.*.min", "types.i64.min", true),
            ("*min", "types.i64.min", true),
            ("*.min", "types.i64.minus_one", false),
            ("types.i64.m*", "types.i64.minus_one", true),
            ("*", "types.i64.min", true),
            ("*i*m*n", "types.i64.min", true),
            ("*x*", "types.i64.min", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_an_error() {
        assert_eq!(select(&[]).unwrap().len(), testkit::cases().len());
        let one = select(&["types.i64.min".to_owned()]).unwrap();
        assert_eq!(one.len(), 1);
        let error = select(&["*".to_owned(), "typos".to_owned()]).err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("no case matches `typos`; the groups are descriptor, options, "),
            "{error}"
        );
    }
}
