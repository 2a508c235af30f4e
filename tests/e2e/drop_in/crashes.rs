//! A driver that crashes in a worker: its callers get typed errors, the crash has its name, and too many are the end.

use std::sync::Arc;

use code_analysis_host::app::App;
use code_analysis_host::config::types::Config;
use code_analysis_host::universal_driver::driver::UniversalDriver;
use driver_api::ErrorClass;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::libraries::misbehaving;
use crate::support::sandbox::{Sandbox, executable};

/// A host of its own with a driver that crashes in `tables` and answers everything else.
struct Crashing {
    driver: Arc<UniversalDriver>,
    app: App,
    config: Value,
    directory: TempDir,
}

impl Crashing {
    /// `name` is the driver's, and makes its bytes others than those of every other test.
    fn new(name: &str, crash_at: &str) -> Self {
        Self::with_limit(name, crash_at, 100)
    }

    fn with_limit(name: &str, crash_at: &str, limit: usize) -> Self {
        let directory = tempfile::Builder::new().prefix("cah").tempdir().unwrap();
        let plugins = directory.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        let bytes = misbehaving(&format!("name={name} version=1.0.0"));
        std::fs::write(plugins.join("x.so"), bytes).unwrap();
        let config = json!({ "code_analysis": {
            "database": {
                "type": name,
                "crash_at": crash_at,
                "worker": { "enabled": true, "executable": executable(), "log_path": "database.log" },
            },
            "plugins": { "directories": [plugins], "crash_limit": limit },
        }});
        let app = app(&config, &directory);
        let driver = app.database().unwrap();
        Self {
            driver,
            app,
            config,
            directory,
        }
    }

    /// Another host with the same configuration, which opens nothing.
    fn again(&self) -> App {
        app(&self.config, &self.directory)
    }

    fn tables(&self) -> driver_api::Result<()> {
        let database = self.driver.raw_database();
        database.read(|session| session.tables().map(drop))
    }

    fn query(&self) -> driver_api::Result<Option<String>> {
        self.driver.raw_database().read(|session| {
            session.query_first("still there?", &[], |row| Ok(row.text(0)?.to_owned()))
        })
    }

    fn worker(&self) -> Value {
        serde_json::to_value(&self.app.workers().status()[0]).unwrap()
    }
}

fn app(config: &Value, directory: &TempDir) -> App {
    let config = Config::from_value(config.clone(), directory.path()).unwrap();
    App::new(config, &[]).unwrap()
}

/// Drivers have names of their own in each run, so that crashes of earlier runs are not theirs.
fn unique(prefix: &str) -> String {
    let digits = uuid_digits();
    format!("{prefix}-{digits}")
}

fn uuid_digits() -> String {
    let directory = tempfile::Builder::new()
        .prefix("")
        .rand_bytes(8)
        .tempdir()
        .unwrap();
    let name = directory
        .path()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    name.to_ascii_lowercase()
}

#[test]
fn a_crash_costs_its_caller_one_typed_error_and_is_told_with_driver_and_call() {
    let host = Crashing::new(&unique("c"), "tables");
    assert_eq!(host.query().unwrap().as_deref(), Some("still there?"));
    let error = host.tables().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Panic, "{error}");
    assert!(
        error
            .to_string()
            .contains("2 workers have ended while they carried it out"),
        "{error}: {}",
        host.worker()
    );
    // Everybody else goes on.
    assert_eq!(host.query().unwrap().as_deref(), Some("still there?"));
    let worker = host.worker();
    assert_eq!(worker["last_exit"]["signal"], 11, "{worker}");
    let doing = worker["last_exit"]["doing"].as_str().unwrap();
    assert!(
        doing.starts_with(&format!(
            "the driver {}, whose last call was tables (call ",
            host.driver.driver_name()
        )),
        "{doing}"
    );
}

#[test]
fn a_driver_that_crashes_too_often_is_in_quarantine_until_that_is_cleared() {
    let name = unique("q");
    let host = Crashing::with_limit(&name, "tables", 2);
    // Two workers end in one call, which is one crash too many.
    assert!(host.tables().is_err());
    let refused = host.query().unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Unavailable, "{refused}");
    for part in [
        format!(
            "the driver {name}: it ended its process 2 times (last: ended by signal SIGSEGV (11)"
        ),
        format!("drivers quarantine clear {name}"),
    ] {
        assert!(refused.to_string().contains(&part), "{refused}");
    }
    // The next host does not begin with it, and says why.
    let app = host.again();
    let told = app.inspect_driver(&name).unwrap();
    assert_eq!(told["refused"]["reason"], "quarantined", "{told}");
    let last = &told["crashes"]["crashes"][1]["last_call"];
    assert!(
        last.as_str().unwrap().starts_with("tables (call "),
        "{told}"
    );
    assert_eq!(app.clear_quarantine(&name).unwrap()["cleared"], true);
    let app = host.again();
    assert_eq!(app.inspect_driver(&name).unwrap()["usable"], true);
}

#[test]
fn a_driver_that_ends_the_host_itself_is_named_counted_and_at_last_in_quarantine() {
    let name = unique("d");
    let sandbox = Sandbox::new();
    let plugins = sandbox.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let bytes = misbehaving(&format!("name={name} version=1.0.0"));
    std::fs::write(plugins.join("x.so"), bytes).unwrap();
    let config = |trouble: &str| {
        sandbox.config(&json!({
            "database": { "type": name, trouble: "query" },
            "plugins": { "directories": [plugins], "crash_limit": 2 },
        }))
    };
    let asked = |config: &str| sandbox.host(&["--config", config, "call", "list_projects"]);
    let inspected = |config: &str| {
        let shown = sandbox.host(&["--config", config, "drivers", "inspect", &name, "--json"]);
        shown.json()
    };
    for (trouble, signal, so_far) in [("crash_at", 11, 1), ("abort_at", 6, 2)] {
        let config = config(trouble);
        let ended = asked(&config);
        assert_eq!(ended.status, 128 + signal, "{}", ended.stderr);
        let line = format!(
            "the driver {name} ends this process by signal {signal} in its call query (call "
        );
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
        let told = inspected(&config);
        let crashes = told["crashes"]["crashes"].as_array().unwrap();
        assert_eq!(crashes.len(), so_far, "{told}");
        let last = &crashes[so_far - 1];
        let call = last["last_call"].as_str().unwrap();
        assert!(call.starts_with("query (call "), "{told}");
        let how = last["how"].as_str().unwrap();
        assert!(how.contains(&format!("({signal})")), "{told}");
        assert_eq!(told["usable"], so_far == 1, "{told}");
    }
    // The third host does not begin with it, and says why, and how to go on.
    let config = config("crash_at");
    let refused = asked(&config);
    let remedy = format!("drivers quarantine clear {name}");
    assert!(refused.stderr.contains(&remedy), "{}", refused.stderr);
    sandbox
        .host(&["--config", &config, "drivers", "quarantine", "clear", &name])
        .ok();
    assert_eq!(inspected(&config)["usable"], true);
}
