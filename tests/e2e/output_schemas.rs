//! The answers that commands really give fit the schemas that describe them.

use code_analysis_host::app::calling::commands;
use code_analysis_host::commands::operation::Access;
use code_analysis_host::foundation::json_schema::Schema;
use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;

/// The path that the examples of commands use.
const EXAMPLE_ROOT: &str = "/home/me/shop";

/// The job that the examples of commands about jobs use.
const EXAMPLE_JOB: &str = "5f0c2a6e-2d0b-4f3c-9c56-0f6a3f5d1b7e";

/// Succeeds only while a job runs; the tests of jobs stop one.
const NOT_TRIED: &str = "queue_stop_job";

/// A file of the shop that is indexed and then gone.
const GONE: &str = "gone.py";

/// Calls whose answers hold more than those of the examples.
fn further_calls() -> [(&'static str, Value); 9] {
    [
        ("list_code_entities", json!({})),
        ("list_project_files", json!({})),
        ("find_usages", json!({"target_name": "apply"})),
        ("find_usages", json!({"target_name": "aply"})),
        ("fulltext_search", json!({"query": "discount code"})),
        (
            "get_code_entity_info",
            json!({"entity_type": "class", "entity_name": "Cart"}),
        ),
        ("get_worker_status", json!({})),
        (
            "update_indexes",
            json!({"root_dir": EXAMPLE_ROOT, "max_lines": 10}),
        ),
        (
            "unmark_deleted_file",
            json!({"root_dir": EXAMPLE_ROOT, "file_path": GONE, "dry_run": true}),
        ),
    ]
}

#[test]
fn every_command_answers_as_its_output_schema_says() {
    let sandbox = indexed_shop();
    std::fs::write(sandbox.work().join("shop/broken.py"), "def broken(:\n").unwrap();
    let gone = sandbox.work().join("shop").join(GONE);
    std::fs::write(&gone, "a = 1\n").unwrap();
    sandbox.host(&["index", sandbox.work().join("shop").to_str().unwrap()]);
    std::fs::remove_file(&gone).unwrap();
    let registry = commands();
    let (reads, writes): (Vec<_>, Vec<_>) = registry
        .commands()
        .iter()
        .partition(|command| command.access() == Access::Read);
    let examples = reads
        .into_iter()
        .chain(writes)
        .map(|command| (command.name(), command.example()));
    let server = sandbox.serve(&[]);
    server.rpc(
        "queue_add_job",
        &json!({"command": "list_projects", "job_id": EXAMPLE_JOB}),
    );
    eventually("the job has ended", || {
        let job = server.rpc("queue_get_job_status", &json!({"job_id": EXAMPLE_JOB}));
        (job["status"] == "completed").then_some(())
    });
    let mut answered = vec![NOT_TRIED];
    for (name, parameters) in further_calls().into_iter().chain(examples) {
        let response = server.respond(name, &in_sandbox(&sandbox, &parameters));
        let result = &response["result"];
        if result["success"] == true {
            let schema = registry.find(name).unwrap().output_schema().unwrap();
            assert_fits(name, schema, &result["data"]);
            answered.push(name);
        }
    }
    let silent: Vec<&str> = registry
        .commands()
        .iter()
        .map(|command| command.name())
        .filter(|name| !answered.contains(name))
        .collect();
    assert_eq!(
        silent,
        [] as [&str; 0],
        "no call of these succeeded, so their answers were not looked at: add one to `further_calls`"
    );
}

/// The same parameters about the shop in the sandbox.
fn in_sandbox(sandbox: &Sandbox, parameters: &Value) -> Value {
    let root = sandbox.work().join("shop");
    let text = parameters
        .to_string()
        .replace(EXAMPLE_ROOT, root.to_str().unwrap());
    serde_json::from_str(&text).unwrap()
}

/// The answer is valid, and each of its keys is described.
fn assert_fits(name: &str, schema: &Value, data: &Value) {
    let checked = Schema::new(schema.clone()).unwrap().check(data);
    assert_eq!(checked, Ok(()), "{name}: {data}");
    let kinds = schema["anyOf"].as_array().into_iter().flatten();
    let described: Vec<&String> = kinds
        .chain([schema])
        .filter_map(|kind| kind["properties"].as_object())
        .flat_map(|properties| properties.keys())
        .collect();
    for key in data.as_object().unwrap().keys() {
        assert!(described.contains(&key), "{name}: {key} is not described");
    }
}

#[test]
fn commands_are_listed_with_both_schemas() {
    let listed = Sandbox::new().host(&["commands", "--json"]).ok().json();
    let usages = listed["commands"]
        .as_array()
        .unwrap()
        .iter()
        .find(|command| command["name"] == "find_usages")
        .unwrap();
    let line = "/output_schema/properties/usages/items/properties/line";
    assert_eq!(
        usages.pointer(line).unwrap()["description"],
        "Line, from 1."
    );
    let required = usages["output_schema"]["required"].as_array().unwrap();
    assert!(required.contains(&json!("has_more")) && !required.contains(&json!("did_you_mean")));
    assert_eq!(usages["schema"]["properties"]["limit"]["maximum"], 10_000);
}
