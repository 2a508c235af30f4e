//! Copies between engines, on real servers: once around is where it began.

use std::process::Stdio;
use std::time::{Duration, Instant};

use code_analysis_host::app::App;
use code_analysis_host::config::types::Config;
use code_analysis_host::foundation::cancellation::Cancellation;
use code_analysis_host::foundation::progress::RowProgress;
use driver_api::{Value, ValueRef};
use serde_json::json;
use test_needs::needs;
use test_servers::postgres::PostgresServer;
use test_servers::relay::Relay;

use super::{Side, copy, large, search, text, write_config};
use crate::support::engines::{Engine, postgres_section};
use crate::support::sandbox::{Sandbox, executable, plugins_dir};
use crate::support::server::eventually;

impl Side {
    /// A database of a server.
    pub(super) fn of(engine: &Engine) -> Self {
        Self {
            file: std::path::PathBuf::new(),
            config: engine.config.clone(),
        }
    }
}

/// Rows with what engines tell apart: nulls, truth, edges of numbers, long and foreign text, ids far apart.
fn add_edges(source: &Side) {
    source.execute(&[
        "UPDATE files SET has_docstring = NULL, deleted = 1 WHERE id = 2",
        "UPDATE code_chunks SET embedding_vector = '[0.1,-2.5e-3]', bm25_score = 1e308",
        "INSERT INTO usages(id, file_id, line, usage_type, target_type, target_name, created_at) \
         VALUES (9000000000000, 1, -9223372036854775807, 'call', 'function', 'edge', 4.9e-324)",
        "INSERT INTO imports(id, file_id, name, import_type, line) VALUES (700, 1, 'gone', 'import', 1)",
        "DELETE FROM imports WHERE id = 700",
    ]);
    source.with(|app| {
        let database = app.database().unwrap();
        let large = "Grüße 你好 🦀 ' \" \\ ` \t\r\n".repeat(100_000);
        let insert = "INSERT INTO code_content(file_id, entity_type, entity_name, content, docstring, created_at) \
                      VALUES (1, 'file', ?, ?, ?, ?)";
        for row in [
            [text(&large[..900]), text(&large), text(""), ValueRef::F64(-0.1)],
            [ValueRef::Null, text("\\N\t\\."), ValueRef::Null, ValueRef::Null],
            [text("Z"), text("z "), text("z"), ValueRef::F64(f64::MAX)],
        ] {
            let inserted = database.raw_database().once(|session| session.execute(insert, &row));
            inserted.unwrap();
        }
        database.close();
    });
}

#[needs(postgresql, mariadb)]
#[test]
fn once_around_the_engines_is_where_it_began() {
    let [postgres, mysql] = Engine::servers("copy_ring");
    let sandbox = Sandbox::new();
    let (start, end) = (Side::legacy(&sandbox, "start"), Side::new(&sandbox, "end"));
    add_edges(&start);
    let ring = [&start, &Side::of(&postgres), &Side::of(&mysql), &end];
    let mut hashes = Vec::new();
    for pair in ring.windows(2) {
        let copied = copy(&sandbox, pair[0], pair[1], &["--json"]).ok();
        assert_eq!(copied.stderr, "");
        let hash = |table: &serde_json::Value| {
            (
                table["name"].clone(),
                table["rows"].clone(),
                table["hash"].clone(),
            )
        };
        let tables = copied.json()["tables"]
            .as_array()
            .unwrap()
            .iter()
            .map(hash)
            .collect::<Vec<_>>();
        hashes.push(tables);
        assert_eq!(
            search(&sandbox, pair[1], "discount"),
            search(&sandbox, &start, "discount")
        );
    }
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(hashes[1], hashes[2]);
    assert!(start.dump() == end.dump());
    // Ids go on where the start would have, on every engine.
    let counters = start.dump().pop().unwrap().1;
    assert!(
        counters.contains(&vec!["imports".into(), Value::I64(700)]),
        "{counters:?}"
    );
}

#[needs(postgresql, mariadb)]
#[test]
fn indexing_goes_on_in_a_copy_on_a_server() {
    let servers = Engine::servers("copy_index");
    let sandbox = Sandbox::new();
    let source = Side::shop(&sandbox, "a");
    for engine in &servers {
        let (target, back) = (Side::of(engine), Side::new(&sandbox, engine.name));
        copy(&sandbox, &source, &target, &[]).ok();
        let shop = crate::support::fixture("shop");
        let again = engine.index(&shop);
        assert_eq!(again["files_unchanged"], 4, "{again}");
        // Rows are replaced, and get ids that none had.
        let tree = sandbox.work().join(engine.name);
        crate::support::copy_tree(&shop, &tree);
        std::fs::remove_file(tree.join("projectid")).unwrap();
        assert_eq!(engine.index(&tree)["files_processed"], 4);
        copy(&sandbox, &target, &back, &[]).ok();
        assert_eq!(back.rows("SELECT count(*) FROM files"), [[Value::I64(8)]]);
        assert_eq!(
            search(&sandbox, &back, "checkout"),
            search(&sandbox, &target, "checkout")
        );
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn what_a_server_cannot_keep_is_named_to_the_cell() {
    let servers = Engine::servers("copy_refused");
    let sandbox = Sandbox::new();
    let source = Side::legacy(&sandbox, "a");
    let long = "w".repeat(300);
    let too_long = format!("UPDATE usages SET target_type = '{long}' WHERE id = 3");
    let cases = [
        (
            "UPDATE files SET lines = 'many' WHERE id = 2",
            "the row `2` of `files` holds text in the column `lines`, where the target needs a whole number",
            [true, true],
        ),
        (
            "UPDATE files SET deleted = 7 WHERE id = 3",
            "the row `3` of `files` holds i64 in the column `deleted`, where the target needs a truth value, 0 or 1",
            [true, true],
        ),
        (
            "UPDATE code_chunks SET embedding_vector = x'00ff'",
            "the row `1` of `code_chunks` holds bytes in the column `embedding_vector`, where the target needs text",
            [true, true],
        ),
        (
            "UPDATE classes SET docstring = 'a' || char(0) WHERE id = 1",
            "the row `1` of `classes` holds text in the column `docstring`, where the target needs text without a NUL",
            [true, false],
        ),
        (
            &too_long,
            "the row `3` of `usages` holds text in the column `target_type`, where the target needs a word of at most",
            [false, true],
        ),
    ];
    for (number, (statement, told, refused)) in cases.into_iter().enumerate() {
        let broken = Side::new(&sandbox, &format!("broken{number}"));
        copy(&sandbox, &source, &broken, &[]).ok();
        broken.execute(&[statement]);
        for (engine, refused) in servers.iter().zip(refused) {
            let answer = copy(&sandbox, &broken, &Side::of(engine), &["--replace"]);
            if refused {
                let expected = format!("error: {told}");
                assert!(
                    answer.stderr.starts_with(&expected),
                    "{}: {}",
                    engine.name,
                    answer.stderr
                );
                assert_eq!((answer.status, rows(engine)), (1, 0));
            } else {
                answer.ok();
                let emptied = Side::legacy(&sandbox, "emptied");
                emptied.execute(&["DELETE FROM projects"]);
                copy(&sandbox, &emptied, &Side::of(engine), &["--replace"]).ok();
            }
        }
    }
}

/// Rows of some tables of a server.
fn rows(engine: &Engine) -> u64 {
    let counted =
        engine.rows("SELECT (SELECT count(*) FROM projects) + (SELECT count(*) FROM usages) AS n");
    let n = &counted[0]["n"];
    n.as_u64().or_else(|| n.as_str()?.parse().ok()).unwrap()
}

#[needs(postgresql, mariadb)]
#[test]
fn a_servers_database_is_known_however_it_is_spelled() {
    let servers = Engine::servers("copy_same");
    let sandbox = Sandbox::new();
    let source = Side::legacy(&sandbox, "a");
    for engine in &servers {
        let target = Side::of(engine);
        copy(&sandbox, &source, &target, &[]).ok();
        let config = std::fs::read_to_string(&engine.config).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["code_analysis"]["database"]["application_name"] = json!("another");
        let respelled = Side {
            file: std::path::PathBuf::new(),
            config: write_config(&sandbox, engine.name, &config["code_analysis"]),
        };
        let refused = copy(&sandbox, &target, &respelled, &["--replace"]);
        assert_eq!(
            (refused.status, refused.stderr.as_str()),
            (
                2,
                "error: source and target are the same database; name another target\n"
            )
        );
        assert_eq!(rows(engine), 18);
    }
}

/// What a copy claims its target with, so that it stays claimed by an idle session.
fn claim_as_another(engine: &Engine, app: &App) {
    let sql = match engine.name {
        "postgres" => {
            "SELECT CASE WHEN pg_advisory_lock(12639745, hashtext(current_schema())) IS NULL THEN 0 ELSE 1 END"
        }
        _ => "SELECT get_lock(concat('code-analysis-copy ', md5(database())), 0)",
    };
    let database = app.database().unwrap();
    let claimed = database
        .raw_database()
        .once(|session| session.query_first(sql, &[], |row| Ok(row.i64(0)?)));
    assert_eq!(claimed.unwrap(), Some(1), "{}", engine.name);
}

#[needs(postgresql, mariadb)]
#[test]
fn a_database_that_another_copies_into_is_a_source_and_no_target() {
    let servers = Engine::servers("copy_claimed");
    let sandbox = Sandbox::new();
    let source = Side::legacy(&sandbox, "a");
    for engine in &servers {
        let (claimed, back) = (Side::of(engine), Side::new(&sandbox, engine.name));
        copy(&sandbox, &source, &claimed, &[]).ok();
        let another = engine.app();
        claim_as_another(engine, &another);
        copy(&sandbox, &claimed, &back, &[]).ok();
        assert!(source.dump() == back.dump(), "{}", engine.name);
        let refused = copy(&sandbox, &source, &claimed, &["--replace"]);
        assert_eq!(
            refused.stderr, "error: another copy into the target is running; wait for its end\n",
            "{}",
            engine.name
        );
        another.database().unwrap().close();
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn a_copy_to_a_server_that_is_killed_leaves_nothing() {
    let servers = Engine::servers("copy_killed");
    let sandbox = Sandbox::new();
    let source = large(&sandbox, "a", 15_000);
    let none = Side::legacy(&sandbox, "none");
    none.execute(&["DELETE FROM projects"]);
    for engine in &servers {
        let target = Side::of(engine);
        let started = Instant::now();
        copy(&sandbox, &source, &target, &[]).ok();
        let whole = (started.elapsed(), rows(engine));
        assert_eq!(whole.1, 15_018);
        for tenths in [3, 6, 8] {
            copy_when_free(&sandbox, &none, &target);
            let arguments = [
                "db",
                "copy",
                "--from",
                &source.config,
                "--to",
                &target.config,
            ];
            let mut command = sandbox.command(&arguments);
            let mut copying = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(whole.0 * tenths / 10);
            copying.kill().unwrap();
            let ended = copying.wait().unwrap();
            let left = rows(engine);
            // Which one it is depends on how busy the machine is.
            assert!(left == 0 || left == whole.1, "{}: {left}", engine.name);
            assert!(
                left == 0 || ended.success() || tenths > 3,
                "{}: {left}",
                engine.name
            );
        }
        copy_when_free(&sandbox, &source, &target);
        assert_eq!(rows(engine), whole.1);
    }
}

/// Copies once the server has noticed that the last copy is gone.
fn copy_when_free(sandbox: &Sandbox, from: &Side, to: &Side) {
    eventually("the target is free", || {
        let copied = copy(sandbox, from, to, &["--replace"]);
        let claimed = copied
            .stderr
            .contains("another copy into the target is running");
        if claimed {
            std::thread::sleep(Duration::from_millis(100));
            return None;
        }
        copied.ok();
        Some(())
    });
}

/// Cuts the connection at the commit that follows the last row.
struct CutAtCommit<'r> {
    relay: &'r Relay,
    /// Whether the server still gets it.
    delivered: bool,
}

impl RowProgress for CutAtCommit<'_> {
    fn begin(&self, _rows: u64) {}

    fn rows(&self, _doing: &str, _table: &str, _rows: u64) {}

    fn done(&self) {
        match self.delivered {
            true => self.relay.cut_after(b"COMMIT"),
            false => self.relay.cut_before(b"COMMIT"),
        }
    }
}

/// A commit that adds a project takes three seconds from now on.
fn delay_commits(postgres: &Engine) {
    let app = postgres.app();
    let database = app.database().unwrap();
    for sql in [
        "CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON projects DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION be_slow()",
    ] {
        let made = database
            .raw_database()
            .once(|session| session.execute(sql, &[]));
        made.unwrap();
    }
    database.close();
}

#[needs(postgresql)]
#[test]
fn a_commit_that_was_not_answered_is_settled_by_reading() {
    let server = PostgresServer::start();
    let relay = Relay::start(server.port());
    let mut section = postgres_section(&server, "copy_commit");
    let direct = Engine::new("postgres", &section);
    section["port"] = relay.port().into();
    section["worker"] = json!({ "executable": executable() });
    let relayed = json!({ "code_analysis": {
        "database": section, "plugins": { "directories": [plugins_dir()] },
    }});
    let sandbox = Sandbox::new();
    let relayed = Config::from_value(relayed, &sandbox.work()).unwrap();
    let relayed = App::new(relayed, &[]).unwrap();
    let [old, new] = ["old", "new"].map(|name| Side::legacy(&sandbox, name));
    new.execute(&["DELETE FROM usages WHERE id > 10"]);
    copy(&sandbox, &old, &Side::of(&direct), &[]).ok();
    let replace = |delivered| {
        let cut = CutAtCommit {
            relay: &relay,
            delivered,
        };
        new.with(|app| app.copy_database_to(&relayed, true, &cut, &Cancellation::default()))
    };
    let error = replace(false).unwrap_err().to_string();
    assert!(
        error.starts_with("the target's connection broke at the commit ("),
        "{error}"
    );
    assert_eq!(rows(&direct), 18);
    // The server is still at it when the connection is long gone.
    delay_commits(&direct);
    let report = replace(true).unwrap();
    assert_eq!((report.rows, rows(&direct)), (69, 11));
}
