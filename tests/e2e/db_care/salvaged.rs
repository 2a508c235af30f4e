//! A database of which some pages are damaged: what can be read of it is kept, whether there is a backup or not.

use std::fs;

use serde_json::{Value, json};

use super::{Home, exists};

/// Files of a tree, and functions of each: enough that every table has many pages.
const FILES: usize = 60;
const FUNCTIONS: usize = 30;

/// A function whose row lies on a damaged page.
const LOST: &str = "function_31_17";

/// Makes a tree whose files define `PREFIX_FILE_NUMBER`, and indexes it.
fn indexed(home: &Home, name: &str, prefix: &str) -> String {
    let root = home.sandbox.work().join(name);
    fs::create_dir(&root).unwrap();
    for file in 0..FILES {
        let text: String = (0..FUNCTIONS)
            .map(|n| format!("def {prefix}_{file}_{n}(a):\n    return a + {n}\n\n"))
            .collect();
        fs::write(root.join(format!("file_{file}.py")), text).unwrap();
    }
    let root = root.to_str().unwrap().to_owned();
    home.host(&["index", &root]).ok();
    root
}

/// Makes no page of each page in which this text stands; the first page and the schema stay.
fn damage_pages_with(home: &Home, text: &str) -> usize {
    let mut bytes = fs::read(&home.file).unwrap();
    let mut damaged = 0;
    for page in bytes.chunks_mut(4096).skip(1) {
        if page.windows(text.len()).any(|part| part == text.as_bytes()) {
            page[..8].fill(0xff);
            damaged += 1;
        }
    }
    fs::write(&home.file, bytes).unwrap();
    damaged
}

fn functions(home: &Home, name: &str) -> Value {
    let parameters = json!({"entity_type": "function", "entity_name": name});
    home.call("get_code_entity_info", &parameters).json()
}

fn table<'t>(repaired: &'t Value, name: &str) -> &'t Value {
    let tables = repaired["salvaged"]["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table"] == name).unwrap()
}

#[test]
fn without_a_backup_every_row_that_can_be_read_is_kept() {
    let home = Home::new();
    let root = indexed(&home, "tree", "function");
    assert!(damage_pages_with(&home, LOST) > 0);
    let damaged = fs::read(&home.file).unwrap();
    let told = home.host(&["db", "check", "--json"]);
    assert_eq!(told.json()["integrity_ok"], false);
    let repaired = home.json(&["db", "repair"]);
    assert_eq!(repaired["mode"], "salvaged", "{repaired}");
    assert_eq!(repaired["after"]["integrity_ok"], true);
    assert!(!exists(&home.note()));
    let saved = repaired["saved"]["path"].as_str().unwrap();
    assert_eq!(fs::read(saved).unwrap(), damaged);
    // A damaged page of functions holds a few dozen of them: no more are lost.
    let salvaged = &repaired["salvaged"];
    assert_eq!(salvaged["complete"], false);
    assert_eq!(table(&repaired, "files")["added"], FILES);
    let kept = table(&repaired, "functions")["added"].as_u64().unwrap() as usize;
    assert!(
        (FILES * FUNCTIONS - 200..FILES * FUNCTIONS).contains(&kept),
        "{repaired}"
    );
    let ranges = table(&repaired, "functions")["unreadable"]
        .as_array()
        .unwrap();
    assert!(!ranges.is_empty(), "{repaired}");
    for name in ["function_0_0", "function_59_29"] {
        assert_eq!(functions(&home, name)["count"], 1, "{name}");
    }
    assert_eq!(functions(&home, LOST)["error"]["code"], "ENTITY_NOT_FOUND");
    // Indexing reads again what is not known to be whole.
    home.host(&["index", &root]).ok();
    assert_eq!(functions(&home, LOST)["count"], 1);
    assert_eq!(home.host(&["db", "check"]).status, 0);
    assert!(!fs::read_dir(home.sandbox.work()).unwrap().any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .contains(".next")
    }));
}

#[test]
fn a_backup_is_restored_and_what_it_lacks_is_added() {
    let home = Home::new();
    indexed(&home, "older", "function");
    home.json(&["db", "backup"]);
    let newer = indexed(&home, "newer", "later");
    assert!(damage_pages_with(&home, LOST) > 0);
    let repaired = home.json(&["db", "repair"]);
    assert_eq!(repaired["mode"], "restored", "{repaired}");
    // The backup has what the file has lost, the file what came after the backup.
    assert_eq!(functions(&home, LOST)["count"], 1);
    assert_eq!(functions(&home, "later_59_29")["count"], 1);
    assert_eq!(table(&repaired, "files")["added"], FILES);
    assert_eq!(table(&repaired, "projects")["added"], 1);
    let found = home.call(
        "list_code_entities",
        &json!({"root_dir": newer, "limit": 1}),
    );
    let total = found.ok().json()["total"].as_u64().unwrap() as usize;
    let kept = table(&repaired, "functions")["added"].as_u64().unwrap() as usize;
    assert_eq!(total, kept);
    assert_eq!(home.host(&["db", "check"]).status, 0);
}

#[test]
fn a_database_that_is_whole_is_taken_over_as_it_is() {
    let home = Home::full();
    home.json(&["db", "backup"]);
    let before = home.rows();
    crate::support::legacy::execute(&home.file, &["UPDATE files SET lines = 7"]);
    let changed = home.rows();
    assert_ne!(changed, before);
    // A note of an earlier damage, which somebody has mended since.
    fs::write(home.note(), "it was damaged").unwrap();
    let repaired = home.json(&["db", "repair"]);
    assert_eq!(repaired["mode"], "salvaged", "{repaired}");
    assert_eq!(repaired["salvaged"]["complete"], true);
    assert_eq!(home.rows(), changed);
}
