//! What refers to what: usages resolved to definitions, who calls whom, which file depends on which.
//!
//! Nothing of this is stored but the `dependencies` of files: a usage keeps the name that the text has, and what it
//! means is worked out when it is asked for, from definitions and imports as they are then. So an answer is never
//! older than the index, and files that are indexed again leave no references behind that point to nothing.

mod bindings;
pub mod calls;
pub mod confidence;
pub mod dependencies;
pub mod duplicates;
pub mod enclosing;
mod evidence;
pub mod hierarchy;
pub mod names;
pub mod project_files;
pub mod resolve;
