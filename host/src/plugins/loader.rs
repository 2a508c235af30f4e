//! The only place where a plugin is opened: the private copy, every symbol bound at once, types checked.

pub(super) mod fault_signals;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use driver_api::abi::host::{AttachError, LoadedModule, PluginHeader, ROOT_SYMBOL};
use driver_api::{Driver, DriverDescriptor, ErrorClass};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde::{Deserialize, Serialize};

use super::verdict::{Reason, Refusal};
use super::{driver_log, policy, private_copy};
use crate::foundation::plugin_image::PluginImage;

/// A driver of a plugin that is loaded into this process, for as long as the process lives.
#[derive(Clone)]
pub struct LoadedPlugin {
    /// The driver.
    pub driver: Arc<dyn Driver>,
    /// What it says of itself.
    pub descriptor: DriverDescriptor,
    /// The version of the `driver-api` that it was built with.
    pub api_version: &'static str,
}

/// What of a plugin runs next; whoever watches from outside knows so what ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The system's loader, and the library's constructors.
    Opening,
    /// The check of its types.
    Checking,
    /// The driver's constructor and its `descriptor`.
    Starting,
    /// A panic, to see whether it can be caught.
    Panicking,
    /// The end of the process, with the library's destructors.
    Ending,
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

    /// The directory of private copies.
    pub fn copies(&self) -> &Path {
        &self.copies
    }

    /// Loads a plugin into this process, for ever: libraries are never unloaded.
    ///
    /// Its constructors run when it is opened, and its code can end the process. So everything but
    /// the probe and a DB worker loads only what a probe has found usable.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn load(&self, image: &PluginImage) -> Result<LoadedPlugin, Refusal> {
        self.open(image, &|_| {}).map(|(plugin, _)| plugin)
    }

    /// As [`load`](Self::load), and tries what a host never does: a panic. `reached` hears of each stage before it
    /// begins.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn try_out(
        &self,
        image: &PluginImage,
        reached: &dyn Fn(Stage),
    ) -> Result<LoadedPlugin, Refusal> {
        let (plugin, module) = self.open(image, reached)?;
        reached(Stage::Panicking);
        if module.catches_panics() {
            Ok(plugin)
        } else {
            Err(Refusal::new(Reason::AbortsOnPanic, ABORTS))
        }
    }

    fn open(
        &self,
        image: &PluginImage,
        reached: &dyn Fn(Stage),
    ) -> Result<(LoadedPlugin, LoadedModule), Refusal> {
        let copy = private_copy::find_or_make(image, &self.copies)?;
        reached(Stage::Opening);
        let header = open(&copy)?;
        reached(Stage::Checking);
        let unchecked = LoadedModule::read(header).map_err(attach_refusal)?;
        policy::check_api_version(unchecked.api_version())?;
        let module = unchecked.check().map_err(attach_refusal)?;
        reached(Stage::Starting);
        driver_log::connect(&module, &image.file);
        let driver = module.open().map_err(attach_refusal)?;
        let descriptor = driver.descriptor();
        policy::check_descriptor(&descriptor)?;
        let plugin = LoadedPlugin {
            driver: Arc::new(driver),
            descriptor,
            api_version: unchecked.api_version(),
        };
        Ok((plugin, module))
    }
}

/// Said by the probe, too, when the panic has ended it.
pub(super) const ABORTS: &str = "a panic in it would end this host: build it with `panic = \"unwind\"`, which is the \
                                 default, and not with `panic = \"abort\"`";

/// Opens the library and reads its root symbol.
///
/// RTLD_NOW, because a symbol that is missing at the first call would end the process then.
#[allow(
    unsafe_code,
    reason = "opening a library and reading its symbol is what this file is for"
)]
fn open(path: &Path) -> Result<PluginHeader, Refusal> {
    // SAFETY: running the library's constructors is what the caller asks for; see `Loader::load`.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| open_refusal(&reason(&error, path)))?;
    // SAFETY: whatever has this mangled name is a `LibHeader`; its magic string, its version and the
    // layout of every type behind it are checked before anything else is read from it.
    let header = unsafe { library.get::<PluginHeader>(ROOT_SYMBOL.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|_| Refusal::new(Reason::NotAPlugin, NO_PLUGIN))?;
    // Never unloaded: the header, the driver and everything that it hands out live in it.
    std::mem::forget(library);
    Ok(header)
}

const NO_PLUGIN: &str =
    "it is a shared library, but no driver plugin: its crate does not use `export_driver!`";

/// What the system's loader said, without the name of the private copy that means nothing to users.
fn reason(error: &libloading::Error, copy: &Path) -> String {
    let detail =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let copy = copy.display().to_string();
    detail
        .replace(&format!("{copy}: "), "")
        .replace(&copy, "the plugin")
}

/// Texts of glibc's loader that name what is missing; those of other loaders are shown as they are.
fn open_refusal(reason: &str) -> Refusal {
    if let Some((library, _)) = reason.split_once(": cannot open shared object file") {
        return Refusal::new(
            Reason::MissingLibrary,
            format!(
                "it needs the shared library {library}, which the system does not find: install it where the \
                 system's loader looks (`ldconfig -p` shows what it knows; LD_LIBRARY_PATH is not heeded)"
            ),
        );
    }
    if let Some((_, symbol)) = reason.split_once("undefined symbol: ") {
        return Refusal::new(
            Reason::MissingSymbol,
            format!(
                "it needs the symbol {symbol}, which is in none of its libraries: link the library that has it, in \
                 the version that the plugin was built for"
            ),
        );
    }
    Refusal::new(
        Reason::NotLoadable,
        format!("the system cannot load it: {reason}"),
    )
}

fn attach_refusal(error: AttachError) -> Refusal {
    let reason = match &error {
        AttachError::NoLayout => Reason::NoLayout,
        AttachError::Layout(_) => Reason::WrongLayout,
        AttachError::Driver(error) if error.class() == ErrorClass::Panic => Reason::Panicked,
        AttachError::Driver(_) => Reason::DriverFailed,
        _ => Reason::BadModule,
    };
    Refusal::new(reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_systems_loader_says_becomes_what_is_to_be_done() {
        let missing = "libnothere.so.1: cannot open shared object file: No such file or directory";
        let refusal = open_refusal(missing);
        assert_eq!(refusal.reason, Reason::MissingLibrary);
        assert!(
            refusal
                .text
                .starts_with("it needs the shared library libnothere.so.1, "),
            "{refusal}"
        );
        let refusal = open_refusal("undefined symbol: no_such_function");
        assert_eq!(refusal.reason, Reason::MissingSymbol);
        assert!(
            refusal
                .text
                .starts_with("it needs the symbol no_such_function, "),
            "{refusal}"
        );
        let refusal = open_refusal("ELF load command alignment not page-aligned");
        assert_eq!(
            (refusal.reason, refusal.text.as_str()),
            (
                Reason::NotLoadable,
                "the system cannot load it: ELF load command alignment not page-aligned"
            )
        );
    }
}
