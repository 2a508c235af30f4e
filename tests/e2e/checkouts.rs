//! A tree that is rewritten by `git checkout` back and forth while it is watched ends in the state of a fresh index.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use test_needs::needs;

use crate::support::dump::dump;
use crate::support::engines::Engine;
use crate::support::server::{Server, eventually};
use crate::support::{copy_tree, fixture};

/// How often the tree becomes that of the other branch.
const CHECKOUTS: usize = 12;

fn git(root: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// Two branches: the second lacks files, has others, moved some, and changed what others import.
fn repository(root: &Path) {
    copy_tree(&fixture("trees/python/json"), &root.join("json"));
    copy_tree(&fixture("shop"), root);
    git(root, &["init", "--quiet", "--initial-branch=one"]);
    git(root, &["add", "."]);
    git(root, &["commit", "--quiet", "--message=one"]);
    git(root, &["checkout", "--quiet", "-b", "two"]);
    std::fs::rename(root.join("json/scanner.py"), root.join("json/scan.py")).unwrap();
    edit(
        &root.join("json/decoder.py"),
        "from json import scanner",
        "from json import scan as scanner",
    );
    std::fs::remove_file(root.join("json/tool.py")).unwrap();
    edit(&root.join("shop/cart.py"), "def demo(", "def show(");
    std::fs::create_dir(root.join("more")).unwrap();
    std::fs::write(
        root.join("more/rates.py"),
        "from shop.models import Order\n\n\ndef rate(order: Order):\n    return order.price()\n",
    )
    .unwrap();
    git(root, &["add", "--all", "."]);
    git(root, &["commit", "--quiet", "--message=two"]);
}

/// The rows of files that are there, and of what they hold.
fn live(engine: &Engine) -> BTreeMap<&'static str, Vec<String>> {
    let mut rows = dump(engine);
    for lines in rows.values_mut() {
        // A row carries those of its owners in itself.
        lines.retain(|line| !line.contains("deleted=true"));
    }
    rows
}

#[needs(git, postgresql, mariadb)]
#[test]
fn a_tree_that_git_checks_out_back_and_forth_ends_in_the_state_of_a_fresh_index() {
    let fresh = Engine::new("sqlite", &json!({ "path": "code.db" }));
    let root = fresh.sandbox.work().join("tree");
    std::fs::create_dir(&root).unwrap();
    let root = root.canonicalize().unwrap();
    repository(&root);
    // All engines watch one tree.
    let watched = Engine::all("checkouts");
    let servers: Vec<Server> = watched
        .iter()
        .map(|engine| engine.serve(&["--watch", root.to_str().unwrap()]))
        .collect();
    for server in &servers {
        eventually("the first scan is over", || {
            let files = server.rpc("list_project_files", &json!({}));
            files["total"].as_u64().filter(|total| *total > 0)
        });
    }
    for number in 0..CHECKOUTS {
        let branch = ["one", "two"][number % 2];
        git(&root, &["checkout", "--quiet", branch]);
        // Some checkouts come while the one before is being indexed, some after.
        if number % 3 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(150));
        }
    }
    fresh.index(&root);
    let expected = live(&fresh);
    assert!(expected["files"].len() > 8 && expected["dependencies"].len() > 4);
    let differing = |rows: &BTreeMap<&'static str, Vec<String>>| {
        let tables = expected
            .keys()
            .filter(|table| rows[*table] != expected[*table]);
        tables.copied().collect::<Vec<&str>>()
    };
    for (engine, server) in watched.iter().zip(&servers) {
        let end = format!("the watched {} database is as the fresh one", engine.name);
        eventually(&end, || differing(&live(engine)).is_empty().then_some(()));
        // Nothing comes after it that would change it.
        server.rpc("update_indexes", &json!({ "root_dir": root }));
        assert_eq!(differing(&live(engine)), [] as [&str; 0]);
        assert_eq!(live(engine), expected, "{}", engine.name);
    }
}
