//! Chunks of code and their vectors: what search by meaning finds.
//!
//! Chunks never change: one whose text changes is another one. `stale` says whose chunks no longer fit, `replace`
//! stores new ones, `vectors` gives them vectors and reads those back, `near` asks PostgreSQL for the nearest ones,
//! `coverage` counts, and `found` tells what a chunk is about.

pub mod coverage;
pub mod found;
pub mod near;
pub mod replace;
pub mod stale;
pub mod vectors;
