//! Rows that contradict each other, made with raw SQL on every engine: reported, and repaired as far as that is safe.

use std::process::Command;

use serde_json::{Value, json};
use test_needs::needs;

use crate::support::engines::Engine;
use crate::support::server::eventually;
use crate::support::shop::own_old_shop;

/// The row of a file goes, and nothing that belongs to it.
const LOSE_OWNER: &str = "DELETE FROM files WHERE path LIKE '%discounts.py'";

/// A chunk without the vector that it says it has, a vector of another model than its chunk says, one of another size.
const SPOIL_VECTORS: [&str; 3] = [
    "DELETE FROM chunk_vectors WHERE chunk_id = (SELECT min(k.id) FROM code_chunks k JOIN files f ON f.id = k.file_id \
     WHERE f.path LIKE '%cart.py')",
    "UPDATE chunk_vectors SET model = 'another' WHERE chunk_id = (SELECT max(k.id) FROM code_chunks k \
     JOIN files f ON f.id = k.file_id WHERE f.path LIKE '%cart.py')",
    "UPDATE chunk_vectors SET vector = substr(vector, 1, 3) WHERE chunk_id = (SELECT max(k.id) FROM code_chunks k \
     JOIN files f ON f.id = k.file_id WHERE f.path LIKE '%models.py')",
];

/// Runs statements past everything that keeps rows in order. Nobody else has the database open.
fn damage(engine: &Engine) {
    let database = engine.sandbox.path().join("code.db");
    let spoil = SPOIL_VECTORS.join(";");
    if engine.name == "sqlite" {
        let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\nd.executescript(sys.argv[2])\nd.close()\n";
        let sql = format!("PRAGMA foreign_keys = OFF; {spoil}; {LOSE_OWNER};");
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(&database).arg(sql);
        assert!(python.status().unwrap().success());
        return;
    }
    let off = match engine.name {
        "postgres" => "SET session_replication_role = replica",
        _ => "SET foreign_key_checks = 0",
    };
    engine.server_sql(&format!("{off}; {spoil}; {LOSE_OWNER};"));
}

/// How many rows of each kind `rows` of an answer tells of.
fn of_kind(rows: &Value, kind: &str) -> u64 {
    let rows = rows.as_array().unwrap().iter();
    let of_kind = rows.filter(|row| row["kind"] == kind);
    of_kind.map(|row| row["count"].as_u64().unwrap()).sum()
}

#[needs(postgresql, mariadb)]
#[test]
fn orphans_and_vectors_that_do_not_fit_are_reported_and_repaired_on_every_engine() {
    for engine in Engine::all("rows_drift") {
        let (_place, root) = own_old_shop();
        engine.index(&root);
        engine.call("revectorize", &json!({ "root_dir": root }));
        let sound = engine.call("check_drift", &json!({ "root_dir": root }));
        assert_eq!(sound["ok"], true, "{}: {sound}", engine.name);
        damage(&engine);

        let found = engine.call("check_drift", &json!({ "root_dir": root }));
        assert_eq!(found["ok"], false);
        assert_eq!(
            of_kind(&found["rows"], "vectors"),
            3,
            "{}: {found}",
            engine.name
        );
        let orphans = of_kind(&found["rows"], "orphans");
        assert!(orphans > 5, "{}: {found}", engine.name);

        let server = engine.serve(&[]);
        let repair = json!({ "root_dir": root, "poll_interval": 1 });
        server.rpc("start_repair_worker", &repair);
        let report = eventually("the look that repairs is reported", || {
            let report = server.rpc("get_drift_report", &json!({}));
            let findings = report["rows"]["findings"].as_array()?;
            (!findings.is_empty()).then(|| report["rows"]["findings"].clone())
        });
        // Rows that belong to what was deleted with their owner are orphans by now, too.
        assert!(of_kind(&report, "orphans") > 0, "{report}");
        assert!(of_kind(&report, "vectors") > 0, "{report}");
        for finding in report.as_array().unwrap() {
            assert_eq!(finding["repaired"], finding["count"], "{finding}");
        }
        eventually("everything is repaired", || {
            let checked = server.rpc("check_drift", &json!({ "root_dir": root }));
            (checked["ok"] == true).then_some(())
        });
        // The file is indexed anew, once, and what was without a vector gets one.
        let apply = server.rpc("find_usages", &json!({ "target_name": "apply" }));
        assert_eq!(apply["count"], 1, "{apply}");
        assert_eq!(apply["usages"][0]["confidence"], "exact");
        let pending = server.rpc("check_vectors", &json!({ "root_dir": root }));
        assert!(
            pending["chunks_pending_vectorization"].as_u64() >= Some(3),
            "{pending}"
        );
        server.rpc("revectorize", &json!({ "root_dir": root }));
        let complete = server.rpc("check_vectors", &json!({ "root_dir": root }));
        assert_eq!(complete["is_complete"], true, "{complete}");
        assert_eq!(
            complete["models"].as_array().map(Vec::len),
            Some(1),
            "{complete}"
        );
    }
}
