//! Point queries through a driver, whichever way it came into the process, and the turns that two ways take.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use code_analysis_host::plugins::loader::Loader;
use code_analysis_host::plugins::plugin_file::PluginFile;
use driver_api::{
    BlockReceiver, Connection, Driver, Flow, Options, RowBlock, RowBlockRef, RowRef, RowSink,
    ValueRef,
};

/// Anything that ends the program.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Rows of the table.
pub const ROWS: i64 = 100_000;
/// Queries of one turn.
pub const QUERIES: i64 = 20_000;
/// The variable that lets the SQLite driver open a file in this process.
pub const WORKER_VARIABLE: &str = "CODE_ANALYSIS_DB_WORKER";
/// The query of every way.
pub const QUERY: &str = "SELECT name FROM points WHERE id = ?";

/// The key of a query, spread over the table.
pub fn key(number: i64) -> i64 {
    number.wrapping_mul(7_919).rem_euclid(ROWS) + 1
}

/// One way to ask; answers a sum over what was read, as a check that it was.
pub type Turn<'t> = &'t mut dyn FnMut() -> Result<usize>;

/// Microseconds a query, the median of the rounds, for each of the ways, which take turns.
///
/// # Errors
/// That of a way, or when two ways read something else.
pub fn compare(rounds: usize, ways: &mut [Turn<'_>]) -> Result<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(rounds); ways.len()];
    for _ in 0..rounds {
        let mut read = Vec::with_capacity(ways.len());
        for (way, times) in ways.iter_mut().zip(&mut times) {
            let begin = Instant::now();
            read.push(way()?);
            times.push(begin.elapsed().as_secs_f64() * 1e6 / QUERIES as f64);
        }
        if read.iter().any(|sum| *sum != read[0]) {
            return Err(format!("the ways read different things: {read:?}").into());
        }
    }
    Ok(times.into_iter().map(median).collect())
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The driver as the host loads it from its file.
///
/// # Errors
/// When it does not load.
pub fn loaded(library: &Path, copies: &Path) -> Result<std::sync::Arc<dyn Driver>> {
    let file = PluginFile::read(library)?;
    Ok(Loader::new(copies.to_owned()).load(&file.image)?.driver)
}

/// A connection that asks.
pub struct Asker {
    connection: Box<dyn Connection>,
    block: RowBlock,
    params: RowBlock,
}

impl Asker {
    /// Opens the file, which is made where it is not there.
    ///
    /// # Errors
    /// The driver's.
    pub fn open(driver: &dyn Driver, file: &Path) -> Result<Self> {
        let mut values = serde_json::Map::new();
        values.insert("path".into(), file.to_string_lossy().into());
        let options = Options::check(&driver.descriptor().options, &values, Path::new("/"))
            .map_err(|problems| format!("{problems:?}"))?;
        driver.create_database(&options)?;
        Ok(Self {
            connection: driver.connect(&options)?,
            block: RowBlock::default(),
            params: RowBlock::default(),
        })
    }

    /// Makes the table.
    ///
    /// # Errors
    /// The driver's.
    pub fn fill(&mut self) -> Result<()> {
        let create = "CREATE TABLE points (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";
        self.connection.execute(create, RowRef::EMPTY)?;
        let mut rows = RowBlock::new(2);
        for id in 1..=ROWS {
            let name = format!("name of row {id}");
            rows.push_row([ValueRef::I64(id), ValueRef::Text(&name)]);
        }
        let insert = "INSERT INTO points (id, name) VALUES (?, ?)";
        self.connection.execute_many(insert, rows.view())?;
        Ok(())
    }

    /// One turn.
    ///
    /// # Errors
    /// The driver's.
    pub fn points(&mut self) -> Result<usize> {
        let mut reader = Reader(0);
        for number in 0..QUERIES {
            self.params.clear(1);
            self.params.push_row([ValueRef::I64(key(number))]);
            let params = self.params.view().row(0)?;
            let mut sink = RowSink::new(&mut self.block, &mut reader);
            self.connection.query(QUERY, params, &mut sink)?;
            let _ = sink.finish();
        }
        Ok(reader.0)
    }
}

/// Sums the lengths of the names.
struct Reader(usize);

impl BlockReceiver for Reader {
    fn columns(&mut self, _: &[u8], _: usize) -> Flow {
        Flow::Continue
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        let read = RowBlockRef::parse(block).map(|block| {
            let rows = block
                .iter()
                .filter_map(|row| Some(row.ok()?.text(0).ok()?.len()));
            rows.sum::<usize>()
        });
        self.0 += read.unwrap_or_default();
        Flow::Continue
    }
}
