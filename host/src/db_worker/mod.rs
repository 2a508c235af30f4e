//! The DB worker process: the one owner of a database, which serves it over a Unix socket.

mod calls;
mod database_file;
mod hearing;
mod incoming;
mod listener;
mod log_evidence;
mod metrics;
mod page_check;
mod process_limits;
mod readers;
mod rows_in;
mod rows_out;
mod rows_sender;
mod running_call;
mod service;
mod session;
mod sessions;
mod start;
mod storage_failure;
mod store;
mod switchboard;
mod turn;
mod worker;
mod write_queue;
mod write_records;
mod writer;

pub use worker::run;
