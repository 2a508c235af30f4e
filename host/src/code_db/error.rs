//! Why an operation on the code database failed.

use driver_api::{DriverError, ErrorClass};

/// The result of an operation on the code database.
pub type Result<T> = std::result::Result<T, CodeDbError>;

/// Why an operation on the code database failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeDbError {
    /// The database lacks tables of the schema.
    #[error(
        "the database has no schema, or an older one ({source}), while {doing}; initialize it first"
    )]
    SchemaMissing {
        /// What was being done, such as `listing projects`.
        doing: &'static str,
        /// What the database said.
        source: DriverError,
    },
    /// The database was written by a later release, whose tables this one does not know.
    #[error(
        "the database has version {found} of the schema, brought by {program}; this program knows versions up to \
         {known} and leaves it alone. Use a release that is at least as new, or restore a backup from before"
    )]
    NewerSchema {
        /// The version of the database.
        found: i64,
        /// The program that brought it.
        program: String,
        /// The version of this program.
        known: i64,
    },
    /// The driver or the database failed.
    #[error("{doing}: {source}")]
    Driver {
        /// What was being done, such as `listing projects`.
        doing: &'static str,
        /// What the database said.
        source: DriverError,
    },
    /// Something that was asked for by name is not in the database.
    #[error("there is no {what} {name:?}{}", suggestion(.nearest))]
    NotFound {
        /// What kind of thing: `project`, `file`, `class`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// Known names that resemble it, best first.
        nearest: Vec<String>,
    },
    /// An argument cannot be used.
    #[error("the {what} {value:?} cannot be used: {reason}")]
    Invalid {
        /// What kind of argument: `file pattern`.
        what: &'static str,
        /// The argument.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database's dialect does not offer this yet.
    #[error("{0} is not available on this kind of database")]
    Unsupported(&'static str),
}

impl CodeDbError {
    /// The driver's error behind this one, if there is one.
    pub fn driver_error(&self) -> Option<&DriverError> {
        match self {
            Self::SchemaMissing { source, .. } | Self::Driver { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Adds to a driver's error what was being done.
pub(super) trait Doing<T> {
    /// `doing` completes "while ...": `listing projects`.
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for driver_api::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|source| match source.class() {
            // The statements are ours: what they name and the database lacks is schema.
            ErrorClass::NotFound => CodeDbError::SchemaMissing { doing, source },
            _ => CodeDbError::Driver { doing, source },
        })
    }
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_found_comes_with_its_neighbours() {
        let mut error = CodeDbError::NotFound {
            what: "class",
            name: "Carl".into(),
            nearest: vec!["Cart".into()],
        };
        assert_eq!(
            error.to_string(),
            "there is no class \"Carl\"; did you mean Cart?"
        );
        if let CodeDbError::NotFound { nearest, .. } = &mut error {
            nearest.clear();
        }
        assert_eq!(error.to_string(), "there is no class \"Carl\"");
    }

    #[test]
    fn a_missing_table_is_a_missing_schema() {
        let missing: driver_api::Result<()> = Err(DriverError::new(
            ErrorClass::NotFound,
            "no such table: files",
        ));
        let error = missing.doing("listing files").unwrap_err();
        assert!(
            matches!(
                error,
                CodeDbError::SchemaMissing {
                    doing: "listing files",
                    ..
                }
            ),
            "{error}"
        );
    }
}
