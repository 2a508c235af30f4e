//! What the vectorization worker tells about itself with each heartbeat.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::code_db::chunks::coverage::VectorCoverage;
use crate::vectorization::circuit_breaker::CircuitBreaker;
use crate::workers::announce::Reported;

/// The status, shared between the worker's loop and its heartbeats.
#[derive(Clone, Default)]
pub(super) struct Status {
    facts: Arc<Mutex<Facts>>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Facts {
    /// What it is doing.
    activity: Activity,
    /// The model whose vectors it makes.
    model: String,
    /// Files whose chunks were made since the worker started.
    files_chunked: u64,
    /// Chunks that got a vector since the worker started.
    chunks_embedded: u64,
    /// How much there is and what is left, when it last looked.
    coverage: Option<VectorCoverage>,
    /// Whether the model is given up for now.
    circuit_open: bool,
    /// Seconds until the model is asked again, when it last failed.
    next_attempt_seconds: u64,
    /// Why it makes no vectors although its model works: another model makes those of this database.
    other_model: Option<String>,
    /// The last thing that went wrong.
    last_error: Option<String>,
}

/// What a vectorization worker does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activity {
    /// It waits for the next look.
    #[default]
    Waiting,
    /// It makes chunks of files.
    Chunking,
    /// It takes the vectors of another model away.
    Forgetting,
    /// It asks the model for vectors.
    Embedding,
    /// It leaves a model that has failed alone.
    Pausing,
    /// It leaves the vectors to another model, and looks from time to time whether that is still used.
    StayingOut,
}

impl Reported for Status {
    fn to_json(&self) -> Value {
        serde_json::to_value(self.lock().clone()).unwrap_or_default()
    }
}

impl Status {
    pub(super) fn of(model: &str) -> Self {
        let status = Self::default();
        status.lock().model = model.to_owned();
        status
    }

    pub(super) fn doing(&self, activity: Activity) {
        self.lock().activity = activity;
    }

    pub(super) fn chunked(&self, files: usize) {
        self.lock().files_chunked += files as u64;
    }

    pub(super) fn embedded(&self, chunks: usize) {
        let mut facts = self.lock();
        facts.chunks_embedded += chunks as u64;
        if let Some(coverage) = &mut facts.coverage {
            coverage.chunks_pending = coverage.chunks_pending.saturating_sub(chunks as u64);
        }
    }

    pub(super) fn covers(&self, coverage: VectorCoverage) {
        self.lock().coverage = Some(coverage);
    }

    pub(super) fn circuit(&self, breaker: &CircuitBreaker) {
        let mut facts = self.lock();
        facts.circuit_open = breaker.is_open();
        facts.next_attempt_seconds = whole_seconds(breaker.pause(Instant::now()));
    }

    pub(super) fn model_in_use(&self, other: Option<String>) {
        self.lock().other_model = other;
    }

    pub(super) fn failed(&self, error: String) {
        self.lock().last_error = Some(error);
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole_seconds(pause: Duration) -> u64 {
    pause.as_secs() + u64::from(pause.subsec_nanos() > 0)
}
