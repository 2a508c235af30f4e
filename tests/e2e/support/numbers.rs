//! A table of numbers to try the DB worker on.

use code_analysis_host::driver::database::Database;
use driver_api::ValueRef;

use super::chain::Chain;

/// The database of the chain, with an empty table `numbers`.
pub fn numbers(chain: &Chain) -> &Database {
    let database = chain.driver().raw_database();
    database
        .transaction(|session| {
            session.execute(
                "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT NOT NULL)",
                &[],
            )
        })
        .unwrap();
    database
}

/// Inserts one row.
pub fn insert(database: &Database, n: i64) -> driver_api::Result<u64> {
    let params = [ValueRef::I64(n), ValueRef::Text("x")];
    database
        .once(|session| session.execute("INSERT INTO numbers VALUES (?, ?)", &params))
        .map(|result| result.rows_affected)
}

/// Number of rows.
pub fn count(database: &Database) -> i64 {
    database
        .read(|session| {
            session.query_first("SELECT count(*) FROM numbers", &[], |row| Ok(row.i64(0)?))
        })
        .unwrap()
        .unwrap()
}

/// The process id of the chain's DB worker.
pub fn worker_pid(chain: &Chain) -> u32 {
    let status = chain.app.workers().status();
    status.iter().find_map(|worker| worker.pid).unwrap()
}
