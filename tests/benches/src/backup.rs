//! A large database that is backed up while somebody writes: how long the backup takes, and how long a write waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use code_analysis_host::app::App;
use code_analysis_host::app::maintaining::Listening;
use code_analysis_host::config::types::Config;
use code_analysis_host::driver::database::Database;
use code_analysis_host::foundation::cancellation::Cancellation;
use code_analysis_host::foundation::progress::Silent;
use driver_api::{RowBlock, ValueRef};
use serde_json::{Value, json};
use test_servers::mariadb::MariaDbServer;
use test_servers::postgres::PostgresServer;
use test_servers::server::{Engine, Server};

use crate::Result;
use crate::place::{Place, host_program};
use crate::scale::Scale;
use crate::table::Row;

/// Characters of one row's text.
const TEXT: usize = 100_000;

/// Rows that are written together while the database is filled.
const BATCH: i64 = 40;

/// Between two writes of the one who writes: a busy indexer's pace.
const PAUSE: Duration = Duration::from_millis(2);

/// No write is to wait longer.
const LONGEST: Duration = Duration::from_millis(100);

/// All engines, the servers private ones.
pub(crate) fn under_writes(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let file = json!({ "path": place.path().join("large.db") });
    let mut rows = measured("SQLite", &file, &place, scale)?;
    let server = PostgresServer::start();
    rows.extend(measured(
        "PostgreSQL",
        &section("postgres", &server),
        &Place::new()?,
        scale,
    )?);
    drop(server);
    let server = MariaDbServer::start();
    rows.extend(measured(
        "MariaDB",
        &section("mysql", &server),
        &Place::new()?,
        scale,
    )?);
    Ok(rows)
}

fn section<E: Engine>(kind: &str, server: &Server<E>) -> Value {
    json!({
        "type": kind, "host": server.host(), "port": server.port(), "database": "large",
        "user": server.user(), "password": server.password(),
    })
}

fn measured(name: &str, section: &Value, place: &Place, scale: &Scale) -> Result<Vec<Row>> {
    let mut database = section.clone();
    database["worker"] =
        json!({ "executable": host_program()?, "log_path": place.path().join("large.log") });
    database["backup"] = json!({ "directory": place.path().join("backups") });
    let config = json!({ "code_analysis": { "database": database } });
    let app = App::new(Config::from_value(config, place.path())?, &[])?;
    let driver = app.database()?;
    let database = driver.raw_database().clone();
    fill(&database, scale.backup_rows)?;
    let ended = AtomicBool::new(false);
    let (made, seconds, waits) = std::thread::scope(|scope| -> Result<_> {
        let writing = scope.spawn(|| write_until(&database, &ended));
        let began = Instant::now();
        let listening = Listening {
            progress: &Silent,
            cancellation: Cancellation::default(),
        };
        let made = app.back_up_database(None, false, &listening);
        let seconds = began.elapsed().as_secs_f64();
        ended.store(true, Ordering::SeqCst);
        let waits = writing.join().map_err(|_| "the writer panicked")??;
        Ok((made?, seconds, waits))
    })?;
    driver.close();
    let megabytes = scale.backup_rows as f64 * TEXT as f64 / 1e6;
    let worst = waits.last().copied().unwrap_or_default();
    let middle = waits.get(waits.len() / 2).copied().unwrap_or_default();
    Ok(vec![
        Row::alone(
            &format!("{name}: backup of {megabytes:.0} MB under writes"),
            format!("{seconds:.1} s, {:.0} MB", made.bytes as f64 / 1e6),
            "-",
            true,
        ),
        Row::alone(
            &format!("{name}: longest wait of {} writes meanwhile", waits.len()),
            format!("{:.1} ms (p50 {:.2} ms)", millis(worst), millis(middle)),
            "at most 100 ms",
            worst <= LONGEST,
        ),
    ])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Rows of text that compresses as source text does, about four to one.
fn fill(database: &Database, rows: i64) -> Result<()> {
    for sql in [
        "INSERT INTO projects(id, root_path) VALUES ('p', '/srv/p')",
        "INSERT INTO datasets(id, project_id, root_path) VALUES ('d', 'p', '/srv/p')",
        "INSERT INTO files(id, project_id, dataset_id, path) VALUES (1, 'p', 'd', '/srv/p/a.py')",
    ] {
        database.once(|session| session.execute(sql, &[]))?;
    }
    let sql = "INSERT INTO ast_trees(id, file_id, project_id, ast_json, ast_hash, file_mtime) VALUES (?, 1, 'p', ?, ?, 0)";
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(TEXT + 40);
    let mut batch = RowBlock::new(3);
    for id in 1..=rows {
        text.clear();
        while text.len() < TEXT {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            text.push_str("{\"kind\": \"Name\", \"id\": \"v");
            text.push_str(&(random % 1_000_000).to_string());
            text.push_str("\"},");
        }
        let hash = id.to_string();
        batch.push_row([id.into(), ValueRef::Text(&text), ValueRef::Text(&hash)]);
        if batch.rows() as i64 >= BATCH || id == rows {
            database.once(|session| session.execute_many(sql, &mut batch))?;
            batch.clear(3);
        }
    }
    Ok(())
}

/// Single writes, each a commit, until it ended; how long each took, sorted.
fn write_until(database: &Database, ended: &AtomicBool) -> Result<Vec<Duration>> {
    let sql = "INSERT INTO usages(file_id, line, usage_type, target_type, target_name) VALUES (1, ?, 'call', 'function', 'f')";
    let mut waits = Vec::new();
    let mut line = 0;
    while !ended.load(Ordering::SeqCst) {
        line += 1;
        let began = Instant::now();
        database.once(|session| session.execute(sql, &[ValueRef::I64(line)]))?;
        waits.push(began.elapsed());
        std::thread::sleep(PAUSE);
    }
    waits.sort_unstable();
    Ok(waits)
}
