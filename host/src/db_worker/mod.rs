//! The DB worker process: the one owner of a database, which serves it over a Unix socket.

mod calls;
mod hearing;
mod listener;
mod metrics;
mod owner_lock;
mod readers;
mod rows_out;
mod service;
mod session;
mod sessions;
mod store;
mod worker;
mod write_queue;
mod writer;

pub use worker::run;
