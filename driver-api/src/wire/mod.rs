//! The conversation between the sqlite-proxy driver and a DB worker over a Unix socket.
//!
//! Both sides send frames ([`frame`]) that carry messages ([`message`]). The client speaks first,
//! with `Hello`; the number in it is the protocol's version, and that frame's form never changes.
//! After that every request has exactly one last answer: `Done`, `Json`, `Error` or `GoAway`; a query
//! has a `Header` and `Block`s before it, a backup `Progress`; `Stop` and `Bye` have none. Rows travel as the blocks that
//! the driver filled. A client that lost its connection greets again under the same name and asks
//! again with the same sequence.

pub mod attention;
pub mod frame;
pub mod message;
mod payload;

/// The version of the conversation; both sides must speak the same.
pub const PROTOCOL: u32 = 3;
