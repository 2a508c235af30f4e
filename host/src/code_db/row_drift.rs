//! Rows that contradict each other, found and mended a few at a time, so that nobody waits long for the database.
//!
//! Every reference of the declared schema is looked at, so that a table that is added to it is looked at as well.

use driver_api::{Dialect, DriverError, ErrorClass, Result as DriverResult, RowBlock, Value};

use super::check::{stray, without_owner};
use super::database::CodeDatabase;
use super::dialect::quoted;
use super::drift_reports::DriftKind;
use super::error::{Doing, Result};
use super::full_text;
use super::projects::count;
use super::schema::model::{Owner, Table};
use super::schema::tables;
use crate::driver::session::Session;

/// One thing to look for.
#[derive(Clone, Copy, Debug)]
pub struct RowCheck {
    table: &'static Table,
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Rows whose owner exists.
    Owner(&'static Owner),
    /// Rows of the project of their file.
    Project,
    /// Words of every text.
    Words,
    /// Text of all words.
    Text,
    /// Vectors that fit their chunk and others of their model.
    FittingVectors,
    /// The vector that a chunk says it has.
    Vectors,
}

/// The size that most vectors of each model have.
const USUAL_SIZES: &str = "SELECT model, size FROM (SELECT model, length(vector) AS size, \
     row_number() OVER (PARTITION BY model ORDER BY count(*) DESC) AS place \
     FROM chunk_vectors GROUP BY model, length(vector)) sizes WHERE place = 1";

impl RowCheck {
    /// Everything that there is to look for, in an order in which what is mended breaks nothing that was looked at.
    pub fn all() -> Vec<Self> {
        let mut checks = Vec::new();
        for table in tables() {
            let of = |wanted| Self { table, wanted };
            checks.extend(table.owners.iter().map(|owner| of(Wanted::Owner(owner))));
            if stray(table).is_some() {
                checks.push(of(Wanted::Project));
            }
        }
        // A chunk is without the vector that was taken away, so chunks come after vectors.
        for (name, wanted) in [
            ("code_content", Wanted::Words),
            ("code_content", Wanted::Text),
            ("chunk_vectors", Wanted::FittingVectors),
            ("code_chunks", Wanted::Vectors),
        ] {
            let table = tables().find(|table| table.name == name);
            checks.extend(table.map(|table| Self { table, wanted }));
        }
        checks
    }

    /// What kind of drift it finds.
    pub fn kind(&self) -> DriftKind {
        match self.wanted {
            Wanted::Owner(_) => DriftKind::Orphans,
            Wanted::Project => DriftKind::WrongProject,
            Wanted::Words | Wanted::Text => DriftKind::FullText,
            Wanted::FittingVectors | Wanted::Vectors => DriftKind::Vectors,
        }
    }

    /// Where it looks, for people.
    pub fn place(&self) -> String {
        match self.wanted {
            Wanted::Owner(owner) => format!("{}.{}", self.table.name, owner.column),
            _ => self.table.name.to_owned(),
        }
    }

    /// The rows that are not as they should be: what comes behind `FROM`, and the column that identifies them.
    fn drifted(&self, dialect: Dialect) -> (String, &'static str) {
        let name = self.table.name;
        let key = self
            .table
            .columns
            .first()
            .map_or("id", |column| column.name);
        let words = match dialect {
            // The engine's own list of the rows that it has indexed.
            Dialect::Sqlite => "code_content_fts_docsize",
            _ => "code_content_fts",
        };
        match self.wanted {
            Wanted::Owner(owner) => {
                let condition = without_owner(self.table, owner, dialect);
                (
                    quoted(&format!("\"{name}\" WHERE "), dialect) + &condition,
                    key,
                )
            }
            Wanted::Project => {
                let condition = stray(self.table).unwrap_or_default();
                (format!("{name} WHERE {condition}"), key)
            }
            Wanted::Words => (
                format!(
                    "code_content WHERE NOT EXISTS (SELECT 1 FROM {words} t WHERE t.id = code_content.id)"
                ),
                key,
            ),
            Wanted::Text => (
                format!(
                    "{words} WHERE NOT EXISTS (SELECT 1 FROM code_content c WHERE c.id = {words}.id)"
                ),
                "id",
            ),
            Wanted::FittingVectors => (
                format!(
                    "chunk_vectors WHERE (model, length(vector)) NOT IN ({USUAL_SIZES}) OR EXISTS (SELECT 1 \
                     FROM code_chunks k WHERE k.id = chunk_vectors.chunk_id AND (k.vector_id IS NULL \
                     OR k.vector_id <> chunk_vectors.id OR k.embedding_model IS NULL \
                     OR k.embedding_model <> chunk_vectors.model OR k.project_id <> chunk_vectors.project_id))"
                ),
                key,
            ),
            // The older program kept vectors elsewhere: chunks with its own are left to who makes new ones.
            Wanted::Vectors => (
                "code_chunks WHERE vector_id IS NOT NULL AND embedding_vector IS NULL AND NOT EXISTS (SELECT 1 \
                 FROM chunk_vectors v WHERE v.chunk_id = code_chunks.id)"
                    .to_owned(),
                key,
            ),
        }
    }
}

impl CodeDatabase {
    /// How many rows are not as they should be.
    ///
    /// # Errors
    /// The driver's.
    pub fn count_drifted(&self, check: &RowCheck) -> Result<u64> {
        let (rows, _) = check.drifted(self.database.dialect());
        let sql = format!("SELECT count(*) FROM {rows}");
        let counted = self.database.read(|session| {
            let found = session.query_first(&sql, &[], |row| count(row, 0))?;
            found.ok_or_else(|| DriverError::new(ErrorClass::Internal, "a count gave no row"))
        });
        counted.doing("looking for contradictions")
    }

    /// Mends at most so many of these rows, in one transaction, and answers how many: rows without owner are deleted,
    /// rows of another project than their file get its project, words are made of texts and go with them. SQLite's
    /// index of words cannot take out what it does not know the text of, and is built anew. Vectors that do not fit are
    /// deleted, and chunks without theirs wait for one like new chunks.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn mend_drifted(&self, check: &RowCheck, most: u32) -> Result<u64> {
        let dialect = self.database.dialect();
        let (rows, key) = check.drifted(dialect);
        let sql = quoted(&format!("SELECT \"{key}\" FROM "), dialect) + &rows + " LIMIT ?";
        let mended = self.database.transaction(|session| {
            let keys = session.query_all(&sql, &[most.into()], |row| Ok(row.get(0)?.to_value()))?;
            mend(session, dialect, check, key, &keys)?;
            Ok(keys.len() as u64)
        });
        mended.doing("mending rows")
    }
}

fn mend(
    session: &mut Session,
    dialect: Dialect,
    check: &RowCheck,
    key: &str,
    keys: &[Value],
) -> DriverResult<()> {
    let mut rows = RowBlock::new(1);
    for key in keys {
        rows.push_row([key.into()]);
    }
    let name = check.table.name;
    let sql = match check.wanted {
        Wanted::Vectors => {
            "UPDATE code_chunks SET vector_id = NULL, embedding_model = NULL WHERE id = ?"
                .to_owned()
        }
        Wanted::Owner(_) | Wanted::FittingVectors => {
            format!("DELETE FROM \"{name}\" WHERE \"{key}\" = ?")
        }
        Wanted::Project => format!(
            "UPDATE \"{name}\" SET project_id = (SELECT f.project_id FROM files f WHERE f.id = \"{name}\".file_id) \
             WHERE \"{key}\" = ?"
        ),
        Wanted::Words => return full_text::add_rows(session, dialect, &mut rows),
        Wanted::Text if dialect == Dialect::Sqlite => {
            return match keys {
                [] => Ok(()),
                _ => full_text::rebuild(session, dialect),
            };
        }
        Wanted::Text => "DELETE FROM code_content_fts WHERE id = ?".to_owned(),
    };
    session
        .execute_many(&quoted(&sql, dialect), &mut rows)
        .map(drop)
}
