//! The guard on duty, which another may relieve while the server runs: new tokens, names and certificates.

use std::sync::{Arc, PoisonError, RwLock};

use super::guard::Guard;

/// Where every request and every connection finds the guard on duty.
pub struct Gate(RwLock<Arc<Guard>>);

impl Gate {
    /// This guard takes the first watch.
    pub fn new(guard: Guard) -> Self {
        Self(RwLock::new(Arc::new(guard)))
    }

    /// The guard on duty.
    pub fn guard(&self) -> Arc<Guard> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another guard takes over: connections and requests that come from now on meet it.
    pub fn relieve(&self, guard: Guard) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(guard);
    }
}
