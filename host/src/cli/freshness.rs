//! What people read of an answer's freshness: when what it rests on was indexed, what changed since, and what it lacks.

use serde_json::Value;

use super::sql::timestamp;

/// The key under which answers about code say it.
pub(super) const KEY: &str = "freshness";

/// The lines for the `freshness` of an answer; none where it says nothing.
pub(super) fn lines(freshness: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(indexed_at) = freshness["indexed_at"].as_f64() {
        // A fraction of a second says nothing to people.
        let micros = (indexed_at as i64).saturating_mul(1_000_000);
        lines.push(format!("indexed at {}Z", timestamp(micros)));
    }
    let stale = texts(&freshness["stale_files"]);
    if !stale.is_empty() {
        lines.push(format!(
            "changed since, so `update_indexes` may change the answer: {}",
            stale.join(", ")
        ));
    }
    lines.extend(
        texts(&freshness["degraded"])
            .into_iter()
            .map(|reason| format!("note: {reason}")),
    );
    lines
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_tells_its_time_and_what_it_lacks() {
        let freshness = json!({
            "indexed_at": 1_000.9,
            "stale_files": ["a.py", "b.py"],
            "degraded": ["one file did not parse"],
        });
        assert_eq!(
            lines(&freshness),
            [
                "indexed at 1970-01-01T00:16:40Z",
                "changed since, so `update_indexes` may change the answer: a.py, b.py",
                "note: one file did not parse",
            ]
        );
        assert_eq!(lines(&json!({"indexed_at": null})), Vec::<String>::new());
    }
}
