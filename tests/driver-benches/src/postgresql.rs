//! PostgreSQL: the crate `postgres` with prepared statements and binary COPY, and the plugin `postgres`.

use std::path::Path;

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, NoTls, Statement};
use test_servers::postgres::PostgresServer;

use crate::loaded::Loaded;
use crate::rounds::{Side, Sizes, Table, key, row, sum};

pub(crate) fn measure(plugins: &Path, sizes: Sizes, table: &mut Table) {
    let server = PostgresServer::start();
    let mut raw = Raw::connect(&server, sizes.rows);
    let options = serde_json::json!({
        "host": server.host(), "port": server.port(), "user": server.user(),
        "password": server.password(), "database": "postgres", "tls": "disable",
    });
    let mut plugin = Loaded::connect(plugins, "driver_postgres", options);
    table.compare("PostgreSQL", sizes, &mut raw, &mut plugin);
    table.cancel("PostgreSQL", "SELECT pg_sleep(60)", &mut plugin);
}

struct Raw {
    client: Client,
    point: Statement,
    scan: Statement,
}

impl Raw {
    fn connect(server: &PostgresServer, rows: i64) -> Self {
        let mut config = Config::new();
        config
            .host(server.host())
            .port(server.port())
            .user(server.user());
        config.password(server.password()).dbname("postgres");
        let mut client = config.connect(NoTls).unwrap();
        client
            .batch_execute(&format!(
                "CREATE TABLE bench_rows (number bigint PRIMARY KEY, name text NOT NULL, weight float8 NOT NULL); \
                 CREATE TABLE bench_inserts (number bigint NOT NULL, name text NOT NULL, weight float8 NOT NULL); \
                 INSERT INTO bench_rows SELECT n, 'name of row ' || n, n * 0.5 FROM generate_series(1, {rows}) n"
            ))
            .unwrap();
        client.batch_execute("VACUUM ANALYZE bench_rows").unwrap();
        let point = client
            .prepare("SELECT number, name, weight FROM bench_rows WHERE number = $1")
            .unwrap();
        let scan = client
            .prepare("SELECT number, name, weight FROM bench_rows")
            .unwrap();
        Self {
            client,
            point,
            scan,
        }
    }
}

impl Side for Raw {
    fn points(&mut self, count: usize, rows: i64) -> i64 {
        let mut total = 0;
        for number in 0..count {
            let found = self
                .client
                .query_one(&self.point, &[&key(number, rows)])
                .unwrap();
            total += sum(found.get(0), found.get(1), found.get(2));
        }
        total
    }

    fn scan(&mut self) -> i64 {
        let none: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = self.client.query_raw(&self.scan, none).unwrap();
        let mut total = 0;
        while let Some(found) = rows.next().unwrap() {
            total += sum(found.get(0), found.get(1), found.get(2));
        }
        total
    }

    fn bulk_insert(&mut self, rows: i64) {
        let copy = "COPY bench_inserts (number, name, weight) FROM STDIN BINARY";
        let writer = self.client.copy_in(copy).unwrap();
        let mut writer = BinaryCopyInWriter::new(writer, &[Type::INT8, Type::TEXT, Type::FLOAT8]);
        for number in 0..rows {
            let (number, name, weight) = row(number);
            writer.write(&[&number, &name, &weight]).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), rows as u64);
    }

    fn empty(&mut self) -> i64 {
        let count = self
            .client
            .query_one("SELECT count(*) FROM bench_inserts", &[])
            .unwrap()
            .get(0);
        self.client
            .batch_execute("TRUNCATE TABLE bench_inserts")
            .unwrap();
        count
    }
}
