//! The configuration in force, which is exchanged as a whole while the program runs.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::types::Config;

/// The configuration in force. Clones are the same one.
#[derive(Clone, Debug)]
pub struct CurrentConfig(Arc<RwLock<Now>>);

#[derive(Debug)]
struct Now {
    config: Arc<Config>,
    problem: Option<String>,
}

impl CurrentConfig {
    /// This configuration is in force.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(RwLock::new(Now {
            config: Arc::new(config),
            problem: None,
        })))
    }

    /// The configuration that is in force at this moment.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.read().config)
    }

    /// Another one is in force from now on.
    pub fn set(&self, config: Config) {
        self.write().config = Arc::new(config);
    }

    /// Why what the files say at present is not in force, or not everywhere; none where it is.
    pub fn problem(&self) -> Option<String> {
        self.read().problem.clone()
    }

    /// Notes what came of reading the files again.
    pub fn set_problem(&self, problem: Option<String>) {
        self.write().problem = problem;
    }

    fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
