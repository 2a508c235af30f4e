//! What a database driver for the code-analysis host is written against.
//!
//! A driver is a crate of type `cdylib` with two types, one that implements [`Driver`] and one that
//! implements [`Connection`], and the line `driver_api::export_driver!(MyDriver);`. Build it, put the
//! `.so` into a plugins directory of the host, and name it in the host's config as `database.type`.
//!
//! Everything here is plain, safe, synchronous Rust: a driver that needs an async runtime has its
//! own. What crosses between host and plugin is hidden behind [`export_driver!`].
//!
//! - Rows are *pushed*: [`Connection::query`] writes cells into a [`RowSink`], which sends full
//!   blocks to the reader and says when the reader has had enough. Nothing is collected.
//! - Parameters come as a [`RowRef`]: typed values that borrow the caller's memory.
//! - Errors are [`DriverError`]: an [`ErrorClass`] that callers act on, and whatever the database said.
//! - A panic is caught, becomes an error, and ends the use of that connection.
//! - Options have a schema in the [`DriverDescriptor`]; they are checked before `connect`. [`Secret`] and [`TlsMode`]
//!   are what every driver of a server needs.
//! - What a driver says by the crate `tracing` is in the host's log.
//! - The feature `testkit` has the conformance cases that every driver is measured by.
//!
//! `code-analysis-host drivers new NAME` writes a whole driver to begin with; docs/writing-a-driver.md explains it.
//!
//! # Versions
//! Semantic versioning holds for this crate and for the binary interface behind it, which stays the same within a major
//! version: a plugin that was built with 1.0 loads in every host whose driver-api is 1.x. A plugin that was built with
//! a newer minor version than the host's is refused.

#![deny(missing_docs)]

#[doc(hidden)]
pub mod abi;
mod backup;
mod block;
mod columns;
mod descriptor;
mod driver;
mod error;
mod export;
mod options;
mod row;
mod secret;
mod sink;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tls_mode;
mod typed_options;
mod value;
#[cfg(feature = "wire")]
pub mod wire;

pub use backup::{BackupPhase, BackupProgress, BackupWatch};
pub use block::{BlockError, RowBlock, RowWriter};
pub use columns::{Column, decode as decode_columns, encode as encode_columns};
pub use descriptor::{Capabilities, ColumnType, Dialect, DriverDescriptor, Placement};
pub use driver::{
    CancelHandle, ColumnInfo, Connection, Driver, ExecuteResult, StatementDescription, TableInfo,
    TransactionMode,
};
pub use error::{DriverError, ErrorClass, Outcome, Result};
pub use options::{OptionKind, OptionProblem, OptionSpec, Options};
pub use row::{RowBlockRef, RowRef};
pub use secret::Secret;
pub use sink::{BLOCK_BYTES, BlockReceiver, Flow, RowSink, SinkRow};
pub use tls_mode::TlsMode;
pub use value::{Value, ValueKind, ValueRef};

/// Compiles what docs/writing-a-driver.md shows.
#[cfg(all(doctest, feature = "testkit"))]
#[doc = include_str!("../../docs/writing-a-driver.md")]
pub struct WritingADriver;
