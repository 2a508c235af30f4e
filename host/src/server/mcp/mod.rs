//! The door for agents: the Model Context Protocol, over HTTP beside the others and over standard input and output.
//!
//! `door::McpDoor` answers the protocol's requests; it knows commands as tools (`tools`) and projects and files as
//! resources (`resources`), and runs them through a [`backend::Backend`]: in this process, or in a server.

pub mod backend;
mod door;
mod in_server;
mod lists;
mod resources;
pub mod stdio;
pub(super) mod streamable_http;
mod tools;
pub mod toolset;
