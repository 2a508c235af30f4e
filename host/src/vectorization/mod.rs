//! Gives all code vectors: makes chunks of what is stored, embeds those that have none, and says how far it is.
//!
//! [`vectorizer::Vectorizer`] does one step at a time; the vectorization worker and the command `revectorize` call it.

pub mod chunker;
pub mod circuit_breaker;
mod model_in_use;
pub mod near_graph;
pub mod vectorizer;
