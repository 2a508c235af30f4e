//! What is stored of the files that are about to be replaced: their ids, and those of their entities by name.

use std::collections::HashMap;

use driver_api::{Result, RowRef, ValueRef};

use crate::code_db::dependencies::IMPORTS_CHANGED;
use crate::code_db::records::{Destination, FileRecord, ImportRecord};
use crate::code_db::scope::placeholders;
use crate::driver::session::Session;

/// Most values in one `IN` list; SQLite's own limit on values is 32,766, other engines' are near it.
const MOST_VALUES: usize = 500;

/// What is stored of some files.
#[derive(Default)]
pub(super) struct Previous {
    /// The ids of files, by path.
    pub(super) files: HashMap<String, i64>,
    /// The classes of each file, by its id.
    pub(super) classes: HashMap<i64, Known>,
    /// The functions of each file, by its id.
    pub(super) functions: HashMap<i64, Known>,
    /// The methods of each class, by its id.
    pub(super) methods: HashMap<i64, Known>,
    /// What each file imports, in order.
    imports: HashMap<i64, Vec<Imported>>,
    /// Why dependencies had to be made anew already.
    unlinked: HashMap<i64, i64>,
}

/// Name, module, alias and level of an import; an earlier version did not keep the last two.
type Imported = (String, Option<String>, Option<String>, Option<i64>);

/// The ids of the entities of one owner, by name; the first in its file is the last of its list.
#[derive(Default)]
pub(super) struct Known(HashMap<String, Vec<i64>>);

impl Known {
    /// The id of the next entity of this name.
    pub(super) fn take(&mut self, name: &str) -> Option<i64> {
        self.0.get_mut(name)?.pop()
    }

    /// The ids that were not taken.
    pub(super) fn rest(self) -> impl Iterator<Item = i64> {
        self.0.into_values().flatten()
    }

    #[cfg(test)]
    pub(super) fn from_pairs(pairs: &[(&str, i64)]) -> Self {
        let mut known = Self::default();
        for (name, id) in pairs.iter().rev() {
            known.0.entry((*name).to_owned()).or_default().push(*id);
        }
        known
    }
}

impl Previous {
    pub(super) fn read(
        session: &mut Session,
        destination: &Destination,
        files: &[FileRecord],
    ) -> Result<Self> {
        let mut previous = Self::default();
        for some in files.chunks(MOST_VALUES) {
            previous.read_files(session, destination, some)?;
        }
        let ids: Vec<i64> = previous.files.values().copied().collect();
        for some in ids.chunks(MOST_VALUES) {
            let params: Vec<ValueRef<'_>> = some.iter().map(|id| (*id).into()).collect();
            read_known(session, CLASSES, &params, &mut previous.classes)?;
            read_known(session, FUNCTIONS, &params, &mut previous.functions)?;
            read_known(session, METHODS, &params, &mut previous.methods)?;
            previous.read_imports(session, &params)?;
        }
        Ok(previous)
    }

    /// Why dependencies between files have to be made anew when a known file imports this.
    pub(super) fn unlinked(&self, file_id: i64, imports: &[ImportRecord]) -> Option<i64> {
        if let Some(reason) = self.unlinked.get(&file_id) {
            return Some(*reason);
        }
        let stored = self.imports.get(&file_id).map_or(&[][..], Vec::as_slice);
        let same = |(stored, now): (&Imported, &ImportRecord)| {
            let (name, module, alias, level) = stored;
            (name, module, alias) == (&now.name, &now.module, &now.alias)
                && *level == Some(i64::from(now.level))
        };
        let is_same = stored.len() == imports.len() && stored.iter().zip(imports).all(same);
        (!is_same).then_some(IMPORTS_CHANGED)
    }

    fn read_imports(&mut self, session: &mut Session, params: &[ValueRef<'_>]) -> Result<()> {
        let list = placeholders(params.len());
        let sql = format!(
            "SELECT file_id, name, module, alias, level FROM imports WHERE file_id IN ({list}) ORDER BY id"
        );
        let text = |row: RowRef<'_>, at| {
            Ok::<_, driver_api::DriverError>(row.opt(at, RowRef::text)?.map(str::to_owned))
        };
        let rows = session.query_all(&sql, params, |row| {
            let imported = (
                row.text(1)?.to_owned(),
                text(row, 2)?,
                text(row, 3)?,
                row.opt(4, RowRef::i64)?,
            );
            Ok((row.i64(0)?, imported))
        })?;
        for (file_id, imported) in rows {
            self.imports.entry(file_id).or_default().push(imported);
        }
        let sql = format!(
            "SELECT file_id, unlinked FROM file_states WHERE unlinked IS NOT NULL AND file_id IN ({list})"
        );
        let reasons = session.query_all(&sql, params, |row| Ok((row.i64(0)?, row.i64(1)?)))?;
        self.unlinked.extend(reasons);
        Ok(())
    }

    fn read_files(
        &mut self,
        session: &mut Session,
        destination: &Destination,
        files: &[FileRecord],
    ) -> Result<()> {
        let sql = format!(
            "SELECT path, id FROM files WHERE project_id = ? AND dataset_id = ? AND path IN ({})",
            placeholders(files.len())
        );
        let mut params = vec![
            (&destination.project_id).into(),
            (&destination.dataset_id).into(),
        ];
        params.extend(files.iter().map(|file| ValueRef::from(&file.path)));
        let read = |row: RowRef<'_>| Ok((row.text(0)?.to_owned(), row.i64(1)?));
        self.files.extend(session.query_all(&sql, &params, read)?);
        Ok(())
    }
}

/// Owner, name and id of entities, the last in the file first: what is read last is taken first.
const CLASSES: &str =
    "SELECT file_id, name, id FROM classes WHERE file_id IN (?) ORDER BY line DESC, id DESC";
const FUNCTIONS: &str =
    "SELECT file_id, name, id FROM functions WHERE file_id IN (?) ORDER BY line DESC, id DESC";
const METHODS: &str = "SELECT m.class_id, m.name, m.id FROM methods m JOIN classes c ON c.id = m.class_id \
                       WHERE c.file_id IN (?) ORDER BY m.line DESC, m.id DESC";

fn read_known(
    session: &mut Session,
    sql: &str,
    params: &[ValueRef<'_>],
    known: &mut HashMap<i64, Known>,
) -> Result<()> {
    let sql = sql.replace("(?)", &format!("({})", placeholders(params.len())));
    let rows = session.query_all(&sql, params, |row| {
        Ok((row.i64(0)?, row.text(1)?.to_owned(), row.i64(2)?))
    })?;
    for (owner, name, id) in rows {
        known
            .entry(owner)
            .or_default()
            .0
            .entry(name)
            .or_default()
            .push(id);
    }
    Ok(())
}
