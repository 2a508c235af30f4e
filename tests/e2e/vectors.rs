//! Search by meaning, and the worker that gives code its vectors: through edits, kills, failures and changes of model.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::embedding_service::{EmbeddingService, Mood};
use crate::support::processes::kill;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};
use crate::support::{copy_tree, fixture};

pub(crate) const STATIC_MODEL: &str = "static-minilm-l6-v2-256d-1";

pub(crate) fn call(sandbox: &Sandbox, command: &str, parameters: &Value) -> Value {
    let parameters = parameters.to_string();
    sandbox
        .host(&["call", command, "--params", &parameters, "--json"])
        .ok()
        .json()
}

pub(crate) fn names(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().unwrap().iter();
    results
        .map(|hit| hit["entity_name"].as_str().unwrap())
        .collect()
}

#[test]
fn without_vectors_words_count_alone_and_the_answer_says_so() {
    let sandbox = indexed_shop();
    let question = json!({ "query": "apply a discount" });
    let found = call(&sandbox, "semantic_search", &question);
    assert_eq!(found["degraded"], true);
    let warning = found["warning"].as_str().unwrap();
    assert!(
        warning.contains("no code has a vector yet") && warning.contains("revectorize"),
        "{warning}"
    );
    assert_eq!(names(&found)[0], "apply");
    assert_eq!(found["results"][0]["similarity"], json!(null));
    assert_eq!(found["results"][0]["words_rank"], 1);
    let state = call(&sandbox, "check_vectors", &json!({}));
    assert_eq!(state["files_pending_chunking"], 4);
    assert_eq!(state["is_complete"], false);
}

#[test]
fn what_means_the_same_is_found_by_other_words() {
    let sandbox = indexed_shop();
    let made = call(
        &sandbox,
        "revectorize",
        &json!({ "root_dir": sandbox.work().join("shop") }),
    );
    assert_eq!(
        (&made["files_chunked"], &made["model"]),
        (&json!(4), &json!(STATIC_MODEL))
    );
    let chunks = made["total_chunks_revectorized"].as_u64().unwrap();
    let state = call(&sandbox, "check_vectors", &json!({}));
    assert_eq!(state["total_chunks"], chunks);
    assert_eq!(state["chunks_with_model"], chunks);
    assert_eq!(state["vectorization_percentage"], 100.0);
    assert_eq!(state["is_complete"], true);
    assert_eq!(
        state["models"],
        json!([{ "model": STATIC_MODEL, "vectors": chunks }])
    );

    // No word of this is in the shop.
    let other_words = json!({ "query": "rebate voucher", "mode": "words" });
    assert_eq!(call(&sandbox, "semantic_search", &other_words)["total"], 0);
    let found = call(
        &sandbox,
        "semantic_search",
        &json!({ "query": "rebate voucher", "k": 3 }),
    );
    assert_eq!(
        (&found["degraded"], &found["k"], &found["count"]),
        (&json!(false), &json!(3), &json!(3))
    );
    assert_eq!(
        found["results"][0]["relative_path"], "shop/discounts.py",
        "{found}"
    );
    assert_eq!(found["results"][0]["meaning_rank"], 1);
    assert_eq!(found["details"]["index"], "exact");
    assert_eq!(found["has_more"], true);
    // Pages follow each other.
    let next = json!({ "query": "rebate voucher", "k": 3, "cursor": found["next_cursor"] });
    let next = call(&sandbox, "semantic_search", &next);
    assert!(
        names(&next)
            .iter()
            .all(|name| !names(&found).contains(name)),
        "{next}"
    );

    // Both rankings have it first.
    let found = call(
        &sandbox,
        "semantic_search",
        &json!({ "query": "apply a discount code to an amount" }),
    );
    let first = &found["results"][0];
    assert_eq!(
        (first["entity_name"].as_str(), first["score"].as_f64()),
        (Some("apply"), Some(1.0)),
        "{found}"
    );
    let similarity = first["similarity"].as_f64().unwrap();
    let strict =
        json!({ "query": "apply a discount code to an amount", "min_score": similarity - 0.001 });
    assert_eq!(
        names(&call(&sandbox, "semantic_search", &strict)),
        ["apply"]
    );

    let rebuilt = call(&sandbox, "rebuild_faiss", &json!({}));
    assert_eq!(
        (&rebuilt["indexes_rebuilt"], &rebuilt["total_vectors"]),
        (&json!(1), &json!(chunks))
    );
    assert_eq!(rebuilt["results"][0]["index"], "exact");
}

#[test]
fn a_dataset_stands_for_its_project() {
    let sandbox = indexed_shop();
    let other = sandbox.work().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("one.py"), "def one():\n    return 1\n").unwrap();
    sandbox.host(&["index", "other"]).ok();
    // A search in a project tells its dataset.
    let found = call(
        &sandbox,
        "semantic_search",
        &json!({ "query": "one", "root_dir": other, "mode": "words" }),
    );
    let dataset = &found["dataset_id"];
    assert!(dataset.is_string(), "{found}");
    for command in ["revectorize", "rebuild_faiss"] {
        let done = call(&sandbox, command, &json!({ "dataset_id": dataset }));
        assert_eq!(done["project_id"], found["project_id"], "{done}");
        assert_eq!(
            done["datasets_processed"]
                .as_u64()
                .or(done["datasets_rebuilt"].as_u64()),
            Some(1)
        );
    }
    let made = call(&sandbox, "check_vectors", &json!({}));
    assert_eq!(made["chunks_with_vector"], 1, "{made}");

    let refused = |parameters: Value| {
        let parameters = parameters.to_string();
        let output = sandbox.host(&["call", "revectorize", "--params", &parameters, "--json"]);
        output.json()["error"].clone()
    };
    let none = refused(json!({ "dataset_id": "none" }));
    assert_eq!(none["code"], "PROJECT_NOT_FOUND");
    assert!(
        none["message"]
            .as_str()
            .unwrap()
            .contains("no project has the dataset \"none\"")
    );
    let wrong = refused(json!({ "dataset_id": dataset, "root_dir": sandbox.work().join("shop") }));
    assert_eq!(wrong["code"], "INVALID_PARAMETERS");
    assert!(
        wrong["message"]
            .as_str()
            .unwrap()
            .contains("/dataset_id: found a dataset of the project")
    );
}

#[test]
fn only_what_changed_is_embedded_again_unless_all_is_wanted() {
    let sandbox = indexed_shop();
    let made = |parameters: Value| {
        let made = call(&sandbox, "revectorize", &parameters);
        made["total_chunks_revectorized"].as_u64().unwrap()
    };
    let all = made(json!({}));
    assert_eq!(made(json!({})), 0);
    let path = sandbox.work().join("shop/shop/discounts.py");
    let text = fs::read_to_string(&path).unwrap();
    // One function changes, another one moves by a line.
    let changed = text.replace(
        "percent = _CODES.get(code, 0)",
        "percent = 0\n    percent += _CODES.get(code, 0)",
    );
    assert_ne!(changed, text);
    fs::write(&path, changed).unwrap();
    sandbox.host(&["index", "shop"]).ok();
    let stale = call(&sandbox, "semantic_search", &json!({ "query": "apply" }));
    assert!(
        stale["warning"]
            .as_str()
            .unwrap()
            .contains("1 files changed"),
        "{stale}"
    );
    assert_eq!(made(json!({})), 1);
    let lines = sandbox.host(&[
        "sql",
        "SELECT line FROM code_chunks WHERE chunk_text LIKE 'refresh%' OR chunk_text LIKE 'apply%' ORDER BY line",
        "--json",
    ]);
    assert_eq!(lines.ok().json(), json!([{ "line": 8 }, { "line": 20 }]));
    assert_eq!(made(json!({ "force": true })), all);
}

/// A server with a vectorization worker that looks often, over a shop that it watches.
pub(crate) fn vectorizing(sandbox: &Sandbox, embedding: &Value, worker: &Value) -> Server {
    let root = sandbox.work().join("shop");
    if !root.exists() {
        copy_tree(&fixture("shop"), &root);
    }
    let mut vectorization = json!({ "enabled": true, "poll_interval": 1 });
    let settings = worker.as_object().unwrap().clone();
    vectorization.as_object_mut().unwrap().extend(settings);
    let config = sandbox.config(&json!({
        "workers": { "file_watcher": { "scan_interval": 100_000 }, "vectorization": vectorization },
        "embedding": embedding,
    }));
    sandbox.serve(&["--config", &config, "--watch", root.to_str().unwrap()])
}

pub(crate) fn worker(server: &Server) -> Value {
    let status = server.rpc(
        "get_worker_status",
        &json!({ "worker_type": "vectorization" }),
    );
    status["processes"][0].clone()
}

/// Waits until all code has vectors of this model, and answers how many.
pub(crate) fn complete(server: &Server, model: &str) -> u64 {
    eventually("all code has vectors", || {
        let state = server.rpc("check_vectors", &json!({}));
        let done = state["is_complete"] == true
            && state["model"] == model
            && state["chunks_with_model"].as_u64() > Some(10);
        done.then(|| state["chunks_with_model"].as_u64().unwrap())
    })
}

#[test]
fn the_worker_gives_new_code_vectors_and_tells_how_far_it_is() {
    let sandbox = Sandbox::new();
    let server = vectorizing(&sandbox, &json!({}), &json!({}));
    let all = complete(&server, STATIC_MODEL);
    let heartbeat = eventually("the worker has told", || {
        let heartbeat = worker(&server)["heartbeat"].clone();
        (heartbeat["chunks_embedded"] == all).then_some(heartbeat)
    });
    assert_eq!(heartbeat["model"], STATIC_MODEL);
    assert_eq!(heartbeat["circuit_open"], false);
    let path = sandbox.work().join("shop/shop/discounts.py");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        format!("{text}\n\ndef sing_a_song():\n    return 'la'\n"),
    )
    .unwrap();
    eventually("the new function is found", || {
        let found = server.rpc(
            "semantic_search",
            &json!({ "query": "music", "mode": "meaning", "k": 1 }),
        );
        (names(&found) == ["sing_a_song"]).then_some(())
    });
    let heartbeat = eventually("the worker has told", || {
        let heartbeat = worker(&server)["heartbeat"].clone();
        (heartbeat["chunks_embedded"].as_u64() > Some(all)).then_some(heartbeat)
    });
    // The file's own text may have changed with it, nothing else has.
    assert!(
        heartbeat["chunks_embedded"].as_u64().unwrap() <= all + 2,
        "{heartbeat}"
    );
}

#[test]
fn a_worker_that_is_killed_goes_on_where_it_was() {
    let sandbox = Sandbox::new();
    let service = EmbeddingService::start(Mood::Waits);
    let server = vectorizing(&sandbox, &service.section(), &json!({ "batch_size": 2 }));
    for _ in 0..3 {
        eventually("the worker waits for its model", || {
            (service.waiting() > 0).then_some(())
        });
        let pid = worker(&server)["pid"].as_u64().unwrap();
        kill(u32::try_from(pid).unwrap(), Signal::KILL);
        service.set(Mood::Answers);
        service.set(Mood::Waits);
        eventually("the worker is back", || {
            let worker = worker(&server);
            (worker["state"] == "ready" && worker["pid"].as_u64() != Some(pid)).then_some(())
        });
    }
    service.set(Mood::Answers);
    let all = complete(&server, &service.model());
    let sql = "SELECT count(*) AS vectors, count(DISTINCT v.chunk_id) AS chunks, count(DISTINCT k.chunk_uuid) AS marked \
               FROM chunk_vectors v JOIN code_chunks k ON k.id = v.chunk_id AND k.vector_id = v.id";
    let counted = sandbox.host(&["sql", sql, "--json"]).ok().json();
    assert_eq!(
        counted,
        json!([{ "vectors": all, "chunks": all, "marked": all }])
    );
}

#[test]
fn a_model_that_fails_is_left_alone_and_words_answer_meanwhile() {
    let sandbox = Sandbox::new();
    let service = EmbeddingService::start(Mood::Fails);
    let settings = json!({ "retry_attempts": 2, "retry_delay": 1 });
    let server = vectorizing(&sandbox, &service.section(), &settings);
    let heartbeat = eventually("the circuit is open", || {
        let heartbeat = worker(&server)["heartbeat"].clone();
        (heartbeat["circuit_open"] == true).then_some(heartbeat)
    });
    assert_eq!(heartbeat["activity"], "pausing");
    assert!(
        heartbeat["last_error"].as_str().unwrap().contains("503"),
        "{heartbeat}"
    );
    for mode in ["hybrid", "meaning"] {
        let found = server.rpc(
            "semantic_search",
            &json!({ "query": "apply a discount", "mode": mode }),
        );
        assert_eq!(found["degraded"], true);
        assert!(
            found["warning"]
                .as_str()
                .unwrap()
                .ends_with("hits are by words alone"),
            "{found}"
        );
        assert_eq!(names(&found)[0], "apply");
    }
    let error = server.respond("revectorize", &json!({}));
    assert_eq!(
        error["result"]["error"]["code"], "EMBEDDING_UNAVAILABLE",
        "{error}"
    );
}

#[test]
fn a_model_that_fails_for_a_moment_is_asked_again() {
    let sandbox = Sandbox::new();
    let service = EmbeddingService::start(Mood::Fails);
    let settings = json!({ "retry_attempts": 100, "retry_delay": 1 });
    let server = vectorizing(&sandbox, &service.section(), &settings);
    eventually("the worker has tried", || {
        worker(&server)["heartbeat"]["last_error"]
            .as_str()
            .map(drop)
    });
    service.set(Mood::Answers);
    complete(&server, &service.model());
    assert_eq!(worker(&server)["heartbeat"]["circuit_open"], false);
}

#[test]
fn a_worker_that_nobody_configured_is_started_by_its_kind() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let settings = json!({ "worker_type": "vectorization", "poll_interval": 1, "batch_size": 3 });
    assert_eq!(server.rpc("start_worker", &settings)["success"], true);
    complete(&server, STATIC_MODEL);
    server.rpc("stop_worker", &json!({ "worker_type": "vectorization" }));
    assert_eq!(worker(&server)["state"], "stopped");
}
