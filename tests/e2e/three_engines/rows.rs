//! What is stored: every table of every engine holds the same rows, whatever happens to the tree.

use std::fs;

use serde_json::json;
use test_needs::needs;

use super::{Bench, SHOP_ID};
use crate::support::dump::dump;

#[needs(postgresql, mariadb)]
#[test]
fn the_shop_is_the_same_rows_on_every_engine() {
    let bench = Bench::indexed("shop_rows");
    let rows = bench.assert_same("rows", dump);
    let count = |table: &str| rows[table].len();
    assert_eq!(
        [
            "files",
            "classes",
            "methods",
            "functions",
            "imports",
            "code_content"
        ]
        .map(count),
        [4, 4, 6, 4, 12, 18]
    );
    // A second run finds nothing to do, and does nothing.
    bench.index();
    assert_eq!(bench.assert_same("rows after a second run", dump), rows);
}

#[needs(postgresql, mariadb)]
#[test]
fn changes_deletions_and_returns_of_files_are_the_same_rows() {
    let bench = Bench::indexed("changed_rows");
    let cart = fs::read_to_string(bench.path("shop/cart.py")).unwrap();

    // Entities move, go and come; one of them twice.
    let changed = cart.replace(
        "def clear(self) -> None:\n        pass",
        "def empty(self): pass",
    ) + "\n\ndef demo():\n    return 2\n";
    assert_ne!(changed, cart);
    bench.write("shop/cart.py", &changed);
    bench.write(
        "shop/new/deep.py",
        "class Déep:\n    def x(self): return self.x()\n",
    );
    bench.index();
    let rows = bench.assert_same("rows after changes", dump);
    assert!(
        rows["methods"]
            .iter()
            .any(|row| row.contains("name=\"empty\""))
    );
    assert!(
        !rows["methods"]
            .iter()
            .any(|row| row.contains("name=\"clear\""))
    );

    fs::remove_file(bench.path("shop/discounts.py")).unwrap();
    bench.index();
    let rows = bench.assert_same("rows after a deletion", dump);
    let deleted = |row: &&String| row.contains("deleted=true");
    assert_eq!(rows["files"].iter().filter(deleted).count(), 1);

    bench.write(
        "shop/discounts.py",
        "def apply(code, cents): return cents\n",
    );
    bench.write("shop/cart.py", &cart);
    bench.index();
    let rows = bench.assert_same("rows after a return", dump);
    assert_eq!(rows["files"].iter().filter(deleted).count(), 0);

    // The tree is moved: ids stay, paths follow.
    fs::rename(bench.root(), bench.base.path().join("store")).unwrap();
    let store = bench.base.path().canonicalize().unwrap().join("store");
    bench.assert_same("indexing at another place", |engine| {
        engine.index(&store)["files_unchanged"].clone()
    });
    let rows = bench.assert_same("rows at another place", dump);
    assert!(
        rows["files"].iter().all(|row| row.contains("/store/")),
        "{rows:?}"
    );
}

#[needs(postgresql, mariadb)]
#[test]
fn a_deleted_project_leaves_nothing() {
    let bench = Bench::indexed("deleted_project");
    let parameters = json!({ "project_id": SHOP_ID, "dry_run": true });
    bench.assert_same("a dry run", |engine| {
        engine.call("delete_project", &parameters)
    });
    let parameters = json!({ "project_id": SHOP_ID });
    let answer = bench.assert_same("deletion", |engine| {
        engine.call("delete_project", &parameters)
    });
    assert_eq!(answer["files_count"], 4, "{answer}");
    let rows = bench.assert_same("rows", dump);
    assert!(rows.values().all(Vec::is_empty), "{rows:?}");
    let words = bench.assert_same("words", |engine| {
        engine.rows("SELECT count(*) AS n FROM code_content_fts")[0]["n"].as_i64()
    });
    assert_eq!(words, Some(0));
}
