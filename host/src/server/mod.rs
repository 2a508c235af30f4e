//! The server: commands over HTTP and WebSockets, for programs of this machine, and for others where they are asked
//! who they are.
//!
//! [`http::serve`] is the entry point; its listener and its signal to stop come from the caller. A connection is taken
//! (`connections`), a request passes the [`guard::Guard`] (`own_name`, `tokens`), is framed (`json_rpc`, `websocket`),
//! and runs on a blocking thread once it is its turn, or as a job (`dispatch`, `calls`, `turns`). Agents have
//! a door of their own ([`mcp`]), people a page (`web`).

pub mod address;
mod calls;
mod catalogue;
pub mod connections;
mod dispatch;
pub mod gate;
pub mod guard;
mod health;
pub mod http;
mod json_rpc;
pub mod mcp;
mod metrics;
mod own_name;
pub mod tls;
pub mod tokens;
mod turns;
mod web;
mod websocket;
