//! Which columns the lists of commands have as tables; a list without an entry gets a column for every plain key.

use serde_json::Value;

use super::human::scalar;

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The value of a key.
    Key(String),
    /// `relative_path:line`, as editors take it.
    Place,
}

/// The columns of the lists that have more keys than a line has room for.
const LISTS: [(&str, &[&str]); 8] = [
    (
        "projects",
        &[
            "project_id",
            "id",
            "name",
            "root_path",
            "root_dir",
            "files",
            "files_processed",
        ],
    ),
    ("files", &["relative_path", "language", "lines", "parsed"]),
    (
        "entities",
        &["entity_type", "class_name", "name", PLACE, "complexity"],
    ),
    (
        "usages",
        &[
            PLACE,
            "usage_type",
            "target_class",
            "target_name",
            "context",
        ],
    ),
    (
        "results",
        &[
            "entity_type",
            "entity_name",
            "name",
            PLACE,
            "complexity",
            "score",
            "snippet",
        ],
    ),
    ("callers", NEIGHBOURS),
    ("callees", NEIGHBOURS),
    (
        "processes",
        &[
            "name",
            "state",
            "pid",
            "restarts",
            "uptime_seconds",
            "last_exit",
        ],
    ),
];

/// The columns of entities beside another one.
const NEIGHBOURS: &[&str] = &["entity_type", "class_name", "name", PLACE, "confidence"];

/// Stands for [`Column::Place`] in the lists above.
const PLACE: &str = "place";

impl Column {
    /// Its title.
    pub(super) fn header(&self) -> &str {
        match self {
            Self::Key(key) => key,
            Self::Place => PLACE,
        }
    }

    /// Its text for one item of the list.
    pub(super) fn cell(&self, item: &Value) -> String {
        match self {
            Self::Key(key) => in_one_line(&item[key.as_str()]),
            Self::Place => format!(
                "{}:{}",
                scalar(&item["relative_path"]),
                scalar(&item["line"])
            ),
        }
    }

    fn is_in(&self, items: &[Value]) -> bool {
        match self {
            Self::Key(key) => items.iter().any(|item| item.get(key.as_str()).is_some()),
            Self::Place => true,
        }
    }
}

/// What a cell shows of an object: what it knows, named.
fn in_one_line(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return scalar(value);
    };
    let known = fields
        .iter()
        .filter(|(_, value)| !value.is_null() && **value != Value::Array(Vec::new()));
    known
        .map(|(key, value)| format!("{key} {}", scalar(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The columns for the items of the list `key`.
pub(super) fn of_list(key: &str, items: &[Value]) -> Vec<Column> {
    let listed = LISTS
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, columns)| *columns);
    let columns: Vec<Column> = match listed {
        Some(names) => names
            .iter()
            .map(|name| {
                if *name == PLACE {
                    Column::Place
                } else {
                    Column::Key((*name).to_owned())
                }
            })
            .collect(),
        None => plain_keys(items),
    };
    columns
        .into_iter()
        .filter(|column| column.is_in(items))
        .collect()
}

/// The keys of all items, in the order in which they first come, whose values fit into a cell.
fn plain_keys(items: &[Value]) -> Vec<Column> {
    let mut columns = Vec::new();
    for fields in items.iter().filter_map(Value::as_object) {
        for (key, value) in fields {
            let column = Column::Key(key.clone());
            if !value.is_array() && !value.is_object() && !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_known_list_has_its_columns_as_far_as_items_have_them() {
        let items =
            [json!({"entity_type": "function", "name": "f", "relative_path": "a.py", "line": 3})];
        let columns = of_list("entities", &items);
        let headers: Vec<&str> = columns.iter().map(Column::header).collect();
        assert_eq!(headers, ["entity_type", "name", "place"]);
        assert_eq!(columns[2].cell(&items[0]), "a.py:3");
    }

    #[test]
    fn an_object_in_a_cell_shows_what_it_knows() {
        let ended = json!({"cause": null, "code": null, "signal": 9, "stderr": []});
        assert_eq!(in_one_line(&ended), "signal 9");
    }

    #[test]
    fn another_list_has_a_column_for_every_plain_key() {
        let items = [json!({"a": 1, "deep": {}, "list": []}), json!({"b": null})];
        let columns = of_list("anything", &items);
        assert_eq!(columns, [Column::Key("a".into()), Column::Key("b".into())]);
        assert_eq!(columns[1].cell(&items[0]), "");
    }
}
