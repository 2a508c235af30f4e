//! Indexing: a source tree on disk becomes rows of the code database, and the rows follow the tree.
//!
//! [`project_root::discover_projects`] says which projects a directory holds; [`indexer::Indexer`] brings the
//! rows of one up to date. A run has these steps: `scan` the tree, compare with what is known (`changes`), read
//! (`source_file`) and analyse changed files on several threads (`prepare`), store them in groups (`pipeline`).
//! `crash_notes` keeps a text that ends processes from ending every one. `drift` compares all of it at leisure, for whoever repairs; `precedence` says who goes first.

mod budget;
mod changes;
pub mod crash_notes;
pub mod directories;
pub mod drift;
pub mod error;
pub mod indexer;
mod pipeline;
mod precedence;
mod prepare;
pub mod problem;
pub mod project_root;
mod scan;
mod source_file;
pub mod summary;
mod texts;
mod tree_walk;
mod writer;
