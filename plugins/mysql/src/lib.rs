//! The MySQL and MariaDB driver: loaded into the process that uses it, one server connection for each of its own.

mod bulk;
mod calls;
mod cancel;
mod catalog;
mod column;
mod connection;
mod datetime;
mod driver;
mod endpoint;
mod error;
mod options;
mod parameter;
mod policy;
mod server;
mod session;
mod sql;
mod statement;
mod tls;
mod transaction;
mod value;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod testing;

driver_api::export_driver!(driver::MysqlDriver);
