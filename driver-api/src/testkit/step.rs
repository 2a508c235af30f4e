//! One step of a case as data: on which connection, what is done, and what is expected of it.

use std::fmt;

use super::expect::{Expect, Want};
use super::run::{Bench, Mismatch};
use crate::driver::TransactionMode;
use crate::error::ErrorClass;
use crate::value::Value;

/// One step. SQL is a template of [`Names`](super::names::Names).
pub(super) struct Step {
    /// The number of the connection; each is opened when it is first used.
    pub(super) on: usize,
    pub(super) action: Action,
    pub(super) expect: Expect,
}

/// What is done.
pub(super) enum Action {
    /// Opens the connection anew, in this way.
    Connect(Way),
    Execute {
        sql: String,
        params: Vec<Value>,
    },
    Query {
        sql: String,
        params: Vec<Value>,
    },
    /// A query whose reader has enough after so many blocks.
    QueryUntil {
        sql: String,
        blocks: usize,
    },
    /// `execute_many`.
    Batch {
        sql: String,
        rows: Rows,
    },
    /// Inserts the value into the column `v` of `{t}` and reads it back.
    Store(Datum),
    Describe(String),
    Begin(TransactionMode),
    Commit,
    Rollback,
    Tables,
    Columns(String),
    Ping,
    /// `backup` into the file of this name in the case's own directory.
    Backup(&'static str),
    /// The same, stopped at its first step.
    BackupStopped(&'static str),
    Close,
    /// Drops the connection without closing it.
    Drop,
    CreateDatabase,
    /// Asks for a cancel while no call runs.
    Cancel,
    /// Does this while another thread cancels.
    Cancelled(Box<Action>),
    /// A query that another thread cancels when its first rows have arrived.
    CancelledAtRows(String),
    /// What is no sequence of calls.
    Check(fn(&Bench<'_>) -> Result<(), Mismatch>),
}

/// How a connection is opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// With the options of the run.
    Plain,
    /// And `read_only`.
    ReadOnly,
    /// And `panic_at`.
    PanicAt(&'static str),
    /// To the copy of this name: with it as the option `path`.
    Copy(&'static str),
}

/// The rows of a batch.
pub(super) enum Rows {
    /// These.
    Listed(Vec<Vec<Value>>),
    /// `(1, "row 1")` and so on, so many.
    Numbered(i64),
}

/// A value, or the recipe of one that is too long to be kept.
#[derive(Clone, Debug)]
pub(super) enum Datum {
    Value(Value),
    /// Text of so many bytes.
    LongText(usize),
    /// So many bytes.
    LongBytes(usize),
}

impl Datum {
    /// The value itself.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::LongText(bytes) => {
                let text = LONG_TEXT.repeat(bytes / LONG_TEXT.len() + 1);
                Value::Text(text[..*bytes].to_owned())
            }
            Self::LongBytes(bytes) => {
                let mut long = LONG_BYTES.repeat(bytes / LONG_BYTES.len() + 1);
                long.truncate(*bytes);
                Value::Bytes(long)
            }
        }
    }
}

/// What long values repeat. No length is a power of two, so that a copy that is shifted by a block is noticed.
const LONG_TEXT: &str = "0123456789 abcdef '?' \\ \n!";
const LONG_BYTES: [u8; 7] = [0, 1, 0x7f, 0x80, 0xff, b'\'', b'\\'];

impl Step {
    fn new(action: Action) -> Self {
        Self {
            on: 0,
            action,
            expect: Expect::Success,
        }
    }

    /// On this connection instead of the first.
    pub(super) fn on(mut self, connection: usize) -> Self {
        self.on = connection;
        self
    }

    /// With these parameters.
    pub(super) fn with<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        if let Action::Execute { params, .. } | Action::Query { params, .. } = &mut self.action {
            params.extend(values.into_iter().map(Into::into));
        }
        self
    }

    /// What is to come of it; without this, any success.
    pub(super) fn gives(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// It gives one row of one cell.
    pub(super) fn gives_value(self, want: impl Into<Want>) -> Self {
        self.gives(Expect::Rows(vec![vec![want.into()]]))
    }

    /// It fails with this class.
    pub(super) fn fails(self, class: ErrorClass) -> Self {
        self.gives(Expect::Fails(vec![class]))
    }

    /// It fails with one of these classes.
    pub(super) fn fails_with_one_of(self, classes: &[ErrorClass]) -> Self {
        self.gives(Expect::Fails(classes.to_vec()))
    }
}

pub(super) fn execute(sql: impl Into<String>) -> Step {
    Step::new(Action::Execute {
        sql: sql.into(),
        params: Vec::new(),
    })
}

pub(super) fn query(sql: impl Into<String>) -> Step {
    Step::new(Action::Query {
        sql: sql.into(),
        params: Vec::new(),
    })
}

pub(super) fn batch(sql: impl Into<String>, rows: Rows) -> Step {
    let sql = sql.into();
    Step::new(Action::Batch { sql, rows })
}

/// Inserts so many numbered rows into `{t} (id, v)`.
pub(super) fn fill(rows: i64) -> Step {
    batch(
        "INSERT INTO {t} (id, v) VALUES (?, ?)",
        Rows::Numbered(rows),
    )
}

/// Inserts one row into `{t} (id, v)`.
pub(super) fn insert(id: i64, v: &str) -> Step {
    execute("INSERT INTO {t} (id, v) VALUES (?, ?)").with([Value::from(id), Value::from(v)])
}

/// The table `{t}` of a number and a text.
pub(super) fn create() -> Step {
    execute("CREATE TABLE {t} (id {i64}, v {text})")
}

/// The table `{t}` whose number is its key.
pub(super) fn create_keyed() -> Step {
    execute("CREATE TABLE {t} (id {i64} NOT NULL PRIMARY KEY, v {text})")
}

/// All of `{t}`, of which only the number of rows is looked at.
pub(super) fn rows_are(rows: u64) -> Step {
    query("SELECT id FROM {t}").gives(Expect::Count(rows))
}

pub(super) fn step(action: Action) -> Step {
    Step::new(action)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(Way::Plain) => f.write_str("connect"),
            Self::Connect(Way::ReadOnly) => f.write_str("connect with `read_only`"),
            Self::Connect(Way::PanicAt(at)) => write!(f, "connect with `panic_at` {at}"),
            Self::Connect(Way::Copy(name)) => write!(f, "connect to the backup {name}"),
            Self::Execute { sql, params } => write!(f, "execute `{sql}`{}", Count(params.len())),
            Self::Query { sql, params } => write!(f, "query `{sql}`{}", Count(params.len())),
            Self::QueryUntil { sql, blocks } => {
                write!(f, "query `{sql}`, read until {blocks} block(s) have come")
            }
            Self::Batch { sql, rows } => {
                let count = match rows {
                    Rows::Listed(rows) => rows.len(),
                    Rows::Numbered(count) => usize::try_from(*count).unwrap_or(0),
                };
                write!(f, "execute_many `{sql}` with {count} row(s)")
            }
            Self::Store(_) => f.write_str("store a value in `{t}` and read it"),
            Self::Describe(sql) => write!(f, "describe `{sql}`"),
            Self::Begin(mode) => write!(f, "begin {mode:?}"),
            Self::Commit => f.write_str("commit"),
            Self::Rollback => f.write_str("rollback"),
            Self::Tables => f.write_str("tables"),
            Self::Columns(table) => write!(f, "columns of `{table}`"),
            Self::Ping => f.write_str("ping"),
            Self::Backup(name) => write!(f, "backup to {name}"),
            Self::BackupStopped(name) => write!(f, "backup to {name}, stopped at once"),
            Self::Close => f.write_str("close"),
            Self::Drop => f.write_str("drop the connection"),
            Self::CreateDatabase => f.write_str("create_database"),
            Self::Cancel => f.write_str("cancel without a running call"),
            Self::Cancelled(action) => write!(f, "{action} while another thread cancels"),
            Self::CancelledAtRows(sql) => write!(f, "query `{sql}` and cancel at the first rows"),
            Self::Check(_) => f.write_str("check"),
        }
    }
}

/// The number of parameters, where there are any.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(f, " with {count} parameter(s)"),
        }
    }
}
