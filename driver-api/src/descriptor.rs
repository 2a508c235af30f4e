//! What a driver says of itself: name, placement, dialect, capabilities and options.

use serde::{Deserialize, Serialize};

use crate::options::OptionSpec;

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
}

impl Capabilities {
    /// None of them; set the fields that hold.
    pub fn none() -> Self {
        Self::default()
    }
}

/// What a driver says of itself.
///
/// ```
/// use driver_api::{Capabilities, Dialect, DriverDescriptor, OptionSpec, Placement};
///
/// let mut capabilities = Capabilities::none();
/// capabilities.transactions = true;
/// let descriptor = DriverDescriptor::new("tinydb", "0.1.0", Placement::Direct, Dialect::Generic)
///     .alias("tiny")
///     .summary("Keeps small tables in memory")
///     .capabilities(capabilities)
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
}
