//! Where each value of a configuration came from.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::foundation::json_pointer::leaves;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody named it.
    Default,
    /// The configuration file.
    File,
    /// A key of the older program in the configuration file.
    Converted {
        /// JSON pointer of that key.
        from: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("file"),
            Self::Converted { from } => write!(f, "file, written as {from}"),
            Self::Environment { variable } => f.write_str(variable),
        }
    }
}

/// The origin of every value that is not a default, by JSON pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Where the value at `pointer` came from: it, or what it is part of, was named.
    pub fn of(&self, pointer: &str) -> &Origin {
        let mut place = pointer;
        loop {
            if let Some(origin) = self.0.get(place) {
                return origin;
            }
            match place.rfind('/') {
                Some(end) => place = &place[..end],
                None => return &Origin::Default,
            }
        }
    }

    /// Every value in `file` that is no object came from the file, unless that is known better.
    pub(super) fn add_file(&mut self, file: &Value) {
        for pointer in leaves(file) {
            self.0.entry(pointer).or_insert(Origin::File);
        }
    }

    pub(super) fn set(&mut self, pointer: String, origin: Origin) {
        self.0.insert(pointer, origin);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_named_tells_the_origin_of_its_parts() {
        let mut origins = Origins::default();
        let variable = Origin::Environment {
            variable: "X".to_owned(),
        };
        origins.set("/s/port".to_owned(), variable.clone());
        origins.add_file(&json!({"s": {"port": 1, "dirs": ["a", "b"]}}));
        assert_eq!(origins.of("/s/port"), &variable);
        assert_eq!(origins.of("/s/dirs/1"), &Origin::File);
        assert_eq!(origins.of("/s/host"), &Origin::Default);
        assert_eq!(origins.of(""), &Origin::Default);
    }
}
