//! PostgreSQL that compares vectors itself: the same answers as those from memory, through changes, and by a graph.

use std::fs;

use serde_json::json;
use test_needs::needs;

use crate::support::copy_tree;
use crate::support::engines::Engine;
use crate::support::fixture;
use crate::support::server::eventually;

/// Name, line and similarity of the hits by meaning, and how the vectors were searched.
fn meant(engine: &Engine, query: &str, k: u32) -> (Vec<(String, u64, String)>, String) {
    let question = json!({ "query": query, "mode": "meaning", "k": k });
    let found = engine.call("semantic_search", &question);
    let hits = found["results"].as_array().unwrap().iter().map(|hit| {
        let name = hit["entity_name"].as_str().unwrap().to_owned();
        let similarity = format!("{:.4}", hit["similarity"].as_f64().unwrap());
        (name, hit["line"].as_u64().unwrap(), similarity)
    });
    let index = found["details"]["index"].as_str().unwrap().to_owned();
    (hits.collect(), index)
}

fn count(engine: &Engine, condition: &str) -> u64 {
    let sql = format!("SELECT count(*) AS n FROM {condition}");
    engine.rows(&sql)[0]["n"].as_u64().unwrap()
}

/// The shop, indexed in PostgreSQL.
fn shop(label: &str) -> Engine {
    let [engine, _] = Engine::servers(label);
    let root = engine.sandbox.work().join("shop");
    copy_tree(&fixture("shop"), &root);
    engine.index(&root);
    engine
}

fn delete_the_project(engine: &Engine) {
    let projects = engine.call("list_projects", &json!({}));
    let id = &projects["projects"][0]["id"];
    engine.call("delete_project", &json!({ "project_id": id }));
}

#[needs(postgresql, pgvector)]
#[test]
fn pgvector_compares_the_vectors_once_it_is_installed() {
    let engine = shop("pgvector");
    let root = engine.sandbox.work().join("shop");
    let made = engine.call("revectorize", &json!({}));
    let all = made["total_chunks_revectorized"].as_u64().unwrap();
    let queries = ["discount", "price of all items", "fetch from a url"];
    let before = queries.map(|query| meant(&engine, query, 5));
    assert!(
        before
            .iter()
            .all(|(hits, index)| !hits.is_empty() && index == "exact")
    );

    engine.server_sql("CREATE EXTENSION vector");
    // Nothing was copied yet: memory still answers.
    assert_eq!(meant(&engine, "discount", 5), before[0]);
    let rebuilt = engine.call("rebuild_faiss", &json!({}));
    assert_eq!(rebuilt["results"][0]["index"], "pgvector", "{rebuilt}");
    assert_eq!(rebuilt["total_vectors"], all);
    for (query, (hits, _)) in queries.iter().zip(&before) {
        assert_eq!(
            meant(&engine, query, 5),
            (hits.clone(), "pgvector".to_owned())
        );
    }

    // What changes is copied with its vector, and what goes takes its copy along.
    let long = format!("def long(a):\n{}", "    a = a + 1\n".repeat(40));
    fs::write(root.join("shop/long.py"), long).unwrap();
    fs::remove_file(root.join("shop/discounts.py")).unwrap();
    engine.index(&root);
    let more = engine.call("revectorize", &json!({}));
    assert!(
        more["total_chunks_revectorized"].as_u64().unwrap() > 0,
        "{more}"
    );
    let (hits, index) = meant(&engine, "long", 3);
    assert_eq!((hits[0].0.as_str(), index.as_str()), ("long", "pgvector"));
    assert_eq!(
        count(&engine, "near_vectors"),
        count(&engine, "chunk_vectors")
    );
    let anew = engine.call("revectorize", &json!({ "force": true }));
    assert_eq!(anew["cancelled"], false);
    assert_eq!(meant(&engine, "long", 3), (hits, "pgvector".to_owned()));
    assert_eq!(
        count(&engine, "near_vectors"),
        count(&engine, "chunk_vectors")
    );

    // Rows that are missing are noticed.
    engine.server_sql(
        "DELETE FROM near_vectors WHERE vector_id = (SELECT max(vector_id) FROM near_vectors)",
    );
    assert_eq!(meant(&engine, "long", 3).1, "exact");
    engine.call("revectorize", &json!({}));
    assert_eq!(meant(&engine, "long", 3).1, "pgvector");

    // A project that gets another id takes its vectors along, and they are copied anew.
    let id = "0f0f2a52-18a0-4a34-9bb8-5a4f8a0d6b10";
    let parameters = json!({ "root_dir": root, "new_project_id": id });
    let changed = engine.call("change_project_id", &parameters);
    assert_eq!(changed["new_project_id"], id, "{changed}");
    assert_eq!(meant(&engine, "long", 3).1, "exact");
    let parameters = json!({ "project_id": id });
    let more = engine.call("revectorize", &parameters);
    assert_eq!(more["total_chunks_revectorized"], 0, "{more}");
    assert_eq!(meant(&engine, "long", 3).1, "pgvector");
    assert_eq!(
        count(&engine, "near_vectors"),
        count(&engine, "chunk_vectors")
    );

    // Without the extension all goes on as without it, and with it once more.
    engine.server_sql("DROP EXTENSION vector CASCADE");
    assert_eq!(meant(&engine, "long", 3).1, "exact");
    engine.call("revectorize", &json!({ "force": true }));
    engine.server_sql("CREATE EXTENSION vector");
    engine.call("revectorize", &json!({}));
    assert_eq!(meant(&engine, "long", 3).1, "pgvector");

    delete_the_project(&engine);
    assert_eq!(count(&engine, "near_vectors"), 0);

    // Where its names are not found, it counts as not installed.
    engine.server_sql(
        "DROP EXTENSION vector CASCADE; CREATE SCHEMA elsewhere; CREATE EXTENSION vector SCHEMA elsewhere",
    );
    engine.index(&root);
    engine.call("revectorize", &json!({}));
    assert_eq!(meant(&engine, "long", 3).1, "exact");
}

/// Ten thousand functions, each with a chunk whose vector is made of quarters of the shop's.
const MANY: &str = "
    INSERT INTO functions(file_id, name, line)
        SELECT (SELECT min(id) FROM files), 'copy_' || g, g FROM generate_series(1, 10400) g;
    INSERT INTO code_chunks(file_id, project_id, chunk_uuid, chunk_type, chunk_text, function_id, line, vector_id, embedding_model)
        SELECT n.file_id, f.project_id, n.name, 'function', n.name || E'\\nreturn', n.id, n.line, 0,
               (SELECT min(model) FROM chunk_vectors)
        FROM functions n JOIN files f ON f.id = n.file_id WHERE n.name LIKE 'copy_%';
    WITH shop AS (
        SELECT row_number() OVER (ORDER BY id) - 1 AS number, model, vector FROM chunk_vectors
        WHERE id <= (SELECT min(id) + 15 FROM chunk_vectors)
    )
    INSERT INTO chunk_vectors(project_id, chunk_id, model, vector)
        SELECT k.project_id, k.id, a.model, substring(a.vector, 1, 68) || substring(b.vector, 69, 64) ||
               substring(c.vector, 133, 64) || substring(d.vector, 197)
        FROM code_chunks k CROSS JOIN LATERAL (SELECT decode(md5(k.line::text), 'hex') AS m) hash
        JOIN shop a ON a.number = get_byte(m, 0) % 16 JOIN shop b ON b.number = get_byte(m, 1) % 16
        JOIN shop c ON c.number = get_byte(m, 2) % 16 JOIN shop d ON d.number = get_byte(m, 3) % 16
        WHERE k.chunk_uuid LIKE 'copy_%';
";

#[needs(postgresql, pgvector)]
#[test]
fn many_vectors_are_searched_by_a_graph_of_pgvector() {
    let engine = shop("pgvector_graph");
    engine.call("revectorize", &json!({}));
    engine.server_sql(MANY);
    let queries = ["discount", "price of all items", "fetch from a url"];
    let exact = queries.map(|query| meant(&engine, query, 20));
    assert!(
        exact
            .iter()
            .all(|(hits, index)| hits.len() == 20 && index == "exact")
    );
    engine.server_sql("CREATE EXTENSION vector");
    let rebuilt = engine.call("rebuild_faiss", &json!({}));
    assert_eq!(rebuilt["results"][0]["index"], "pgvector", "{rebuilt}");
    let valid = "pg_index x JOIN pg_class c ON c.oid = x.indexrelid \
                 WHERE x.indisvalid AND c.relname LIKE 'near_vectors_hnsw_%'";
    assert_eq!(count(&engine, valid), 1);
    let (mut found, mut wanted) = (0, 0);
    for (query, (hits, _)) in queries.iter().zip(&exact) {
        let (near, index) = meant(&engine, query, 20);
        assert_eq!(index, "pgvector");
        // Several are equally near.
        let farthest = &hits.last().unwrap().2;
        found += near
            .iter()
            .filter(|(_, _, cosine)| cosine >= farthest)
            .count();
        wanted += hits.len();
    }
    assert!(found * 10 >= wanted * 9, "{found} of {wanted}");
    let scans = "SELECT CAST(sum(idx_scan) AS bigint) AS n FROM pg_stat_user_indexes WHERE indexrelname LIKE 'near_vectors_hnsw_%'";
    // What a session did is counted some time after its end.
    eventually("the graph was used", || {
        let scans = engine.rows(scans)[0]["n"].as_u64();
        scans.filter(|scans| *scans >= 3)
    });

    // The same once more changes nothing, and one that broke off is made anew.
    let name =
        "SELECT min(relfilenode::text) AS n FROM pg_class WHERE relname LIKE 'near_vectors_hnsw_%'";
    let made = engine.rows(name);
    engine.call("revectorize", &json!({}));
    assert_eq!(engine.rows(name), made);
    engine.server_sql(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = \
        (SELECT oid FROM pg_class WHERE relname LIKE 'near_vectors_hnsw_%')",
    );
    engine.call("revectorize", &json!({}));
    assert_eq!(count(&engine, valid), 1);
    assert_ne!(engine.rows(name), made);
}
