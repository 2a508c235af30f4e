//! Texts as vectors: the models that make them, all behind one trait.
//!
//! [`provider`] is the trait and [`open`] chooses the configured model: the embedded one ([`static_model`]),
//! which needs nothing, one in a directory of this machine (`local`), or a service (`service`). Nothing here knows the
//! database.

pub mod error;
#[cfg(feature = "local-models")]
mod local;
pub mod open;
pub mod provider;
mod service;
pub mod static_model;
mod word_pieces;
