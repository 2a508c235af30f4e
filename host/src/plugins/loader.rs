//! The only place where a plugin is opened: the private copy, every symbol bound at once, types checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use driver_api::abi::host::{AttachError, AttachedModule, PluginHeader, ROOT_SYMBOL};
use driver_api::{Driver, DriverDescriptor};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::policy::{self, PolicyError};
use super::private_copy;

/// A driver of a plugin that is loaded into this process, for as long as the process lives.
#[derive(Clone)]
pub struct LoadedPlugin {
    /// The driver.
    pub driver: Arc<dyn Driver>,
    /// What it says of itself.
    pub descriptor: DriverDescriptor,
}

/// Why a file is not loaded as a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read, or copied to where it is opened from.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The system's loader refuses it: no shared library, or something that it needs is missing.
    #[error("the system cannot load it: {0}")]
    Open(String),
    /// It is a shared library, but no plugin.
    #[error("it is a shared library, but no driver plugin (it does not use `export_driver!`)")]
    NoPlugin,
    /// Its types do not fit, or its driver cannot be made.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// It breaks a rule of this host.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Loads plugins, each from its private copy in one directory.
#[derive(Clone, Debug)]
pub struct Loader {
    copies: PathBuf,
}

impl Loader {
    /// A loader that keeps private copies in this directory.
    pub fn new(copies: PathBuf) -> Self {
        Self { copies }
    }

    /// Loads a plugin into this process, for ever: libraries are never unloaded.
    ///
    /// Its constructors run when it is opened, and its code can end the process. So everything but
    /// the probe and a DB worker loads only what a probe has found usable.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, library: &Path) -> Result<LoadedPlugin, LoadError> {
        let copy = private_copy::make(library, &self.copies)?;
        let module = AttachedModule::check(open(&copy.path)?)?;
        policy::check_api_version(module.api_version())?;
        let driver = module.open()?;
        let descriptor = driver.descriptor();
        policy::check_descriptor(&descriptor)?;
        Ok(LoadedPlugin {
            driver: Arc::new(driver),
            descriptor,
        })
    }
}

/// Opens the library and reads its root symbol.
///
/// RTLD_NOW, because a symbol that is missing at the first call would end the process then.
#[allow(
    unsafe_code,
    reason = "opening a library and reading its symbol is what this file is for"
)]
fn open(path: &Path) -> Result<PluginHeader, LoadError> {
    // SAFETY: running the library's constructors is what the caller asks for; see `Loader::load`.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| LoadError::Open(reason(&error, path)))?;
    // SAFETY: whatever has this mangled name is a `LibHeader`; its magic string, its version and the
    // layout of every type behind it are checked before anything else is read from it.
    let header = unsafe { library.get::<PluginHeader>(ROOT_SYMBOL.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|_| LoadError::NoPlugin)?;
    // Never unloaded: the header, the driver and everything that it hands out live in it.
    std::mem::forget(library);
    Ok(header)
}

/// What the system's loader said, without the name of the private copy that means nothing to users.
fn reason(error: &libloading::Error, copy: &Path) -> String {
    let detail =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let copy = copy.display().to_string();
    detail
        .replace(&format!("{copy}: "), "")
        .replace(&copy, "the plugin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("x.so");
        std::fs::write(&file, bytes).unwrap();
        let loader = Loader::new(place.path().join("copies"));
        loader.load(&file).err().unwrap().to_string()
    }

    #[test]
    fn files_that_are_no_libraries_are_refused_with_the_loaders_reason() {
        assert_eq!(
            refusal(b"this is text, not a library"),
            "the system cannot load it: file too short"
        );
        assert_eq!(
            refusal(&[b'x'; 4096]),
            "the system cannot load it: invalid ELF header"
        );
        assert_eq!(refusal(b""), "the system cannot load it: file too short");
    }
}
