//! Search by meaning and by words: vectors of code, compared with a query, and both rankings made one.
//!
//! [`searcher`] is what callers use. `vectors` knows where they are compared: within PostgreSQL with pgvector, or in memory,
//! where `project_index` holds those of a project and keeps them in step with the database; `flat_index` compares all of
//! them, `near_index` some of very many. `fusion` makes one ranking of several, [`hits`] is what is told of each entity, and
//! `query_words` leaves out what says nothing.

mod flat_index;
mod fusion;
pub mod hits;
mod near_index;
pub mod project_index;
mod query_words;
pub mod searcher;
mod vectors;
