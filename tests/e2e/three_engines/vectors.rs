//! Chunks and vectors: the same rows and the same nearest on every engine.

use std::fs;

use serde_json::{Value, json};
use test_needs::needs;

use super::Bench;
use crate::support::dump::dump;
use crate::support::engines::Engine;

fn made(engine: &Engine, parameters: &Value) -> Value {
    let mut made = engine.call("revectorize", parameters);
    assert_eq!(made["cancelled"], false, "{made}");
    made.as_object_mut().unwrap().remove("seconds");
    made
}

/// Name, line and similarity of the hits by meaning.
fn meant(engine: &Engine, query: &str) -> Vec<(String, u64, String)> {
    let found = engine.call(
        "semantic_search",
        &json!({ "query": query, "mode": "meaning" }),
    );
    assert_eq!(found["degraded"], false, "{found}");
    let hit = |hit: &Value| {
        let name = hit["entity_name"].as_str().unwrap().to_owned();
        let similarity = hit["similarity"].as_f64().unwrap();
        (
            name,
            hit["line"].as_u64().unwrap(),
            format!("{similarity:.4}"),
        )
    };
    found["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(hit)
        .collect()
}

#[needs(postgresql, mariadb)]
#[test]
fn vectors_are_the_same_on_every_engine() {
    let bench = Bench::indexed("vectors");
    let first = bench.assert_same("vectors", |engine| made(engine, &json!({})));
    let all = first["total_chunks_revectorized"].as_u64().unwrap();
    assert!(all > 15, "{first}");
    let rows = bench.assert_same("rows", dump);
    assert_eq!(rows["chunk_vectors"].len() as u64, all);
    assert_eq!(rows["code_chunks"].len() as u64, all);
    assert_eq!(rows["chunk_states"].len(), 4);
    for query in ["discount", "price of all items", "fetch from a url", "café"] {
        let hits = bench.assert_same(query, |engine| meant(engine, query));
        assert!(!hits.is_empty());
    }
    bench.assert_same("nothing to do", |engine| made(engine, &json!({})));

    let cart = fs::read_to_string(bench.path("shop/cart.py")).unwrap();
    bench.write("shop/cart.py", &cart.replace("pass", "self.items.clear()"));
    bench.write(
        "shop/long.py",
        &format!("def long(a):\n{}", "    a = a + 1\n".repeat(400)),
    );
    bench.write("größe/Maß.py", "def größe(maß):\n    return '価格' + maß\n");
    fs::remove_file(bench.path("shop/discounts.py")).unwrap();
    bench.index();
    let state = bench.assert_same("state", |engine| {
        let mut state = engine.call("check_vectors", &json!({}));
        state.as_object_mut().unwrap().remove("sample_chunks");
        state
    });
    assert_eq!(state["files_pending_chunking"], 3, "{state}");
    let second = bench.assert_same("vectors of changes", |engine| made(engine, &json!({})));
    let changed = second["total_chunks_revectorized"].as_u64().unwrap();
    assert!(changed > 8 && changed < all, "{second}");
    bench.assert_same("rows after changes", dump);
    // A deleted file is not found, and its vectors wait for its return.
    let hits = bench.assert_same("hits", |engine| meant(engine, "discount code"));
    assert!(hits.iter().all(|(name, _, _)| name != "apply"), "{hits:?}");

    bench.assert_same("all anew", |engine| made(engine, &json!({ "force": true })));
    bench.assert_same("rows made anew", dump);
    bench.assert_same("deletion", |engine| {
        engine.call("delete_project", &json!({ "project_id": super::SHOP_ID }))
    });
    let rows = bench.assert_same("rows at the end", dump);
    assert!(rows.values().all(Vec::is_empty), "{rows:?}");
}
