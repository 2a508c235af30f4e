//! What whoever waits for a backup hears of it, and what it says: go on, or stop.

use crate::sink::Flow;

/// What a backup is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackupPhase {
    /// The database is copied.
    Copying,
    /// The copy is read, to see whether it is sound.
    Checking,
}

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// What is done at the moment.
    pub phase: BackupPhase,
    /// Bytes of the database that were copied so far.
    pub done: u64,
    /// Bytes of the database that is copied.
    pub total: u64,
}

/// Hears how far a backup is, several times a second. [`Flow::Stop`] ends the backup with
/// [`Cancelled`](crate::ErrorClass::Cancelled).
pub type BackupWatch<'a> = dyn FnMut(BackupProgress) -> Flow + 'a;

impl BackupPhase {
    /// Its number where it crosses the boundaries of plugin and worker.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Copying => 0,
            Self::Checking => 1,
        }
    }

    /// The phase of this number. A newer driver may know more of them, which are read as the last one.
    pub(crate) fn from_tag(tag: u8) -> Self {
        match tag {
            0 => Self::Copying,
            _ => Self::Checking,
        }
    }
}
