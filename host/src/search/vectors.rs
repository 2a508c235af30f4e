//! Where the vectors of a question are compared: within PostgreSQL where pgvector has them all, else in memory.

use std::sync::Arc;

use super::flat_index::Query;
use super::project_index::{IndexKind, ProjectIndex};
use crate::code_db::chunks::near::Near;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;

/// The nearest vectors, and how they were found.
pub(super) struct Nearest {
    /// Nearest first.
    pub(super) near: Vec<Near>,
    pub(super) kind: IndexKind,
}

/// The vectors of one model that a question is about.
pub(super) struct Vectors<'a> {
    code: &'a CodeDatabase,
    model: &'a str,
    /// The only project; all without.
    project_id: Option<&'a str>,
    /// Those in memory, once the database was found not to compare them.
    in_memory: Option<Vec<Arc<ProjectIndex>>>,
}

impl<'a> Vectors<'a> {
    /// The vectors of a project, or of all.
    pub(super) fn of(code: &'a CodeDatabase, model: &'a str, project_id: Option<&'a str>) -> Self {
        Self {
            code,
            model,
            project_id,
            in_memory: None,
        }
    }

    /// The nearest to a query; fewer than `most` where there are no more. `index` gives what is in memory of a project.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn nearest(
        &mut self,
        query: &Query,
        most: usize,
        index: impl Fn(&str) -> Arc<ProjectIndex>,
    ) -> Result<Nearest> {
        if self.in_memory.is_none() {
            let vector = query.vector();
            let found = self
                .code
                .nearest_chunks(self.project_id, self.model, &vector, most)?;
            if let Some(near) = found {
                let kind = IndexKind::Pgvector;
                return Ok(Nearest { near, kind });
            }
        }
        let indexes = match self.in_memory.take() {
            Some(indexes) => indexes,
            None => self.refreshed(index)?,
        };
        let found = nearest_of(&indexes, query, most);
        self.in_memory = Some(indexes);
        Ok(found)
    }

    fn refreshed(
        &self,
        index: impl Fn(&str) -> Arc<ProjectIndex>,
    ) -> Result<Vec<Arc<ProjectIndex>>> {
        let projects = match self.project_id {
            Some(id) => vec![id.to_owned()],
            None => self.code.project_ids()?,
        };
        let refreshed = projects.iter().map(|project| {
            let index = index(project);
            index.refresh(self.code, project, self.model)?;
            Ok(index)
        });
        refreshed.collect()
    }
}

fn nearest_of(indexes: &[Arc<ProjectIndex>], query: &Query, most: usize) -> Nearest {
    let mut near: Vec<Near> = indexes
        .iter()
        .flat_map(|index| index.nearest(query, most))
        .collect();
    near.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
    near.truncate(most);
    let kinds = indexes.iter().map(|index| index.kind());
    Nearest {
        near,
        kind: kinds.max().unwrap_or(IndexKind::Exact),
    }
}
