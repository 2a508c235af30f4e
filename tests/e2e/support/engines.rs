//! The three engines, each with a home of its own and an empty database: what differs between them is a section of
//! the configuration.

use std::path::Path;
use std::sync::LazyLock;

use code_analysis_host::app::App;
use code_analysis_host::config::types::Config;
use serde_json::{Value, json};
use test_servers::mariadb::MariaDbServer;
use test_servers::postgres::PostgresServer;

use super::sandbox::{Output, Sandbox, executable, plugins_dir};
use super::server::Server;

/// One server of each kind for all tests: each test has a database of its own there.
static POSTGRES: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(MariaDbServer::start);

/// A home whose database is one engine's.
pub struct Engine {
    /// `sqlite`, `postgres` or `mysql`.
    pub name: &'static str,
    pub sandbox: Sandbox,
    /// The path of its configuration file.
    pub config: String,
}

impl Engine {
    /// Every engine, SQLite first; the database is called `label` and does not exist yet
    pub fn all(label: &str) -> [Self; 3] {
        let [postgres, mysql] = Self::servers(label);
        let sqlite = Self::new("sqlite", &json!({ "path": "code.db" }));
        [sqlite, postgres, mysql]
    }

    /// The engines that are servers.
    pub fn servers(label: &str) -> [Self; 2] {
        let postgres = postgres_section(&POSTGRES, label);
        let mysql = mysql_section(&MARIADB, label);
        [Self::new("postgres", &postgres), Self::new("mysql", &mysql)]
    }

    /// A home whose `database` section this is.
    pub fn new(name: &'static str, database: &Value) -> Self {
        let sandbox = Sandbox::new();
        // No second scan comes in time: what a watching server knows is what notifications brought.
        let workers = json!({ "file_watcher": { "scan_interval": 100_000 } });
        let config = sandbox.config(&json!({ "database": database, "workers": workers }));
        Self {
            name,
            sandbox,
            config,
        }
    }

    /// The same, its driver in a worker.
    pub fn in_a_worker(self) -> Self {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["code_analysis"]["database"]["worker"] =
            json!({ "enabled": true, "executable": executable(), "log_path": "worker.log" });
        std::fs::write(&self.config, config.to_string()).unwrap();
        self
    }

    /// Another home with the same database, as another host has it.
    pub fn second_host(&self) -> Self {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        Self::new(self.name, &config["code_analysis"]["database"])
    }

    /// The same database inside the test's own process.
    pub fn app(&self) -> App {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["code_analysis"]["plugins"] = json!({ "directories": [plugins_dir()] });
        let config = Config::from_value(config, self.sandbox.path()).unwrap();
        App::new(config, &[]).unwrap()
    }

    /// The program's arguments with this engine's configuration.
    pub fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let (first, rest) = arguments.split_first().unwrap();
        [&[*first, "--config", &self.config], rest].concat()
    }

    /// Runs the program to its end.
    pub fn host(&self, arguments: &[&str]) -> Output {
        self.sandbox.host(&self.arguments(arguments))
    }

    /// Indexes a tree, and answers what the program says of it.
    pub fn index(&self, root: &Path) -> Value {
        self.host(&["index", root.to_str().unwrap(), "--json"])
            .ok()
            .json()
    }

    /// What a command answers; an error as well.
    pub fn call(&self, command: &str, parameters: &Value) -> Value {
        let parameters = parameters.to_string();
        self.host(&["call", command, "--params", &parameters, "--json"])
            .json()
    }

    /// The rows of a query, as objects.
    pub fn rows(&self, sql: &str) -> Vec<Value> {
        let rows = self.host(&["sql", sql, "--json"]).ok().json();
        serde_json::from_value(rows).unwrap()
    }

    /// Runs statements with the client of the engine's server, past the host. SQLite has none.
    pub fn server_sql(&self, text: &str) {
        let config = std::fs::read_to_string(&self.config).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        let database = config["code_analysis"]["database"]["database"].as_str();
        match self.name {
            "postgres" => POSTGRES.sql(database.unwrap(), text),
            "mysql" => MARIADB.sql(database.unwrap(), text),
            other => panic!("{other} is no server"),
        };
    }

    /// Starts `serve`.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.sandbox
            .serve(&[&["--config", &self.config], arguments].concat())
    }
}

/// The configuration of a database of a PostgreSQL server.
pub fn postgres_section(server: &PostgresServer, database: &str) -> Value {
    json!({
        "type": "postgres", "host": server.host(), "port": server.port(), "database": database,
        "user": server.user(), "password": server.password(),
    })
}

/// The configuration of a database of a MariaDB server.
pub fn mysql_section(server: &MariaDbServer, database: &str) -> Value {
    json!({
        "type": "mysql", "host": server.host(), "port": server.port(), "database": database,
        "user": server.user(), "password": server.password(),
    })
}
