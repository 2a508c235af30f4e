//! A mistyped name is answered with the known names that it most resembles.

/// Names less similar than this (Jaro-Winkler, 0 to 1) would only mislead.
const LEAST_SIMILARITY: f64 = 0.8;

/// The known names that resemble `name`, best first, at most `limit`; empty when none is near.
pub fn nearest_names<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(score, _)| *score >= LEAST_SIMILARITY)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(limit)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// The one known name that `name` most resembles, if any is near.
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_names(name, known, 1).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["scan_interval", "watch_dirs", "enabled", "log_path"];

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        assert_eq!(nearest_name("scan_intervall", KNOWN), Some("scan_interval"));
        assert_eq!(nearest_name("Watch_Dir", KNOWN), Some("watch_dirs"));
    }

    #[test]
    fn an_unrelated_name_finds_nothing() {
        assert_eq!(nearest_name("quux", KNOWN), None);
    }

    #[test]
    fn several_are_ordered_by_likeness_and_limited() {
        let known = [
            "list_projects",
            "list_project_files",
            "list_code_entities",
            "find_usages",
        ];
        assert_eq!(
            nearest_names("list_project", known, 2),
            ["list_projects", "list_project_files"]
        );
    }
}
