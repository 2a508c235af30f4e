//! Cargo as from a shell, although a test that cargo runs calls it.

use std::process::Command;

/// What cargo tells the tests of a package about that package. A build script that asks for one of these, as that of `ring`
/// does, would run again, and all be built anew that needs it; and then once more for the next `cargo test`.
const OF_THE_PACKAGE: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_EXE_"];

/// Cargo, to which arguments can be given.
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OF_THE_PACKAGE.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command
}
