//! Statements of one connection: prepared once, kept, run, their rows pushed.

use std::num::NonZeroUsize;
use std::sync::Arc;

use driver_api::{
    Column, DriverError, ErrorClass, ExecuteResult, Flow, Result, RowSink, StatementDescription,
};
use filedescriptor::FileDescriptor;
use lru::LruCache;
use mysql::prelude::{Protocol, Queryable};
use mysql::{QueryResult, Statement, Value as Cell};
use mysql_common::named_params::ParsedNamedParams;

use crate::cancel::Cancel;
use crate::column::{self, Reading};
use crate::error::{IntoDriverResult, NOT_PREPARABLE, from_client, too_large};
use crate::policy::{self, Kind};
use crate::server::{Server, break_off};
use crate::{calls, parameter, sql, value};

/// Rows that are read and dropped when the reader has enough: a short rest costs less than a second
/// connection that stops the statement.
const SHORT_REST: usize = 2_000;

/// A statement that the server knows.
pub(crate) struct Prepared {
    pub(crate) kind: Kind,
    /// Whether it gives the rows that it changes: the server tells that only when it runs.
    pub(crate) gives_changes: bool,
    /// Whether it only reads, and calls no function that may write.
    pub(crate) harmless: bool,
    /// Whether it only reads, and may end in success because somebody asked for its end.
    pub(crate) waits: bool,
    form: Form,
    /// How the rows of the last run were read; the columns may change with the schema.
    shape: Option<Arc<Shape>>,
}

enum Form {
    Binary(Statement),
    /// The server does not prepare it: it is sent as text, without parameters.
    Text(String),
}

struct Shape {
    columns: Arc<[mysql::Column]>,
    header: Vec<Column>,
    readings: Vec<Reading>,
}

impl Shape {
    fn of(columns: Arc<[mysql::Column]>) -> Self {
        Self {
            header: columns.iter().map(column::describe).collect(),
            readings: columns.iter().map(Reading::of).collect(),
            columns,
        }
    }
}

impl Prepared {
    /// Number of `?` placeholders.
    pub(crate) fn parameters(&self) -> usize {
        match &self.form {
            Form::Binary(statement) => statement.num_params().into(),
            Form::Text(_) => 0,
        }
    }

    /// Refuses a number of parameters that is not that of the placeholders.
    pub(crate) fn check_count(&self, given: usize) -> Result<()> {
        let expected = self.parameters();
        if expected == given {
            return Ok(());
        }
        let message = format!("the statement has {expected} placeholders, {given} parameters came");
        Err(DriverError::new(ErrorClass::ParameterCount, message).with_sqlstate("07001"))
    }

    pub(crate) fn describe(&self) -> StatementDescription {
        let columns = match &self.form {
            Form::Binary(statement) => statement.columns().iter().map(column::describe).collect(),
            Form::Text(_) => Vec::new(),
        };
        StatementDescription {
            parameters: u32::try_from(self.parameters()).unwrap_or(u32::MAX),
            columns,
            read_only: self.kind == Kind::Read,
        }
    }
}

/// The prepared statements of one connection, the ones that were used last.
pub(crate) struct Statements {
    kept: LruCache<String, Prepared>,
    limit: usize,
}

impl Statements {
    pub(crate) fn new(limit: usize) -> Self {
        // One is kept even where none shall be: while it runs.
        let room = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self {
            kept: LruCache::new(room),
            limit,
        }
    }

    /// Prepares a client's statement, or takes it from the cache. It must be exactly one.
    pub(crate) fn prepare(&mut self, server: &mut Server, text: &str) -> Result<&mut Prepared> {
        if !self.kept.contains(text) || self.limit == 0 {
            let prepared = prepare(server, text)?;
            if let Some((_, evicted)) = self.kept.push(text.to_owned(), prepared) {
                close(server, evicted)?;
            }
        }
        self.kept.get_mut(text).ok_or_else(|| {
            DriverError::new(
                ErrorClass::Internal,
                "fault in the driver: a statement got lost",
            )
        })
    }

    /// Whether the server knows a statement that may run twice without harm.
    pub(crate) fn has_harmless(&self, text: &str) -> bool {
        self.kept.peek(text).is_some_and(|kept| kept.harmless)
    }

    /// Number of statements that the server keeps for this connection.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

fn close(server: &mut Server, evicted: Prepared) -> Result<()> {
    if let Form::Binary(statement) = evicted.form {
        let closed = server.client.close(statement).map_err(from_client);
        closed.map_err(|error| server.note(error))?;
    }
    Ok(())
}

fn prepare(server: &mut Server, text: &str) -> Result<Prepared> {
    let statement = sql::only_statement(text)?;
    let kind = policy::classify(statement)?;
    let text = policy::in_server_words(statement, kind)?;
    let form = match server.client.prep(guarded(&text)?) {
        Ok(statement) => Form::Binary(statement),
        Err(mysql::Error::MySqlError(error)) if error.code == NOT_PREPARABLE => Form::Text(text),
        Err(error) => return Err(server.note(from_client(error))),
    };
    Ok(Prepared {
        kind,
        gives_changes: kind == Kind::Write && policy::has_returning(statement)?,
        harmless: kind == Kind::Read && calls::are_harmless(statement)?,
        waits: kind == Kind::Read && policy::waits(statement)?,
        form,
        shape: None,
    })
}

/// The statement in a form in which the client library finds no `:name` to replace.
///
/// The library looks for them by rules of its own, which do not know this session's strings. A
/// comment before the statement leads it to take the rest for something that it does not look into.
fn guarded(text: &str) -> Result<String> {
    for guard in ["", "/**/", "/*+`*/", "/*+'*/"] {
        let candidate = format!("{guard}{text}");
        let misread = ParsedNamedParams::parse(candidate.as_bytes())
            .map_or(true, |parsed| !parsed.params().is_empty());
        if !misread {
            return Ok(candidate);
        }
    }
    Err(DriverError::new(
        ErrorClass::Unsupported,
        "the statement holds a colon before a word where the client library takes it for a parameter",
    )
    .with_detail("pass the text with the colon as a parameter"))
}

/// What a run needs beside the statement.
pub(crate) struct Run<'r> {
    pub(crate) server: &'r mut Server,
    pub(crate) cancel: &'r Cancel,
    /// Whether the open transaction may only read.
    pub(crate) only_reads: bool,
}

impl Run<'_> {
    /// Runs a statement and pushes its rows into `rows`, or drops them where there is no sink.
    pub(crate) fn run(
        &mut self,
        prepared: &mut Prepared,
        params: Vec<Cell>,
        rows: Option<&mut RowSink<'_>>,
    ) -> Result<ExecuteResult> {
        self.cancel.check()?;
        // The server would end the connection.
        if parameter::size(&params) > self.server.facts.largest_packet {
            return Err(too_large());
        }
        let Server { client, socket, .. } = &mut *self.server;
        let rest = Rest {
            cancel: self.cancel,
            socket,
            kind: prepared.kind,
            only_reads: self.only_reads,
        };
        let shape = &mut prepared.shape;
        let done = match &prepared.form {
            Form::Binary(statement) => client
                .exec_iter(statement, params)
                .driver_result()
                .and_then(|result| read(result, shape, Some(statement), rows, &rest)),
            Form::Text(text) => client
                .query_iter(text)
                .driver_result()
                .and_then(|result| read(result, shape, None, rows, &rest)),
        };
        done.map_err(|error| self.server.note(error))
    }
}

/// Reads a result to its end, or as far as it is wanted.
fn read<T: Protocol>(
    mut result: QueryResult<'_, '_, '_, T>,
    shape: &mut Option<Arc<Shape>>,
    statement: Option<&Statement>,
    rows: Option<&mut RowSink<'_>>,
    rest: &Rest<'_>,
) -> Result<ExecuteResult> {
    if result.columns().as_ref().is_empty() {
        let done = ExecuteResult {
            rows_affected: result.affected_rows(),
            last_insert_id: inserted_id(result.affected_rows(), result.last_insert_id()),
        };
        return Ok(done);
    }
    let pushed = match rows {
        Some(rows) => {
            let shape = current_shape(&result, shape, statement);
            push(&mut result, &shape, rows)
        }
        None => drop_rows(&mut result).map(|()| Flow::Continue),
    };
    if !matches!(pushed, Ok(Flow::Continue)) {
        rest.end(result);
    }
    pushed.map(|_| ExecuteResult::default())
}

/// The shape of the last run, where the columns are still the same.
fn current_shape<T: Protocol>(
    result: &QueryResult<'_, '_, '_, T>,
    shape: &mut Option<Arc<Shape>>,
    statement: Option<&Statement>,
) -> Arc<Shape> {
    let columns = statement.map(Statement::columns);
    if let (Some(known), Some(columns)) = (&*shape, &columns)
        && (Arc::ptr_eq(&known.columns, columns) || known.columns == *columns)
    {
        return Arc::clone(known);
    }
    let columns = columns.unwrap_or_else(|| result.columns().as_ref().into());
    Arc::clone(shape.insert(Arc::new(Shape::of(columns))))
}

fn push<T: Protocol>(
    result: &mut QueryResult<'_, '_, '_, T>,
    shape: &Shape,
    rows: &mut RowSink<'_>,
) -> Result<Flow> {
    rows.start(&shape.header)?;
    for row in result {
        let row = row.driver_result()?;
        let flow = value::push_row(&row, &shape.readings, &shape.columns, rows)?;
        if flow == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn drop_rows<T: Protocol>(result: &mut QueryResult<'_, '_, '_, T>) -> Result<()> {
    result.try_for_each(|row| row.map(drop)).driver_result()
}

/// The number is the first one's where several rows were inserted.
fn inserted_id(rows_affected: u64, id: Option<u64>) -> Option<i64> {
    if rows_affected != 1 {
        return None;
    }
    i64::try_from(id?).ok().filter(|id| *id != 0)
}

/// What to do with rows that nobody wants.
struct Rest<'r> {
    cancel: &'r Cancel,
    socket: &'r FileDescriptor,
    kind: Kind,
    only_reads: bool,
}

impl Rest<'_> {
    /// Ends a result early. The client library reads what is left when the result is dropped: for a
    /// long rest, the server is told to stop before.
    fn end<T: Protocol>(&self, mut result: QueryResult<'_, '_, '_, T>) {
        let short = if self.kind == Kind::Read {
            SHORT_REST
        } else {
            usize::MAX
        };
        for _ in 0..short {
            if !matches!(result.next(), Some(Ok(_))) {
                return;
            }
        }
        if self.cancel.stop_statement(self.only_reads).is_err() {
            break_off(self.socket);
        }
    }
}

#[cfg(test)]
mod tests;
