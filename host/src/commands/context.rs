//! What commands run with: the configuration, the database, the workers.

use std::path::Path;
use std::sync::Arc;

use super::jobs::queue::JobQueue;
use super::list_drivers::FoundDrivers;
use crate::code_db::database::CodeDatabase;
use crate::config::current::CurrentConfig;
use crate::foundation::cancellation::Cancellation;
use crate::search::searcher::Searcher;
use crate::supervisor::error::WorkerError;
use crate::supervisor::worker_manager::WorkerManager;
use crate::supervisor::worker_spec::WorkerSpec;
use crate::universal_driver::driver::UniversalDriver;

/// Makes the process that indexes a directory, as it is configured now.
pub type IndexingProcess = Arc<dyn Fn(&Path) -> Result<WorkerSpec, WorkerError> + Send + Sync>;

/// What commands run with. Clones share everything.
#[derive(Clone)]
pub struct Context {
    /// The configuration that is in force.
    pub config: CurrentConfig,
    /// The configured database, with its schema.
    pub database: Arc<UniversalDriver>,
    /// The workers of this process.
    pub workers: Arc<WorkerManager>,
    /// Makes processes that index.
    pub indexing_process: IndexingProcess,
    /// The jobs of this process; none where it is no server, because they would end with it.
    pub jobs: Option<JobQueue>,
    /// The database drivers that are found.
    pub drivers: FoundDrivers,
    /// Answers questions by meaning; it keeps vectors in memory.
    pub searcher: Arc<Searcher>,
    /// Stops the statements of a command that only reads.
    pub cancellation: Option<Cancellation>,
}

impl Context {
    /// The operations on code data.
    pub(super) fn code(&self) -> CodeDatabase {
        let code = self.database.database();
        match &self.cancellation {
            Some(cancellation) => code.cancelled_by(cancellation.clone()),
            None => code,
        }
    }
}
