//! What is answered: every command that reads says the same on every engine.

use serde_json::{Value, json};
use test_needs::needs;

use super::{Bench, SHOP_ID};
use crate::support::engines::Engine;
use crate::support::server::Server;

/// A host of each engine: one process answers many calls.
struct Hosts(Vec<(&'static str, Server)>);

impl Hosts {
    fn of(bench: &Bench) -> Self {
        let serve = |engine: &Engine| (engine.name, engine.serve(&[]));
        Self(bench.engines.iter().map(serve).collect())
    }

    /// The answer or error that all give.
    fn same(&self, command: &str, parameters: Value) -> Value {
        let mut answers = self
            .0
            .iter()
            .map(|(name, host)| (name, answer(host, command, &parameters)));
        let (_, expected) = answers.next().unwrap();
        for (name, answer) in answers {
            assert_eq!(answer, expected, "{command} {parameters} on {name}");
        }
        expected["result"]["data"].clone()
    }
}

/// The answer without ids, times and sizes, which each engine has its own of. Scores are each engine's as well, so
/// hits are compared as a set.
fn answer(host: &Server, command: &str, parameters: &Value) -> Value {
    let mut answer = host.respond(command, parameters);
    forget(&mut answer);
    if let Some(hits) = answer
        .pointer_mut("/result/data/results")
        .and_then(Value::as_array_mut)
    {
        hits.sort_by_key(Value::to_string);
    }
    answer
}

fn forget(value: &mut Value) {
    const OWN: [&str; 10] = [
        "indexed_at",
        "id",
        "entity_id",
        "score",
        "size_bytes",
        "file_size_mb",
        "driver",
        "db_path",
        "updated_at",
        "last_file_update",
    ];
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !OWN.contains(&key.as_str()));
            map.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn commands_that_read_say_the_same() {
    let bench = Bench::indexed("answers");
    let hosts = Hosts::of(&bench);
    let all = hosts.same("list_code_entities", json!({}));
    assert_eq!(
        (all["total"].as_u64(), all["entities"][0]["name"].as_str()),
        (Some(14), Some("Cart"))
    );
    for parameters in [
        json!({ "limit": 3, "offset": 5 }),
        json!({ "entity_type": "class" }),
        json!({ "entity_type": "method", "file_path": "shop/models.py", "project_id": SHOP_ID }),
        json!({ "file_path": "shop/carts.py" }),
    ] {
        hosts.same("list_code_entities", parameters);
    }
    for (kind, name) in [
        ("class", "Cart"),
        ("method", "Cart.checkout"),
        ("method", "price"),
        ("function", "demo"),
        ("function", "Demo"),
        ("class", "cart"),
        ("class", "Nothing"),
    ] {
        hosts.same(
            "get_code_entity_info",
            json!({ "entity_type": kind, "entity_name": name }),
        );
    }
    for parameters in [
        json!({ "target_name": "price" }),
        json!({ "target_name": "apply", "target_type": "function" }),
        json!({ "target_name": "price", "target_type": "method", "limit": 1 }),
        json!({ "target_name": "Price" }),
        json!({ "target_name": "add", "target_class": "Cart", "file_path": "shop/cart.py" }),
    ] {
        hosts.same("find_usages", parameters);
    }
    for parameters in [
        json!({}),
        json!({ "file_pattern": "*.py", "limit": 2 }),
        json!({ "file_pattern": "shop/m*" }),
    ] {
        hosts.same("list_project_files", parameters);
    }
    for parameters in [
        json!({}),
        json!({ "project_id": SHOP_ID }),
        json!({ "root_dir": bench.path("shop") }),
    ] {
        hosts.same("get_database_status", parameters);
    }
    let projects = hosts.same("list_projects", json!({}));
    assert_eq!(projects["projects"][0]["root_path"], json!(bench.root()));
    hosts.same("list_projects", json!({ "project_id": "nope" }));
}

#[needs(postgresql, mariadb)]
#[test]
fn the_same_words_find_the_same_places() {
    let bench = Bench::indexed("words");
    let hosts = Hosts::of(&bench);
    for query in [
        "checkout",
        "cart",
        "CART",
        "price",
        "discount code",
        "discounts.apply",
        "café",
        "CAFE",
        "self",
        "the",
        "a",
        "in cents",
        "total nothing",
        "nothing",
        "order OR cart",
        "cart*",
        "Cart.checkout",
        "return self",
        "350",
        "x' OR 1=1 --",
        "\"",
        "+cart -order",
        "def __init__",
        "class",
        "method cart",
    ] {
        hosts.same("fulltext_search", json!({ "query": query, "limit": 100 }));
    }
    for kind in ["file", "class", "function", "method"] {
        hosts.same(
            "fulltext_search",
            json!({ "query": "cart", "entity_type": kind }),
        );
    }
    let hits = hosts.same("fulltext_search", json!({ "query": "discounts.apply" }));
    let hit = &hits["results"][0];
    assert_eq!(
        (&hit["entity_name"], &hit["line"]),
        (&json!("Cart.checkout"), &json!(13))
    );
    assert_eq!(hit["snippet"], "cents = [discounts.apply](code, cents)");
    // Which of them is best, all agree on where the name is the very word that was asked for.
    bench.assert_same("the best hit", |engine| {
        let hits = engine.call(
            "fulltext_search",
            &json!({ "query": "checkout", "limit": 1 }),
        );
        hits["results"][0]["entity_name"].clone()
    });
}

#[needs(postgresql, mariadb)]
#[test]
fn words_within_camel_case_are_found_on_every_engine() {
    let bench = Bench::new("camel_case");
    let text = "function parseHTTPHeader(rawHeader) {\n  return rawHeader.splitAt(':');\n}\n\
                class OrderBook {\n  addItem(newItem) {\n    this.itemCount += 1;\n  }\n}\n";
    bench.write("web/orders.js", text);
    bench.index();
    let hosts = Hosts::of(&bench);
    for (query, entity, line, snippet) in [
        (
            "header",
            "parseHTTPHeader",
            1,
            "function [parseHTTPHeader]([rawHeader]) {",
        ),
        (
            "http_header",
            "parseHTTPHeader",
            1,
            "function [parseHTTPHeader](rawHeader) {",
        ),
        (
            "parse split",
            "parseHTTPHeader",
            1,
            "function [parseHTTPHeader](rawHeader) {",
        ),
        ("book", "OrderBook", 4, "class [OrderBook] {"),
        (
            "item_count",
            "OrderBook.addItem",
            6,
            "this.[itemCount] += 1;",
        ),
    ] {
        let found = hosts.same("fulltext_search", json!({ "query": query }));
        let hits = found["results"].as_array().unwrap();
        let hit = hits.iter().find(|hit| hit["entity_name"] == entity);
        let hit = hit.unwrap_or_else(|| panic!("{query}: {found}"));
        assert_eq!(
            (&hit["line"], &hit["snippet"]),
            (&json!(line), &json!(snippet)),
            "{query}"
        );
    }
    // Parts that do not stand side by side, or of two words, are no phrase.
    for query in ["parse_header", "header_raw"] {
        let none = hosts.same("fulltext_search", json!({ "query": query }));
        assert_eq!(none["total"], 0, "{query}: {none}");
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn the_engine_refuses_what_a_statement_of_the_user_would_write() {
    let bench = Bench::indexed("read_only");
    for statement in [
        "DELETE FROM files",
        "DROP TABLE files",
        "UPDATE files SET path = 'x'",
    ] {
        let code = bench.assert_same(statement, |engine| {
            let refused = engine.host(&["sql", statement, "--json"]);
            (refused.status, refused.json()["error"]["code"].clone())
        });
        assert_eq!(code, (1, json!("READ_ONLY")));
    }
    let left = bench.assert_same("rows", |engine| {
        engine.rows("SELECT count(*) AS n FROM files")
    });
    assert_eq!(left, [json!({ "n": 4 })]);
}
