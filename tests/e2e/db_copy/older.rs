//! Copies of databases that lack columns which came later: rows hold null there, on every engine.

use driver_api::Value;
use serde_json::json;
use test_needs::needs;

use super::{Side, copy};
use crate::support::engines::Engine;
use crate::support::sandbox::Sandbox;

/// Columns that an earlier version of this program did not have.
const LATER_COLUMNS: [&str; 7] = [
    "classes DROP COLUMN end_line",
    "methods DROP COLUMN end_line",
    "functions DROP COLUMN end_line",
    "imports DROP COLUMN alias",
    "imports DROP COLUMN level",
    "usages DROP COLUMN column_number",
    "usages DROP COLUMN receiver",
];

#[needs(postgresql, mariadb)]
#[test]
fn databases_that_lack_later_columns_are_copied_to_every_engine() {
    let [postgres, mysql] = Engine::servers("copy_older");
    let sandbox = Sandbox::new();
    for (name, mine) in [("older_program", false), ("earlier_version", true)] {
        let source = match mine {
            false => Side::legacy(&sandbox, name),
            true => Side::shop(&sandbox, name),
        };
        if mine {
            let drops = LATER_COLUMNS.map(|drop| format!("ALTER TABLE {drop}"));
            source.execute(&drops.each_ref().map(String::as_str));
        }
        let sqlite = Side::new(&sandbox, &format!("{name}_sqlite"));
        let mut copies = Vec::new();
        for target in [Side::of(&postgres), Side::of(&mysql), sqlite] {
            let copied = copy(&sandbox, &source, &target, &["--json", "--replace"]).ok();
            assert_eq!(copied.json()["not_copied"], json!([]));
            let back = Side::new(&sandbox, &format!("{name}_{}", copies.len()));
            copy(&sandbox, &target, &back, &[]).ok();
            copies.push(back);
        }
        // Reading the rows here brings the source's schema up to date, with nulls in what it lacked.
        let mut expected = source.dump();
        // Among the counters is that of the schema's own book, in which the source has one more line now.
        expected.pop();
        let receivers = source.rows("SELECT count(receiver), count(*) > 0 FROM usages");
        assert_eq!(receivers, [[Value::I64(0), Value::I64(1)]]);
        for copied in &copies {
            let rows = copied.dump();
            assert!(rows[..expected.len()] == expected, "{name}");
        }
    }
}
