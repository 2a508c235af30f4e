//! Supervised worker processes: how they are launched, watched, restarted, adopted and stopped.

pub mod db_worker_manager;
pub mod error;
pub mod executable;
pub mod exit_reason;
pub mod owner_file;
pub mod restart_policy;
mod supervision;
#[cfg(test)]
mod test_worker;
pub mod worker_handle;
pub mod worker_launcher;
pub mod worker_manager;
pub mod worker_recipes;
pub mod worker_spec;
pub mod worker_status;
pub mod worker_watch;
