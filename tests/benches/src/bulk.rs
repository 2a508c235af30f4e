//! Many rows in one call: reading a million of them, and writing as many.

use std::time::Instant;

use driver_api::{Flow, RowBlock, ValueRef};

use crate::Result;
use crate::place::{Host, Place, memory_kib, raw};
use crate::scale::Scale;
use crate::table::Row;

const TABLE: &str =
    "CREATE TABLE many (id INTEGER PRIMARY KEY, name TEXT NOT NULL, weight REAL NOT NULL)";
const INSERT: &str = "INSERT INTO many VALUES (?, ?, ?)";
const SCAN: &str = "SELECT id, name, weight FROM many";

/// Memory that a scan may take, whatever its rows: a few blocks on either side, in KiB.
const FIXED: u64 = 8 * 1024;

/// Passes of which the fastest counts: the first fills the caches.
const PASSES: usize = 3;

fn name(id: i64) -> String {
    format!("a row's name, {id:08}")
}

/// Reads all rows, every cell of them.
pub(crate) fn scan(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let host = place.host()?;
    host.make(&[TABLE])?;
    write_ours(&host, scale)?;
    write_raw(&place, scale)?;
    // The pages that the engine caches and the first blocks are there before the peak is looked at.
    scan_ours(&host, 1_000)?;
    let before = (
        memory_kib(host.worker()?, "VmHWM")?,
        memory_kib(std::process::id(), "VmHWM")?,
    );
    let ours = fastest(|| scan_ours(&host, scale.rows))?;
    let after = (
        memory_kib(host.worker()?, "VmHWM")?,
        memory_kib(std::process::id(), "VmHWM")?,
    );
    let connection = raw(&place.peers_file())?;
    let mut statement = connection.prepare(SCAN)?;
    let raw = fastest(|| {
        let (mut rows, mut sum) = (statement.query([])?, 0.0);
        while let Some(row) = rows.next()? {
            let length = row.get_ref(1)?.as_str()?.len();
            sum += row.get::<_, i64>(0)? as f64 + length as f64 + row.get::<_, f64>(2)?;
        }
        std::hint::black_box(sum);
        Ok(())
    })?;
    // Each connection's page cache may fill up while it reads: 16 MiB of the configuration.
    let grown = (after.0 - before.0, after.1 - before.1);
    let fixed = grown.0 <= FIXED + 16 * 1024 && grown.1 <= FIXED;
    Ok(vec![
        Row::compared(
            &format!("scan of {} rows, against rusqlite in process", scale.rows),
            seconds(ours),
            seconds(raw),
            raw / ours,
            0.8,
        ),
        Row::alone(
            "the same, growth of peak memory",
            format!("worker {} KiB, client {} KiB", grown.0, grown.1),
            "fixed: worker's page cache and 8 MiB, client 8 MiB",
            fixed,
        ),
    ])
}

/// Writes all rows in one call.
pub(crate) fn execute_many(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let host = place.host()?;
    host.make(&[TABLE])?;
    let began = Instant::now();
    write_ours(&host, scale)?;
    let ours = began.elapsed().as_secs_f64();
    let began = Instant::now();
    write_raw(&place, scale)?;
    let raw = began.elapsed().as_secs_f64();
    Ok(vec![Row::compared(
        &format!(
            "execute_many of {} rows, against rusqlite in one transaction",
            scale.rows
        ),
        seconds(ours),
        seconds(raw),
        raw / ours,
        0.8,
    )])
}

/// One call for as many rows as a request holds, all in one transaction.
fn write_ours(host: &Host, scale: &Scale) -> Result<()> {
    const ROWS_A_CALL: i64 = 500_000;
    host.database().transaction(|session| {
        for first in (1..=scale.rows).step_by(ROWS_A_CALL as usize) {
            let mut batch = RowBlock::new(3);
            for id in first..(first + ROWS_A_CALL).min(scale.rows + 1) {
                let name = name(id);
                let weight = id as f64 / 3.0;
                batch.push_row([
                    ValueRef::I64(id),
                    ValueRef::Text(&name),
                    ValueRef::F64(weight),
                ]);
            }
            session.execute_many(INSERT, &mut batch)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn write_raw(place: &Place, scale: &Scale) -> Result<()> {
    let mut connection = raw(&place.peers_file())?;
    connection.execute(TABLE, [])?;
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare(INSERT)?;
    for id in 1..=scale.rows {
        statement.execute((id, name(id), id as f64 / 3.0))?;
    }
    drop(statement);
    Ok(transaction.commit()?)
}

fn scan_ours(host: &Host, rows: i64) -> Result<()> {
    let (mut sum, mut left) = (0.0, rows);
    host.database().read(|session| {
        (sum, left) = (0.0, rows);
        session.query_each(SCAN, &[], |row| {
            sum += row.i64(0)? as f64 + row.text(1)?.len() as f64 + row.f64(2)?;
            left -= 1;
            Ok(if left == 0 {
                Flow::Stop
            } else {
                Flow::Continue
            })
        })
    })?;
    std::hint::black_box(sum);
    match left {
        0 => Ok(()),
        _ => Err(format!("{left} rows are missing").into()),
    }
}

fn fastest(mut pass: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let began = Instant::now();
        pass()?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn seconds(time: f64) -> String {
    format!("{:.3} s", time)
}
