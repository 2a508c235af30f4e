//! What clients do: the tables, the choice of the next call, and how it is made through the host library.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use code_analysis_host::driver::database::Database;
use code_analysis_host::driver::session::Session;
use driver_api::{DriverError, ErrorClass, Outcome, RowBlock, ValueRef};
use fastrand::Rng;
use rusqlite::{Connection, OpenFlags};

use crate::failure::Result;
use crate::history::{Call, ListStep, Told, now};
use crate::ledger::{ACCOUNTS, BALANCE, Tables};
use crate::list_append::Lists;

/// Lists that clients work on at the same time; they move on to others so that none grows long.
const LISTS: u64 = 4;

/// How long they stay with the same lists, in nanoseconds.
const LIST_LIFE: u64 = 500_000_000;

/// Nothing keeps a value from being there twice but the product itself.
const SCHEMA: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS writes (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS transfers (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS lists (id INTEGER PRIMARY KEY, key INTEGER NOT NULL, value INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS lists_key ON lists (key)",
];

/// Makes the tables, and gives every account its money.
///
/// # Errors
/// The driver's.
pub(crate) fn prepare(database: &Database) -> driver_api::Result<()> {
    database.transaction(|session| {
        for statement in SCHEMA {
            session.execute(statement, &[])?;
        }
        for account in 0..ACCOUNTS {
            session.execute(
                "INSERT OR IGNORE INTO accounts VALUES (?, ?)",
                &[ValueRef::I64(account), ValueRef::I64(BALANCE)],
            )?;
        }
        Ok(())
    })
}

/// Chooses the next call; `value` and the numbers after it, up to 16, are the caller's to use.
pub(crate) fn next(random: &mut Rng, value: i64) -> Call {
    match random.u8(0..100) {
        0..30 => Call::Insert { value },
        30..38 => Call::InsertReturning { value },
        38..46 => Call::InsertMany {
            first: value,
            count: random.i64(2..6),
        },
        46..66 => {
            let from = random.i64(0..ACCOUNTS);
            Call::Transfer {
                value,
                from,
                to: (from + random.i64(1..ACCOUNTS)) % ACCOUNTS,
                amount: random.i64(1..50),
            }
        }
        66..71 => Call::Sum,
        71..93 => Call::Lists(list_steps(random, value)),
        _ => Call::Look(vec![list(random), list(random)]),
    }
}

fn list_steps(random: &mut Rng, value: i64) -> Vec<ListStep> {
    let count = random.i64(1..5);
    (0..count)
        .map(|step| {
            let key = list(random);
            if random.bool() {
                ListStep::Append {
                    key,
                    value: value + step,
                }
            } else {
                ListStep::Read { key }
            }
        })
        .collect()
}

/// One of the lists of the moment; every process has the same clock.
fn list(random: &mut Rng) -> i64 {
    let epoch = now() / LIST_LIFE;
    (epoch * LISTS + random.u64(0..LISTS)).cast_signed()
}

/// Makes a call and says what the caller was told.
pub(crate) fn perform(database: &Database, call: &Call) -> Told {
    match call {
        Call::Insert { value } => done(database.once(|session| {
            let result = session.execute(
                "INSERT INTO writes (value) VALUES (?)",
                &[ValueRef::I64(*value)],
            )?;
            must_be("rows", result.rows_affected, 1)
        })),
        Call::InsertReturning { value } => done(database.once(|session| {
            let back = session.query_first(
                "INSERT INTO writes (value) VALUES (?) RETURNING value",
                &[ValueRef::I64(*value)],
                |row| Ok(row.i64(0)?),
            )?;
            must_be("the row", back, Some(*value))
        })),
        Call::InsertMany { first, count } => done(database.once(|session| {
            let mut batch = RowBlock::new(1);
            for value in *first..first + count {
                batch.push_row([ValueRef::I64(value)]);
            }
            let result =
                session.execute_many("INSERT INTO writes (value) VALUES (?)", &mut batch)?;
            must_be("rows", result.rows_affected, count.unsigned_abs())
        })),
        Call::Transfer {
            value,
            from,
            to,
            amount,
        } => done(database.transaction(|session| transfer(session, *value, (*from, *to), *amount))),
        Call::Sum => told(
            database.read(|session| {
                session.query_first("SELECT sum(balance) FROM accounts", &[], |row| {
                    Ok(row.i64(0)?)
                })
            }),
            |sum| Told::Sum(sum.unwrap_or_default()),
        ),
        Call::Lists(steps) => told(
            database.transaction(|session| work_on_lists(session, steps)),
            Told::Lists,
        ),
        Call::Look(keys) => told(
            database.snapshot(|session| keys.iter().map(|key| read_list(session, *key)).collect()),
            Told::Lists,
        ),
    }
}

fn done(result: driver_api::Result<()>) -> Told {
    told(result, |()| Told::Done)
}

fn told<T>(result: driver_api::Result<T>, make: impl FnOnce(T) -> Told) -> Told {
    match result {
        Ok(value) => make(value),
        Err(error) => Told::Failed {
            error: format!("{:?}: {error}", error.class()),
            unknown: error.outcome() == Outcome::Unknown,
        },
    }
}

fn must_be<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: T,
    expected: T,
) -> driver_api::Result<()> {
    if found == expected {
        return Ok(());
    }
    let message = format!("{what}: {found:?} came back instead of {expected:?}");
    Err(DriverError::new(ErrorClass::Internal, message).with_unknown_outcome())
}

/// Reads both balances and writes them back, so that a transaction that is not isolated loses money.
fn transfer(
    session: &mut Session,
    value: i64,
    (from, to): (i64, i64),
    amount: i64,
) -> driver_api::Result<()> {
    let mut balance = |account: i64| {
        let found = session.query_first(
            "SELECT balance FROM accounts WHERE id = ?",
            &[ValueRef::I64(account)],
            |row| Ok(row.i64(0)?),
        )?;
        found.ok_or_else(|| {
            DriverError::new(ErrorClass::Internal, format!("account {account} is gone"))
        })
    };
    let (payer, payee) = (balance(from)?, balance(to)?);
    for (account, after) in [(from, payer - amount), (to, payee + amount)] {
        session.execute(
            "UPDATE accounts SET balance = ? WHERE id = ?",
            &[ValueRef::I64(after), ValueRef::I64(account)],
        )?;
    }
    session.execute(
        "INSERT INTO transfers (value) VALUES (?)",
        &[ValueRef::I64(value)],
    )?;
    Ok(())
}

fn work_on_lists(session: &mut Session, steps: &[ListStep]) -> driver_api::Result<Vec<Vec<i64>>> {
    let mut seen = Vec::new();
    for step in steps {
        match step {
            ListStep::Append { key, value } => {
                session.execute(
                    "INSERT INTO lists (key, value) VALUES (?, ?)",
                    &[ValueRef::I64(*key), ValueRef::I64(*value)],
                )?;
            }
            ListStep::Read { key } => seen.push(read_list(session, *key)?),
        }
    }
    Ok(seen)
}

fn read_list(session: &mut Session, key: i64) -> driver_api::Result<Vec<i64>> {
    session.query_all(
        "SELECT value FROM lists WHERE key = ? ORDER BY id",
        &[ValueRef::I64(key)],
        |row| Ok(row.i64(0)?),
    )
}

/// What is in a database file that nobody else has open.
///
/// # Errors
/// When the file cannot be read, or SQLite's own check finds it damaged.
pub(crate) fn read_file(path: &Path) -> Result<(Tables, Lists)> {
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let verdict: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(format!("{} is damaged: {verdict}", path.display()).into());
    }
    let mut lists: Lists = BTreeMap::new();
    for (key, value) in pairs(&file, "SELECT key, value FROM lists ORDER BY id")? {
        lists.entry(key).or_default().push(value);
    }
    let tables = Tables {
        writes: times(&file, "SELECT value, count(*) FROM writes GROUP BY value")?,
        transfers: times(
            &file,
            "SELECT value, count(*) FROM transfers GROUP BY value",
        )?,
        balances: pairs(&file, "SELECT id, balance FROM accounts")?
            .into_iter()
            .collect(),
    };
    Ok((tables, lists))
}

fn pairs(file: &Connection, sql: &str) -> Result<Vec<(i64, i64)>> {
    let mut statement = file.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn times(file: &Connection, sql: &str) -> Result<HashMap<i64, u32>> {
    pairs(file, sql)?
        .into_iter()
        .map(|(value, count)| Ok((value, u32::try_from(count)?)))
        .collect()
}
