//! `drivers new NAME`: writes the crate of a driver that builds, loads, and does what it declares.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::app::driver_files::is_driver_name;
use crate::cli::exit_code::Exit;
use crate::cli::failure::{CliError, Failure};
use crate::cli::output::Output;

/// Arguments of `drivers new`.
#[derive(Debug, Args)]
pub(in crate::cli) struct NewArguments {
    /// The driver's name, as `database.type` will give it; also that of the crate and its directory
    name: String,
    /// The directory to write the crate's directory into
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    parent: PathBuf,
    /// Where the crate finds driver-api: a checkout's directory; default: the one that this program was built from,
    /// if it is still there, else the version from the registry
    #[arg(long, value_name = "DIR")]
    driver_api: Option<PathBuf>,
}

/// The files of the crate, with `@name@`, `@library@`, `@type@` and `@driver_api@` to be filled in.
const FILES: [(&str, &str); 7] = [
    (
        "Cargo.toml",
        include_str!("../../../templates/driver/Cargo.toml.in"),
    ),
    (
        "README.md",
        include_str!("../../../templates/driver/README.md.in"),
    ),
    (
        "src/lib.rs",
        include_str!("../../../templates/driver/src/lib.rs.in"),
    ),
    (
        "src/driver.rs",
        include_str!("../../../templates/driver/src/driver.rs.in"),
    ),
    (
        "src/connection.rs",
        include_str!("../../../templates/driver/src/connection.rs.in"),
    ),
    (
        "src/engine.rs",
        include_str!("../../../templates/driver/src/engine.rs.in"),
    ),
    (
        "src/sql.rs",
        include_str!("../../../templates/driver/src/sql.rs.in"),
    ),
];

/// Where driver-api was when this program was built.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../driver-api");

/// Writes the crate; nothing that is there is touched.
pub(in crate::cli) fn run(
    arguments: &NewArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let name = &arguments.name;
    if !is_driver_name(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        let message = format!(
            "`{name}` cannot be the name of a driver: it begins with a lower-case letter and has lower-case letters, \
             digits, `-` and `_`"
        );
        return Err(Failure::usage(message).into());
    }
    let driver_api = driver_api(arguments.driver_api.as_deref())?;
    let directory = arguments.parent.join(name);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::path(&path, &error)
    };
    fs::create_dir_all(&arguments.parent).map_err(failed(&arguments.parent))?;
    fs::create_dir(&directory).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists already; choose another name",
            directory.display()
        )),
        _ => Failure::path(&directory, &error),
    })?;
    let source = directory.join("src");
    fs::create_dir(&source).map_err(failed(&source))?;
    for (file, template) in FILES {
        let path = directory.join(file);
        fs::write(&path, filled(template, name, &driver_api)).map_err(failed(&path))?;
    }
    let library = format!("target/release/lib{}.so", name.replace('-', "_"));
    if output.is_json() {
        output.document(&json!({"directory": directory, "name": name, "driver_api": driver_api, "library": library}))?;
    } else {
        output.lines(&[
            format!("written: {}", directory.display()),
            "next, in that directory:".to_owned(),
            "  cargo build --release".to_owned(),
            format!("  code-analysis-host drivers test {library}"),
            format!("  code-analysis-host drivers install {library}"),
        ])?;
    }
    Ok(Exit::Ok)
}

/// The line of the dependency on driver-api.
fn driver_api(named: Option<&Path>) -> Result<String, Failure> {
    let checkout = named.unwrap_or(Path::new(BUILT_FROM));
    match checkout.canonicalize() {
        Ok(path) if path.join("Cargo.toml").is_file() => {
            let quoted = json!(path).to_string();
            Ok(format!("driver-api = {{ path = {quoted} }}"))
        }
        Ok(path) if named.is_some() => {
            let message = format!(
                "{} is no checkout of driver-api: it has no Cargo.toml",
                path.display()
            );
            Err(Failure::usage(message))
        }
        Err(error) if named.is_some() => Err(Failure::path(checkout, &error)),
        _ => Ok(format!("driver-api = \"{}\"", driver_api::abi::API_VERSION)),
    }
}

fn filled(template: &str, name: &str, driver_api: &str) -> String {
    template
        .replace("@driver_api@", driver_api)
        .replace("@name@", name)
        .replace("@library@", &name.replace('-', "_"))
        .replace("@type@", &type_name(name))
}

/// `my-db` as the name of a type: `MyDb`.
fn type_name(name: &str) -> String {
    let parts = name.split(['-', '_']).filter(|part| !part.is_empty());
    let capital = |part: &str| {
        let (first, rest) = part.split_at(1);
        first.to_uppercase() + rest
    };
    parts.map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types_and_libraries() {
        assert_eq!(type_name("my-db_2"), "MyDb2");
        let filled = filled("@name@ @library@ @type@ @driver_api@ {name}", "my-db", "x");
        assert_eq!(filled, "my-db my_db MyDb x {name}");
    }

    #[test]
    fn no_template_is_left_unfilled() {
        for (file, template) in FILES {
            let filled = filled(template, "my-db", "driver-api = \"1\"");
            for place in ["@name@", "@library@", "@type@", "@driver_api@"] {
                assert!(!filled.contains(place), "{file}");
            }
        }
    }
}
