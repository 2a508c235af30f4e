//! A graph over very many vectors that leads to most of the nearest without looking at all: usearch's HNSW.

use std::sync::{Mutex, PoisonError};

use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

/// Edges of a vector. More find more, and take more memory and time to build.
const CONNECTIVITY: usize = 16;

/// Candidates that are kept while a vector is added, and least while one is searched.
const EXPANSION: usize = 128;

/// The graph; its keys are the places of a flat index.
pub(super) struct NearIndex {
    /// The library serves as many threads at once as it was told of, and a search takes less than a millisecond.
    index: Mutex<Index>,
}

/// What the library says when it fails: it is out of memory, in the main.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

impl NearIndex {
    /// A graph without vectors, with room for so many of this length.
    pub(super) fn new(dimensions: usize, room: usize) -> Result<Self, Failure> {
        let index = Index::new(&IndexOptions {
            dimensions,
            metric: MetricKind::Cos,
            quantization: ScalarKind::I8,
            connectivity: CONNECTIVITY,
            expansion_add: EXPANSION,
            expansion_search: EXPANSION,
            multi: false,
        })?;
        index.reserve(room)?;
        Ok(Self {
            index: Mutex::new(index),
        })
    }

    /// Adds the vector at a place.
    pub(super) fn add(&self, place: usize, components: &[u8]) -> Result<(), Failure> {
        Ok(self.lock().add(place as u64, &signed(components))?)
    }

    /// Places of vectors that are among the nearest, in no order.
    pub(super) fn places(&self, components: &[u8], most: usize) -> Result<Vec<usize>, Failure> {
        let found = self.lock().search(&signed(components), most)?;
        let place = |key: u64| usize::try_from(key).ok();
        Ok(found.keys.into_iter().filter_map(place).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed(components: &[u8]) -> Vec<i8> {
    components.iter().map(|byte| byte.cast_signed()).collect()
}
