//! PostgreSQL on a Unix socket, driven by its own benchmark client.

use std::path::PathBuf;
use std::process::Command;

use test_installed::{PGBENCH, POSTGRESQL};
use test_servers::postgres::PostgresServer;

use crate::Result;
use crate::scale::Scale;
use crate::table::quantile;

/// What the client does, with a statement that it prepares once.
const SCRIPT: &str = "SELECT name, value FROM points WHERE id = :id;\n";

/// A private server with the table of points.
pub(crate) struct Postgres {
    server: PostgresServer,
    directory: tempfile::TempDir,
}

impl Postgres {
    /// `None`, after one line on standard error, where something of it is not installed.
    pub(crate) fn start(scale: &Scale) -> Result<Option<Self>> {
        if let Some(missing) = POSTGRESQL.missing().or_else(|| PGBENCH.missing()) {
            eprint_skipped(&missing);
            return Ok(None);
        }
        let server = PostgresServer::with_settings(&[("shared_buffers", "128MB")]);
        server.sql(
            "postgres",
            "CREATE TABLE points (id BIGINT PRIMARY KEY, name TEXT NOT NULL, value BIGINT NOT NULL)",
        );
        server.sql(
            "postgres",
            &format!(
                "INSERT INTO points SELECT i, 'point ' || i, i * 7 FROM generate_series(1, {}) AS i",
                scale.points
            ),
        );
        server.sql("postgres", "VACUUM ANALYZE points");
        let directory = tempfile::tempdir()?;
        std::fs::write(
            directory.path().join("look-up.sql"),
            format!("\\set id random(1, {})\n{SCRIPT}", scale.points),
        )?;
        Ok(Some(Self { server, directory }))
    }

    /// Half of the look-ups of one client take at most so long.
    pub(crate) fn median_microseconds(&self, scale: &Scale) -> Result<f64> {
        self.pgbench(scale, 1, &["--log", "--log-prefix=look-ups"])?;
        let mut times = Vec::new();
        for entry in std::fs::read_dir(self.directory.path())? {
            let path: PathBuf = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.starts_with("look-ups.") {
                // client, transaction, microseconds, ...
                let text = std::fs::read_to_string(path)?;
                let third = text.lines().filter_map(|line| line.split(' ').nth(2));
                times.extend(third.filter_map(|time| time.parse::<f64>().ok()));
            }
        }
        match times.is_empty() {
            true => Err("pgbench logged nothing".into()),
            false => Ok(quantile(&mut times, 0.5)),
        }
    }

    /// Look-ups a second of so many clients.
    pub(crate) fn per_second(&self, scale: &Scale, clients: usize) -> Result<f64> {
        let printed = self.pgbench(scale, clients, &[])?;
        let line = printed.lines().find_map(|line| line.strip_prefix("tps = "));
        let number = line.and_then(|line| line.split(' ').next());
        Ok(number.ok_or("pgbench printed no rate")?.parse()?)
    }

    fn pgbench(&self, scale: &Scale, clients: usize, more: &[&str]) -> Result<String> {
        let output = Command::new("pgbench")
            .current_dir(self.directory.path())
            .arg("--no-vacuum")
            .arg("--protocol=prepared")
            .arg("--file=look-up.sql")
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={clients}"))
            .arg(format!("--time={}", scale.together.as_secs()))
            .arg(format!("--host={}", self.server.socket_dir().display()))
            .arg(format!("--port={}", self.server.port()))
            .arg(format!("--username={}", self.server.user()))
            .args(more)
            .arg("postgres")
            .output()?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into()),
        }
    }
}

#[allow(clippy::print_stderr, reason = "a program talks to its user")]
fn eprint_skipped(missing: &str) {
    eprintln!("skipped: {missing}");
}
