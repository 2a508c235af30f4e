//! The table of what each driver does, in docs/drivers.md, is what the conformance suite says.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;

use serde_json::{Value, json};
use test_needs::needs;
use test_servers::mariadb::MariaDbServer;
use test_servers::postgres::PostgresServer;
use test_servers::server::{Engine, Server};

use crate::support::repository;
use crate::support::sandbox::Sandbox;

/// Where the generated part of the document begins and ends.
const BEGIN: &str = "<!-- begin of the generated part -->\n";
const END: &str = "<!-- end of the generated part -->\n";

/// The drivers that come with the host, in the order of the table.
const DRIVERS: [&str; 4] = ["sqlite", "sqlite-proxy", "postgres", "mysql"];

/// What a run of all cases printed.
fn measure(driver: &str) -> Value {
    match driver {
        "postgres" => {
            let server = PostgresServer::start();
            run_all(driver, Some(options(&server)))
        }
        "mysql" => {
            let server = MariaDbServer::start();
            run_all(driver, Some(options(&server)))
        }
        _ => run_all(driver, None),
    }
}

/// The options of a database that the cases create.
fn options<E: Engine>(server: &Server<E>) -> Value {
    json!({
        "host": server.host(), "port": server.port(), "user": server.user(),
        "password": server.password(), "database": "conformance",
    })
}

fn run_all(driver: &str, options: Option<Value>) -> Value {
    let sandbox = Sandbox::new();
    let mut arguments = vec!["drivers", "test", driver, "--json", "--timeout", "240"];
    if let Some(options) = options {
        std::fs::write(sandbox.work().join("options.json"), options.to_string()).unwrap();
        arguments.extend(["--options-file", "options.json"]);
    }
    sandbox.host(&arguments).json()
}

fn failures(report: &Value) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap();
    let failed = cases.iter().filter(|case| case["outcome"] == "failed");
    failed.map(Value::to_string).collect()
}

/// The lines of one driver's column, by group, and the line of what it does not declare.
struct Column {
    cells: BTreeMap<String, String>,
    undeclared: String,
}

fn column_of(driver: &str, report: &Value) -> Column {
    let cell = |counts: &Value| {
        let number = |key: &str| counts[key].as_u64().unwrap();
        let (passed, others) = (number("passed"), number("not_declared"));
        match others {
            0 => passed.to_string(),
            _ => format!("{passed} of {}", passed + others),
        }
    };
    let groups = report["groups"].as_array().unwrap();
    let mut cells: BTreeMap<String, String> = groups
        .iter()
        .map(|group| (group["group"].as_str().unwrap().to_owned(), cell(group)))
        .collect();
    cells.insert("all".to_owned(), cell(report));
    let needs: Vec<String> = report["undeclared"]
        .as_array()
        .unwrap()
        .iter()
        .map(|need| format!("{} ({})", need["needs"].as_str().unwrap(), need["cases"]))
        .collect();
    Column {
        cells,
        undeclared: format!("- `{driver}`: {}", needs.join(", ")),
    }
}

/// What the document says of a driver that is not measured.
fn column_in(document: &str, driver: &str) -> Option<Column> {
    let mut rows = document.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        let inside = line.trim_matches('|').split('|');
        inside.map(|cell| cell.trim().to_owned()).collect()
    };
    let index = cells(rows.next()?)
        .iter()
        .position(|name| *name == format!("`{driver}`"))?;
    let column = rows.skip(1).map(|line| {
        let cells = cells(line);
        (cells[0].clone(), cells[index].clone())
    });
    let start = format!("- `{driver}`: ");
    Some(Column {
        cells: column.collect(),
        undeclared: document
            .lines()
            .find(|line| line.starts_with(&start))?
            .to_owned(),
    })
}

fn generated(columns: &[(&str, Column)], groups: &[String]) -> String {
    let mut text = String::from("| group |");
    for (driver, _) in columns {
        write!(text, " `{driver}` |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(columns.len()));
    for group in groups {
        write!(text, "\n| {group} |").unwrap();
        for (_, column) in columns {
            write!(text, " {} |", column.cells[group]).unwrap();
        }
    }
    text.push_str("\n\nNot declared, with the number of cases that need it:\n\n");
    for (_, column) in columns {
        writeln!(text, "{}", column.undeclared).unwrap();
    }
    text
}

#[test]
fn the_sqlite_drivers_pass_what_they_declare_and_the_document_says_what_that_is() {
    check(&["sqlite", "sqlite-proxy"]);
}

#[needs(postgresql)]
#[test]
fn the_postgres_driver_passes_what_it_declares_and_the_document_says_what_that_is() {
    check(&["postgres"]);
}

#[needs(mariadb)]
#[test]
fn the_mysql_driver_passes_what_it_declares_and_the_document_says_what_that_is() {
    check(&["mysql"]);
}

/// Measures these drivers; of the others, the document is believed.
fn check(measured: &[&str]) {
    // One after the other, because each may write the document anew.
    static DOCUMENT: Mutex<()> = Mutex::new(());
    let reports: BTreeMap<&str, Value> = measured.iter().map(|d| (*d, measure(d))).collect();
    let _document = DOCUMENT.lock();
    let path = repository().join("docs/drivers.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let mut columns = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    for driver in DRIVERS {
        let Some(report) = reports.get(driver) else {
            columns.extend(column_in(written, driver).map(|column| (driver, column)));
            continue;
        };
        assert_eq!(failures(report), Vec::<String>::new(), "{driver}");
        let listed = report["groups"].as_array().unwrap().iter();
        groups = listed
            .map(|g| g["group"].as_str().unwrap().to_owned())
            .collect();
        groups.push("all".to_owned());
        columns.push((driver, column_of(driver, report)));
    }
    let expected = generated(&columns, &groups);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, expected,
        "docs/drivers.md is not up to date; UPDATE_EXPECT=1 writes it anew"
    );
}
