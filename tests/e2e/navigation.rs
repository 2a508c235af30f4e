//! Questions about who uses what, answered through the command line and checked by hand against the shop's source.

use serde_json::{Value, json};

use crate::cli::{assert_failure, indexed_shop};
use crate::support::sandbox::Sandbox;

fn ask(sandbox: &Sandbox, command: &str, parameters: &Value) -> Value {
    let parameters = parameters.to_string();
    let arguments = ["call", command, "--params", &parameters, "--json"];
    sandbox.host(&arguments).ok().json()
}

/// The values of one field of all items of a list.
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap()).collect()
}

#[test]
fn usages_say_what_they_mean_and_how_sure_that_is() {
    let sandbox = indexed_shop();
    let apply = ask(&sandbox, "find_usages", &json!({"target_name": "apply"}));
    let usage = &apply["usages"][0];
    assert_eq!((&usage["line"], &usage["column"]), (&json!(13), &json!(30)));
    assert_eq!(usage["confidence"], "exact");
    assert_eq!(usage["target"]["relative_path"], "shop/discounts.py");
    assert_eq!(usage["target"]["line"], 8);
    // Inherited: `Cart(Order)` has no `price` of its own.
    let parameters = json!({"target_name": "price", "file_path": "shop/cart.py"});
    let price = ask(&sandbox, "find_usages", &parameters);
    let usage = &price["usages"][0];
    assert_eq!(
        (&usage["line"], &usage["confidence"]),
        (&json!(11), &json!("exact"))
    );
    assert_eq!(
        (&usage["target"]["class_name"], &usage["target"]["line"]),
        (&json!("Order"), &json!(36))
    );
    // `item.price()` may be that of any of three classes.
    let parameters = json!({"target_name": "price", "file_path": "shop/models.py"});
    let price = ask(&sandbox, "find_usages", &parameters);
    let usage = &price["usages"][0];
    assert_eq!(
        (&usage["line"], &usage["confidence"]),
        (&json!(48), &json!("by_name"))
    );
    assert_eq!(
        (&usage["candidates"], usage.get("target")),
        (&json!(3), None)
    );
    assert_eq!(price["freshness"]["stale_files"], json!([]));
}

#[test]
fn references_survive_when_their_target_is_indexed_again() {
    let sandbox = indexed_shop();
    let file = sandbox.work().join("shop/shop/discounts.py");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("\n\n{text}")).unwrap();
    let stale = ask(&sandbox, "impact", &json!({"entity_name": "apply"}));
    assert_eq!(
        stale["freshness"]["stale_files"],
        json!(["shop/discounts.py"])
    );
    sandbox.host(&["index", "shop"]).ok();
    let apply = ask(&sandbox, "find_usages", &json!({"target_name": "apply"}));
    assert_eq!(apply["usages"][0]["target"]["line"], 10);
    assert_eq!(apply["usages"][0]["confidence"], "exact");
}

#[test]
fn what_depends_on_an_entity_and_the_way_to_it_are_found() {
    let sandbox = indexed_shop();
    let impact = ask(&sandbox, "impact", &json!({"entity_name": "apply"}));
    assert_eq!(each(&impact["affected"], "name"), ["checkout", "demo"]);
    assert_eq!(impact["affected"][1]["distance"], 2);
    assert_eq!(impact["affected"][1]["through"], "Cart.checkout");
    assert_eq!(impact["files"], json!(["shop/cart.py"]));
    let trace = ask(&sandbox, "trace", &json!({"from": "demo", "to": "total"}));
    assert_eq!(
        each(&trace["path"], "name"),
        ["demo", "checkout", "price", "total"]
    );
    assert_eq!(trace["path"][3]["used_at_line"], 38);
    let back = ask(&sandbox, "trace", &json!({"from": "total", "to": "demo"}));
    assert_eq!((&back["found"], &back["path"]), (&json!(false), &json!([])));
    let used = ask(
        &sandbox,
        "find_dependencies",
        &json!({"entity_name": "Cart.checkout"}),
    );
    assert_eq!(each(&used["dependencies"], "name"), ["price", "apply"]);
    let slip = sandbox.host(&["call", "impact", "entity_name=aply"]);
    assert_failure(&slip, 5, &["aply", "did you mean apply"]);
}

#[test]
fn imports_files_and_classes_form_graphs() {
    let sandbox = indexed_shop();
    let imports = ask(
        &sandbox,
        "get_imports",
        &json!({"file_path": "shop/cart.py"}),
    );
    let targets: Vec<&Value> = imports["imports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|import| &import["targets"])
        .collect();
    let models = json!(["shop/models.py"]);
    assert_eq!(targets, [&json!(["shop/discounts.py"]), &models, &models]);
    let module = json!({"entity_name": "shop/__init__.py", "entity_type": "module"});
    let files = ask(&sandbox, "find_dependencies", &module);
    assert_eq!(
        each(&files["dependencies"], "file"),
        ["shop/cart.py", "shop/models.py"]
    );
    let graph = ask(&sandbox, "export_graph", &json!({"format": "json"}));
    let edges = json!([
        ["shop/__init__.py", "shop/cart.py"],
        ["shop/__init__.py", "shop/models.py"],
        ["shop/cart.py", "shop/discounts.py"],
        ["shop/cart.py", "shop/models.py"],
    ]);
    assert_eq!(graph["edges"], edges);
    let cart = ask(
        &sandbox,
        "get_class_hierarchy",
        &json!({"class_name": "Cart"}),
    );
    assert_eq!(
        each(&cart["hierarchy"][0]["ancestors"], "name"),
        ["Order", "Priced"]
    );
    let priced = ask(
        &sandbox,
        "get_class_hierarchy",
        &json!({"class_name": "Priced"}),
    );
    assert_eq!(
        each(&priced["hierarchy"][0]["descendants"], "name"),
        ["Item", "Order", "Cart"]
    );
    let inherited = json!({"class_name": "Cart", "inherited": true});
    let methods = ask(&sandbox, "list_class_methods", &inherited);
    assert_eq!(
        each(&methods["methods"], "name"),
        ["checkout", "clear", "price", "price", "add"]
    );
}

#[test]
fn a_question_is_answered_with_source_and_neighbours() {
    let sandbox = indexed_shop();
    let question = json!({"query": "How is a discount code applied?"});
    let answer = ask(&sandbox, "explore", &question);
    let first = &answer["entities"][0];
    assert_eq!(
        (&first["name"], &first["class_name"]),
        (&json!("checkout"), &json!("Cart"))
    );
    assert!(
        first["source"]
            .as_str()
            .unwrap()
            .contains("cents = discounts.apply(code, cents)")
    );
    assert_eq!(each(&first["callers"], "name"), ["demo"]);
    assert_eq!(each(&first["callees"], "name"), ["price", "apply"]);
    assert!(answer["tokens"].as_u64().unwrap() <= 4_000);
}

#[test]
fn size_and_unfinished_work_are_listed() {
    let sandbox = indexed_shop();
    let long = ask(&sandbox, "list_long_files", &json!({"max_lines": 30}));
    assert_eq!(each(&long["files"], "relative_path"), ["shop/models.py"]);
    let complex = ask(
        &sandbox,
        "analyze_complexity",
        &json!({"min_complexity": 2}),
    );
    assert_eq!(
        each(&complex["results"], "name"),
        ["Cart.checkout", "apply", "Order.add"]
    );
    let findings = ask(&sandbox, "list_errors_by_category", &json!({}));
    assert_eq!(
        findings["summary"],
        json!({"empty_method": 1, "not_implemented": 1})
    );
    assert_eq!(
        findings["categories"]["not_implemented"][0]["message"],
        "Priced.price"
    );
    let classes = ask(&sandbox, "find_classes", &json!({"pattern": "?rder"}));
    assert_eq!(each(&classes["classes"], "name"), ["Order"]);
}
