//! What people see of a run of conformance cases: a table by group, what is not declared, and the failures.

use serde_json::Value;

use crate::cli::human::scalar;
use crate::cli::table;

/// The lines for the document of a run; the table is cut to `width`.
pub(super) fn lines(document: &Value, width: Option<u16>) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = items(document, "groups")
        .map(|group| row(&scalar(&group["group"]), group))
        .collect();
    rows.push(row("all", document));
    let headers = ["group", "cases", "passed", "not declared", "failed"];
    let mut lines = table::render(&headers, &rows, width);
    let undeclared: Vec<String> = items(document, "undeclared")
        .map(|need| format!("{} ({})", scalar(&need["needs"]), need["cases"]))
        .collect();
    if !undeclared.is_empty() {
        let needs = undeclared.join(", ");
        lines.push(String::new());
        lines.push(format!(
            "not declared, with the number of cases that need it: {needs}"
        ));
    }
    for case in items(document, "cases").filter(|case| case["outcome"] == "failed") {
        lines.push(String::new());
        lines.push(format!("failed: {}", scalar(&case["name"])));
        for (label, key) in [
            ("at      ", "step"),
            ("expected", "expected"),
            ("found   ", "found"),
        ] {
            lines.push(format!("  {label}  {}", scalar(&case[key])));
        }
    }
    lines
}

fn items<'d>(document: &'d Value, key: &str) -> impl Iterator<Item = &'d Value> {
    document[key].as_array().into_iter().flatten()
}

fn row(name: &str, counts: &Value) -> Vec<String> {
    let number = |key: &str| counts[key].as_u64().unwrap_or(0);
    let [passed, not_declared, failed] = ["passed", "not_declared", "failed"].map(number);
    let total = passed + not_declared + failed;
    std::iter::once(name.to_owned())
        .chain([total, passed, not_declared, failed].map(|number| number.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failures_are_told_below_the_table() {
        let document = json!({
            "passed": 1, "not_declared": 2, "failed": 1,
            "groups": [
                {"group": "connection", "passed": 1, "not_declared": 0, "failed": 1},
                {"group": "catalog", "passed": 0, "not_declared": 2, "failed": 0},
            ],
            "undeclared": [{"needs": "catalog", "cases": 2}],
            "cases": [
                {"name": "connection.close", "outcome": "passed"},
                {"name": "connection.ping", "outcome": "failed", "step": "1: ping", "expected": "success",
                 "found": "panic error: x"},
            ],
        });
        assert_eq!(
            lines(&document, None),
            [
                "group       cases  passed  not declared  failed",
                "connection  2      1       0             1",
                "catalog     2      0       2             0",
                "all         4      1       2             1",
                "",
                "not declared, with the number of cases that need it: catalog (2)",
                "",
                "failed: connection.ping",
                "  at        1: ping",
                "  expected  success",
                "  found     panic error: x",
            ]
        );
    }
}
