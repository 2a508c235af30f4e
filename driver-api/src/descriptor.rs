//! What a driver says of itself: name, placement, dialect, capabilities and options.

use serde::{Deserialize, Serialize};

use crate::options::OptionSpec;
use crate::value::ValueKind;

/// Which processes may load a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Any process: the database is a server that takes many connections.
    Direct,
    /// Only a DB worker process, which owns the database's file; everybody else asks the worker.
    Worker,
}

/// The SQL that a database speaks; decides what the host emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// Portable SQL only.
    Generic,
}

/// What a driver can do beyond `connect`, `query` and `execute`. Nothing is assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// `begin`, `commit`, `rollback`.
    pub transactions: bool,
    /// `SAVEPOINT`, `ROLLBACK TO`, `RELEASE` as statements inside a transaction.
    pub savepoints: bool,
    /// Rows leave while the query still runs, in bounded memory.
    pub streaming: bool,
    /// `cancel_handle` gives a handle.
    pub cancel: bool,
    /// `describe`.
    pub describe: bool,
    /// `tables` and `columns`.
    pub catalog: bool,
    /// `create_database`.
    pub create_database: bool,
    /// The engine itself refuses writes on a connection made with the option `read_only`.
    pub read_only: bool,
    /// `CREATE TABLE`, `DROP TABLE`, and on such tables the plain statements
    /// `INSERT INTO t (a, b) VALUES (?, ?)`, `SELECT a, b FROM t` and `DELETE FROM t`.
    pub ddl: bool,
    /// SQL beyond the plain statements: literals, operators, `WHERE`, `UPDATE`, `ORDER BY`, `count(*)`,
    /// joins, subqueries, views, `SELECT` without a table.
    pub expressions: bool,
    /// Any text can name a table or column when it is quoted as the dialect quotes.
    pub quoted_identifiers: bool,
    /// Several connections see one database: what one has committed, the others read.
    pub shared_data: bool,
    /// `PRIMARY KEY`, `UNIQUE`, `NOT NULL` and `CHECK` are enforced.
    pub constraints: bool,
    /// `REFERENCES` is enforced.
    pub foreign_keys: bool,
    /// A value that does not fit the type of its column is refused, not converted or kept as it is.
    pub strict_types: bool,
    /// `last_insert_id` tells the key that the database generated.
    pub generated_keys: bool,
    /// `backup`.
    pub backup: bool,
}

impl Capabilities {
    /// None of them; set the fields that hold.
    pub fn none() -> Self {
        Self::default()
    }
}

/// A column type that keeps a kind of value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnType {
    /// The kind. A value of it that is stored in such a column comes back the same.
    pub kind: ValueKind,
    /// The type as it stands in `CREATE TABLE`.
    pub sql: String,
}

/// What a driver says of itself.
///
/// ```
/// use driver_api::{Capabilities, Dialect, DriverDescriptor, OptionSpec, Placement, ValueKind};
///
/// let mut capabilities = Capabilities::none();
/// capabilities.ddl = true;
/// capabilities.transactions = true;
/// let descriptor = DriverDescriptor::new("tinydb", "0.1.0", Placement::Direct, Dialect::Generic)
///     .alias("tiny")
///     .summary("Keeps small tables in memory")
///     .capabilities(capabilities)
///     .column_type(ValueKind::I64, "NUMBER")
///     .column_type(ValueKind::Text, "WORDS")
///     .option(OptionSpec::path("path", "the database file").required());
/// assert_eq!(descriptor.name, "tinydb");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverDescriptor {
    /// The name that `database.type` gives: lower-case letters, digits and `-`.
    pub name: String,
    /// Other names for the same driver.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The driver's own version (semver).
    pub version: String,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// Which processes may load it.
    pub placement: Placement,
    /// The SQL that its database speaks.
    pub dialect: Dialect,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The options of a connection. Unknown options are refused before `connect` is called.
    #[serde(default)]
    pub options: Vec<OptionSpec>,
    /// The column types of a database with [`Dialect::Generic`]; those of other dialects are known.
    #[serde(default)]
    pub column_types: Vec<ColumnType>,
}

impl DriverDescriptor {
    /// A descriptor without aliases, options and capabilities.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        placement: Placement,
        dialect: Dialect,
    ) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            version: version.into(),
            summary: String::new(),
            placement,
            dialect,
            capabilities: Capabilities::default(),
            options: Vec::new(),
            column_types: Vec::new(),
        }
    }

    /// Adds another name.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// Sets the line for people.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// Sets what the driver can do.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Adds an option.
    #[must_use]
    pub fn option(mut self, option: OptionSpec) -> Self {
        self.options.push(option);
        self
    }

    /// Names the column type that keeps values of this kind.
    #[must_use]
    pub fn column_type(mut self, kind: ValueKind, sql: impl Into<String>) -> Self {
        let sql = sql.into();
        self.column_types.push(ColumnType { kind, sql });
        self
    }
}
