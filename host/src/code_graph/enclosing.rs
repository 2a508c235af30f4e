//! The definition around a line.

use std::collections::{HashMap, HashSet};

use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::graph::Definition;

/// The definitions of some files, to find the innermost one around a line.
pub struct Enclosing(HashMap<i64, Vec<Definition>>);

impl Enclosing {
    /// Reads the definitions of these files.
    ///
    /// # Errors
    /// The driver's.
    pub fn read(database: &CodeDatabase, file_ids: impl Iterator<Item = i64>) -> Result<Self> {
        let ids: HashSet<i64> = file_ids.collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut by_file: HashMap<i64, Vec<Definition>> = HashMap::new();
        for definition in database.definitions_in(&ids)? {
            by_file
                .entry(definition.file_id)
                .or_default()
                .push(definition);
        }
        Ok(Self(by_file))
    }

    /// The innermost definition around a line: of those that hold it, the one that begins last.
    pub fn around(&self, file_id: i64, line: u32) -> Option<&Definition> {
        let holds =
            |each: &&Definition| each.line <= line && each.end_line.is_some_and(|end| line <= end);
        let found = self.0.get(&file_id)?.iter().filter(holds);
        found.max_by_key(|each| (each.line, std::cmp::Reverse(each.end_line)))
    }
}
