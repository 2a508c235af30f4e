//! Rules about the source text that the compiler does not keep: imports, headers, lengths, documents.

#![allow(
    unreachable_pub,
    reason = "support for tests is used from within this program only"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod headers;
mod imports;
mod secrets;
mod sources;
mod words;
