//! The server: commands over HTTP, for programs of this machine.
//!
//! [`http::serve`] is the entry point; its listener and its signal to stop come from the caller. A request passes
//! the check of where it comes from (`local_only`), is framed (`json_rpc`), and runs on a blocking thread once it
//! is its turn, or as a job (`dispatch`, `calls`, `turns`). Agents have a door of their own ([`mcp`]), people a page (`web`).

pub mod address;
mod calls;
mod dispatch;
mod health;
pub mod http;
mod json_rpc;
mod local_only;
pub mod mcp;
mod turns;
mod web;
