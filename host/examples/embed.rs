//! Another program that opens a code database by configuration and asks it something.
//!
//! `cargo build && cargo run --example embed -- [CONFIG.json]`: the DB worker's executable is found
//! beside the example, or named in the configuration as `database.worker.executable`.

use std::error::Error;
use std::path::PathBuf;

use code_analysis_host::app::App;
use code_analysis_host::code_db::page::PageRequest;
use code_analysis_host::config::types::Config;

#[allow(clippy::print_stdout, reason = "an example talks to its reader")]
fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    let config = Config::load(file.as_deref())?;
    let app = App::new(config, &[])?;
    let database = app.database()?.database();
    for project in database.projects(PageRequest::default())?.items {
        println!("{}  {}", project.id, project.root_path);
    }
    Ok(())
}
