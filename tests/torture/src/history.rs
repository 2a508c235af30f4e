//! What clients asked and what they were told, event by event, in files that outlive the clients.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::failure::Result;

/// What a client asks. Every `value` is unique in a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Call {
    /// One row by `execute`.
    Insert {
        /// The row.
        value: i64,
    },
    /// One row by `query` with RETURNING.
    InsertReturning {
        /// The row.
        value: i64,
    },
    /// Rows by `execute_many`.
    InsertMany {
        /// The first row; the others follow it without gaps.
        first: i64,
        /// How many.
        count: i64,
    },
    /// Money from one account to another, in a transaction that reads both.
    Transfer {
        /// Names the transfer.
        value: i64,
        /// The account that pays.
        from: i64,
        /// The account that is paid.
        to: i64,
        /// How much.
        amount: i64,
    },
    /// The money in all accounts, in one statement.
    Sum,
    /// Appends to lists and reads of lists in a transaction.
    Lists(Vec<ListStep>),
    /// Reads of lists in a snapshot.
    Look(Vec<i64>),
}

/// One step of a transaction on lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ListStep {
    /// Appends `value` to the list `key`.
    Append {
        /// The list.
        key: i64,
        /// What is appended.
        value: i64,
    },
    /// Reads the list.
    Read {
        /// The list.
        key: i64,
    },
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    /// It is done.
    Done,
    /// The sum of all accounts.
    Sum(i64),
    /// The lists, in the order of the reads.
    Lists(Vec<Vec<i64>>),
    /// An error.
    Failed {
        /// The error's text.
        error: String,
        /// Whether it may have been applied all the same.
        unknown: bool,
    },
}

/// One line of a history file.
#[derive(Debug, Serialize, Deserialize)]
enum Event {
    Asked { at: u64, op: u64, call: Call },
    Told { at: u64, op: u64, told: Told },
}

/// One call with what came of it. Times are nanoseconds of the machine's monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// What was asked.
    pub(crate) call: Call,
    /// When it was asked.
    pub(crate) asked: u64,
    /// When and what the client was told; `None` where it died before, or nobody answered.
    pub(crate) told: Option<(u64, Told)>,
}

impl Operation {
    /// Whether the client was told that it is done.
    pub(crate) fn is_acknowledged(&self) -> bool {
        matches!(&self.told, Some((_, told)) if !matches!(told, Told::Failed { .. }))
    }

    /// Whether the client was told that nothing was applied.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(&self.told, Some((_, Told::Failed { unknown: false, .. })))
    }
}

/// Now, on the clock that all processes of the machine share.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Writes a history, each event with one call of the system, so that nothing is lost with the process.
pub(crate) struct Recorder {
    file: Mutex<File>,
}

impl Recorder {
    /// Goes on with the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Before a call.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn asked(&self, op: u64, call: &Call) -> Result<()> {
        self.write(&Event::Asked {
            at: now(),
            op,
            call: call.clone(),
        })
    }

    /// After it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn told(&self, op: u64, told: Told) -> Result<()> {
        self.write(&Event::Told {
            at: now(),
            op,
            told,
        })
    }

    fn write(&self, event: &Event) -> Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let mut file = self.file.lock().map_err(|_| "a client's thread panicked")?;
        Ok(file.write_all(&line)?)
    }
}

/// All operations of the history files in a directory.
///
/// # Errors
/// When a file cannot be read. A last line that is cut off, as when its writer was killed, is no error.
pub(crate) fn read_all(directory: &Path) -> Result<Vec<Operation>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "history") {
            read(&path, &mut all)?;
        }
    }
    Ok(all)
}

fn read(path: &Path, all: &mut Vec<Operation>) -> Result<()> {
    let mut open: HashMap<u64, usize> = HashMap::new();
    let mut lines = BufReader::new(File::open(path)?).lines().peekable();
    while let Some(line) = lines.next() {
        let event = match serde_json::from_str(&line?) {
            Ok(event) => event,
            Err(_) if lines.peek().is_none() => break,
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        match event {
            Event::Asked { at, op, call } => {
                open.insert(op, all.len());
                all.push(Operation {
                    call,
                    asked: at,
                    told: None,
                });
            }
            Event::Told { at, op, told } => {
                let index = open
                    .get(&op)
                    .ok_or_else(|| format!("{}: an answer to nothing", path.display()))?;
                all[*index].told = Some((at, told));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_comes_back_and_a_call_without_an_answer_stays_open() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("1.history");
        let recorder = Recorder::open(&path).unwrap();
        recorder.asked(1, &Call::Insert { value: 7 }).unwrap();
        recorder.asked(2, &Call::Sum).unwrap();
        recorder.told(2, Told::Sum(5)).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"Asked\":{\"at\":1,").unwrap();
        let all = read_all(place.path()).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(
            (&all[0].call, &all[0].told),
            (&Call::Insert { value: 7 }, &None)
        );
        let (at, told) = all[1].told.clone().unwrap();
        assert_eq!(told, Told::Sum(5));
        assert!(at >= all[1].asked && all[1].asked >= all[0].asked);
    }
}
