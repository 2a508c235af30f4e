//! Taking values out of JSON and putting them in, by JSON pointer.

use serde_json::{Map, Value};

/// Removes and returns the value at `pointer`, and the objects around it that are empty without it.
pub(super) fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let object = value.pointer_mut(parent)?.as_object_mut()?;
    let taken = object.shift_remove(key)?;
    if object.is_empty() && !parent.is_empty() {
        take(value, parent);
    }
    Some(taken)
}

/// Puts `new` at `pointer`, making the objects on the way. What is no object stays, for the check to tell.
pub(in crate::config) fn insert(value: &mut Value, pointer: &str, new: Value) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    if value.pointer(parent).is_none() {
        insert(value, parent, Value::Object(Map::new()));
    }
    if let Some(Value::Object(object)) = value.pointer_mut(parent) {
        object.insert(key.to_owned(), new);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_taken_leaves_no_empty_shells() {
        let mut value = json!({"a": {"b": {"c": 1}}, "d": {"e": 2, "f": 3}});
        assert_eq!(take(&mut value, "/a/b/c"), Some(json!(1)));
        assert_eq!(take(&mut value, "/d/e"), Some(json!(2)));
        assert_eq!(take(&mut value, "/d/e"), None);
        assert_eq!(value, json!({"d": {"f": 3}}));
    }

    #[test]
    fn what_is_put_in_gets_its_way_made() {
        let mut value = json!({"d": 7});
        insert(&mut value, "/a/b/c", json!(1));
        insert(&mut value, "/d/e", json!(2));
        assert_eq!(value, json!({"d": 7, "a": {"b": {"c": 1}}}));
    }
}
