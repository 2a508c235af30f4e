//! A connection through the worker: every call is a request, rows pass through as the blocks they came in.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use driver_api::wire::message::{Reply, Request};
use driver_api::{
    BackupWatch, CancelHandle, ColumnInfo, Connection, DriverError, ErrorClass, ExecuteResult,
    Flow, Result, RowBlockRef, RowRef, RowSink, StatementDescription, TableInfo, TransactionMode,
};

use crate::conversation::{Asked, Conversation, Failure};
use crate::error;
use crate::link::{Effect, Link};
use crate::options::ProxyOptions;

pub(crate) struct ProxyConnection {
    link: Link,
    /// The number of the last write that was asked for.
    sequence: u64,
    transaction: Transaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open(TransactionMode),
    /// It went with its conversation. Nothing is carried out until the owner has ended it: single
    /// statements would be transactions of their own.
    Lost,
}

impl ProxyConnection {
    pub(crate) fn open(options: ProxyOptions) -> Result<Self> {
        Ok(Self {
            link: Link::open(options)?,
            sequence: 0,
            transaction: Transaction::None,
        })
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Asks again when the worker goes away; but not within a transaction, which ends with it.
    fn call<T>(
        &mut self,
        effect: Effect,
        attempt: impl FnMut(&mut Conversation) -> Asked<T>,
    ) -> Result<T> {
        match self.transaction {
            Transaction::None => self.link.ask(effect, attempt),
            Transaction::Lost => Err(error::transaction_lost()),
            Transaction::Open(_) => self.link.ask_once(attempt).map_err(|failure| {
                if !matches!(failure, Failure::Answer(_)) {
                    self.transaction = Transaction::Lost;
                }
                failure.into_error()
            }),
        }
    }

    fn call_for_json<T: serde::de::DeserializeOwned>(
        &mut self,
        request: &Request<'_>,
    ) -> Result<T> {
        self.call(Effect::Reads, |conversation| {
            conversation.send(request)?;
            match conversation.receive()? {
                Reply::Json(json) => serde_json::from_slice(json).map_err(|error| {
                    let error = DriverError::new(ErrorClass::Protocol, error.to_string());
                    Failure::Hopeless(error)
                }),
                _ => Err(error::out_of_turn("a question about the catalog")),
            }
        })
    }

    /// After a query was cut off in the middle of its rows: what became of it, should it have been a
    /// write.
    fn outcome_of_cut_off(&mut self, sequence: u64) -> DriverError {
        let asked = self.link.ask(Effect::Reads, |conversation| {
            ask(conversation, &Request::Commit { sequence })
        });
        match asked {
            Err(error) if error.class() == ErrorClass::TransactionState => error::cut_off(),
            _ => error::cut_off().with_unknown_outcome(),
        }
    }
}

/// Sends a request whose only answer is `Done`.
fn ask(conversation: &mut Conversation, request: &Request<'_>) -> Asked<ExecuteResult> {
    conversation.send(request)?;
    match conversation.receive()? {
        Reply::Done(result) => Ok(result),
        _ => Err(error::out_of_turn("a statement")),
    }
}

/// Takes rows until the last answer. A reader that has enough is told to the worker once, and what is
/// on its way is passed over. `passed` is set once the reader has seen anything.
fn pass_rows(
    conversation: &mut Conversation,
    rows: &mut RowSink<'_>,
    passed: &mut bool,
) -> Asked<()> {
    let mut flow = Flow::Continue;
    let mut told = false;
    loop {
        match conversation.receive()? {
            Reply::Header { count, header } => {
                *passed = true;
                flow = rows
                    .forward_columns(header, count as usize)
                    .map_err(Failure::Hopeless)?;
            }
            Reply::Block(block) if flow == Flow::Continue => {
                flow = rows.forward_block(block).map_err(Failure::Hopeless)?;
            }
            Reply::Block(_) if !told => {
                told = true;
                conversation.send(&Request::Stop)?;
            }
            Reply::Block(_) => {}
            Reply::Done(_) => return Ok(()),
            _ => return Err(error::out_of_turn("a query")),
        }
    }
}

/// Hears how far a backup is until its end, and says each time whether it is to go on. `begun` is set once the worker
/// has begun.
fn hear_backup(
    conversation: &mut Conversation,
    watch: &mut BackupWatch<'_>,
    begun: &mut bool,
) -> Asked<()> {
    loop {
        match conversation.receive()? {
            Reply::Progress(at) => {
                *begun = true;
                conversation.send(match watch(at) {
                    Flow::Continue => &Request::GoOn,
                    Flow::Stop => &Request::Stop,
                })?;
            }
            Reply::Done(_) => return Ok(()),
            _ => return Err(error::out_of_turn("a backup")),
        }
    }
}

impl Connection for ProxyConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        let sequence = self.next_sequence();
        let request = Request::Query {
            sequence,
            sql,
            params: params.block_bytes(),
        };
        let mut passed = false;
        let alone = self.transaction == Transaction::None;
        let mut cut_off = false;
        let result = self.call(Effect::Writes, |conversation| {
            conversation.send(&request)?;
            pass_rows(conversation, rows, &mut passed).map_err(|failure| match failure {
                Failure::Lost { error, .. } if passed => {
                    cut_off = true;
                    Failure::Hopeless(error)
                }
                other => other,
            })
        });
        match result {
            Err(_) if cut_off && alone => Err(self.outcome_of_cut_off(sequence)),
            other => other,
        }
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        let request = Request::Execute {
            sequence: self.next_sequence(),
            sql,
            params: params.block_bytes(),
        };
        self.call(Effect::Writes, |conversation| ask(conversation, &request))
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        let request = Request::ExecuteMany {
            sequence: self.next_sequence(),
            sql,
            batch: batch.as_bytes(),
        };
        self.call(Effect::Writes, |conversation| ask(conversation, &request))
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        self.call_for_json(&Request::Describe { sql })
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        // Nothing is applied by beginning, so that it may happen twice.
        self.call(Effect::Reads, |conversation| {
            ask(conversation, &Request::Begin(mode))
        })?;
        self.transaction = Transaction::Open(mode);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let sequence = self.next_sequence();
        let mut asked = 0;
        let commit = |conversation: &mut Conversation| {
            asked += 1;
            ask(conversation, &Request::Commit { sequence }).map(|_| ())
        };
        let result = match std::mem::replace(&mut self.transaction, Transaction::None) {
            Transaction::Lost => return Err(error::transaction_lost()),
            Transaction::Open(TransactionMode::ReadOnly) => {
                return match self.link.ask_once(commit) {
                    // Whatever was read was read; there is nothing to be made permanent.
                    Err(Failure::Lost { .. }) => Ok(()),
                    other => other.map_err(Failure::into_error),
                };
            }
            _ => self.link.ask(Effect::Writes, commit),
        };
        match result {
            // The next worker knows of no transaction and of no commit: the last one died before it.
            Err(error) if asked > 1 && error.class() == ErrorClass::TransactionState => {
                Err(error::transaction_lost())
            }
            other => other,
        }
    }

    fn rollback(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.transaction, Transaction::None) == Transaction::Lost {
            return Ok(());
        }
        let rolled_back = self
            .link
            .ask_once(|conversation| ask(conversation, &Request::Rollback));
        match rolled_back {
            // The worker rolls back what a client leaves behind.
            Ok(_) | Err(Failure::Lost { .. }) => Ok(()),
            Err(other) => Err(other.into_error()),
        }
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.call_for_json(&Request::Tables)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.call_for_json(&Request::Columns { table })
    }

    fn ping(&mut self) -> Result<()> {
        self.call(Effect::Reads, |conversation| {
            ask(conversation, &Request::Ping).map(|_| ())
        })
    }

    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        Some(Arc::new(self.link.cancel_handle()))
    }

    fn backup(&mut self, target: &Path, watch: &mut BackupWatch<'_>) -> Result<()> {
        let request = Request::Backup {
            target: target.as_os_str().as_bytes(),
        };
        let mut begun = false;
        self.call(Effect::Reads, |conversation| {
            conversation.send(&request)?;
            hear_backup(conversation, watch, &mut begun).map_err(|failure| match failure {
                // The worker may have ended just after the copy got its name, which would then be taken.
                Failure::Lost { error, .. } if begun => Failure::Hopeless(error),
                other => other,
            })
        })
    }

    fn close(&mut self) -> Result<()> {
        self.link.say_good_bye();
        Ok(())
    }
}

impl Drop for ProxyConnection {
    fn drop(&mut self) {
        self.link.say_good_bye();
    }
}
