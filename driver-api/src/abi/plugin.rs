//! The plugin's side: wraps an author's driver, catches its panics, and poisons what panicked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abi_stable::erased_types::TD_Opaque;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RArc, ROption, RResult, RSlice, RStr, RVec};

use super::panics::{guard, keep_panics_quiet, panic_error};
use super::types::{
    DriverModule, DriverModuleRef, ErrorBytes, RawBackupWatchMut, RawCancel, RawCancel_TO,
    RawCancelArc, RawConnection, RawConnection_TO, RawConnectionBox, RawDriver, RawDriver_TO,
    RawDriverBox, RawExecuteResult, RawSinkMut,
};
use super::{API_VERSION, log};
use crate::backup::BackupProgress;
use crate::block::RowBlock;
use crate::driver::{CancelHandle, Connection, Driver, ExecuteResult, TransactionMode};
use crate::error::{DriverError, ErrorClass, Result};
use crate::options::Options;
use crate::row::{RowBlockRef, RowRef};
use crate::sink::{BlockReceiver, Flow, RowSink};

/// The module of a plugin whose driver `open` makes.
pub fn module(open: extern "C" fn() -> RResult<RawDriverBox, ErrorBytes>) -> DriverModuleRef {
    DriverModule {
        api_version,
        open,
        send_log_to: log::send_to,
        catches_panics,
    }
    .leak_into_prefix()
}

extern "C" fn api_version() -> RStr<'static> {
    RStr::from_str(API_VERSION)
}

extern "C" fn catches_panics() -> bool {
    // No hook hears of it.
    catch_unwind(|| std::panic::resume_unwind(Box::new(()))).is_err()
}

/// Makes the driver and wraps it; what `export_driver!` calls.
pub fn open<D: Driver>(make: impl FnOnce() -> D) -> RResult<RawDriverBox, ErrorBytes> {
    keep_panics_quiet();
    answer(guard("its constructor", || Ok(make())).map(|driver| {
        RawDriver_TO::from_value(
            DriverShim {
                driver: Some(driver),
            },
            TD_Opaque,
        )
    }))
}

fn answer<T>(result: Result<T>) -> RResult<T, ErrorBytes> {
    match result {
        Ok(value) => RResult::ROk(value),
        Err(error) => RResult::RErr(error.to_bytes().into()),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<RVec<u8>> {
    serde_json::to_vec(value)
        .map(RVec::from)
        .map_err(|error| DriverError::new(ErrorClass::Internal, error.to_string()))
}

/// An author's driver behind the boundary.
struct DriverShim<D> {
    /// Taken out only by `drop`, which must catch a panic of the author's own `drop`.
    driver: Option<D>,
}

impl<D: Driver> DriverShim<D> {
    fn with<T>(&self, what: &str, call: impl FnOnce(&D) -> Result<T>) -> RResult<T, ErrorBytes> {
        answer(match &self.driver {
            Some(driver) => guard(what, || call(driver)),
            None => Err(DriverError::new(
                ErrorClass::Internal,
                "the driver is closed",
            )),
        })
    }
}

impl<D> Drop for DriverShim<D> {
    fn drop(&mut self) {
        // Nobody is left to take the error.
        let _ = guard("drop", || {
            drop(self.driver.take());
            Ok(())
        });
    }
}

impl<D: Driver> RawDriver for DriverShim<D> {
    fn descriptor(&self) -> RResult<RVec<u8>, ErrorBytes> {
        self.with("descriptor", |driver| json(&driver.descriptor()))
    }

    fn connect(&self, options: RSlice<'_, u8>) -> RResult<RawConnectionBox, ErrorBytes> {
        self.with("connect", |driver| {
            let options = read_options(driver, &options)?;
            let connection = driver.connect(&options)?;
            let shim = ConnectionShim {
                connection: Some(connection),
                poisoned: Arc::default(),
                block: RowBlock::default(),
            };
            Ok(RawConnection_TO::from_value(shim, TD_Opaque))
        })
    }

    fn create_database(&self, options: RSlice<'_, u8>) -> RResult<bool, ErrorBytes> {
        self.with("create_database", |driver| {
            driver.create_database(&read_options(driver, &options)?)
        })
    }
}

/// The host has checked the options already; checking again is what makes them an `Options`.
fn read_options<D: Driver>(driver: &D, bytes: &[u8]) -> Result<Options> {
    let values = serde_json::from_slice(bytes)
        .map_err(|error| DriverError::new(ErrorClass::Options, error.to_string()))?;
    Options::check(&driver.descriptor().options, &values, Path::new("/")).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        DriverError::new(ErrorClass::Options, lines.join("; "))
    })
}

/// An author's connection behind the boundary.
struct ConnectionShim {
    /// Taken out by `close` and `drop`.
    connection: Option<Box<dyn Connection>>,
    /// Set by the first panic, also one of a cancel handle: what the author's code left behind is not
    /// used again.
    poisoned: Arc<AtomicBool>,
    /// Where rows are written; kept, so that a query allocates nothing.
    block: RowBlock,
}

impl ConnectionShim {
    fn with<T>(
        &mut self,
        what: &str,
        call: impl FnOnce(&mut dyn Connection, &mut RowBlock) -> Result<T>,
    ) -> RResult<T, ErrorBytes> {
        if self.is_poisoned() {
            return answer(Err(DriverError::new(
                ErrorClass::Panic,
                "this connection is not used again, because the driver panicked in it",
            )));
        }
        let Some(connection) = self.connection.as_deref_mut() else {
            return answer(Err(DriverError::new(
                ErrorClass::ConnectionLost,
                "the connection is closed",
            )));
        };
        let block = &mut self.block;
        let caught = catch_unwind(AssertUnwindSafe(|| call(connection, block)));
        answer(caught.unwrap_or_else(|payload| {
            self.poison();
            Err(panic_error(what, payload))
        }))
    }

    fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    fn shut(&mut self) -> Result<()> {
        let Some(mut connection) = self.connection.take() else {
            return Ok(());
        };
        let closed = if self.is_poisoned() {
            Ok(())
        } else {
            guard("close", || connection.close())
        };
        let dropped = guard("drop", || {
            drop(connection);
            Ok(())
        });
        closed.and(dropped)
    }
}

impl Drop for ConnectionShim {
    fn drop(&mut self) {
        // `close` reports a panic of the author's `drop`; here nobody is left to take it.
        let _ = self.shut();
    }
}

impl RawConnection for ConnectionShim {
    fn query(
        &mut self,
        sql: RStr<'_>,
        params: RSlice<'_, u8>,
        mut sink: RawSinkMut<'_>,
    ) -> RResult<(), ErrorBytes> {
        self.with("query", |connection, block| {
            let params = parameters(params.as_slice())?;
            let mut receiver = HostReceiver { sink: &mut sink };
            let mut rows = RowSink::new(block, &mut receiver);
            connection.query(sql.as_str(), params, &mut rows)?;
            let _ = rows.finish();
            Ok(())
        })
    }

    fn execute(
        &mut self,
        sql: RStr<'_>,
        params: RSlice<'_, u8>,
    ) -> RResult<RawExecuteResult, ErrorBytes> {
        self.with("execute", |connection, _| {
            connection
                .execute(sql.as_str(), parameters(params.as_slice())?)
                .map(raw_result)
        })
    }

    fn execute_many(
        &mut self,
        sql: RStr<'_>,
        batch: RSlice<'_, u8>,
    ) -> RResult<RawExecuteResult, ErrorBytes> {
        self.with("execute_many", |connection, _| {
            let batch = RowBlockRef::parse(batch.as_slice())?;
            connection.execute_many(sql.as_str(), batch).map(raw_result)
        })
    }

    fn describe(&mut self, sql: RStr<'_>) -> RResult<RVec<u8>, ErrorBytes> {
        self.with("describe", |connection, _| {
            json(&connection.describe(sql.as_str())?)
        })
    }

    fn begin(&mut self, read_only: bool) -> RResult<(), ErrorBytes> {
        let mode = if read_only {
            TransactionMode::ReadOnly
        } else {
            TransactionMode::ReadWrite
        };
        self.with("begin", |connection, _| connection.begin(mode))
    }

    fn commit(&mut self) -> RResult<(), ErrorBytes> {
        self.with("commit", |connection, _| connection.commit())
    }

    fn rollback(&mut self) -> RResult<(), ErrorBytes> {
        self.with("rollback", |connection, _| connection.rollback())
    }

    fn tables(&mut self) -> RResult<RVec<u8>, ErrorBytes> {
        self.with("tables", |connection, _| json(&connection.tables()?))
    }

    fn columns(&mut self, table: RStr<'_>) -> RResult<RVec<u8>, ErrorBytes> {
        self.with("columns", |connection, _| {
            json(&connection.columns(table.as_str())?)
        })
    }

    fn ping(&mut self) -> RResult<(), ErrorBytes> {
        self.with("ping", |connection, _| connection.ping())
    }

    fn cancel_handle(&self) -> ROption<RawCancelArc> {
        let Some(connection) = self.connection.as_deref().filter(|_| !self.is_poisoned()) else {
            return ROption::RNone;
        };
        match guard("cancel_handle", || Ok(connection.cancel_handle())) {
            Ok(None) => ROption::RNone,
            Ok(Some(handle)) => {
                let shim = CancelShim {
                    handle: Some(handle),
                    poisoned: Arc::clone(&self.poisoned),
                };
                ROption::RSome(RawCancel_TO::from_ptr(RArc::new(shim), TD_Opaque))
            }
            // The next call on the connection says what happened.
            Err(_) => {
                self.poison();
                ROption::RNone
            }
        }
    }

    fn close(&mut self) -> RResult<(), ErrorBytes> {
        answer(self.shut())
    }

    fn backup(
        &mut self,
        target: RSlice<'_, u8>,
        mut watch: RawBackupWatchMut<'_>,
    ) -> RResult<(), ErrorBytes> {
        self.with("backup", |connection, _| {
            let target = Path::new(OsStr::from_bytes(target.as_slice()));
            connection.backup(target, &mut |at: BackupProgress| {
                Flow::from_wants_more(watch.step(at.phase.tag(), at.done, at.total))
            })
        })
    }
}

fn parameters(bytes: &[u8]) -> Result<RowRef<'_>> {
    Ok(RowRef::from_block_bytes(bytes)?)
}

fn raw_result(result: ExecuteResult) -> RawExecuteResult {
    RawExecuteResult {
        rows_affected: result.rows_affected,
        last_insert_id: result.last_insert_id.into(),
    }
}

/// Hands blocks across the boundary to the host's sink.
struct HostReceiver<'s, 'a> {
    sink: &'s mut RawSinkMut<'a>,
}

impl BlockReceiver for HostReceiver<'_, '_> {
    fn columns(&mut self, header: &[u8], count: usize) -> Flow {
        Flow::from_wants_more(self.sink.columns(header.into(), count))
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        Flow::from_wants_more(self.sink.block(block.into()))
    }
}

/// An author's cancel handle behind the boundary.
struct CancelShim {
    /// Taken out only by `drop`, which must catch a panic of the author's own `drop`.
    handle: Option<Arc<dyn CancelHandle>>,
    /// The flag of the connection that the handle belongs to.
    poisoned: Arc<AtomicBool>,
}

impl RawCancel for CancelShim {
    fn cancel(&self) -> RResult<(), ErrorBytes> {
        let Some(handle) = &self.handle else {
            return answer(Ok(()));
        };
        let result = guard("cancel", || handle.cancel());
        if result
            .as_ref()
            .is_err_and(|error| error.class() == ErrorClass::Panic)
        {
            self.poisoned.store(true, Ordering::Release);
        }
        answer(result)
    }
}

impl Drop for CancelShim {
    fn drop(&mut self) {
        let dropped = guard("drop of the cancel handle", || {
            drop(self.handle.take());
            Ok(())
        });
        if dropped.is_err() {
            self.poisoned.store(true, Ordering::Release);
        }
    }
}
