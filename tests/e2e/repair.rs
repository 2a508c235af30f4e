//! The repair worker: drift between files, rows and full text is found on every engine, repaired once whoever looks, and
//! nobody who indexes waits for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use code_analysis_host::app::App;
use code_analysis_host::code_db::leases::project_lease;
use driver_api::Dialect;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_needs::needs;

use crate::support::engines::Engine;
use crate::support::processes::kill;
use crate::support::server::{Server, eventually};
use crate::support::shop::{age, own_old_shop};

/// Gives the engine's home these settings of the repair worker.
fn configure(engine: &Engine, repair: &Value) {
    let text = fs::read_to_string(&engine.config).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["code_analysis"]["workers"]["repair"] = repair.clone();
    fs::write(&engine.config, config.to_string()).unwrap();
}

/// A directory of modules of one function each, old enough to be trusted.
fn write_modules(directory: &Path, count: usize) -> Vec<PathBuf> {
    fs::create_dir_all(directory).unwrap();
    let write = |number: usize| {
        let path = directory.join(format!("module_{number}.py"));
        fs::write(
            &path,
            format!("def first_{number}():\n    return {number}\n"),
        )
        .unwrap();
        age(&path);
        path
    };
    (0..count).map(write).collect()
}

/// Writes other bytes, so many as before, without changing the time.
fn change_silently(path: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let before = fs::metadata(path).unwrap().modified().unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(before).unwrap();
}

fn execute(app: &App, sql: &str) -> u64 {
    let driver = app.database().unwrap();
    let database = driver.raw_database();
    let done = database.transaction(|session| session.execute(sql, &[]));
    done.unwrap().rows_affected
}

/// What `check_drift` says, by kind, with how many.
fn kinds(answer: &Value) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for path in answer["paths"].as_array().unwrap() {
        let kind = path["kind"].as_str().unwrap();
        match found.iter_mut().find(|(known, _)| known == kind) {
            Some((_, count)) => *count += 1,
            None => found.push((kind.to_owned(), 1)),
        }
    }
    for row in answer["rows"].as_array().unwrap() {
        found.push((
            row["kind"].as_str().unwrap().to_owned(),
            row["count"].as_u64().unwrap(),
        ));
    }
    found.sort();
    found
}

fn worker(server: &Server) -> Value {
    server.rpc("repair_worker_status", &json!({}))["processes"][0].clone()
}

fn is_sound(server: &Server) -> bool {
    server.rpc("check_drift", &json!({}))["ok"] == true
}

/// Takes the words of one text out of the index, as a lost write would have left it.
fn lose_words(app: &App, dialect: Dialect, name: &str) {
    let sql = match dialect {
        Dialect::Sqlite => format!(
            "INSERT INTO code_content_fts(code_content_fts, rowid, entity_type, entity_name, content, docstring, \
             name_parts, text_parts) SELECT 'delete', id, entity_type, entity_name, content, docstring, name_parts, \
             text_parts FROM code_content WHERE entity_name = '{name}'"
        ),
        _ => format!(
            "DELETE FROM code_content_fts WHERE id IN (SELECT id FROM code_content WHERE entity_name = '{name}')"
        ),
    };
    execute(app, &sql);
}

#[needs(postgresql, mariadb)]
#[test]
fn drift_of_every_kind_is_found_and_repaired_on_every_engine() {
    for engine in Engine::all("drift") {
        let (_place, root) = own_old_shop();
        let modules = write_modules(&root.join("made"), 6);
        engine.index(&root);
        let checked = engine.call("check_drift", &json!({ "root_dir": root }));
        assert_eq!(
            (&checked["ok"], &checked["files_checked"]),
            (&json!(true), &json!(10))
        );

        let app = engine.app();
        let dialect = app.database().unwrap().raw_database().dialect();
        // A directory of which nothing is indexed lies beside one of which everything is.
        fs::create_dir_all(root.join("apart")).unwrap();
        fs::write(root.join("apart/other.py"), "def apart(): pass\n").unwrap();
        fs::write(root.join("made/fresh.py"), "def fresh(): pass\n").unwrap();
        fs::write(&modules[0], "def changed(): pass\n").unwrap();
        change_silently(&modules[1], "first_1", "other_1");
        fs::remove_file(&modules[2]).unwrap();
        execute(
            &app,
            "UPDATE files SET deleted = TRUE WHERE path LIKE '%module_3.py'",
        );
        execute(
            &app,
            "DELETE FROM code_content WHERE entity_name = 'first_4'",
        );
        lose_words(&app, dialect, "first_5");
        execute(
            &app,
            "INSERT INTO projects(id, root_path) VALUES ('elsewhere', '/no/such/root')",
        );
        execute(
            &app,
            "INSERT INTO issues(file_id, project_id, issue_type) \
             SELECT id, 'elsewhere', 'note' FROM files WHERE path LIKE '%cart.py'",
        );
        let expected = |words: u64| -> Vec<(String, u64)> {
            let found = [
                ("changed_files", 1),
                ("files_back", 1),
                ("missing_files", 1),
                ("missing_text", 1),
                ("new_files", 1),
                ("not_indexed", 1),
                ("silently_changed_files", 1),
                ("wrong_project", 1),
            ];
            let full_text = std::iter::repeat_n(("full_text", 1), usize::try_from(words).unwrap());
            let mut all: Vec<_> = found
                .into_iter()
                .chain(full_text)
                .map(|(kind, count)| (kind.to_owned(), count))
                .collect();
            all.sort();
            all
        };
        // On servers words go with their text, on SQLite they are left over.
        let words = if dialect == Dialect::Sqlite { 2 } else { 1 };
        let found = eventually("what was written has settled", || {
            let found = engine.call("check_drift", &json!({ "root_dir": root }));
            let seen = kinds(&found);
            (seen == expected(words)).then_some(found).or_else(|| {
                assert!(
                    seen.len() <= expected(words).len(),
                    "{}: {seen:?}",
                    engine.name
                );
                None
            })
        });
        assert_eq!(found["ok"], false);

        let server = engine.serve(&[]);
        let unknown = server.rpc("get_drift_report", &json!({ "root_dir": root }));
        assert!(
            unknown["projects"][0].get("checked_at").is_none(),
            "{unknown}"
        );
        let started = server.rpc(
            "start_repair_worker",
            &json!({ "root_dir": root, "batch_size": 2, "poll_interval": 1 }),
        );
        let pid = started["pid"].as_u64().unwrap();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        assert_eq!(fields[16], "19", "the lowest priority");

        let report = eventually("everything is repaired", || {
            let checked = server.rpc("check_drift", &json!({ "root_dir": root }));
            (kinds(&checked) == [("not_indexed".to_owned(), 1)]).then_some(())?;
            let report = server.rpc("get_drift_report", &json!({}));
            report["rows"].is_object().then_some(report)
        });
        assert_eq!(report["worker_is_running"], true);
        let shop = &report["projects"][1];
        assert_eq!(shop["root_path"].as_str(), root.to_str(), "{report}");
        assert!(shop["age_seconds"].as_f64().unwrap() < 60.0, "{report}");
        let status = eventually("the worker tells", || {
            let beat = worker(&server)["heartbeat"].clone();
            (beat["files_repaired"] == 6 && beat["rows_repaired"].as_u64()? > 1).then_some(beat)
        });
        assert_eq!(status["last_error"], Value::Null, "{status}");
        // What it repaired is what commands answer.
        let functions = server.rpc("list_code_entities", &json!({ "entity_type": "function" }));
        let names: BTreeSet<&str> = functions["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entity| entity["name"].as_str().unwrap())
            .collect();
        for (name, is_there) in [
            ("fresh", true),
            ("changed", true),
            ("other_1", true),
            ("first_1", false),
            ("first_2", false),
            ("first_3", true),
            ("apart", false),
        ] {
            assert_eq!(names.contains(name), is_there, "{} {name}", engine.name);
        }
        for word in ["first_4", "first_5"] {
            let hits = server.rpc("fulltext_search", &json!({ "query": word }));
            assert_eq!(hits["count"], 1, "{} {word}: {hits}", engine.name);
        }
        let stopped = server.rpc("stop_repair_worker", &json!({}));
        assert_eq!(stopped["killed"], json!([pid]));
        assert_eq!(
            server.rpc("repair_worker_status", &json!({}))["is_running"],
            false
        );
    }
}

/// Files that the repair worker takes seconds for, none of them indexed as it is now.
fn slow_work() -> (Engine, Server, PathBuf, Vec<PathBuf>) {
    let engine = Engine::new("sqlite", &json!({ "path": "code.db" }));
    let root = engine.sandbox.work().join("slow");
    let modules = write_modules(&root, 40);
    let repair =
        json!({ "enabled": true, "batch_size": 1, "batch_pause_ms": 100, "poll_interval": 1 });
    configure(&engine, &repair);
    engine.index(&root);
    for (number, path) in modules.iter().enumerate() {
        change_silently(path, &format!("first_{number}"), &format!("again_{number}"));
    }
    let server = engine.serve(&[]);
    (engine, server, root, modules)
}

fn repaired(server: &Server) -> u64 {
    worker(server)["heartbeat"]["files_repaired"]
        .as_u64()
        .unwrap_or(0)
}

fn names_beginning(server: &Server, with: &str) -> usize {
    let parameters = json!({ "entity_type": "function", "limit": 1000 });
    let functions = server.rpc("list_code_entities", &parameters);
    let entities = functions["entities"].as_array().unwrap();
    let begins = |entity: &&Value| entity["name"].as_str().unwrap().starts_with(with);
    entities.iter().filter(begins).count()
}

#[test]
fn a_repair_worker_that_is_killed_in_the_middle_goes_on_at_once() {
    let (_engine, server, _, modules) = slow_work();
    eventually("it is in the middle", || {
        (repaired(&server) >= 3).then_some(())
    });
    let pid = worker(&server)["pid"].as_u64().unwrap();
    kill(u32::try_from(pid).unwrap(), Signal::KILL);
    let left = modules.len() - names_beginning(&server, "again_");
    assert!(left > 0, "it was over before it was killed");
    eventually("everything is repaired", || is_sound(&server).then_some(()));
    assert_eq!(names_beginning(&server, "again_"), modules.len());
    assert_eq!(names_beginning(&server, "first_"), 0);
    let after = worker(&server);
    assert_eq!(after["restarts"], 1, "{after}");
    // Nothing was done twice, and nobody waited for the lease of the one that died.
    assert!(repaired(&server) <= left as u64, "{after}");
    assert_eq!(after["heartbeat"]["gave_way"], 0, "{after}");
}

#[test]
fn who_indexes_goes_first_and_the_repair_worker_gives_way() {
    let (engine, server, root, modules) = slow_work();
    eventually("it is in the middle", || {
        (repaired(&server) >= 3).then_some(())
    });
    // As somebody does who indexes for long.
    let projects = server.rpc("list_projects", &json!({}));
    let lease = project_lease(projects["projects"][0]["id"].as_str().unwrap());
    let app = engine.app();
    let code = app.database().unwrap().database();
    code.claim_lease(&lease, "somebody").unwrap();
    eventually("the repair worker gives way", || {
        (worker(&server)["heartbeat"]["gave_way"].as_u64()? > 0).then_some(())
    });
    let left = names_beginning(&server, "first_");
    assert!(left > 0, "the repair was over already");
    // Who indexes waits for nobody.
    fs::write(&modules[39], "def mine(): pass\n").unwrap();
    let indexed = server.rpc("update_indexes", &json!({ "root_dir": root }));
    assert_eq!(indexed["files_processed"], 1, "{indexed}");
    assert_eq!(names_beginning(&server, "mine"), 1);
    assert!(
        names_beginning(&server, "first_") >= left - 1,
        "somebody repaired meanwhile"
    );
    eventually("everything is repaired", || is_sound(&server).then_some(()));
    assert_eq!(names_beginning(&server, "again_"), modules.len() - 1);
    assert_eq!(names_beginning(&server, "mine"), 1);
}

#[needs(postgresql)]
#[test]
fn two_hosts_on_one_server_share_the_work() {
    const PROJECTS: usize = 8;
    const FILES: usize = 5;
    let [postgres, _] = Engine::servers("shared_repair");
    let place = TempDir::new().unwrap();
    let top = place.path().canonicalize().unwrap();
    let mut files = Vec::new();
    for number in 0..PROJECTS {
        let root = top.join(format!("project_{number}"));
        files.extend(write_modules(&root, FILES));
        postgres.index(&root);
    }
    for (number, path) in files.iter().enumerate() {
        let number = number % FILES;
        change_silently(path, &format!("first_{number}"), &format!("again_{number}"));
    }
    let second = postgres.second_host();
    let hosts = [&postgres, &second];
    for host in hosts {
        let repair = json!({
            "enabled": true, "batch_size": 1, "batch_pause_ms": 200, "poll_interval": 1
        });
        configure(host, &repair);
    }
    let servers = hosts.map(|host| host.serve(&[]));
    eventually("everything is repaired", || {
        is_sound(&servers[0]).then_some(())
    });
    assert_eq!(names_beginning(&servers[1], "again_"), PROJECTS * FILES);
    let shares = eventually("both have told what they did", || {
        let shares: Vec<u64> = servers.iter().map(repaired).collect();
        (shares.iter().sum::<u64>() >= (PROJECTS * FILES) as u64).then_some(shares)
    });
    assert_eq!(
        shares.iter().sum::<u64>(),
        (PROJECTS * FILES) as u64,
        "each file was repaired once: {shares:?}"
    );
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
    // When one host dies in the middle of its work, the other takes it over.
    let report = servers[1].rpc("get_drift_report", &json!({}));
    assert_eq!(report["total"], PROJECTS);
    assert_eq!(report["worker_is_running"], true);
}
