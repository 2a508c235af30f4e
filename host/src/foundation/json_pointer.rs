//! JSON pointers (RFC 6901): the names of places in a JSON document.

use serde_json::Value;

/// The pointer of `key` in the object at `pointer`.
pub fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The pointer that leads through these keys.
pub fn through<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    keys.into_iter()
        .fold(String::new(), |pointer, key| below(&pointer, key))
}

/// The pointers of everything in `value` that is no object, in its order.
pub fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                collect(value, below(&pointer, key), found);
            }
        }
        Value::Object(_) => {}
        _ => found.push(pointer),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_are_what_is_no_object() {
        let value = json!({"a": {"b": [1, {"c": 2}], "d/e": null}, "f": {}, "g": 1});
        assert_eq!(leaves(&value), ["/a/b", "/a/d~1e", "/g"]);
    }

    #[test]
    fn a_key_may_hold_what_separates_keys() {
        let value = json!({"a~1": {"b/c": 7}});
        let pointer = through(["a~1", "b/c"]);
        assert_eq!(pointer, "/a~01/b~1c");
        assert_eq!(value.pointer(&pointer), Some(&json!(7)));
    }
}
