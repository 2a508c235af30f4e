//! The configuration in force, which is exchanged as a whole while the program runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::types::Config;

/// The configuration in force. Clones are the same one.
#[derive(Clone, Debug)]
pub struct CurrentConfig(Arc<RwLock<Arc<Config>>>);

impl CurrentConfig {
    /// This configuration is in force.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(config))))
    }

    /// The configuration that is in force at this moment.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another one is in force from now on.
    pub fn set(&self, config: Config) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}
