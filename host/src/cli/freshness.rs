//! What people read of an answer's freshness: how old what it rests on is, what changed since, and what it lacks.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The key under which answers about code say it.
pub(super) const KEY: &str = "freshness";

/// The lines for the `freshness` of an answer; none where it says nothing.
pub(super) fn lines(freshness: &Value) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    lines_at(freshness, now.map_or(0.0, |since| since.as_secs_f64()))
}

/// [`lines`] at `now`, in seconds since 1970.
fn lines_at(freshness: &Value, now: f64) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(indexed_at) = freshness["indexed_at"].as_f64() {
        lines.push(format!("indexed {} ago", age(now - indexed_at)));
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

/// A time span in its largest fitting unit; a clock that went back makes it none.
fn age(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let (count, unit) = match seconds {
        ..100.0 => (seconds, "s"),
        ..6_000.0 => (seconds / 60.0, "min"),
        ..180_000.0 => (seconds / 3_600.0, "h"),
        _ => (seconds / 86_400.0, "days"),
    };
    format!("{count:.0} {unit}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_tells_its_age_and_what_it_lacks() {
        let freshness = json!({
            "indexed_at": 1_000.0,
            "stale_files": ["a.py", "b.py"],
            "degraded": ["one file did not parse"],
        });
        assert_eq!(
            lines_at(&freshness, 1_042.0),
            [
                "indexed 42 s ago",
                "changed since, so `update_indexes` may change the answer: a.py, b.py",
                "note: one file did not parse",
            ]
        );
        assert_eq!(
            lines_at(&json!({"indexed_at": null}), 1_042.0),
            Vec::<String>::new()
        );
    }

    #[test]
    fn ages_have_the_unit_that_people_would_say() {
        for (seconds, text) in [
            (-5.0, "0 s"),
            (99.0, "99 s"),
            (600.0, "10 min"),
            (7_200.0, "2 h"),
            (259_200.0, "3 days"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }
}
