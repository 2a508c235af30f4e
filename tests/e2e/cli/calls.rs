//! `call`: parameters and answers, for people and for programs.

use serde_json::json;

use super::{assert_failure, indexed_shop};
use crate::support::sandbox::finish;

#[test]
fn call_answers_with_exact_lines_for_people_and_for_programs() {
    let sandbox = indexed_shop();
    let table = sandbox
        .host(&["call", "find_usages", "target_name=apply"])
        .ok();
    assert!(table.stdout.contains("shop/cart.py:13"), "{}", table.stdout);
    assert!(table.stdout.contains("\nindexed "), "{}", table.stdout);
    assert!(table.stdout.ends_with("1 in all\n"), "{}", table.stdout);
    let parameters = r#"{"entity_type": "method", "entity_name": "Cart.checkout"}"#;
    let info = sandbox
        .host(&[
            "call",
            "get_code_entity_info",
            "--params",
            parameters,
            "--json",
        ])
        .ok()
        .json();
    let entity = &info["entities"][0];
    assert_eq!(
        (&entity["line"], &entity["end_line"]),
        (&json!(9), &json!(14))
    );
    assert_eq!(
        entity["file_path"],
        json!(sandbox.work().join("shop/shop/cart.py"))
    );
    assert_eq!(entity["relative_path"], "shop/cart.py");
    assert_eq!(entity["args"], json!(["code"]));
}

#[test]
fn long_lists_come_in_pages_and_say_how_to_go_on() {
    let sandbox = indexed_shop();
    let page = |offset: u32| {
        let offset = format!("offset={offset}");
        sandbox
            .host(&["call", "list_code_entities", "limit=4", &offset, "--json"])
            .ok()
            .json()
    };
    let first = page(0);
    let total = first["total"].as_u64().unwrap();
    assert_eq!(
        (first["count"].as_u64(), first["has_more"].as_bool()),
        (Some(4), Some(true))
    );
    let mut names = Vec::new();
    for offset in (0..u32::try_from(total).unwrap()).step_by(4) {
        names.extend(
            page(offset)["entities"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entity| entity["id"].to_string() + &entity["entity_type"].to_string()),
        );
    }
    assert_eq!(names.len() as u64, total);
    names.sort();
    names.dedup();
    assert_eq!(names.len() as u64, total, "an entity is on two pages");
    let shown = sandbox
        .host(&["call", "list_code_entities", "limit=4"])
        .ok();
    assert!(
        shown
            .stdout
            .ends_with(&format!("1 to 4 of {total}; the next page: offset=4\n")),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_relative_root_is_that_of_the_caller() {
    let sandbox = indexed_shop();
    let mut command = sandbox.command(&["call", "list_project_files", "root_dir=.", "--json"]);
    let found = finish(command.current_dir(sandbox.work().join("shop/shop"))).ok();
    assert_eq!(found.json()["total"], 4);
}

#[test]
fn wrong_calls_name_the_field_what_was_expected_and_an_example() {
    let sandbox = indexed_shop();
    let call = |arguments: &[&str]| sandbox.host(&[&["call"], arguments].concat());
    assert_failure(
        &call(&["find_usage"]),
        2,
        &["no command `find_usage`", "find_usages"],
    );
    let missing = call(&["find_usages", "target_nam=x"]);
    assert_failure(
        &missing,
        2,
        &["target_name", "did you mean", "for example: {"],
    );
    assert_failure(
        &call(&["list_projects", "limit=ten"]),
        2,
        &["/limit", "found string \"ten\"", "integer"],
    );
    assert_failure(
        &call(&["list_projects", "limit"]),
        2,
        &["not of the form key=value"],
    );
    let unknown = call(&["list_code_entities", "file_path=shop/carts.py"]);
    assert_failure(&unknown, 5, &["no file \"shop/carts.py\"", "shop/cart.py"]);
    assert_failure(
        &call(&["list_projects", "project_id=nope"]),
        5,
        &["no project \"nope\""],
    );
    let json = call(&["list_projects", "project_id=nope", "--json"]);
    assert_eq!(json.json()["error"]["code"], "PROJECT_NOT_FOUND");
    assert_failure(&json, 5, &["no project"]);
}

#[test]
fn deleting_a_project_is_tried_first_and_touches_no_file() {
    let sandbox = indexed_shop();
    let call = |dry_run| {
        sandbox
            .host(&["call", "delete_project", "root_dir=shop", dry_run, "--json"])
            .ok()
            .json()
    };
    let tried = call("dry_run=true");
    assert_eq!(
        (&tried["files_count"], &tried["dry_run"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(
        sandbox
            .host(&["call", "list_projects", "--json"])
            .ok()
            .json()["total"],
        1
    );
    assert_eq!(call("dry_run=false")["files_count"], 4);
    assert_eq!(
        sandbox
            .host(&["call", "list_projects", "--json"])
            .ok()
            .json()["total"],
        0
    );
    assert!(sandbox.work().join("shop/shop/cart.py").exists());
    let below = sandbox.host(&["call", "delete_project", "root_dir=shop/shop"]);
    assert_failure(&below, 5, &["no project"]);
}
