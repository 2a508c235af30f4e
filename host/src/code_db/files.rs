//! Files: lists of them, one of them, and what is known of each for telling whether it has changed.

use std::path::Path;

use driver_api::{Flow, RowRef, ValueRef};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::error::{CodeDbError, Doing, Result};
use super::page::{Page, PageRequest};
use super::scope::{Conditions, Scope, relative_to};

/// A file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FileRow {
    /// Its id; it stays when the file is indexed again.
    pub id: i64,
    /// The id of its project.
    pub project_id: String,
    /// Absolute path.
    pub file_path: String,
    /// That path below the root of its project.
    pub relative_path: String,
    /// Number of lines.
    pub lines: Option<u32>,
    /// Time of the last change that was indexed, in seconds since 1970.
    pub last_modified: Option<f64>,
    /// Whether it says something of itself.
    pub has_docstring: Option<bool>,
    /// The language that it was read as; none in files that only the older program indexed.
    pub language: Option<String>,
    /// Whether it parsed from start to end; none where that is not known.
    pub parsed: Option<bool>,
}

/// What is known of a file before it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its id.
    pub id: i64,
    /// Absolute path.
    pub path: String,
    /// Whether it is marked deleted.
    pub deleted: bool,
    /// What it was like; none in files that only the older program indexed.
    pub state: Option<KnownState>,
}

/// What a file was like when it was indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownState {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change in nanoseconds since 1970, or
    /// [`UNTRUSTED_MTIME`](super::records::UNTRUSTED_MTIME).
    pub mtime_ns: i64,
    /// Hash of its bytes.
    pub content_hash: String,
    /// The version of the analysis that its rows were made by; none where that was before versions were kept.
    pub analysis: Option<i64>,
}

/// The columns of [`FileRow`].
const LIST: &str = "SELECT f.id, f.project_id, f.path, p.root_path, f.lines, f.last_modified, f.has_docstring, \
                    s.language, s.parse_errors IS NULL FROM files f JOIN projects p ON p.id = f.project_id \
                    LEFT JOIN file_states s ON s.file_id = f.id";

impl CodeDatabase {
    /// The files of a project, or of all, by path. `pattern` is a glob in the manner of `.gitignore`, matched
    /// against the relative path: `*.py` anywhere, `/src/*.rs` in one directory, `tests/` all below.
    ///
    /// # Errors
    /// [`CodeDbError::Invalid`] for a malformed pattern, and the driver's.
    pub fn list_project_files(
        &self,
        project_id: Option<&str>,
        pattern: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<FileRow>> {
        match pattern {
            Some(pattern) => self.matching_files(project_id, &glob(pattern)?, page),
            None => {
                let conditions = Conditions::live_files(project_id);
                let count = format!("SELECT count(*) FROM files f WHERE {}", conditions.sql());
                let list = format!(
                    "{LIST} WHERE {} ORDER BY f.path, f.id LIMIT ? OFFSET ?",
                    conditions.sql()
                );
                self.page(&count, &list, conditions.params(), page, read_file)
                    .doing("listing files")
            }
        }
    }

    /// Files of more than `lines` lines, longest first, then by path.
    ///
    /// # Errors
    /// The driver's.
    pub fn long_files(
        &self,
        project_id: Option<&str>,
        lines: u32,
        page: PageRequest,
    ) -> Result<Page<FileRow>> {
        let mut conditions = Conditions::live_files(project_id);
        conditions.and("f.lines > ?", [lines.into()]);
        let count = format!("SELECT count(*) FROM files f WHERE {}", conditions.sql());
        let list = format!(
            "{LIST} WHERE {} ORDER BY f.lines DESC, f.path, f.id LIMIT ? OFFSET ?",
            conditions.sql()
        );
        self.page(&count, &list, conditions.params(), page, read_file)
            .doing("listing long files")
    }

    /// One file, by its absolute path or its path below the root of its project.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`] with the nearest paths, and the driver's.
    pub fn file(&self, project_id: Option<&str>, file: &str) -> Result<FileRow> {
        let scope = self.resolve(&Scope {
            project_id,
            file: Some(file),
        })?;
        let conditions = Conditions::of(&scope);
        let sql = format!("{LIST} WHERE {} ORDER BY f.path, f.id", conditions.sql());
        self.database
            .read(|session| session.query_first(&sql, conditions.params(), read_file))
            .doing("looking for a file")?
            .ok_or_else(|| CodeDbError::NotFound {
                what: "file",
                name: file.to_owned(),
                nearest: Vec::new(),
            })
    }

    /// What is known of the files of a project, deleted ones included, in no order.
    ///
    /// # Errors
    /// The driver's.
    pub fn known_files(&self, project_id: &str) -> Result<Vec<KnownFile>> {
        let sql = format!("{KNOWN} WHERE f.project_id = ?");
        self.database
            .read(|session| session.query_all(&sql, &[project_id.into()], read_known))
            .doing("reading what is known of files")
    }

    /// What is known of the files at these absolute paths and below them, deleted ones included, in no order.
    ///
    /// # Errors
    /// The driver's.
    pub fn known_files_below(&self, project_id: &str, paths: &[&str]) -> Result<Vec<KnownFile>> {
        let exact = format!("{KNOWN} WHERE f.project_id = ? AND f.path = ?");
        // `0` is the character after `/`: between the two are all paths below, and no pattern has to be escaped.
        let below = format!("{KNOWN} WHERE f.project_id = ? AND f.path >= ? AND f.path < ?");
        self.database
            .read(|session| {
                let mut known = Vec::new();
                for path in paths {
                    let id = ValueRef::from(project_id);
                    let directory = path.trim_end_matches('/');
                    let (first, last) = (format!("{directory}/"), format!("{directory}0"));
                    known.extend(session.query_all(&exact, &[id, (*path).into()], read_known)?);
                    let bounds = [id, (&first).into(), (&last).into()];
                    known.extend(session.query_all(&below, &bounds, read_known)?);
                }
                Ok(known)
            })
            .doing("reading what is known of files")
    }

    /// Patterns are matched here: no dialect's own matching means the same in all.
    fn matching_files(
        &self,
        project_id: Option<&str>,
        glob: &Gitignore,
        page: PageRequest,
    ) -> Result<Page<FileRow>> {
        let conditions = Conditions::live_files(project_id);
        let sql = format!("{LIST} WHERE {} ORDER BY f.path, f.id", conditions.sql());
        self.database
            .read(|session| {
                let mut found = Page {
                    items: Vec::new(),
                    total: 0,
                    offset: page.offset,
                };
                session.query_each(&sql, conditions.params(), |row| {
                    let relative = relative_to(row.text(3)?, row.text(2)?);
                    if is_match(glob, &relative) {
                        let wanted =
                            found.total >= page.offset && found.items.len() < page.limit as usize;
                        found.total += 1;
                        if wanted {
                            found.items.push(read_file(row)?);
                        }
                    }
                    Ok(Flow::Continue)
                })?;
                Ok(found)
            })
            .doing("listing files")
    }
}

const KNOWN: &str = "SELECT f.id, f.path, f.deleted IS TRUE, s.size, s.mtime_ns, s.content_hash, s.analysis FROM files f \
                     LEFT JOIN file_states s ON s.file_id = f.id";

fn read_known(row: RowRef<'_>) -> driver_api::Result<KnownFile> {
    let state = match row.opt(3, RowRef::i64)? {
        None => None,
        Some(size) => Some(KnownState {
            size: u64::try_from(size).unwrap_or(0),
            mtime_ns: row.i64(4)?,
            content_hash: row.text(5)?.to_owned(),
            analysis: row.opt(6, RowRef::i64)?,
        }),
    };
    Ok(KnownFile {
        id: row.i64(0)?,
        path: row.text(1)?.to_owned(),
        deleted: row.bool(2)?,
        state,
    })
}

fn read_file(row: RowRef<'_>) -> driver_api::Result<FileRow> {
    let (path, root) = (row.text(2)?, row.text(3)?);
    let language = row.opt(7, RowRef::text)?.map(str::to_owned);
    Ok(FileRow {
        id: row.i64(0)?,
        project_id: row.text(1)?.to_owned(),
        file_path: path.to_owned(),
        relative_path: relative_to(root, path),
        lines: row
            .opt(4, RowRef::i64)?
            .map(|lines| u32::try_from(lines).unwrap_or(0)),
        last_modified: row.opt(5, RowRef::f64)?,
        has_docstring: row.opt(6, RowRef::bool)?,
        parsed: language.is_some().then(|| row.bool(8)).transpose()?,
        language,
    })
}

fn glob(pattern: &str) -> Result<Gitignore> {
    let invalid = |error: ignore::Error| CodeDbError::Invalid {
        what: "file pattern",
        value: pattern.to_owned(),
        reason: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new("");
    builder.add_line(None, pattern).map_err(invalid)?;
    builder.build().map_err(invalid)
}

fn is_match(glob: &Gitignore, relative: &str) -> bool {
    // A path outside its project's root stays absolute, and no pattern is about it.
    !relative.starts_with('/')
        && glob
            .matched_path_or_any_parents(Path::new(relative), false)
            .is_ignore()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_relative_paths() {
        for (pattern, path, expected) in [
            ("*.py", "shop/cart.py", true),
            ("cart.py", "shop/cart.py", true),
            ("/cart.py", "shop/cart.py", false),
            ("shop/*.py", "shop/cart.py", true),
            ("shop/*.py", "shop/deep/cart.py", false),
            ("shop/**/cart.py", "shop/deep/cart.py", true),
            ("shop", "shop/deep/cart.py", true),
            ("c?rt.py", "shop/cart.py", true),
            ("*.rs", "shop/cart.py", false),
            ("*", "/elsewhere/cart.py", false),
        ] {
            assert_eq!(
                is_match(&glob(pattern).unwrap(), path),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn a_malformed_pattern_is_refused() {
        let error = glob("a/{b").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the file pattern \"a/{b\" cannot be used"),
            "{error}"
        );
    }
}
