//! What the data of any command looks like to people: facts as lines, lists as tables, and how to go on.

use serde_json::{Map, Value};

use super::columns::{self, Column};
use super::{freshness, table};

/// Keys that say where a page stands; they become the last line.
const PLACE: [&str; 5] = ["count", "total", "offset", "limit", "has_more"];

/// Lists that are shown item by item with everything that is known.
const IN_FULL: [&str; 2] = ["explore", "get_code_entity_info"];

/// The lines for the data of `command`; tables are cut to `width`.
pub(super) fn render(command: &str, data: &Value, width: Option<u16>) -> Vec<String> {
    let Value::Object(fields) = data else {
        return vec![scalar(data)];
    };
    let mut lines = facts(fields, "");
    for (key, list) in fields {
        let Value::Array(items) = list else { continue };
        if IN_FULL.contains(&command) && items.iter().all(Value::is_object) {
            lines.extend(in_full(items, width));
        } else {
            lines.extend(list_lines(key, items, width));
        }
    }
    if let Some(freshness) = fields.get(freshness::KEY) {
        lines.extend(freshness::lines(freshness));
    }
    lines.extend(place(fields));
    lines
}

/// `key: value` lines of everything that is neither a list, nor the place of a page, nor freshness.
fn facts(fields: &Map<String, Value>, prefix: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in fields {
        match value {
            Value::Null | Value::Array(_) => {}
            _ if prefix.is_empty() && key == freshness::KEY => {}
            Value::Object(inner) => lines.extend(facts(inner, &format!("{prefix}{key}."))),
            _ if prefix.is_empty() && PLACE.contains(&key.as_str()) && is_page(fields) => {}
            _ => lines.extend(record_lines(&format!("{prefix}{key}"), value, None)),
        }
    }
    lines
}

fn list_lines(key: &str, items: &[Value], width: Option<u16>) -> Vec<String> {
    if items.is_empty() {
        return Vec::new();
    }
    if !items.iter().all(Value::is_object) {
        let items: Vec<String> = items.iter().map(scalar).collect();
        return vec![format!("{key}: {}", items.join(", "))];
    }
    let columns = columns::of_list(key, items);
    let headers: Vec<&str> = columns.iter().map(Column::header).collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|column| column.cell(item)).collect())
        .collect();
    table::render(&headers, &rows, width)
}

fn in_full(items: &[Value], width: Option<u16>) -> Vec<String> {
    let mut lines = Vec::new();
    for fields in items.iter().filter_map(Value::as_object) {
        lines.push(String::new());
        for (key, value) in fields {
            lines.extend(record_lines(key, value, width));
        }
    }
    lines
}

/// Text of several lines keeps them, indented, and so do lists of records.
fn record_lines(key: &str, value: &Value, width: Option<u16>) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) if items.is_empty() => Vec::new(),
        Value::String(text) if text.trim_end().contains('\n') => {
            let body = text.trim_end().lines().map(|line| format!("    {line}"));
            std::iter::once(format!("{key}:")).chain(body).collect()
        }
        Value::Array(items) if items.iter().all(Value::is_object) => {
            let table = list_lines(key, items, width.map(|width| width.saturating_sub(4)));
            let body = table.into_iter().map(|line| format!("    {line}"));
            std::iter::once(format!("{key}:")).chain(body).collect()
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            vec![format!("{key}: {}", items.join(", "))]
        }
        _ => vec![format!("{key}: {}", scalar(value))],
    }
}

/// Text as it is, anything else as JSON.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn is_page(fields: &Map<String, Value>) -> bool {
    PLACE.iter().all(|key| fields.contains_key(*key))
}

/// The last line of a page: which part it is, and how the next is asked for.
fn place(fields: &Map<String, Value>) -> Option<String> {
    if !is_page(fields) {
        return None;
    }
    let number = |key: &str| fields.get(key).and_then(Value::as_u64).unwrap_or(0);
    let (count, total, offset) = (number("count"), number("total"), number("offset"));
    let last = offset + count;
    Some(match (count, fields.get("has_more")) {
        (0, _) if total > 0 => format!("nothing from offset={offset} on; there are {total}"),
        (0, _) => "nothing found".to_owned(),
        (_, Some(Value::Bool(true))) => {
            format!(
                "{} to {last} of {total}; the next page: offset={last}",
                offset + 1
            )
        }
        _ if offset > 0 => format!("{} to {last} of {total}", offset + 1),
        _ => format!("{total} in all"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(count: u64, total: u64, offset: u64) -> Map<String, Value> {
        let has_more = offset + count < total;
        let page = json!({"count": count, "total": total, "offset": offset, "limit": 2, "has_more": has_more});
        page.as_object().unwrap().clone()
    }

    #[test]
    fn a_page_says_how_to_go_on() {
        for (fields, line) in [
            (page(2, 5, 0), "1 to 2 of 5; the next page: offset=2"),
            (page(1, 5, 4), "5 to 5 of 5"),
            (page(2, 2, 0), "2 in all"),
            (page(0, 0, 0), "nothing found"),
            (page(0, 5, 9), "nothing from offset=9 on; there are 5"),
        ] {
            assert_eq!(place(&fields).unwrap(), line);
        }
        assert_eq!(place(&Map::new()), None);
    }

    #[test]
    fn usages_are_a_table_with_places_that_can_be_clicked() {
        let mut data = page(1, 3, 0);
        data.insert("target_name".into(), json!("add"));
        data.insert("usages".into(), json!([
            {"file_path": "/srv/shop/cart.py", "relative_path": "cart.py", "line": 7, "usage_type": "call",
             "target_type": "method", "target_class": null, "target_name": "add", "context": "class:Cart"}
        ]));
        assert_eq!(
            render("find_usages", &Value::Object(data), None),
            [
                "target_name: add",
                "place      usage_type  target_class  target_name  context",
                "cart.py:7  call                      add          class:Cart",
                "1 to 1 of 3; the next page: offset=1",
            ]
        );
    }

    #[test]
    fn nested_facts_are_named_by_their_way_and_lists_of_words_are_joined() {
        let data = json!({"files": {"total": 3, "deleted": 0}, "size": null, "did_you_mean": ["a", "b"], "driver": "sqlite"});
        assert_eq!(
            render("get_database_status", &data, None),
            [
                "files.total: 3",
                "files.deleted: 0",
                "driver: sqlite",
                "did_you_mean: a, b"
            ]
        );
    }

    #[test]
    fn what_an_entity_is_called_by_stands_as_a_table_beneath_it() {
        let data = json!({"entities": [{
            "name": "add",
            "callers": [{"entity_type": "method", "entity_id": 7, "name": "pay", "class_name": "Till",
                "relative_path": "till.py", "line": 3, "confidence": "likely"}],
            "callees": [],
        }], "freshness": {"indexed_at": null, "degraded": ["no vectors"]}});
        assert_eq!(
            render("explore", &data, None),
            [
                "",
                "name: add",
                "callers:",
                "    entity_type  class_name  name  place      confidence",
                "    method       Till        pay   till.py:3  likely",
                "note: no vectors",
            ]
        );
    }

    #[test]
    fn a_text_of_several_lines_keeps_them() {
        let data = json!({"format": "dot", "dot": "digraph code {\n}\n"});
        assert_eq!(
            render("export_graph", &data, None),
            ["format: dot", "dot:", "    digraph code {", "    }"]
        );
    }

    #[test]
    fn one_entity_is_shown_in_full() {
        let data = json!({"entities": [{"name": "add", "docstring": "Adds.\n\nTwice.", "args": ["self", "n"], "x": null}]});
        assert_eq!(
            render("get_code_entity_info", &data, None),
            [
                "",
                "name: add",
                "docstring:",
                "    Adds.",
                "    ",
                "    Twice.",
                "args: self, n"
            ]
        );
    }
}
