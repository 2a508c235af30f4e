//! Which model makes the vectors of a database: one in a directory, one that takes another's place, two that would.

use std::fs;

use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::embedding_service::{EmbeddingService, Mood};
use crate::support::fixture;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};
use crate::vectors::{STATIC_MODEL, call, complete, names, vectorizing, worker};

#[test]
fn a_model_in_a_directory_makes_vectors_and_answers() {
    let sandbox = Sandbox::new();
    // A relative path starts from the file.
    let model = sandbox.path().join("model");
    fs::create_dir(&model).unwrap();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        fs::copy(fixture("tiny-bert").join(file), model.join(file)).unwrap();
    }
    let local = json!({ "provider": "local", "model_dir": "model", "threads": 2 });
    let server = vectorizing(&sandbox, &local, &json!({}));
    let name = eventually("the worker is ready", || {
        let model = worker(&server)["heartbeat"]["model"].as_str()?.to_owned();
        model.starts_with("bert-12d-").then_some(model)
    });
    complete(&server, &name);
    let found = server.rpc(
        "semantic_search",
        &json!({ "query": "total price", "mode": "meaning" }),
    );
    assert_eq!(
        (&found["degraded"], &found["details"]["model"]),
        (&json!(false), &json!(name)),
        "{found}"
    );
    assert!(found["total"].as_u64() > Some(10), "{found}");
}

#[test]
fn a_directory_that_is_no_model_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    let local = json!({ "provider": "local", "model_dir": "nowhere" });
    let server = vectorizing(&sandbox, &local, &json!({}));
    let end = eventually("the worker has ended", || {
        let worker = worker(&server);
        (worker["state"] == "failed").then(|| worker["last_exit"].to_string())
    });
    assert!(end.contains("nowhere/config.json is missing"), "{end}");
    let error = server.respond("revectorize", &json!({}));
    assert_eq!(
        error["result"]["error"]["code"], "EMBEDDING_UNAVAILABLE",
        "{error}"
    );
}

#[test]
fn another_model_takes_over_and_vectors_of_two_never_meet() {
    let sandbox = Sandbox::new();
    let all = complete(&vectorizing(&sandbox, &json!({}), &json!({})), STATIC_MODEL);
    let service = EmbeddingService::start(Mood::Waits);
    let server = vectorizing(&sandbox, &service.section(), &json!({}));
    eventually("the new model is asked", || {
        (service.waiting() > 0).then_some(())
    });
    let found = server.rpc(
        "semantic_search",
        &json!({ "query": "discount", "mode": "meaning" }),
    );
    assert_eq!(
        (&found["details"]["model"], &found["total"]),
        (&json!(service.model()), &json!(0))
    );
    assert_eq!(found["degraded"], true);
    service.set(Mood::Answers);
    assert_eq!(complete(&server, &service.model()), all);
    let state = server.rpc("check_vectors", &json!({}));
    assert_eq!(
        state["models"],
        json!([{ "model": service.model(), "vectors": all }])
    );
    let found = server.rpc(
        "semantic_search",
        &json!({ "query": "discount", "mode": "meaning" }),
    );
    assert!(found["total"].as_u64() > Some(10), "{found}");
    assert_eq!(found["degraded"], false);
    // Every chunk was asked about once.
    let passages = service
        .answered()
        .iter()
        .filter(|text| text.contains('\n'))
        .count();
    assert_eq!(passages as u64, all);
}

#[test]
fn a_model_that_is_configured_wrongly_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    let server = vectorizing(&sandbox, &json!({ "provider": "service" }), &json!({}));
    let end = eventually("the worker has ended", || {
        let worker = worker(&server);
        (worker["state"] == "failed").then(|| worker["last_exit"].to_string())
    });
    assert!(end.contains("set embedding.url"), "{end}");
    let found = server.rpc("semantic_search", &json!({ "query": "discount" }));
    assert!(
        found["warning"]
            .as_str()
            .unwrap()
            .contains("set embedding.url"),
        "{found}"
    );
}

/// The vectors in the database, by model.
fn models(server: &Server) -> Value {
    server.rpc("check_vectors", &json!({}))["models"].clone()
}

#[test]
fn hosts_of_two_models_leave_each_others_vectors_alone_until_one_is_told_to_switch() {
    let sandbox = Sandbox::new();
    let first = vectorizing(&sandbox, &json!({}), &json!({}));
    let all = complete(&first, STATIC_MODEL);
    let of_first = json!([{ "model": STATIC_MODEL, "vectors": all }]);
    let service = EmbeddingService::start(Mood::Answers);
    let config = sandbox.path().join("second.json");
    let second = json!({ "code_analysis": {
        "workers": { "vectorization": { "enabled": true, "poll_interval": 1 } },
        "embedding": service.section(),
    }});
    fs::write(&config, second.to_string()).unwrap();
    let second = sandbox.serve(&["--config", config.to_str().unwrap()]);
    let reason = eventually("the second host stays out and says why", || {
        let heartbeat = worker(&second)["heartbeat"].clone();
        let reason = heartbeat["other_model"].as_str()?.to_owned();
        (heartbeat["activity"] == "staying_out").then_some(reason)
    });
    assert!(
        reason.contains(STATIC_MODEL) && reason.contains("revectorize"),
        "{reason}"
    );
    assert_eq!(models(&second), of_first);
    let state = second.rpc("check_vectors", &json!({}));
    assert_eq!(
        (&state["model_in_use"], &state["is_complete"]),
        (&json!(STATIC_MODEL), &json!(false))
    );
    let found = second.rpc("semantic_search", &json!({ "query": "apply a discount" }));
    let warning = found["warning"].as_str().unwrap();
    assert!(
        warning.starts_with(&format!("{all} chunks have vectors of another model")),
        "{warning}"
    );
    assert_eq!(names(&found)[0], "apply", "words count");
    assert!(service.answered().iter().all(|text| !text.contains('\n')));

    let made = second.rpc("revectorize", &json!({}));
    assert_eq!(made["replaced_model"], STATIC_MODEL);
    assert_eq!(complete(&second, &service.model()), all);
    let of_second = json!([{ "model": service.model(), "vectors": all }]);
    // What is new goes to the model that was chosen, and the first host stays out.
    let path = sandbox.work().join("shop/shop/discounts.py");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n\ndef sing():\n    return 'la'\n")).unwrap();
    eventually("the first host stays out", || {
        let heartbeat = worker(&first)["heartbeat"].clone();
        (heartbeat["activity"] == "staying_out").then_some(())
    });
    let more = eventually("the new function has its vector", || {
        let state = second.rpc("check_vectors", &json!({}));
        let vectors = state["chunks_with_model"].as_u64().unwrap();
        (state["is_complete"] == true && vectors > all).then_some(vectors)
    });
    assert_eq!(
        models(&first),
        json!([{ "model": service.model(), "vectors": more }]),
        "before: {of_second}"
    );
}

#[test]
fn a_command_without_a_worker_gives_its_claim_back() {
    let sandbox = indexed_shop();
    call(&sandbox, "revectorize", &json!({}));
    let state = call(&sandbox, "check_vectors", &json!({}));
    assert_eq!(state["model_in_use"], json!(null));
}
