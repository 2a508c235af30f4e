//! The host's side: a loaded plugin's driver behind the same traits that its author implemented.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use abi_stable::erased_types::TD_Opaque;
use abi_stable::library::{AbiHeaderRef, LibHeader, LibraryError};
use abi_stable::sabi_types::RMut;
use abi_stable::std_types::{RResult, RSlice};

use super::log;
use super::types::{
    DriverModuleRef, ErrorBytes, RawBackupWatch, RawBackupWatch_TO, RawCancelArc, RawConnectionBox,
    RawDriverBox, RawExecuteResult, RawSink, RawSink_TO,
};
use crate::backup::{BackupPhase, BackupProgress, BackupWatch};
use crate::descriptor::DriverDescriptor;
use crate::driver::{
    CancelHandle, ColumnInfo, Connection, Driver, ExecuteResult, StatementDescription, TableInfo,
    TransactionMode,
};
use crate::error::{DriverError, ErrorClass, Result};
use crate::options::Options;
use crate::row::{RowBlockRef, RowRef};
use crate::sink::{Flow, RowSink};

/// What the exported symbol [`ROOT_SYMBOL`] of a plugin is read as.
pub type PluginHeader = AbiHeaderRef;

/// The name of the symbol that every plugin exports.
pub const ROOT_SYMBOL: &str = abi_stable::library::ROOT_MODULE_LOADER_NAME;

/// Why a library that was opened is not used as a driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The plugin was built without the description of its types, so that they cannot be checked.
    #[error(
        "it carries no layout of its types, so that they cannot be checked: export it with `export_driver!` alone"
    )]
    NoLayout,
    /// The plugin's types differ from the host's.
    #[error(
        "its types differ from those of this host's driver-api, although its version fits; build it with an unchanged \
         driver-api: {0}"
    )]
    Layout(String),
    /// The header, or the module's constructor, is not usable.
    #[error("its module cannot be used: {0}")]
    Module(String),
    /// The plugin's driver could not be made.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// A library's module of which nothing but its version is known yet.
#[derive(Clone, Copy)]
pub struct UncheckedModule {
    header: &'static LibHeader,
    api_version: &'static str,
}

impl UncheckedModule {
    /// The `driver-api` version that the plugin was built with: that of the crate that its types are from.
    pub fn api_version(&self) -> &'static str {
        self.api_version
    }

    /// Checks the layout of every type that crosses.
    ///
    /// # Errors
    /// [`AttachError::Layout`], [`AttachError::Module`].
    pub fn check(self) -> std::result::Result<LoadedModule, AttachError> {
        self.header
            .init_root_module::<DriverModuleRef>()
            .map(LoadedModule)
            .map_err(module_error)
    }
}

/// A library's module whose types were checked, before any of the author's code ran.
#[derive(Clone, Copy)]
pub struct LoadedModule(DriverModuleRef);

impl LoadedModule {
    /// Reads the header of an opened library.
    ///
    /// # Errors
    /// [`AttachError::NoLayout`], [`AttachError::Module`].
    pub fn read(header: PluginHeader) -> std::result::Result<UncheckedModule, AttachError> {
        let header = header.upgrade().map_err(module_error)?;
        let reference = header.layout().ok_or(AttachError::NoLayout)?;
        // The root module is a reference, a type of abi_stable's, to what the plugin's driver-api declares.
        let module = reference.shared_vars().type_layouts().first();
        let (package, version) = module
            .map(|layout| layout().item_info().package_and_version())
            .unwrap_or_default();
        if package != env!("CARGO_PKG_NAME") {
            let detail =
                format!("its module is a type of the crate `{package}`, not of `driver-api`");
            return Err(AttachError::Layout(detail));
        }
        Ok(UncheckedModule {
            header,
            api_version: version,
        })
    }

    /// Makes the plugin's driver.
    ///
    /// # Errors
    /// [`AttachError::Driver`] when its constructor or its `descriptor` fails or panics.
    pub fn open(&self) -> std::result::Result<LoadedDriver, AttachError> {
        let raw = answer(self.0.open()())?;
        let bytes = answer(raw.descriptor())?;
        let descriptor = read_json(&bytes)?;
        Ok(LoadedDriver { raw, descriptor })
    }

    /// Panics within the plugin; false, or the end of the process, where panics cannot be caught.
    pub fn catches_panics(&self) -> bool {
        self.0.catches_panics()()
    }

    /// Has the plugin send its log to `tell`, down to the level `most`, under this name.
    pub fn send_log_to(&self, plugin: &str, most: LogLevel, tell: fn(&LogLine<'_>)) {
        self.0.send_log_to()(log::receiver(plugin, most, tell));
    }
}

/// How much a line of a log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// What happens.
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

/// What a driver says.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// The name that [`LoadedModule::send_log_to`] was given.
    pub plugin: &'a str,
    /// How much it matters.
    pub level: LogLevel,
    /// The module that says it.
    pub target: &'a str,
    /// What it says.
    pub text: &'a str,
}

fn module_error(error: LibraryError) -> AttachError {
    match error {
        LibraryError::AbiInstability(detail) => {
            AttachError::Layout(differences(&detail.to_string()))
        }
        other => AttachError::Module(other.to_string()),
    }
}

/// The differences within the report of abi_stable, which prints both types in full: its lines of the form
/// `Error:what`, `Expected:`, `Found:`.
fn differences(report: &str) -> String {
    const LONGEST: usize = 300;
    let lines: Vec<&str> = report.lines().map(str::trim).collect();
    let at = lines.iter().rposition(|line| line.starts_with("Error:"));
    let told = at.map_or(&lines[..], |at| &lines[at..]);
    let mut text = told
        .join(" ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// A driver that lives in a loaded plugin.
pub struct LoadedDriver {
    raw: RawDriverBox,
    /// Read once: it is the same at every call.
    descriptor: DriverDescriptor,
}

impl Driver for LoadedDriver {
    fn descriptor(&self) -> DriverDescriptor {
        self.descriptor.clone()
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>> {
        let raw = answer(self.raw.connect(options_json(options)?.as_slice().into()))?;
        Ok(Box::new(LoadedConnection { raw }))
    }

    fn create_database(&self, options: &Options) -> Result<bool> {
        answer(
            self.raw
                .create_database(options_json(options)?.as_slice().into()),
        )
    }
}

/// A connection that lives in a loaded plugin.
struct LoadedConnection {
    raw: RawConnectionBox,
}

impl Connection for LoadedConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        let mut adapter = SinkAdapter { rows, fault: None };
        let sink = RawSink_TO::from_ptr(RMut::new(&mut adapter), TD_Opaque);
        let result = answer(
            self.raw
                .query(sql.into(), params.block_bytes().into(), sink),
        );
        adapter.fault.map_or(result, Err)
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        answer(self.raw.execute(sql.into(), params.block_bytes().into())).map(execute_result)
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        answer(self.raw.execute_many(sql.into(), batch.as_bytes().into())).map(execute_result)
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        read_json(&answer(self.raw.describe(sql.into()))?)
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        answer(self.raw.begin(mode == TransactionMode::ReadOnly))
    }

    fn commit(&mut self) -> Result<()> {
        answer(self.raw.commit())
    }

    fn rollback(&mut self) -> Result<()> {
        answer(self.raw.rollback())
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        read_json(&answer(self.raw.tables())?)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        read_json(&answer(self.raw.columns(table.into()))?)
    }

    fn ping(&mut self) -> Result<()> {
        answer(self.raw.ping())
    }

    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        let raw = self.raw.cancel_handle().into_option()?;
        Some(Arc::new(LoadedCancel { raw }))
    }

    fn close(&mut self) -> Result<()> {
        answer(self.raw.close())
    }

    fn backup(&mut self, target: &Path, watch: &mut BackupWatch<'_>) -> Result<()> {
        let mut adapter = WatchAdapter { watch };
        let watch = RawBackupWatch_TO::from_ptr(RMut::new(&mut adapter), TD_Opaque);
        answer(self.raw.backup(target.as_os_str().as_bytes().into(), watch))
    }
}

/// Hears across the boundary how far a backup is.
struct WatchAdapter<'w, 'a> {
    watch: &'w mut BackupWatch<'a>,
}

impl RawBackupWatch for WatchAdapter<'_, '_> {
    fn step(&mut self, phase: u8, done: u64, total: u64) -> bool {
        let phase = BackupPhase::from_tag(phase);
        (self.watch)(BackupProgress { phase, done, total }) == Flow::Continue
    }
}

/// A cancel handle that lives in a loaded plugin.
struct LoadedCancel {
    raw: RawCancelArc,
}

impl CancelHandle for LoadedCancel {
    fn cancel(&self) -> Result<()> {
        answer(self.raw.cancel())
    }
}

/// Takes blocks from across the boundary into the caller's sink.
struct SinkAdapter<'s, 'a> {
    rows: &'s mut RowSink<'a>,
    /// A call out of order, which stops the plugin's query.
    fault: Option<DriverError>,
}

impl SinkAdapter<'_, '_> {
    fn wants_more(&mut self, flow: Result<Flow>) -> bool {
        match flow {
            Ok(flow) => flow == Flow::Continue,
            Err(error) => {
                self.fault = Some(error);
                false
            }
        }
    }
}

impl RawSink for SinkAdapter<'_, '_> {
    fn columns(&mut self, header: RSlice<'_, u8>, count: usize) -> bool {
        let flow = self.rows.forward_columns(header.as_slice(), count);
        self.wants_more(flow)
    }

    fn block(&mut self, block: RSlice<'_, u8>) -> bool {
        let flow = self.rows.forward_block(block.as_slice());
        self.wants_more(flow)
    }
}

fn answer<T>(result: RResult<T, ErrorBytes>) -> Result<T> {
    result
        .into_result()
        .map_err(|bytes| DriverError::from_bytes(&bytes))
}

fn execute_result(raw: RawExecuteResult) -> ExecuteResult {
    ExecuteResult {
        rows_affected: raw.rows_affected,
        last_insert_id: raw.last_insert_id.into_option(),
    }
}

fn options_json(options: &Options) -> Result<Vec<u8>> {
    serde_json::to_vec(&options.to_json())
        .map_err(|error| DriverError::new(ErrorClass::Options, error.to_string()))
}

fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        DriverError::new(
            ErrorClass::Protocol,
            format!("the driver answered something that cannot be read: {error}"),
        )
    })
}
