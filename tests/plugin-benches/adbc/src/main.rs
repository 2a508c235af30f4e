//! The SQLite driver as a plugin beside ADBC's SQLite driver through its driver manager, in turns.
//!
//! `adbc-bench PLUGIN ADBC_DRIVER`; the latter is `libadbc_driver_sqlite.so` of the PyPI package adbc-driver-sqlite.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use adbc_core::options::{AdbcVersion, OptionDatabase};
use adbc_core::{Connection, Database, Driver, Statement};
use adbc_driver_manager::ManagedDriver;
use arrow_array::{Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use plugin_benches::{Asker, QUERIES, QUERY, Result, WORKER_VARIABLE, compare, key, loaded};

const ROUNDS: usize = 9;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(plugin), Some(other)) = (arguments.next(), arguments.next()) else {
        return Err("adbc-bench PLUGIN ADBC_DRIVER".into());
    };
    if !other.exists() {
        println!("skipped: there is no {} (pip download adbc-driver-sqlite, and unpack the wheel)", other.display());
        return Ok(());
    }
    if std::env::var_os(WORKER_VARIABLE).is_none() {
        let mut command = Command::new(std::env::current_exe()?);
        let status = command.arg(plugin).arg(other).env(WORKER_VARIABLE, "1").status()?;
        return status.success().then_some(()).ok_or_else(|| "the measuring process failed".into());
    }
    measure(&plugin, &other)
}

fn measure(plugin: &Path, other: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("points.db");
    let driver = loaded(plugin, &place.path().join("copies"))?;
    let mut asker = Asker::open(&*driver, &file)?;
    asker.fill()?;
    let mut manager = ManagedDriver::load_dynamic_from_filename(other, None, AdbcVersion::V100)?;
    let uri = file.to_str().ok_or("a path that is no text")?;
    let database = manager.new_database_with_opts([(OptionDatabase::Uri, uri.into())])?;
    let mut connection = database.new_connection()?;
    let mut statement = connection.new_statement()?;
    statement.set_sql_query(QUERY)?;
    statement.prepare()?;
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
    let mut adbc = || -> Result<usize> {
        let mut sum = 0;
        for number in 0..QUERIES {
            let id: Arc<dyn Array> = Arc::new(Int64Array::from(vec![key(number)]));
            statement.bind(RecordBatch::try_new(Arc::clone(&schema), vec![id])?)?;
            for batch in statement.execute()? {
                let batch = batch?;
                let names = batch.column(0).as_any().downcast_ref::<StringArray>().ok_or("no text")?;
                sum += names.iter().flatten().map(str::len).sum::<usize>();
            }
        }
        Ok(sum)
    };
    let times = compare(ROUNDS, &mut [&mut || asker.points(), &mut adbc])?;
    let ratio = times[1] / times[0];
    let met = if ratio >= 4.0 { "yes" } else { "NO" };
    println!("point query, plugin {:.3} us, ADBC {:.3} us, {ratio:.2} times faster, wanted 4, met: {met}", times[0], times[1]);
    Ok(())
}
