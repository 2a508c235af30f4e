//! Drivers that are loaded into this very process: what the boundary keeps, and what it catches.

use std::path::Path;
use std::sync::Arc;

use code_analysis_host::plugins::loader::{LoadedPlugin, Loader};
use code_analysis_host::plugins::plugin_file::PluginFile;
use driver_api::{
    BlockReceiver, Connection, Driver, DriverError, ErrorClass, Flow, Options, Result, RowBlock,
    RowBlockRef, RowRef, RowSink, TransactionMode, ValueRef,
};
use serde_json::json;

use crate::support::sandbox::plugins_dir;

struct Loaded {
    plugin: LoadedPlugin,
    _copies: tempfile::TempDir,
}

fn load(library: &str) -> Loaded {
    let copies = tempfile::tempdir().unwrap();
    let loader = Loader::new(copies.path().to_owned());
    let file = plugins_dir().join(format!("lib{library}.so"));
    let plugin = loader
        .load(&PluginFile::read(&file).unwrap().image)
        .unwrap();
    Loaded {
        plugin,
        _copies: copies,
    }
}

impl Loaded {
    fn connect(&self, options: serde_json::Value) -> Result<Box<dyn Connection>> {
        let values = options.as_object().unwrap();
        let schema = &self.plugin.descriptor.options;
        let options = Options::check(schema, values, Path::new("/")).unwrap();
        self.plugin.driver.connect(&options)
    }

    fn panicking_at(&self, at: &str) -> Box<dyn Connection> {
        self.connect(json!({ "panic_at": at })).unwrap()
    }
}

/// Keeps the blocks that arrive.
#[derive(Default)]
struct Blocks(Vec<Vec<u8>>);

impl BlockReceiver for Blocks {
    fn columns(&mut self, _header: &[u8], _count: usize) -> Flow {
        Flow::Continue
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        self.0.push(block.to_vec());
        Flow::Continue
    }
}

fn query(connection: &mut dyn Connection, params: RowRef<'_>) -> (Result<()>, Blocks) {
    let (mut block, mut blocks) = (RowBlock::default(), Blocks::default());
    let result = connection.query(
        "SELECT ?",
        params,
        &mut RowSink::new(&mut block, &mut blocks),
    );
    (result, blocks)
}

type Call = fn(&mut dyn Connection) -> Result<()>;

const CALLS: [(&str, Call); 10] = [
    ("query", |c| query(c, RowRef::EMPTY).0),
    ("execute", |c| c.execute("x", RowRef::EMPTY).map(|_| ())),
    ("execute_many", |c| {
        c.execute_many("x", RowBlock::new(1).view()).map(|_| ())
    }),
    ("describe", |c| c.describe("x").map(|_| ())),
    ("begin", |c| c.begin(TransactionMode::ReadWrite)),
    ("commit", |c| c.commit()),
    ("rollback", |c| c.rollback()),
    ("tables", |c| c.tables().map(|_| ())),
    ("columns", |c| c.columns("x").map(|_| ())),
    ("ping", |c| c.ping()),
];

#[test]
fn a_panic_in_any_call_is_an_error_and_poisons_only_that_connection() {
    let loaded = load("panicking_driver");
    let mut healthy = loaded.panicking_at("nowhere");
    for (name, call) in CALLS {
        let mut connection = loaded.panicking_at(name);
        let error = call(&mut *connection).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Panic, "{name}");
        let expected = format!("the driver panicked in {name}: told to panic in {name}");
        assert_eq!(error.message(), expected);
        assert!(
            error
                .detail()
                .is_some_and(|place| place.contains("lib.rs:")),
            "{error}"
        );
        // Everything that follows on it fails without running the author's code.
        for (_, next) in CALLS {
            let error = next(&mut *connection).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Panic, "after {name}");
            assert!(
                error
                    .message()
                    .starts_with("this connection is not used again"),
                "{error}"
            );
        }
        assert!(connection.cancel_handle().is_none());
        call(&mut *healthy).unwrap();
    }
}

#[test]
fn a_panic_while_a_connection_ends_is_an_error_of_close() {
    let loaded = load("panicking_driver");
    for at in ["close", "drop"] {
        let mut connection = loaded.panicking_at(at);
        let error = connection.close().unwrap_err();
        assert_eq!(error.class(), ErrorClass::Panic, "{at}");
        assert_eq!(
            error.message(),
            format!("the driver panicked in {at}: told to panic in {at}")
        );
        // Without `close` the panic of the drop is caught, too.
        drop(loaded.panicking_at(at));
    }
}

#[test]
fn panics_of_the_driver_itself_and_of_its_handles_are_errors() {
    let loaded = load("panicking_driver");
    let class = |error: DriverError| error.class();
    let connected = loaded.connect(json!({ "panic_at": "connect" }));
    assert_eq!(connected.map(|_| ()).map_err(class), Err(ErrorClass::Panic));
    let values = json!({ "panic_at": "create_database" });
    let schema = &loaded.plugin.descriptor.options;
    let options = Options::check(schema, values.as_object().unwrap(), Path::new("/")).unwrap();
    let created = loaded.plugin.driver.create_database(&options);
    assert_eq!(created.map_err(class), Err(ErrorClass::Panic));
    let mut connection = loaded.panicking_at("cancel_handle");
    assert!(connection.cancel_handle().is_none());
    assert_eq!(connection.ping().map_err(class), Err(ErrorClass::Panic));
    let mut connection = loaded.panicking_at("nowhere");
    let handle = connection.cancel_handle().unwrap();
    connection.ping().unwrap();
    assert_eq!(handle.cancel().map_err(class), Err(ErrorClass::Panic));
    assert_eq!(connection.ping().map_err(class), Err(ErrorClass::Panic));
}

#[test]
fn a_panic_while_a_cancel_handle_ends_poisons_its_connection() {
    let loaded = load("panicking_driver");
    let mut connection = loaded.panicking_at("drop_handle");
    let handle = connection.cancel_handle().unwrap();
    connection.ping().unwrap();
    drop(handle);
    let error = connection.ping().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Panic);
}

#[test]
fn two_plugins_of_one_root_type_live_side_by_side() {
    let (panicking, proxy) = (load("panicking_driver"), load("driver_sqlite_proxy"));
    assert_eq!(panicking.plugin.descriptor.name, "panicking");
    assert_eq!(proxy.plugin.descriptor.name, "sqlite-proxy");
    // Each answers for itself after both are loaded.
    let names: Vec<String> = [&panicking, &proxy]
        .map(|loaded| Arc::clone(&loaded.plugin.driver))
        .iter()
        .map(|driver: &Arc<dyn Driver>| driver.descriptor().name)
        .collect();
    assert_eq!(names, ["panicking", "sqlite-proxy"]);
}

#[test]
fn rows_and_parameters_cross_the_boundary_as_they_are() {
    let loaded = load("panicking_driver");
    let mut connection = loaded.panicking_at("nowhere");
    let mut params = RowBlock::of_params([ValueRef::I64(1), ValueRef::Null, ValueRef::Text("x")]);
    let (result, blocks) = query(&mut *connection, params.view().row(0).unwrap());
    result.unwrap();
    assert_eq!(blocks.0.len(), 1);
    let block = RowBlockRef::parse(&blocks.0[0]).unwrap();
    let row = block.row(0).unwrap();
    assert_eq!(
        (block.rows(), row.text(0), row.i64(1)),
        (1, Ok("SELECT ?"), Ok(3))
    );
    let mut batch = RowBlock::new(1);
    batch.push_row([ValueRef::I64(1)]);
    batch.push_row([ValueRef::I64(2)]);
    let done = connection.execute_many("x", batch.view()).unwrap();
    assert_eq!((done.rows_affected, done.last_insert_id), (2, Some(7)));
}

#[test]
fn the_sqlite_driver_refuses_to_open_a_file_outside_a_db_worker() {
    let loaded = load("driver_sqlite");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x.db");
    let error = loaded
        .connect(json!({ "path": file }))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Placement);
    assert!(!file.exists());
}
