//! MariaDB: the crate `mysql` with prepared statements and multi-row inserts, and the plugin `mysql`.

use std::fmt::Write as _;
use std::path::Path;

use mysql::prelude::Queryable as _;
use mysql::{Conn, OptsBuilder, Row, Statement, Value, from_row};
use test_servers::mariadb::MariaDbServer;

use crate::loaded::Loaded;
use crate::rounds::{Side, Sizes, Table, key, row, sum};

/// Rows of one insert statement of the raw client: the largest round number below the limit of placeholders.
const ROWS_A_STATEMENT: i64 = 20_000;

pub(crate) fn measure(plugins: &Path, sizes: Sizes, table: &mut Table) {
    let server = MariaDbServer::start();
    server.sql("", "CREATE DATABASE bench");
    let mut raw = Raw::connect(&server, sizes.rows);
    let options = serde_json::json!({
        "host": server.host(), "port": server.port(), "user": server.user(),
        "password": server.password(), "database": "bench", "tls": "disable",
    });
    let mut plugin = Loaded::connect(plugins, "driver_mysql", options);
    table.compare("MariaDB", sizes, &mut raw, &mut plugin);
    table.cancel("MariaDB", "SELECT SLEEP(60)", &mut plugin);
}

struct Raw {
    client: Conn,
    point: Statement,
    scan: Statement,
}

impl Raw {
    fn connect(server: &MariaDbServer, rows: i64) -> Self {
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(server.host()))
            .tcp_port(server.port())
            .user(Some(server.user()))
            .pass(Some(server.password()))
            .prefer_socket(false)
            .db_name(Some("bench"));
        let mut client = Conn::new(options).unwrap();
        for table in ["bench_rows", "bench_inserts"] {
            let key = if table == "bench_rows" {
                " PRIMARY KEY"
            } else {
                ""
            };
            client
                .query_drop(format!(
                    "CREATE TABLE {table} (number bigint NOT NULL{key}, name varchar(100) NOT NULL, weight double NOT NULL)"
                ))
                .unwrap();
        }
        client
            .query_drop(format!(
                "INSERT INTO bench_rows SELECT seq, concat('name of row ', seq), seq * 0.5 FROM seq_1_to_{rows}"
            ))
            .unwrap();
        let point = client
            .prep("SELECT number, name, weight FROM bench_rows WHERE number = ?")
            .unwrap();
        let scan = client
            .prep("SELECT number, name, weight FROM bench_rows")
            .unwrap();
        Self {
            client,
            point,
            scan,
        }
    }
}

fn sum_of(found: Row) -> i64 {
    let (number, name, weight): (i64, String, f64) = from_row(found);
    sum(number, &name, weight)
}

impl Side for Raw {
    fn points(&mut self, count: usize, rows: i64) -> i64 {
        let mut total = 0;
        for number in 0..count {
            let found: Row = self
                .client
                .exec_first(&self.point, (key(number, rows),))
                .unwrap()
                .unwrap();
            total += sum_of(found);
        }
        total
    }

    fn scan(&mut self) -> i64 {
        let rows = self.client.exec_iter(&self.scan, ()).unwrap();
        rows.map(|found| sum_of(found.unwrap())).sum()
    }

    fn bulk_insert(&mut self, rows: i64) {
        let mut transaction = self
            .client
            .start_transaction(mysql::TxOpts::default())
            .unwrap();
        let mut next = 0;
        while next < rows {
            let count = ROWS_A_STATEMENT.min(rows - next);
            let mut sql = String::from("INSERT INTO bench_inserts (number, name, weight) VALUES ");
            let mut values: Vec<Value> = Vec::with_capacity(count as usize * 3);
            for number in next..next + count {
                let separator = if number == next { "" } else { "," };
                write!(sql, "{separator}(?,?,?)").unwrap();
                let (number, name, weight) = row(number);
                values.extend([number.into(), name.into(), weight.into()]);
            }
            transaction.exec_drop(&sql, values).unwrap();
            next += count;
        }
        transaction.commit().unwrap();
    }

    fn empty(&mut self) -> i64 {
        let count = self
            .client
            .query_first("SELECT count(*) FROM bench_inserts")
            .unwrap()
            .unwrap();
        self.client
            .query_drop("TRUNCATE TABLE bench_inserts")
            .unwrap();
        count
    }
}
