//! Looks again at what is installed, in every test that needs it, after Debian's packages or the variable `CI` changed.

#![allow(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]

fn main() {
    println!("cargo::rerun-if-env-changed=CI");
    println!("cargo::rerun-if-changed=build.rs");
    // A file that does not exist would have everything built each time.
    let packages = "/var/lib/dpkg/status";
    if std::fs::exists(packages).is_ok_and(|exists| exists) {
        println!("cargo::rerun-if-changed={packages}");
    }
}
