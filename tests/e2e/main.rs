//! The real program with the real plugins, driven as a user would drive it.

#![allow(
    unreachable_pub,
    reason = "support for tests is used from within this program only"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says where"
)]

mod backup;
mod callers;
mod checkouts;
mod cli;
mod configuration;
mod conformance;
mod db_care;
mod db_copy;
mod db_worker;
mod db_worker_cancels;
mod db_worker_crowd;
mod db_worker_ends;
mod db_worker_file;
mod db_worker_once;
mod drop_in;
mod faults;
mod indexing;
mod jobs;
mod legacy;
mod link_down;
mod loaded_drivers;
mod mcp;
mod navigation;
mod older_client;
mod output_schemas;
mod page;
mod plugins;
mod processes;
mod python_ast;
mod questions;
mod renewal;
mod repair;
mod repair_rows;
mod reviewing;
mod schema;
mod schema_sync;
mod server;
mod support;
mod three_engines;
mod vector_models;
mod vectors;
mod watching;
mod worker_control;
