//! Looks again at what is installed, in every test that needs it, after Debian's packages or the variable `CI` changed.

#![allow(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]

fn main() {
    println!("cargo::rerun-if-env-changed=CI");
    println!("cargo::rerun-if-changed=build.rs");
    // A file that does not exist would have everything built each time.
    // What PostgreSQL can be extended by need not come from a package.
    for path in ["/var/lib/dpkg/status", "/usr/share/postgresql"] {
        if std::fs::exists(path).is_ok_and(|exists| exists) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
