//! Prepared statements, kept up to a limit; the one that was used longest ago goes first.

use std::num::NonZeroUsize;
use std::sync::Arc;

use driver_api::{
    Column, DriverError, ErrorClass, Result, RowRef, StatementDescription, ValueRef, encode_columns,
};
use lru::LruCache;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use crate::error::invalid_value;
use crate::parameter::Parameter;
use crate::placeholders::{self, Rewritten};
use crate::pump::Pump;
use crate::statement::{self, Shape};
use crate::types::{Sort, own_type};

/// A statement that the server has prepared.
pub(crate) struct Prepared {
    pub(crate) statement: Statement,
    /// As the server was given it.
    pub(crate) sql: String,
    pub(crate) shape: Shape,
    /// What the server expects for every placeholder.
    pub(crate) parameters: Vec<Sort>,
    /// What its result's columns hold.
    pub(crate) columns: Vec<Sort>,
    /// The result's header, as it is sent.
    pub(crate) header: Vec<u8>,
}

impl Prepared {
    /// Refuses a number of parameters that is not that of the placeholders.
    pub(crate) fn check_count(&self, given: usize) -> Result<()> {
        let expected = self.parameters.len();
        if expected == given {
            return Ok(());
        }
        let message = format!("the statement has {expected} placeholders, {given} parameters came");
        Err(DriverError::new(ErrorClass::ParameterCount, message).with_sqlstate("07001"))
    }

    /// Refuses a result that has columns of a type that cannot be given, before anything runs.
    pub(crate) fn check_columns(&self) -> Result<()> {
        let Some(index) = self.columns.iter().position(|sort| *sort == Sort::Other) else {
            return Ok(());
        };
        let column = self.statement.columns().get(index);
        let name = column.map(|column| column.name()).unwrap_or_default();
        let ty = column
            .map(|column| column.type_().name())
            .unwrap_or_default();
        Err(invalid_value(
            format!("the column `{name}` has the type {ty}, which cannot be given without loss"),
            "0A000",
        )
        .with_detail("select it as CAST(... AS text)"))
    }

    /// The parameters as the client crate takes them.
    pub(crate) fn bind<'v>(&self, params: RowRef<'v>) -> Result<Vec<Parameter<'v>>> {
        let mut bound = Vec::with_capacity(self.parameters.len());
        self.bind_into(params, &mut bound)?;
        Ok(bound)
    }

    /// The parameters in place of what `bound` holds, so that many rows need one allocation.
    pub(crate) fn bind_into<'v>(
        &self,
        params: RowRef<'v>,
        bound: &mut Vec<Parameter<'v>>,
    ) -> Result<()> {
        self.check_count(params.len())?;
        bound.clear();
        for (index, (sort, value)) in self.parameters.iter().zip(params.iter()).enumerate() {
            bound.push(Parameter {
                value: value?,
                sort: *sort,
                number: index + 1,
            });
        }
        Ok(())
    }

    /// What it takes and gives.
    pub(crate) fn description(&self) -> StatementDescription {
        StatementDescription {
            parameters: u32::try_from(self.parameters.len()).unwrap_or(u32::MAX),
            columns: header(&self.statement, &self.columns),
            read_only: self.shape.reads,
        }
    }

    /// The parameters' types in which the statement must be prepared again, because the server took
    /// a placeholder for text that shall have another kind of value: `SELECT ?`.
    fn own_types(&self, params: RowRef<'_>) -> Result<Option<Vec<Type>>> {
        let mut types: Option<Vec<Type>> = None;
        for (index, value) in params.iter().enumerate() {
            let value = value?;
            if self.parameters.get(index) != Some(&Sort::Text) || is_text(value) {
                continue;
            }
            let types = types.get_or_insert_with(|| self.statement.params().to_vec());
            if let (Some(slot), Some(own)) = (types.get_mut(index), own_type(value)) {
                *slot = own;
            }
        }
        Ok(types)
    }
}

fn is_text(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Text(_) | ValueRef::Null)
}

/// The prepared statements of one session.
pub(crate) struct Statements {
    /// By the client's SQL, and behind a NUL the types that its placeholders were given. `None`:
    /// nothing is kept.
    kept: Option<LruCache<String, Arc<Prepared>>>,
}

impl Statements {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            kept: NonZeroUsize::new(limit).map(LruCache::new),
        }
    }

    /// The statement for a call without parameters, or before they are known.
    pub(crate) fn get(
        &mut self,
        client: &Client,
        pump: &mut Pump,
        sql: &str,
    ) -> Result<Arc<Prepared>> {
        if let Some(found) = self.kept.as_mut().and_then(|kept| kept.get(sql)) {
            return Ok(Arc::clone(found));
        }
        let rewritten = placeholders::rewrite(sql)?;
        let prepared = Arc::new(prepare(client, pump, rewritten, &[])?);
        self.keep(sql.to_owned(), &prepared);
        Ok(prepared)
    }

    /// The statement for a call with these parameters.
    pub(crate) fn get_for(
        &mut self,
        client: &Client,
        pump: &mut Pump,
        sql: &str,
        params: RowRef<'_>,
    ) -> Result<Arc<Prepared>> {
        let base = self.get(client, pump, sql)?;
        base.check_count(params.len())?;
        let Some(types) = base.own_types(params)? else {
            return Ok(base);
        };
        let key = key(sql, &types);
        if let Some(found) = self.kept.as_mut().and_then(|kept| kept.get(&key)) {
            return Ok(Arc::clone(found));
        }
        let rewritten = placeholders::rewrite(sql)?;
        let prepared = Arc::new(prepare(client, pump, rewritten, &types)?);
        self.keep(key, &prepared);
        Ok(prepared)
    }

    /// Forgets all statements: what they were prepared for has changed.
    pub(crate) fn clear(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
    }

    fn keep(&mut self, key: String, prepared: &Arc<Prepared>) {
        if let Some(kept) = &mut self.kept {
            kept.put(key, Arc::clone(prepared));
        }
    }
}

fn key(sql: &str, types: &[Type]) -> String {
    let mut key = format!("{sql}\0");
    for ty in types {
        key.push_str(&format!("{},", ty.oid()));
    }
    key
}

fn prepare(
    client: &Client,
    pump: &mut Pump,
    rewritten: Rewritten,
    types: &[Type],
) -> Result<Prepared> {
    let Rewritten { sql, placeholders } = rewritten;
    let shape = statement::classify(&sql)?;
    let statement = pump.run(&sql, client.prepare_typed(&sql, types))?;
    let sorts = |ty: &Type| Sort::of(ty);
    let parameters: Vec<Sort> = statement.params().iter().map(sorts).collect();
    if parameters.len() != placeholders {
        return Err(DriverError::new(
            ErrorClass::Internal,
            "the server counts other placeholders than the driver",
        ));
    }
    let columns: Vec<Sort> = statement
        .columns()
        .iter()
        .map(|column| Sort::of(column.type_()))
        .collect();
    let mut encoded = Vec::new();
    encode_columns(&header(&statement, &columns), &mut encoded);
    Ok(Prepared {
        statement,
        sql,
        shape,
        parameters,
        columns,
        header: encoded,
    })
}

fn header(statement: &Statement, sorts: &[Sort]) -> Vec<Column> {
    let columns = statement.columns().iter().zip(sorts);
    columns
        .map(|(column, sort)| Column {
            name: column.name().to_owned(),
            declared_type: column.type_().name().to_owned(),
            kind: sort.kind(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use driver_api::{Connection as _, TransactionMode, Value};
    use serde_json::json;
    use test_needs::needs;

    use super::*;
    use crate::testing::TestDatabase;

    fn held_by_server(database: &mut TestDatabase) -> Value {
        database.value("SELECT count(*) FROM pg_prepared_statements", [])
    }

    #[needs(postgresql)]
    #[test]
    fn statements_are_kept_up_to_the_limit() {
        let database = TestDatabase::new();
        let mut database = database.connect(json!({"statement_cache": 4}));
        for round in 0..3 {
            for n in 0..20 {
                let sql = format!("SELECT {n} + ?::int");
                assert_eq!(
                    database.value(&sql, [1.into()]),
                    Value::I64(n + 1),
                    "{round}"
                );
            }
        }
        assert_eq!(held_by_server(&mut database), Value::I64(4));
        let mut none = database.connect(json!({"statement_cache": 0}));
        none.run("SELECT 1");
        assert_eq!(held_by_server(&mut none), Value::I64(1));
    }

    #[needs(postgresql)]
    #[test]
    fn a_statement_is_prepared_again_when_its_table_changes() {
        let mut database = TestDatabase::new();
        let mut other = database.connect(json!({}));
        database.run("CREATE TABLE t(a int)");
        let columns = |database: &mut TestDatabase| {
            database.query("SELECT * FROM t", []).unwrap().columns.len()
        };
        assert_eq!(columns(&mut database), 1);
        other.run("ALTER TABLE t ADD COLUMN b text");
        assert_eq!(columns(&mut database), 2);
        other.run("ALTER TABLE t ADD COLUMN c text");
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        let error = database.query("SELECT * FROM t", []).err().unwrap();
        assert_eq!(
            (error.class(), error.is_retryable()),
            (ErrorClass::Conflict, true)
        );
        database.connection.rollback().unwrap();
        assert_eq!(columns(&mut database), 3);
    }

    #[needs(postgresql)]
    #[test]
    fn a_description_does_not_run_the_statement() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int, name varchar(80))");
        let sql = "INSERT INTO t VALUES (?, ?) RETURNING name";
        let insert = database.connection.describe(sql).unwrap();
        assert_eq!((insert.parameters, insert.read_only), (2, false));
        assert_eq!(insert.columns[0].declared_type, "varchar");
        assert!(
            database
                .connection
                .describe("SELECT 1 AS one")
                .unwrap()
                .read_only
        );
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
        let error = database
            .connection
            .describe("SELECT * FROM nowhere")
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::NotFound);
    }

    #[needs(postgresql)]
    #[test]
    fn a_call_takes_one_statement_and_the_right_number_of_parameters() {
        let mut database = TestDatabase::new();
        for sql in ["SELECT 1; SELECT 2", "CREATE TABLE a(b int); DROP TABLE a"] {
            let error = database.execute(sql, []).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Syntax, "{sql}: {error}");
            assert!(error.message().contains("more than one"), "{sql}: {error}");
        }
        assert_eq!(database.value("SELECT 1; -- end", []), Value::I64(1));
        let error = database.query("SELECT ?, ?", [Value::Null]).err().unwrap();
        assert_eq!(error.class(), ErrorClass::ParameterCount);
        assert_eq!(
            error.message(),
            "the statement has 2 placeholders, 1 parameters came"
        );
        let error = database.execute("SELECT 1 FRM t", []).unwrap_err();
        assert_eq!(
            (error.class(), error.detail()),
            (ErrorClass::Syntax, Some("before `t`"))
        );
        let error = database.execute("SAVEPOINT s", []).unwrap_err();
        assert_eq!(error.class(), ErrorClass::TransactionState);
    }
}
