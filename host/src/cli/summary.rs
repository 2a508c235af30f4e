//! What `index` says to people when it is done.

use serde_json::Value;

/// Most problems that are shown.
const MOST_PROBLEMS: usize = 10;

/// What an answer of `update_indexes` looks like to people.
pub(super) fn lines(data: &Value) -> Vec<String> {
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    let mut lines = vec![
        format!(
            "{}: {} in {:.1} s",
            text("root_dir"),
            text("message"),
            data["seconds"].as_f64().unwrap_or(0.0)
        ),
        format!("  {}", counts(data)),
    ];
    lines.extend(problems(data));
    lines
}

fn counts(data: &Value) -> String {
    let counts: Vec<String> = ["classes", "functions", "methods", "imports", "usages"]
        .iter()
        .map(|key| format!("{} {key}", data[*key]))
        .collect();
    format!("in the indexed files: {}", counts.join(", "))
}

fn problems(data: &Value) -> Vec<String> {
    let listed = data["problems"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let omitted = data["problems_omitted"].as_u64().unwrap_or(0);
    let shown = listed.iter().take(MOST_PROBLEMS);
    let mut lines: Vec<String> = shown
        .map(|problem| {
            let text = |key: &str| problem[key].as_str().unwrap_or_default();
            format!("  {}: {}: {}", text("kind"), text("path"), text("message"))
        })
        .collect();
    let more = listed.len().saturating_sub(MOST_PROBLEMS) as u64 + omitted;
    if more > 0 {
        lines.push(format!("  and {more} more problems; --json lists them"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_are_shown_up_to_a_number() {
        let problem = json!({"kind": "binary", "path": "/p/a.py", "message": "holds bytes"});
        let data = json!({
            "root_dir": "/p", "message": "3 files indexed, 1 unchanged, 0 deleted", "seconds": 1.26,
            "classes": 1, "functions": 2, "methods": 3, "imports": 4, "usages": 5,
            "problems": vec![problem; 12], "problems_omitted": 100
        });
        let lines = lines(&data);
        assert_eq!(
            lines[0],
            "/p: 3 files indexed, 1 unchanged, 0 deleted in 1.3 s"
        );
        assert_eq!(
            lines[1],
            "  in the indexed files: 1 classes, 2 functions, 3 methods, 4 imports, 5 usages"
        );
        assert_eq!(lines[2], "  binary: /p/a.py: holds bytes");
        assert_eq!(lines.len(), 13);
        assert_eq!(lines[12], "  and 102 more problems; --json lists them");
    }
}
