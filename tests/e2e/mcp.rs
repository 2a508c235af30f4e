//! The door for agents as agents find it: over HTTP and over standard input and output.

mod conformance;
mod foreign_tools;
mod messages;
mod python;
