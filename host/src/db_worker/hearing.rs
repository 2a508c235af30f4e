//! What a client has said while nobody reads: looked at without taking it.

use std::os::unix::net::UnixStream;

use rustix::net::{RecvFlags, recv};

/// What lies in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing so far.
    Nothing,
    /// Something that was not read yet.
    Something,
    /// The end of the stream, whichever side made it.
    End,
}

/// Looks without waiting.
pub(super) fn hear(stream: &UnixStream) -> Heard {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match recv(stream, &mut [0u8; 1], flags) {
        Ok((0, _)) => Heard::End,
        Ok(_) => Heard::Something,
        Err(_) => Heard::Nothing,
    }
}
