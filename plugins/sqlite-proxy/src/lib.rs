//! The driver that every process but a DB worker uses for SQLite: it asks the worker over a Unix socket.

mod cancel;
mod connection;
mod conversation;
mod driver;
mod error;
mod link;
mod options;

driver_api::export_driver!(driver::ProxyDriver);
