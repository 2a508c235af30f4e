//! The worker's life: make chunks, embed those without a vector, look again after a while; pause when the model fails.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde_json::json;

use super::status::{Activity, Status};
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::CodeDbError;
use crate::embedding::error::EmbeddingError;
use crate::embedding::open::open;
use crate::foundation::control::Refusal;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::shutdown_signal::ShutdownRequest;
use crate::vectorization::chunker::CHUNKER;
use crate::vectorization::circuit_breaker::CircuitBreaker;
use crate::vectorization::near_graph::make_graph;
use crate::vectorization::vectorizer::{VectorizeError, Vectorizer};
use crate::workers::announce::announce;
use crate::workers::hello::WorkerHello;

/// The pause before the next look after the database failed.
const RETRY: Duration = Duration::from_secs(5);

/// How often a worker that waits longer renews its claim to the vectors.
const RENEWAL: Duration = Duration::from_secs(30);

/// The least time between two attempts at pgvector's graph, each of which may take minutes.
const GRAPH_PAUSE: Duration = Duration::from_secs(600);

/// How much less of a processor this worker gets than those that answer somebody.
const NICENESS: i32 = 10;

/// Runs a vectorization worker under the host at the other end of `control`, until it says stop.
pub fn run(control: &ControlChannel, hello: &WorkerHello, database: CodeDatabase) -> ExitCode {
    // Threads that are started from here on inherit it, those of a model included.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "this worker runs at the priority of its host");
    }
    let config = &hello.config.workers.vectorization;
    let model = match open(&hello.config.embedding) {
        Ok(model) => model,
        Err(error) => {
            tracing::error!(%error, "the worker does not start");
            // Without a host there is nobody to tell.
            let _ = control.refused(Refusal::new("embedding", error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    let stop = control.shutdown_signal().subscribe();
    let status = Status::of(model.model());
    if !announce(control, &status, &json!({ "model": model.model() })) {
        return ExitCode::FAILURE;
    }
    let mut worker = VectorizationWorker {
        vectorizer: Vectorizer::new(database.clone(), model, config.batch_size),
        database,
        breaker: CircuitBreaker::new(
            config.retry_attempts,
            Duration::from_secs(config.retry_delay),
        ),
        poll_interval: Duration::from_secs(config.poll_interval),
        stop,
        status,
        graph_due: true,
        graph_not_before: Instant::now(),
    };
    while worker.round() == Next::GoesOn {}
    // Where that fails, the claim runs out by itself.
    if let Err(error) = worker.vectorizer.give_turn_back() {
        tracing::debug!(%error, "the claim to the vectors was not given back");
    }
    tracing::info!("the vectorization worker ends");
    ExitCode::SUCCESS
}

struct VectorizationWorker {
    vectorizer: Vectorizer,
    database: CodeDatabase,
    breaker: CircuitBreaker,
    poll_interval: Duration,
    stop: Receiver<ShutdownRequest>,
    status: Status,
    /// Whether pgvector may lack its graph: nobody looked yet, or vectors came since.
    graph_due: bool,
    graph_not_before: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoesOn,
    Stops,
}

/// Why a look at everything ended early.
enum Interrupted {
    Stop,
    Database(CodeDbError),
    Model(EmbeddingError),
    /// Another model makes the vectors; what that means.
    OtherModel(String),
}

impl From<CodeDbError> for Interrupted {
    fn from(error: CodeDbError) -> Self {
        Self::Database(error)
    }
}

impl From<VectorizeError> for Interrupted {
    fn from(error: VectorizeError) -> Self {
        match error {
            VectorizeError::Database(error) => Self::Database(error),
            VectorizeError::Embedding(error) => Self::Model(error),
            other @ VectorizeError::OtherModel { .. } => Self::OtherModel(other.to_string()),
        }
    }
}

impl VectorizationWorker {
    /// Looks at everything once, then waits for the next time.
    fn round(&mut self) -> Next {
        let pause = match self.look() {
            Ok(()) => {
                self.status.model_in_use(None);
                self.poll_interval
            }
            Err(Interrupted::OtherModel(reason)) => {
                tracing::warn!(reason, "the worker stays out");
                self.status.model_in_use(Some(reason));
                self.status.doing(Activity::StayingOut);
                return self.wait(self.poll_interval);
            }
            Err(Interrupted::Stop) => return Next::Stops,
            Err(Interrupted::Database(error)) => {
                tracing::warn!(%error, "the database fails");
                self.status.failed(error.to_string());
                RETRY
            }
            Err(Interrupted::Model(error)) => {
                let is_final = !matches!(error, EmbeddingError::Unavailable { .. });
                self.breaker.failed(Instant::now(), is_final);
                let pause = self.breaker.pause(Instant::now());
                tracing::warn!(%error, open = self.breaker.is_open(), pause_seconds = pause.as_secs(), "the model fails");
                self.status.failed(error.to_string());
                self.status.circuit(&self.breaker);
                self.status.doing(Activity::Pausing);
                return self.wait(pause);
            }
        };
        self.status.doing(Activity::Waiting);
        self.wait(pause)
    }

    fn look(&mut self) -> Result<(), Interrupted> {
        self.chunk()?;
        self.count()?;
        self.vectorizer.take_turn()?;
        let projects = self.database.project_ids()?;
        for project in &projects {
            self.embed(project)?;
            self.copy_near(project)?;
        }
        if self.graph_due && Instant::now() >= self.graph_not_before {
            self.make_graph();
        }
        self.count()
    }

    fn chunk(&mut self) -> Result<(), Interrupted> {
        loop {
            self.require_time()?;
            let files = self.vectorizer.chunk_some(None)?;
            if files == 0 {
                return Ok(());
            }
            self.status.doing(Activity::Chunking);
            self.status.chunked(files);
        }
    }

    fn embed(&mut self, project: &str) -> Result<(), Interrupted> {
        while self.vectorizer.forget_other_models(project)? {
            self.status.doing(Activity::Forgetting);
            self.require_time()?;
        }
        loop {
            self.require_time()?;
            self.vectorizer.take_turn()?;
            let chunks = self.vectorizer.embed_some(project)?;
            if chunks == 0 {
                return Ok(());
            }
            self.breaker.succeeded();
            self.status.circuit(&self.breaker);
            self.status.doing(Activity::Embedding);
            self.status.embedded(chunks);
            self.graph_due = true;
        }
    }

    fn copy_near(&mut self, project: &str) -> Result<(), Interrupted> {
        loop {
            self.require_time()?;
            if self.vectorizer.copy_near(project)? == 0 {
                return Ok(());
            }
            self.graph_due = true;
            self.vectorizer.take_turn()?;
        }
    }

    /// On a thread of its own: it may take longer than the claim to the vectors lasts. Where one is at it still, another one
    /// finds that out and does nothing.
    fn make_graph(&mut self) {
        let (database, model) = (self.database.clone(), self.vectorizer.model().to_owned());
        let made = std::thread::Builder::new()
            .name("vector graph".to_owned())
            .spawn(move || make_graph(&database, &model, false));
        self.graph_not_before = Instant::now() + GRAPH_PAUSE;
        match made {
            Ok(_) => self.graph_due = false,
            Err(error) => tracing::warn!(%error, "no thread can make pgvector's graph"),
        }
    }

    fn count(&self) -> Result<(), Interrupted> {
        self.status
            .covers(self.database.vector_coverage(None, CHUNKER)?);
        Ok(())
    }

    fn require_time(&self) -> Result<(), Interrupted> {
        match self.stop.try_recv() {
            Ok(_) => Err(Interrupted::Stop),
            Err(_) => Ok(()),
        }
    }

    fn wait(&mut self, mut pause: Duration) -> Next {
        loop {
            let some = pause.min(RENEWAL);
            match self.stop.recv_timeout(some) {
                Err(RecvTimeoutError::Timeout) if pause == some => return Next::GoesOn,
                Err(RecvTimeoutError::Timeout) => pause = pause.saturating_sub(some),
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return Next::Stops,
            }
            // What fails here is told by the next look.
            let _ = self.vectorizer.take_turn();
        }
    }
}
