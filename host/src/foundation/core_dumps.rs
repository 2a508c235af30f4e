//! No image of this process goes to the disk when it ends by a signal: passwords and tokens are in its memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Forbids core dumps of this process and of those that it starts. Its limit can be raised again by whoever has to find
/// a mistake, with `prlimit`.
pub fn forbid() {
    let none = Rlimit {
        current: Some(0),
        maximum: getrlimit(Resource::Core).maximum,
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "the limit of core dumps stays as it is");
    }
}
