//! The child's part: takes a case from standard input, runs it on the plugin, prints what came of it.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;

use driver_api::Options;
use driver_api::testkit::{self, Failure, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::foundation::plugin_image::PluginImage;
use crate::plugins::loader::Loader;

/// The hidden subcommand of this executable that plays the child.
pub const SUBCOMMAND: &str = "driver-case";

/// What the child is told, as one line of JSON on its standard input; the options may hold secrets. It has no
/// `Debug` for that reason.
#[derive(Serialize, Deserialize)]
pub struct CaseRequest {
    /// The plugin.
    pub plugin: PluginImage,
    /// The name of the case.
    pub case: String,
    /// The options of its connections.
    pub options: Map<String, Value>,
}

/// Runs the case that standard input names, and prints its outcome as one line of JSON.
///
/// # Errors
/// When standard input has no request, or standard output takes no answer.
pub fn run_child(loader: &Loader) -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let request: CaseRequest = serde_json::from_str(&line)?;
    end_with_parent()?;
    let outcome = run(loader, &request).unwrap_or_else(Outcome::Failed);
    let mut out = io::stdout().lock();
    // What the driver printed before must not spoil the line.
    writeln!(out, "\n{}", serde_json::to_string(&outcome)?)?;
    out.flush()
}

/// The parent keeps its end of standard input open: its end of file is the parent's death.
fn end_with_parent() -> io::Result<()> {
    let wait = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(1);
    };
    thread::Builder::new().name("parent".into()).spawn(wait)?;
    Ok(())
}

fn run(loader: &Loader, request: &CaseRequest) -> Result<Outcome, Failure> {
    let failed = |step: &str, found: String| Failure::new(step, "success", found);
    let case = testkit::cases()
        .iter()
        .find(|case| case.name() == request.case)
        .ok_or_else(|| failed("find the case", format!("no case `{}`", request.case)))?;
    let plugin = loader
        .load(&request.plugin)
        .map_err(|error| failed("load the plugin", error.to_string()))?;
    let schema = &plugin.descriptor.options;
    let options = Options::check(schema, &request.options, Path::new("/")).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        failed("check the options", lines.join("; "))
    })?;
    Ok(case.run(&*plugin.driver, &options))
}
