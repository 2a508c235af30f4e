//! The plugin's side: the driver as the host loads it from its file, called as the host calls it.

use std::path::Path;

use code_analysis_host::plugins::loader::Loader;
use code_analysis_host::plugins::plugin_file::PluginFile;
use driver_api::{
    BlockReceiver, Connection, Flow, Options, RowBlock, RowBlockRef, RowRef, RowSink,
};
use serde_json::{Map, Value};

use crate::rounds::{Side, key, row, sum};

pub(crate) struct Loaded {
    pub(crate) connection: Box<dyn Connection>,
    block: RowBlock,
    params: RowBlock,
    /// Rows to insert; kept, as the host keeps its blocks.
    batch: RowBlock,
}

impl Loaded {
    /// Loads `library` (`driver_postgres`) from this directory and connects.
    pub(crate) fn connect(plugins: &Path, library: &str, options: Value) -> Self {
        let copies = tempfile::tempdir().unwrap();
        let loader = Loader::new(copies.path().join("copies"));
        let file = plugins.join(format!("lib{library}.so"));
        let plugin = loader
            .load(&PluginFile::read(&file).unwrap().image)
            .unwrap();
        let values: Map<String, Value> = serde_json::from_value(options).unwrap();
        let options = Options::check(&plugin.descriptor.options, &values, Path::new("/")).unwrap();
        Self {
            connection: plugin.driver.connect(&options).unwrap(),
            block: RowBlock::default(),
            params: RowBlock::default(),
            batch: RowBlock::default(),
        }
    }

    fn each(&mut self, sql: &str, mut each: impl FnMut(RowRef<'_>)) {
        query(
            &mut *self.connection,
            &mut self.block,
            sql,
            RowRef::EMPTY,
            &mut each,
        );
    }
}

fn query(
    connection: &mut dyn Connection,
    block: &mut RowBlock,
    sql: &str,
    params: RowRef<'_>,
    each: &mut dyn FnMut(RowRef<'_>),
) {
    let mut reader = Reader { each };
    let mut sink = RowSink::new(block, &mut reader);
    connection.query(sql, params, &mut sink).unwrap();
    let _ = sink.finish();
}

impl Side for Loaded {
    fn points(&mut self, count: usize, rows: i64) -> i64 {
        let mut total = 0;
        for number in 0..count {
            self.params.clear(1);
            self.params.push_row([key(number, rows).into()]);
            let params = self.params.view().row(0).unwrap();
            let sql = "SELECT number, name, weight FROM bench_rows WHERE number = ?";
            query(
                &mut *self.connection,
                &mut self.block,
                sql,
                params,
                &mut |row| {
                    total += sum(
                        row.i64(0).unwrap(),
                        row.text(1).unwrap(),
                        row.f64(2).unwrap(),
                    );
                },
            );
        }
        total
    }

    fn scan(&mut self) -> i64 {
        let mut total = 0;
        self.each("SELECT number, name, weight FROM bench_rows", |row| {
            total += sum(
                row.i64(0).unwrap(),
                row.text(1).unwrap(),
                row.f64(2).unwrap(),
            );
        });
        total
    }

    fn bulk_insert(&mut self, rows: i64) {
        self.batch.clear(3);
        for number in 0..rows {
            let (number, name, weight) = row(number);
            self.batch
                .push_row([number.into(), name.as_str().into(), weight.into()]);
        }
        let sql = "INSERT INTO bench_inserts (number, name, weight) VALUES (?, ?, ?)";
        let done = self
            .connection
            .execute_many(sql, self.batch.view())
            .unwrap();
        assert_eq!(done.rows_affected, rows as u64);
    }

    fn empty(&mut self) -> i64 {
        let mut count = 0;
        self.each("SELECT count(*) FROM bench_inserts", |row| {
            count = row.i64(0).unwrap()
        });
        self.connection
            .execute("TRUNCATE TABLE bench_inserts", RowRef::EMPTY)
            .unwrap();
        count
    }
}

/// Hands every row on.
pub(crate) struct Reader<'e> {
    pub(crate) each: &'e mut dyn FnMut(RowRef<'_>),
}

impl BlockReceiver for Reader<'_> {
    fn columns(&mut self, _header: &[u8], _count: usize) -> Flow {
        Flow::Continue
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        for row in RowBlockRef::parse(block).unwrap().iter() {
            (self.each)(row.unwrap());
        }
        Flow::Continue
    }
}
