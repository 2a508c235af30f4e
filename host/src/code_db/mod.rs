//! The code database: the only SQL in the host, behind typed operations on projects, files and what they hold.
//!
//! [`database::CodeDatabase`] is the entry point; its operations are in the files named after what they are
//! about. Statements are portable SQL with `?`; where dialects differ (`dialect`, the schema, ids, full text,
//! sizes), the difference has one place. Nothing here creates schema on its own: `UniversalDriver` asks for that.

pub mod analysis_results;
pub mod backup;
pub mod check;
pub mod chunks;
pub mod complexity;
pub mod copy;
pub mod database;
mod deleted_files;
pub mod dependencies;
mod dialect;
pub mod drift_reports;
pub mod entities;
mod entity_list;
pub mod error;
pub mod files;
pub mod findings;
pub mod freshness;
mod full_text;
pub mod graph;
pub mod imports;
pub mod leases;
pub mod names;
pub mod page;
pub mod projects;
pub mod records;
pub mod registration;
mod replace;
pub mod row_drift;
pub mod salvage;
pub mod schema;
pub mod scope;
pub mod search;
pub mod status;
mod stored_trees;
pub mod upkeep;
pub mod usages;
