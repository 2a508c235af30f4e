//! What happens to the file under the DB worker: damage, a lost log, another name, another place.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use driver_api::ErrorClass;
use rustix::process::Signal;
use serde_json::json;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::{is_alive, kill};
use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;

#[test]
fn a_damaged_page_is_found_after_an_unclean_end_and_the_file_is_left_alone() {
    let chain = Chain::new();
    let database = numbers(&chain);
    // Enough for a checkpoint; the commit after it begins the log anew, so that the pages are read from
    // the file again.
    let fill = "INSERT INTO numbers WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c \
                WHERE n < 60000) SELECT n, printf('%0200d', n) FROM c";
    database.once(|session| session.execute(fill, &[])).unwrap();
    insert(database, 0).unwrap();
    let path = chain.path().join("code.db");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in [pages / 2, pages / 3] {
        file.write_all_at(&[0x5a; 4096], page * 4096).unwrap();
    }
    kill(worker_pid(&chain), Signal::KILL);
    let note = chain.path().join("code.db.quarantine");
    eventually("the quarantine", || note.exists().then_some(()));
    let damaged = fs::read(&path).unwrap();
    let error = eventually("a refusal", || {
        database
            .once(|session| session.execute("UPDATE numbers SET text = 'y'", &[]))
            .err()
    });
    let told = error.to_string();
    assert!(
        told.contains("quarantine") && told.contains("is damaged"),
        "{told}"
    );
    assert_eq!(fs::read(&path).unwrap(), damaged);
}

#[test]
fn a_log_that_vanished_after_a_kill_is_noticed_and_said_until_somebody_acts() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let owner = fs::read(sandbox.state().join("code_analysis.db.worker")).unwrap();
    let owner: serde_json::Value = serde_json::from_slice(&owner).unwrap();
    let worker = u32::try_from(owner["pid"].as_u64().unwrap()).unwrap();
    // Stopped, it cannot end in good order when its host is gone.
    kill(worker, Signal::STOP);
    server.signal(Signal::KILL);
    kill(worker, Signal::KILL);
    eventually("the worker's end", || (!is_alive(worker)).then_some(()));
    fs::remove_file(sandbox.state().join("code_analysis.db-wal")).unwrap();
    for _ in 0..2 {
        let output = sandbox.host(&["call", "list_projects", "--json"]);
        assert_ne!(output.status, 0);
        let told = format!("{}{}", output.stdout, output.stderr);
        assert!(told.contains("code_analysis.db-wal is gone"), "{told}");
    }
    fs::remove_file(sandbox.state().join("code_analysis.db.quarantine")).unwrap();
    let output = sandbox.host(&["call", "list_projects", "--json"]);
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("quarantine"));
}

#[test]
fn a_file_that_is_moved_away_stops_its_worker_and_is_not_replaced_by_an_empty_one() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let path = chain.path().join("code.db");
    fs::rename(&path, chain.path().join("elsewhere.db")).unwrap();
    let note = chain.path().join("code.db.quarantine");
    eventually("the worker's notice", || note.exists().then_some(()));
    let error = eventually("a refusal", || {
        database
            .once(|session| session.execute("UPDATE numbers SET text = 'y'", &[]))
            .err()
    });
    assert!(error.to_string().contains("was moved"), "{error}");
    assert!(!path.exists());
    fs::rename(chain.path().join("elsewhere.db"), &path).unwrap();
    fs::remove_file(&note).unwrap();
    let found = eventually("the file back in place", || {
        let read = database.read(|session| {
            session.query_first("SELECT count(*) FROM numbers", &[], |row| Ok(row.i64(0)?))
        });
        read.ok().flatten()
    });
    assert_eq!(found, 1);
}

#[test]
fn a_hard_link_has_no_worker_of_its_own() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let sandbox = Sandbox::new();
    let alias = chain.path().join("alias.db");
    fs::hard_link(chain.path().join("code.db"), &alias).unwrap();
    let config = sandbox.config(&json!({ "database": { "path": alias } }));
    let output = sandbox.host(&["--config", &config, "call", "list_projects", "--json"]);
    assert_ne!(output.status, 0);
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(told.contains("under another name"), "{told}");
    assert_eq!(count(database), 1);
    let error = database
        .once(|session| session.execute("INSERT INTO numbers VALUES (1, 'x')", &[]))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Constraint);
}
