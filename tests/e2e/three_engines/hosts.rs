//! Several hosts on one server, hosts that follow changes, and servers that are restarted under a running host.

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use code_analysis_host::code_graph::dependencies;
use serde_json::{Value, json};
use test_needs::needs;
use test_servers::mariadb::MariaDbServer;
use test_servers::postgres::PostgresServer;

use super::{Bench, SHOP_ID};
use crate::support::dump::dump;
use crate::support::engines::{Engine, mysql_section, postgres_section};
use crate::support::server::{Server, eventually};
use crate::support::{copy_tree, fixture};

/// Starts `index` without waiting for its end.
fn start_index(engine: &Engine, root: &str) -> Child {
    let mut command = engine
        .sandbox
        .command(&engine.arguments(&["index", root, "--json"]));
    command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn assert_success(children: Vec<Child>) {
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// More files than one transaction takes in a moment, all of one form.
fn write_modules(bench: &Bench, version: u32) {
    for number in 0..40 {
        let mut text = format!("import shop.cart\n\nVERSION = {version}\n");
        for class in 0..8 {
            text +=
                &format!("class C{class}(Base):\n    \"\"\"Number {class} of {version}.\"\"\"\n");
            for method in 0..6 {
                text += &format!(
                    "    def m{method}_v{}(self, x):\n        return self.m{method}(x)\n",
                    version % 2
                );
            }
        }
        bench.write(format!("generated/module_{number}.py"), &text);
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn two_hosts_index_one_tree_at_once_and_store_it_once() {
    let bench = Bench::new("two_hosts");
    let (sqlite, servers) = bench.engines.split_first().unwrap();
    let root = bench.root();
    for version in 1..=3 {
        write_modules(&bench, version);
        sqlite.index(&root);
        let expected = dump(sqlite);
        for engine in servers {
            // The first time, both create the database and its schema.
            let second = engine.second_host();
            let hosts = [engine, &second];
            assert_success(
                hosts
                    .map(|host| start_index(host, root.to_str().unwrap()))
                    .into(),
            );
            assert_eq!(
                dump(engine),
                expected,
                "version {version} on {}",
                engine.name
            );
            let unchanged = engine.index(&root);
            assert_eq!(unchanged["files_unchanged"], 44, "{unchanged}");
        }
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn hosts_that_index_different_trees_never_take_the_same_id() {
    let bench = Bench::new("two_trees");
    write_modules(&bench, 1);
    let other = bench.base.path().canonicalize().unwrap().join("other");
    copy_tree(&bench.path("generated"), &other);
    for engine in bench.engines.iter().skip(1) {
        let second = engine.second_host();
        let roots = [(engine, bench.root()), (&second, other.clone())];
        assert_success(
            roots
                .map(|(host, root)| start_index(host, root.to_str().unwrap()))
                .into(),
        );
        let methods = engine.rows("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM methods");
        assert_eq!(
            methods,
            [json!({ "n": 2 * 40 * 8 * 6 + 6, "ids": 2 * 40 * 8 * 6 + 6 })]
        );
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn hosts_that_start_at_once_create_one_schema() {
    for engine in Engine::servers("one_schema") {
        let hosts: Vec<Engine> = (0..4).map(|_| engine.second_host()).collect();
        let gate = Barrier::new(hosts.len());
        std::thread::scope(|scope| {
            for host in &hosts {
                scope.spawn(|| {
                    gate.wait();
                    let status = host.call("get_database_status", &json!({}));
                    assert_eq!(status["files"]["total"], 0, "{status}");
                });
            }
        });
        // Nothing is missing: a further host creates nothing, and the tables take rows.
        engine.index(&fixture("shop"));
        assert_eq!(
            engine.rows("SELECT count(*) AS n FROM files"),
            [json!({ "n": 4 })]
        );
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn dependencies_of_a_file_that_another_host_stored_meanwhile_are_left_to_that_host() {
    for engine in Engine::all("meanwhile") {
        engine.index(&fixture("shop"));
        let app = engine.app();
        let driver = app.database().unwrap();
        let code = driver.database();
        let before = code.dependencies(SHOP_ID).unwrap();
        assert!(!before.is_empty());
        let raw = driver.raw_database();
        let execute = |sql: &str| {
            raw.transaction(|session| session.execute(sql, &[]))
                .unwrap();
        };
        execute("UPDATE file_states SET unlinked = 2");
        execute("DELETE FROM dependencies");
        let unlinked = code.unlinked_files(SHOP_ID).unwrap();
        let files = code.project_tree(SHOP_ID).unwrap();
        execute("UPDATE files SET updated_at = updated_at + 1");
        let sources: Vec<_> = files.iter().collect();
        let wanted = before.iter().copied().collect();
        code.replace_dependencies(SHOP_ID, &sources, &wanted, &unlinked)
            .unwrap();
        assert_eq!(code.dependencies(SHOP_ID).unwrap(), []);
        assert_eq!(code.unlinked_files(SHOP_ID).unwrap(), unlinked);
        dependencies::update(&code, SHOP_ID).unwrap();
        assert_eq!(code.dependencies(SHOP_ID).unwrap(), before);
        assert_eq!(code.unlinked_files(SHOP_ID).unwrap(), []);
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn transactions_that_wait_for_each_other_run_again() {
    for engine in Engine::servers("deadlock") {
        let app = engine.app();
        let driver = app.database().unwrap();
        let database = driver.raw_database();
        let insert = "INSERT INTO projects(id, root_path, updated_at) VALUES (?, ?, 0.0)";
        for id in ["a", "b"] {
            database
                .transaction(|session| session.execute(insert, &[id.into(), id.into()]))
                .unwrap();
        }
        // Each has the row that the other wants next, so that the server must end one of them.
        let gate = Barrier::new(2);
        let runs = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for order in [["a", "b"], ["b", "a"]] {
                let (gate, runs) = (&gate, &runs);
                scope.spawn(move || {
                    let mut first_run = true;
                    let count_up = "UPDATE projects SET updated_at = updated_at + 1 WHERE id = ?";
                    let done = database.transaction(|session| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        session.execute(count_up, &[order[0].into()])?;
                        if std::mem::take(&mut first_run) {
                            gate.wait();
                        }
                        session.execute(count_up, &[order[1].into()])
                    });
                    done.unwrap();
                });
            }
        });
        // The one that was ended ran again; and once more where it took the row before the one that waits for it woke.
        let runs = runs.into_inner();
        assert!(runs >= 3, "{}: {runs} runs", engine.name);
        let counted = engine.rows("SELECT updated_at AS n FROM projects");
        assert_eq!(counted, [json!({ "n": 2.0 }), json!({ "n": 2.0 })]);
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn a_watched_tree_is_followed_on_every_engine() {
    let bench = Bench::new("watched");
    let servers: Vec<Server> = bench
        .engines
        .iter()
        .map(|engine| engine.serve(&["--watch", bench.root().to_str().unwrap()]))
        .collect();
    let all_see = |what: &str, seen: &dyn Fn(&Server) -> bool| {
        for server in &servers {
            eventually(what, || seen(server).then_some(()));
        }
    };
    all_see("the first scan", &|server| {
        functions(server).contains(&"demo".to_owned())
    });
    bench.write("shop/late.py", "def latecomer(): pass\n");
    all_see("a new file", &|server| {
        functions(server).contains(&"latecomer".to_owned())
    });
    fs::remove_file(bench.path("shop/cart.py")).unwrap();
    all_see("a deletion", &|server| {
        !functions(server).contains(&"demo".to_owned())
    });
    drop(servers);
    bench.assert_same("rows", dump);
}

fn functions(server: &Server) -> Vec<String> {
    let answer = server.rpc("list_code_entities", &json!({ "entity_type": "function" }));
    let names = answer["entities"].as_array().unwrap().iter();
    names
        .map(|entity| entity["name"].as_str().unwrap().to_owned())
        .collect()
}

#[needs(postgresql)]
#[test]
fn a_host_goes_on_after_its_postgres_server_was_restarted() {
    // Servers of tests may lose what was committed a moment before they crash; this one may not.
    let mut server = PostgresServer::with_settings(&[("synchronous_commit", "on")]);
    let engine = Engine::new("postgres", &postgres_section(&server, "restarted"));
    goes_on_after(&engine, || {
        server.kill();
        server.start_again();
    });
}

#[needs(mariadb)]
#[test]
fn a_host_goes_on_after_its_mariadb_server_was_restarted() {
    let mut server = MariaDbServer::start();
    let engine = Engine::new("mysql", &mysql_section(&server, "restarted"));
    goes_on_after(&engine, || {
        server.kill();
        server.start_again();
    });
}

fn goes_on_after(engine: &Engine, mut restart: impl FnMut()) {
    let root = engine.sandbox.work().join("shop");
    copy_tree(&fixture("shop"), &root);
    let host = engine.serve(&[]);
    let index = |host: &Server| host.rpc("update_indexes", &json!({ "root_dir": root }));
    assert_eq!(index(&host)["files_processed"], 4);
    // Several connections are open, and all of them break.
    let files =
        |host: &Server| -> Value { host.rpc("list_project_files", &json!({}))["total"].clone() };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(files(&host), 4));
        }
    });
    restart();
    assert_eq!(files(&host), 4);
    fs::write(root.join("shop/new.py"), "def new(): pass\n").unwrap();
    restart();
    assert_eq!(index(&host)["files_processed"], 1);
    assert_eq!(files(&host), 5);
}
