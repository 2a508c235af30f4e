//! Creates the database that the options name, from the server's own maintenance database.

use std::sync::Arc;

use driver_api::{ErrorClass, Result};

use crate::cancel::Cancel;
use crate::options::PostgresOptions;
use crate::pump::{self, Session};
use crate::transaction::run;

/// Databases that every server has, in the order in which they are tried.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// From this version on, a server has several providers of locales.
const FIRST_WITH_PROVIDERS: u32 = 15;

/// Creates the database, where it does not exist; returns whether it was created.
pub(crate) fn create(options: &PostgresOptions) -> Result<bool> {
    // Who may use the database need not be let into another one to learn that it is there.
    match open(options, &options.database) {
        Ok(_) => return Ok(false),
        Err(error) if error.sqlstate() == Some("3D000") => {}
        Err(error) => return Err(error),
    }
    let mut session = open_maintenance(options)?;
    let sql = statement(&options.database, session.version);
    match run(&session.client, &mut session.pump, &sql) {
        Ok(()) => Ok(true),
        // Somebody else created it in between; two at once meet at the catalog's unique index.
        Err(error) if matches!(error.sqlstate(), Some("42P04" | "23505")) => Ok(false),
        Err(error) => Err(error),
    }
}

fn open_maintenance(options: &PostgresOptions) -> Result<Session> {
    let [first, second] = MAINTENANCE;
    match open(options, first) {
        Err(error) if matches!(error.class(), ErrorClass::NotFound | ErrorClass::Access) => {
            // The first one's error tells more, unless the second one is there.
            open(options, second).map_err(|_| error)
        }
        opened => opened,
    }
}

fn open(options: &PostgresOptions, database: &str) -> Result<Session> {
    let options = PostgresOptions {
        database: database.to_owned(),
        read_only: false,
        ..options.clone()
    };
    pump::start(&options, Arc::new(Cancel::default()))
}

/// UTF-8, whatever the server's own databases have, and text ordered by code points: the order is
/// the same on every system, and an update of the system's locales damages no index.
fn statement(database: &str, version: u32) -> String {
    let provider = match version >= FIRST_WITH_PROVIDERS {
        true => " LOCALE_PROVIDER libc",
        false => "",
    };
    format!(
        "CREATE DATABASE \"{}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'{provider}",
        database.replace('"', "\"\"")
    )
}
