//! Where the vectors of a question are compared: within PostgreSQL where pgvector has them all, else in memory.

use std::sync::Arc;

use super::flat_index::{Near, Query};
use super::project_index::{IndexKind, ProjectIndex};
use crate::code_db::chunks::near::NearChunk;
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
    pub(super) code: &'a CodeDatabase,
    pub(super) model: &'a str,
    /// The only project; all without.
    pub(super) project_id: Option<&'a str>,
}

impl Vectors<'_> {
    /// The nearest to a query; fewer than `most` where there are no more.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn nearest(
        &self,
        query: &Query,
        most: usize,
        index: &dyn Fn(&str) -> Arc<ProjectIndex>,
    ) -> Result<Nearest> {
        let vector = query.vector();
        let found = self
            .code
            .nearest_chunks(self.project_id, self.model, &vector, most)?;
        match found {
            Some(chunks) => Ok(Nearest {
                near: chunks.into_iter().map(near).collect(),
                kind: IndexKind::Pgvector,
            }),
            None => self.nearest_in_memory(query, most, index),
        }
    }

    fn nearest_in_memory(
        &self,
        query: &Query,
        most: usize,
        index: &dyn Fn(&str) -> Arc<ProjectIndex>,
    ) -> Result<Nearest> {
        let projects = match self.project_id {
            Some(id) => vec![id.to_owned()],
            None => self.code.project_ids()?,
        };
        let mut near = Vec::new();
        let mut kind = IndexKind::Exact;
        for project in &projects {
            let index = index(project);
            index.refresh(self.code, project, self.model)?;
            near.extend(index.nearest(query, most));
            kind = kind.max(index.kind());
        }
        near.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        near.truncate(most);
        Ok(Nearest { near, kind })
    }
}

fn near(chunk: NearChunk) -> Near {
    Near {
        chunk_id: chunk.chunk_id,
        cosine: chunk.cosine,
    }
}
