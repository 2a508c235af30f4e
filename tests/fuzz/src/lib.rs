//! The decoders of the wire protocol under a fuzzer: what is decoded, from which messages, and how these are damaged.
//!
//! `cargo test -p fuzz` runs 100,000 damaged messages through every decoder. More of them:
//! `BOLERO_RANDOM_ITERATIONS=10000000 cargo test --release -p fuzz`.

pub mod corpus;
pub mod damage;
pub mod decoders;
