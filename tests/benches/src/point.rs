//! Looking up one row by its key: one client, and eight processes at the same time.

use std::time::Instant;

use driver_api::{RowBlock, ValueRef};

use crate::Result;
use crate::clients::{Work, together};
use crate::place::{Host, Place, raw};
use crate::postgres::Postgres;
use crate::scale::Scale;
use crate::table::{Row, quantile};

/// The look-up, of everybody.
pub(crate) const LOOK_UP: &str = "SELECT name, value FROM points WHERE id = ?";

const TABLE: &str =
    "CREATE TABLE points (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value INTEGER NOT NULL)";

/// Processes that look up at the same time.
const PROCESSES: usize = 8;

/// Goes through all keys in an order that caches do not like.
pub(crate) struct Walk {
    at: i64,
    points: i64,
}

impl Walk {
    pub(crate) fn new(points: i64) -> Self {
        Self { at: 1, points }
    }

    pub(crate) fn next(&mut self) -> i64 {
        // A prime that divides no size of the table.
        self.at = (self.at + 7_919) % self.points;
        self.at + 1
    }
}

/// One client, against SQLite in its process and PostgreSQL on its socket.
pub(crate) fn one_client(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let host = with_points(&place, scale)?;
    let mut ours = look_up_often(scale, |id| {
        host.database().read(|session| {
            session.query_first(LOOK_UP, &[ValueRef::I64(id)], |row| {
                Ok((row.text(0)?.len(), row.i64(1)?))
            })
        })?;
        Ok(())
    })?;
    let connection = raw(&place.peers_file())?;
    connection.execute(TABLE, [])?;
    connection.execute_batch("BEGIN")?;
    for id in 1..=scale.points {
        let row = (id, format!("point {id}"), id * 7);
        connection.execute("INSERT INTO points VALUES (?, ?, ?)", row)?;
    }
    connection.execute_batch("COMMIT")?;
    let mut statement = connection.prepare(LOOK_UP)?;
    let mut raw = look_up_often(scale, |id| {
        statement.query_row([id], |row| {
            Ok((row.get_ref(0)?.as_str()?.len(), row.get::<_, i64>(1)?))
        })?;
        Ok(())
    })?;
    let (ours, raw) = (quantile(&mut ours, 0.5), quantile(&mut raw, 0.5));
    let shown = format!("{ours:.1} us");
    let work = "point SELECT, 1 client, p50";
    let mut rows = vec![Row {
        work: format!("{work}, against rusqlite in process"),
        ours: shown.clone(),
        peer: format!("{raw:.1} us"),
        ratio: Some(raw / ours),
        target: "at most 10 us or 3.5x".to_owned(),
        met: Some(ours <= 10.0 || ours <= 3.5 * raw),
    }];
    let work = format!("{work}, against PostgreSQL");
    rows.push(match Postgres::start(scale)? {
        Some(server) => {
            let theirs = server.median_microseconds(scale)?;
            Row::compared(&work, shown, format!("{theirs:.1} us"), theirs / ours, 8.0)
        }
        None => Row::without_peer(&work, shown, "at least 8.00x"),
    });
    Ok(rows)
}

/// Eight processes, against PostgreSQL with prepared statements.
pub(crate) fn eight_processes(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let _host = with_points(&place, scale)?;
    let done = together(
        &place,
        Work::LookUp,
        PROCESSES,
        scale.together,
        scale.points,
    )?;
    let ours = done.calls as f64 / scale.together.as_secs_f64();
    let shown = format!("{ours:.0}/s, {} failed", done.failed);
    let work = format!("point SELECT, {PROCESSES} processes, total, against PostgreSQL prepared");
    Ok(vec![match Postgres::start(scale)? {
        Some(server) => {
            let theirs = server.per_second(scale, PROCESSES)?;
            Row::compared(&work, shown, format!("{theirs:.0}/s"), ours / theirs, 1.5)
        }
        None => Row::without_peer(&work, shown, "at least 1.50x"),
    }])
}

fn with_points(place: &Place, scale: &Scale) -> Result<Host> {
    let host = place.host()?;
    host.make(&[TABLE])?;
    let mut batch = RowBlock::new(3);
    for id in 1..=scale.points {
        let name = format!("point {id}");
        batch.push_row([
            ValueRef::I64(id),
            ValueRef::Text(&name),
            ValueRef::I64(id * 7),
        ]);
    }
    host.database()
        .once(|session| session.execute_many("INSERT INTO points VALUES (?, ?, ?)", &mut batch))?;
    Ok(host)
}

/// How long each look-up took, in microseconds, after a tenth of them to warm up.
fn look_up_often(scale: &Scale, mut look_up: impl FnMut(i64) -> Result<()>) -> Result<Vec<f64>> {
    let mut walk = Walk::new(scale.points);
    for _ in 0..scale.look_ups / 10 {
        look_up(walk.next())?;
    }
    let mut times = Vec::with_capacity(scale.look_ups);
    for _ in 0..scale.look_ups {
        let id = walk.next();
        let began = Instant::now();
        look_up(id)?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}
