//! `sql`: formats, limits, and that nothing is written.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use super::{assert_failure, indexed_shop};

#[test]
fn sql_reads_in_three_formats_and_loses_nothing() {
    let sandbox = indexed_shop();
    let statement =
        "SELECT 1 AS n, NULL AS absent, '' AS empty, x'00ff' AS bytes, 'a,\"b\"' AS text, 0.5 AS f";
    let csv = sandbox.host(&["sql", statement, "--format", "csv"]).ok();
    assert_eq!(
        csv.stdout,
        "n,absent,empty,bytes,text,f\n1,,\"\",\\x00ff,\"a,\"\"b\"\"\",0.5\n"
    );
    let json = sandbox.host(&["sql", statement, "--json"]).ok().json();
    let row = json!({"n": 1, "absent": null, "empty": "", "bytes": "\\x00ff", "text": "a,\"b\"", "f": 0.5});
    assert_eq!(json, json!([row]));
    let table = sandbox.host(&["sql", statement]).ok();
    assert!(
        table.stdout.lines().nth(1).unwrap().contains("NULL"),
        "{}",
        table.stdout
    );
    let none = sandbox
        .host(&[
            "sql",
            "SELECT id FROM files WHERE id < 0",
            "--format",
            "csv",
        ])
        .ok();
    assert_eq!(none.stdout, "id\n");
}

#[test]
fn sql_cannot_write_and_the_engine_sees_to_it() {
    let sandbox = indexed_shop();
    for statement in [
        "DELETE FROM files",
        "DROP TABLE files",
        "CREATE TABLE x(a)",
        "UPDATE files SET lines = 0",
    ] {
        assert_failure(&sandbox.host(&["sql", statement]), 1, &[]);
    }
    let refused = sandbox.host(&["sql", "DELETE FROM files", "--json"]);
    assert_eq!(refused.json()["error"]["code"], "READ_ONLY");
    assert_failure(
        &sandbox.host(&["sql", "SELECT 1; DELETE FROM files"]),
        1,
        &["one statement"],
    );
    assert_failure(&sandbox.host(&["sql", "SELEC 1"]), 1, &["syntax"]);
    let left = sandbox
        .host(&["sql", "SELECT count(*) AS n FROM files", "--json"])
        .ok()
        .json();
    assert_eq!(left, json!([{"n": 4}]));
}

#[test]
fn large_results_stream_and_a_reader_may_stop() {
    let sandbox = indexed_shop();
    let statement = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 200000) SELECT x FROM c";
    let all = sandbox.host(&["sql", statement, "--format", "csv"]).ok();
    assert_eq!(all.stdout.lines().count(), 200_001);
    assert_eq!(all.stdout.lines().last(), Some("200000"));
    let table = sandbox.host(&["sql", statement, "--max-rows", "5"]).ok();
    assert_eq!(table.stdout.lines().count(), 6);
    assert!(
        table.stderr.contains("only the first 5 rows are shown"),
        "{}",
        table.stderr
    );

    let mut command = sandbox.command(&["sql", statement, "--format", "csv"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    // The pipe is closed with 200,000 lines still to come, as `head -1` does.
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "x\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
