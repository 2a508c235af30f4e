//! The vectors of one project and model in memory: kept in step with the database, and searched exactly or by a graph.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use schemars::JsonSchema;
use serde::Serialize;

use super::flat_index::{FlatIndex, Query};
use super::near_index::{Failure, NearIndex};
use crate::code_db::chunks::near::Near;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;

/// Vectors up to which all are compared: that takes ten milliseconds for so many of 256 dimensions.
pub(super) const EXACT_UP_TO: usize = 200_000;

/// Vectors that are read together.
const READ_AT_ONCE: u32 = 5_000;

/// Vectors that are added to a graph while nobody can change the flat index.
const ADDED_AT_ONCE: usize = 500;

/// A graph is made anew when a tenth of its vectors came later or were replaced.
const TENTH: usize = 10;

/// How the vectors of a project are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// All are compared with the query.
    Exact,
    /// A graph leads to most of the nearest.
    Approximate,
    /// PostgreSQL finds them itself, with the extension pgvector: among all, or by a graph where they are many.
    Pgvector,
}

/// The vectors of one project and model.
pub(super) struct ProjectIndex {
    flat: RwLock<FlatIndex>,
    /// The id of the last vector that was read. Held while the index is brought up to date.
    last: Mutex<i64>,
    graph: Mutex<Graph>,
    exact_up_to: usize,
}

#[derive(Default)]
struct Graph {
    ready: Option<Ready>,
    /// Whether a thread makes one.
    is_made: bool,
    /// Searches so far: a process that ends after the first need not begin one.
    searches: u64,
    /// How often everything was forgotten.
    emptied: u64,
}

#[derive(Clone)]
struct Ready {
    graph: Arc<NearIndex>,
    /// How many vectors it has, which are the first of the flat index.
    count: usize,
    /// Vectors that had been replaced when it was made.
    replaced: usize,
}

impl ProjectIndex {
    pub(super) fn new(exact_up_to: usize) -> Self {
        Self {
            flat: RwLock::default(),
            last: Mutex::default(),
            graph: Mutex::default(),
            exact_up_to,
        }
    }

    /// Reads the vectors that came since the last time. Those of chunks that are gone stay until there are too many.
    pub(super) fn refresh(&self, code: &CodeDatabase, project_id: &str, model: &str) -> Result<()> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = code.newest_vector(project_id, model)?.unwrap_or(0);
        // Ids only rise, unless another database stands in the place of this one, or the newest are gone.
        if newest < *last {
            self.empty();
            *last = 0;
        }
        while *last < newest {
            let read = code.vectors_after(project_id, model, *last, READ_AT_ONCE)?;
            let Some(end) = read.last() else { break };
            *last = end.id;
            let mut flat = self.flat.write().unwrap_or_else(PoisonError::into_inner);
            for vector in &read {
                flat.put(vector.chunk_id, &vector.vector);
            }
        }
        Ok(())
    }

    /// Forgets everything; the next refresh reads it again.
    pub(super) fn clear(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.empty();
        *last = 0;
    }

    fn empty(&self) {
        *self.flat.write().unwrap_or_else(PoisonError::into_inner) = FlatIndex::default();
        let mut graph = self.graph();
        graph.ready = None;
        graph.emptied += 1;
    }

    /// How many vectors there are.
    pub(super) fn len(&self) -> usize {
        self.flat().len()
    }

    /// How the next search is done.
    pub(super) fn kind(&self) -> IndexKind {
        match self.graph().ready {
            Some(_) => IndexKind::Approximate,
            None => IndexKind::Exact,
        }
    }

    /// The nearest, nearest first. Their cosines are exact in either case.
    pub(super) fn nearest(self: &Arc<Self>, query: &Query, most: usize) -> Vec<Near> {
        self.prepare_graph();
        let ready = self.graph().ready.clone();
        let flat = self.flat();
        let Some(ready) = ready else {
            return flat.nearest(query, most);
        };
        match ready.graph.places(&query.components, most) {
            Ok(places) => {
                // What came after the graph was made is compared one by one.
                let among = places.into_iter().filter(|place| *place < flat.len());
                let later = ready.count..flat.len();
                flat.nearest_of(among.chain(later), query, most)
            }
            Err(error) => {
                tracing::warn!(%error, "the graph of vectors fails; all are compared");
                flat.nearest(query, most)
            }
        }
    }

    /// Makes a graph now, where there are so many vectors that one is wanted.
    pub(super) fn rebuild(&self) -> std::result::Result<(), Failure> {
        let emptied = self.graph().emptied;
        let (count, dimensions, replaced) = {
            let flat = self.flat();
            (flat.len(), flat.dimensions(), flat.replaced())
        };
        if count <= self.exact_up_to {
            return Ok(());
        }
        let graph = NearIndex::new(dimensions, count)?;
        let mut next = 0;
        while next < count {
            // In steps, so that new vectors can come in meanwhile.
            let flat = self.flat();
            let end = (next + ADDED_AT_ONCE).min(count).min(flat.len());
            if end <= next {
                // Everything was forgotten meanwhile.
                return Ok(());
            }
            for place in next..end {
                graph.add(place, flat.components(place))?;
            }
            next = end;
        }
        let mut made = self.graph();
        if made.emptied == emptied {
            made.ready = Some(Ready {
                graph: Arc::new(graph),
                count,
                replaced,
            });
        }
        Ok(())
    }

    /// Begins to make a graph where one is wanted and none is there, or too much has changed since; until it is ready,
    /// all vectors are compared.
    fn prepare_graph(self: &Arc<Self>) {
        let (count, replaced) = {
            let flat = self.flat();
            (flat.len(), flat.replaced())
        };
        let mut graph = self.graph();
        graph.searches += 1;
        let is_old = graph.ready.as_ref().is_none_or(|ready| {
            let later = count.saturating_sub(ready.count) + replaced.saturating_sub(ready.replaced);
            later * TENTH > ready.count
        });
        if count <= self.exact_up_to || !is_old || graph.is_made || graph.searches < 2 {
            return;
        }
        graph.is_made = true;
        drop(graph);
        let index = Arc::clone(self);
        let made = std::thread::Builder::new()
            .name("vector graph".to_owned())
            .spawn(move || {
                if let Err(error) = index.rebuild() {
                    tracing::warn!(%error, "no graph of vectors can be made; all are compared");
                }
                index.graph().is_made = false;
            });
        if made.is_err() {
            self.graph().is_made = false;
        }
    }

    fn flat(&self) -> RwLockReadGuard<'_, FlatIndex> {
        self.flat.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::vector::{normalise, to_bytes};

    /// Vectors around centres, as those of code are, the same in each run.
    fn vectors(count: usize) -> Vec<Vec<f32>> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f32::from(u16::try_from(state >> 48).unwrap()) / 65_536.0 - 0.5
        };
        let centres: Vec<Vec<f32>> = (0..100)
            .map(|_| (0..64).map(|_| random()).collect())
            .collect();
        let near = |number: usize| {
            let centre = &centres[number % centres.len()];
            let mut vector: Vec<f32> = centre.iter().map(|x| x + random()).collect();
            normalise(&mut vector);
            vector
        };
        (0..count).map(near).collect()
    }

    fn filled(vectors: &[Vec<f32>], exact_up_to: usize) -> Arc<ProjectIndex> {
        let index = Arc::new(ProjectIndex::new(exact_up_to));
        for (number, vector) in (0..).zip(vectors) {
            index.flat.write().unwrap().put(number, &to_bytes(vector));
        }
        index
    }

    /// How many of the ten nearest of some vectors the index finds, of all ten nearest.
    fn recall(index: &Arc<ProjectIndex>, vectors: &[Vec<f32>]) -> f64 {
        let (mut found, mut all) = (0, 0);
        for vector in vectors.iter().step_by(40) {
            let query = Query::new(vector).unwrap();
            let exact = index.flat().nearest(&query, 10);
            let near = index.nearest(&query, 10);
            assert_eq!(near[0], exact[0], "a vector is nearest to itself");
            found += exact.iter().filter(|each| near.contains(each)).count();
            all += exact.len();
        }
        f64::from(u32::try_from(found).unwrap()) / f64::from(u32::try_from(all).unwrap())
    }

    #[test]
    fn a_graph_finds_nearly_all_and_what_came_later_too() {
        let vectors = vectors(4_200);
        let index = filled(&vectors[..4_000], 1_000);
        assert_eq!(index.kind(), IndexKind::Exact);
        index.rebuild().unwrap();
        assert_eq!(index.kind(), IndexKind::Approximate);
        for (number, vector) in vectors.iter().enumerate().skip(4_000) {
            let number = i64::try_from(number).unwrap();
            index.flat.write().unwrap().put(number, &to_bytes(vector));
        }
        let recall = recall(&index, &vectors);
        assert!(recall >= 0.95, "{recall}");
        index.clear();
        assert_eq!((index.len(), index.kind()), (0, IndexKind::Exact));
    }

    #[test]
    fn few_vectors_need_no_graph() {
        let vectors = vectors(200);
        let index = filled(&vectors, 1_000);
        index.rebuild().unwrap();
        assert_eq!(index.kind(), IndexKind::Exact);
        assert!((recall(&index, &vectors) - 1.0).abs() < 1e-9);
    }
}
