//! The PostgreSQL driver: one connection of the client crate behind every connection of the host.

mod bulk;
mod calls;
mod cancel;
mod catalog;
mod connect_error;
mod connection;
mod copy;
mod create;
mod dial;
mod driver;
mod error;
mod lexer;
mod numeric;
mod options;
mod parameter;
mod placeholders;
mod pump;
mod statement;
mod statements;
mod stream;
mod tls;
mod transaction;
mod types;
mod value;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod testing;

driver_api::export_driver!(driver::PostgresDriver);
