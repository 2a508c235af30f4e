//! The code-analysis host as a library: other programs embed it through [`app`].

pub mod analysis;
pub mod app;
pub mod cli;
pub mod code_db;
pub mod code_graph;
pub mod commands;
pub mod config;
pub mod conformance;
pub mod db_worker;
pub mod driver;
pub mod embedding;
pub mod foundation;
pub mod indexing;
pub mod plugins;
pub mod search;
pub mod server;
pub mod supervisor;
pub mod universal_driver;
pub mod vectorization;
pub mod workers;
