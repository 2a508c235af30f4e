//! Configurations of the older Python program: recognised, and written as this program's.

pub mod change;
mod database;
pub(super) mod place;
mod protection;
mod rules;

use serde_json::{Map, Value};

use change::{Change, Fate};
use place::{insert, take};
use rules::{
    EMBEDDING, NO_MODEL_SERVICE, OLD_EMBEDDING_KEYS, OLD_SECTIONS, RULES, Rule, WATCH_DIRS,
};

/// A configuration file in this program's form.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// The content of the file.
    pub value: Value,
    /// What became of each key of the old form; none when there was none.
    pub changes: Vec<Change>,
}

/// Writes the keys of the older program as this one's. Keys that are right already, and those that nobody knows, stay.
pub fn convert(file: Value) -> Converted {
    let mut conversion = Conversion {
        value: file,
        changes: Vec::new(),
    };
    database::unfold(&mut conversion);
    protection::convert(&mut conversion);
    for (old, rule) in RULES {
        conversion.apply(old, rule);
    }
    conversion.drop_old_embedding();
    for section in OLD_SECTIONS {
        conversion.drop_rest(section);
    }
    Converted {
        value: conversion.value,
        changes: conversion.changes,
    }
}

/// A file on its way from the old form to the new one.
struct Conversion {
    value: Value,
    changes: Vec<Change>,
}

impl Conversion {
    fn apply(&mut self, old: &str, rule: &Rule) {
        let Some(value) = take(&mut self.value, old) else {
            return;
        };
        // The older program wrote null, or an empty object, for what is not set.
        if value.is_null() || value.as_object().is_some_and(Map::is_empty) {
            return;
        }
        match rule {
            Rule::Move(new) => self.put(old, new, value, None),
            Rule::Adapt(new, adapt) => {
                let (adapted, how) = adapt(&value);
                self.put(old, new, adapted, how);
            }
            Rule::Watch => self.watch(old, value),
            Rule::Drop(why) => self.unused(old, why),
        }
    }

    /// What the file says in the new form counts more.
    fn put(&mut self, old: &str, new: &str, value: Value, how: Option<&str>) {
        match self.value.pointer(new) {
            Some(there) if *there != value => {
                self.unused(old, &format!("{new} is there as well and counts"));
            }
            _ => {
                insert(&mut self.value, new, value);
                self.note(old, Fate::placed(new, how));
            }
        }
    }

    /// Directories were objects with an id and a path.
    fn watch(&mut self, old: &str, value: Value) {
        let Value::Array(entries) = value else {
            // The check tells what is wrong with it.
            return self.put(old, WATCH_DIRS, value, None);
        };
        if entries.is_empty() {
            return;
        }
        let mut all = match take(&mut self.value, WATCH_DIRS) {
            Some(Value::Array(there)) => there,
            _ => Vec::new(),
        };
        for entry in entries {
            let directory = match entry {
                Value::Object(ref object) => object.get("path").cloned().unwrap_or(entry),
                other => other,
            };
            if !all.contains(&directory) {
                all.push(directory);
            }
        }
        insert(&mut self.value, WATCH_DIRS, Value::Array(all));
        let how = "a list of paths; ids and names of directories are not used";
        self.note(old, Fate::placed(WATCH_DIRS, Some(how)));
    }

    /// Both programs have a section of this name.
    fn drop_old_embedding(&mut self) {
        let section = self.value.pointer(EMBEDDING).and_then(Value::as_object);
        if section.is_some_and(|section| {
            OLD_EMBEDDING_KEYS
                .iter()
                .any(|key| section.contains_key(*key))
        }) {
            self.apply(EMBEDDING, &Rule::Drop(NO_MODEL_SERVICE));
        }
    }

    fn unused(&mut self, old: &str, why: &str) {
        self.note(
            old,
            Fate::Unused {
                why: why.to_owned(),
            },
        );
    }

    fn note(&mut self, old: &str, fate: Fate) {
        self.changes.push(Change {
            old: old.to_owned(),
            fate,
        });
    }

    /// What no rule named in a section of the older program.
    fn drop_rest(&mut self, section: &str) {
        let rest = match take(&mut self.value, section) {
            Some(Value::Object(rest)) => rest,
            Some(Value::Null) | None => return,
            Some(_) => Map::from_iter([(String::new(), Value::Null)]),
        };
        for (key, value) in rest {
            let set = !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty());
            if key.is_empty() || set {
                let old = format!("{section}/{key}");
                self.unused(
                    old.trim_end_matches('/'),
                    "there is nothing here that it could govern",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
