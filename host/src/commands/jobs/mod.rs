//! Commands that run in the background: waiting, running, ended, and for a while remembered.
//!
//! [`queue::JobQueue`] runs them; what is known of one is a [`state::JobState`], which whoever watches a job gets
//! whenever it changes. A [`journal::Journal`] remembers across a restart which jobs were lost.

mod cell;
pub mod journal;
pub(super) mod naming;
pub mod queue;
pub(super) mod report;
mod reporter;
mod retention;
pub mod state;
mod table;
