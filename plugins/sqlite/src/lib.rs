//! The SQLite driver: one file, opened only inside the DB worker process that owns it.

mod authorizer;
mod backup;
mod cancel;
mod catalog;
mod connection;
mod copy_file;
mod datetime;
mod driver;
mod error;
mod header;
mod open;
mod options;
mod statement;
mod transaction;
mod value;

#[cfg(test)]
mod testing;

pub use driver::SqliteDriver;

driver_api::export_driver!(SqliteDriver);
