//! How a worker of each kind is made, so that it can be started by its kind alone, with settings of its own.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::WorkerError;
use super::worker_spec::{WorkerKind, WorkerSpec};

/// Settings of one start, by their keys below `workers.KIND` of the configuration; what they do not name is as
/// configured.
pub type WorkerSettings = Map<String, Value>;

/// Makes the worker of a kind. It is asked at each start, so that the configuration in force counts.
pub type Recipe = Arc<dyn Fn(&WorkerSettings) -> Result<WorkerSpec, WorkerError> + Send + Sync>;

/// The kinds of workers that can be started by their kind, each once at a time under the name of its kind.
#[derive(Default)]
pub(super) struct Recipes {
    by_kind: Vec<(WorkerKind, Recipe)>,
}

impl Recipes {
    pub(super) fn add(&mut self, kind: WorkerKind, recipe: Recipe) {
        self.by_kind.retain(|(known, _)| *known != kind);
        self.by_kind.push((kind, recipe));
    }

    pub(super) fn kinds(&self) -> Vec<WorkerKind> {
        self.by_kind.iter().map(|(kind, _)| *kind).collect()
    }

    /// # Errors
    /// [`WorkerError::NotStartable`] with the kinds that are.
    pub(super) fn of(&self, kind: WorkerKind) -> Result<Recipe, WorkerError> {
        let found = self.by_kind.iter().find(|(known, _)| *known == kind);
        let recipe = found.map(|(_, recipe)| Arc::clone(recipe));
        recipe.ok_or_else(|| WorkerError::NotStartable {
            kind,
            startable: self.kinds(),
        })
    }
}
