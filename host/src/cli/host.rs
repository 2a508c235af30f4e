//! What every subcommand begins with: the configuration, and a host that is put together from it.

use super::arguments::GlobalArguments;
use super::failure::CliError;
use super::output::note;
use crate::app::{App, check_plugins_directories};
use crate::config::load::Loaded;
use crate::config::types::Config;

/// The configuration that the arguments name. Directories of plugins that were named must be usable,
/// whether or not the subcommand loads a plugin.
pub(super) fn configuration(global: &GlobalArguments) -> Result<Config, CliError> {
    Ok(loaded(global)?.config)
}

/// The same, and how it came about. Keys of the older program are told in one line.
pub(super) fn loaded(global: &GlobalArguments) -> Result<Loaded, CliError> {
    let loaded = Loaded::load(global.config.as_deref())?;
    check_plugins_directories(&loaded.config, &global.plugins_dirs)?;
    if let (false, Some(file)) = (loaded.changes.is_empty(), &loaded.config.file) {
        note(&format!(
            "warning: {} has the older program's form ({} keys); `config validate` lists them, `config convert` \
             writes the new form",
            file.display(),
            loaded.changes.len()
        ));
    }
    Ok(loaded)
}

/// A host with this configuration. Files in directories that a user named are expected to be plugins:
/// each that is none is told.
pub(super) fn build(global: &GlobalArguments, config: Config) -> Result<App, CliError> {
    let app = App::new(config, &global.plugins_dirs)?;
    for (file, reason) in app.plugins().refused_by_name() {
        note(&format!(
            "warning: plugin {} is not used: {reason}",
            file.display()
        ));
    }
    Ok(app)
}
