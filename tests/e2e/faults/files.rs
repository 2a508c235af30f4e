//! What happens to the database file from outside: damage, other names, a new place, an old log.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use driver_api::ErrorClass;
use serde_json::json;

use super::insert_bytes;
use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::with_open;
use crate::support::server::eventually;

/// Waits until no worker has the file open any more.
fn wait_for_end(file: &Path) {
    eventually("the worker ends", || {
        with_open(file).is_empty().then_some(())
    });
}

#[test]
fn a_damaged_page_is_told_and_the_file_is_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().canonicalize().unwrap().join("code.db");
    let options = json!({ "path": file });
    let chain = Chain::with_database_options(&options).unwrap();
    let database = numbers(&chain);
    for n in 0..200 {
        insert_bytes(database, n, 2_000).unwrap();
    }
    drop(chain);
    wait_for_end(&file);
    let length = fs::metadata(&file).unwrap().len();
    let disk = fs::OpenOptions::new().write(true).open(&file).unwrap();
    // The last half holds nothing but the rows.
    for offset in (length / 2..length).step_by(4096) {
        disk.write_all_at(&[0xA5; 100], offset).unwrap();
    }
    drop(disk);
    let damaged = fs::read(&file).unwrap();
    match Chain::with_database_options(&options) {
        Err(refused) => {
            let text = refused.to_string();
            assert!(
                text.contains("malformed") || text.contains("quarantine"),
                "{text}"
            );
        }
        Ok(chain) => {
            let error = chain
                .driver()
                .raw_database()
                .read(|session| {
                    session.query_first("SELECT sum(length(text)) FROM numbers", &[], |row| {
                        Ok(row.i64(0)?)
                    })
                })
                .unwrap_err();
            assert_eq!(error.class(), ErrorClass::Corrupt, "{error}");
            drop(chain);
            wait_for_end(&file);
        }
    }
    assert!(
        fs::read(&file).unwrap() == damaged,
        "the damaged file was changed"
    );
}

#[test]
fn another_name_of_the_file_leads_to_the_same_worker() {
    let chain = Chain::new();
    insert(numbers(&chain), 1).unwrap();
    let alias = chain.path().join("alias.db");
    std::os::unix::fs::symlink(chain.path().join("code.db"), &alias).unwrap();
    let other = Chain::with_database_options(&json!({ "path": alias })).unwrap();
    assert_eq!(count(other.driver().raw_database()), 1);
    assert_eq!(worker_pid(&other), worker_pid(&chain));
}
