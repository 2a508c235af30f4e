//! Names and texts that one engine or another finds hard: long, alike, in any script.

use std::fs;

use serde_json::json;
use test_needs::needs;

use super::Bench;
use crate::support::dump::dump;

/// A directory as deep as a path may be long, with room for a file's name.
fn deepest(bench: &Bench) -> std::path::PathBuf {
    let mut directory = bench.root();
    while directory.as_os_str().len() < 3_800 {
        // What cannot be compressed: engines that try would hide what is too long.
        let name = blake3_like(directory.as_os_str().len()).repeat(3);
        directory.push(&name[..180]);
    }
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Sixty-four digits that look like chance.
fn blake3_like(seed: usize) -> String {
    let mut state = seed as u64 + 0x9E37_79B9_7F4A_7C15;
    let mut digit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 60) as u32, 16).unwrap()
    };
    (0..64).map(|_| digit()).collect()
}

#[needs(postgresql, mariadb)]
#[test]
fn the_longest_paths_are_kept_apart_and_found() {
    let bench = Bench::new("long_paths");
    let directory = deepest(&bench);
    for name in ["a.py", "b.py", "A.py", "a.py .py"] {
        fs::write(
            directory.join(name),
            format!("def in_{}(): pass\n", name.len()),
        )
        .unwrap();
    }
    bench.index();
    let rows = bench.assert_same("rows", dump);
    assert_eq!(rows["files"].len(), 8);
    let longest = rows["files"].iter().map(String::len).max().unwrap();
    assert!(longest > 3_800, "{longest}");
    bench.assert_same("a list", |engine| {
        let files = engine.call("list_project_files", &json!({}));
        let paths = files["files"].as_array().unwrap().iter();
        paths
            .map(|file| file["file_path"].clone())
            .collect::<Vec<_>>()
    });
    // Found again by its path, among those that differ in one letter, and marked alone.
    fs::remove_file(directory.join("b.py")).unwrap();
    bench.index();
    let rows = bench.assert_same("rows after a deletion", dump);
    let deleted: Vec<&String> = rows["files"]
        .iter()
        .filter(|row| row.contains("deleted=true"))
        .collect();
    assert_eq!(deleted.len(), 1);
    assert!(deleted[0].contains("/b.py\""), "{deleted:?}");
    let of_file = json!({ "file_path": directory.join("A.py") });
    let found = bench.assert_same("entities of one file", |engine| {
        let found = engine.call("list_code_entities", &of_file);
        (
            found["total"].clone(),
            found["entities"][0]["relative_path"].clone(),
        )
    });
    assert_eq!(found.0, 1);
}

#[needs(postgresql, mariadb)]
#[test]
fn names_are_compared_byte_by_byte() {
    let bench = Bench::new("names");
    let (long, longer) = ("n".repeat(3_000), "n".repeat(3_001));
    let random = (0..60).map(blake3_like).collect::<String>();
    let text = format!(
        "def Same(): pass\ndef same(): pass\ndef sáme(): pass\ndef {long}(): pass\ndef {longer}(): pass\n\
         def r{random}(): same(); Same(); r{random}()\ndef größe(): pass\ndef 价格(): pass\nclass the: pass\n\
         class a:\n    def is_(self): '''to be or not to be'''\n"
    );
    bench.write("shop/names.py", &text);
    bench.write("shop/ space.py", "x = 'trailing \u{1F980} \\0 \\\\ % _'\n");
    bench.index();
    bench.assert_same("rows", dump);
    for name in [
        "same",
        "Same",
        "SAME",
        "sáme",
        "same ",
        &long,
        &longer,
        &format!("r{random}"),
        "größe",
        "价格",
    ] {
        let found = bench.assert_same(name, |engine| {
            let entities = json!({ "entity_type": "function", "entity_name": name });
            let usages = json!({ "target_name": name });
            [
                engine.call("get_code_entity_info", &entities)["total"].clone(),
                engine.call("find_usages", &usages)["total"].clone(),
            ]
        });
        let expected = if name == "SAME" || name == "same " {
            json!(null)
        } else {
            json!(1)
        };
        assert_eq!(found[0], expected, "{name}");
    }
    for (query, hits) in [
        ("the", 2),
        ("价格", 1),
        ("GRÖSSE", 0),
        ("größe", 1),
        (&*longer, 1),
        ("be", 1),
        ("🦀", 0),
    ] {
        let found = bench.assert_same(query, |engine| {
            engine.call(
                "fulltext_search",
                &json!({ "query": query, "entity_type": null }),
            )["total"]
                .clone()
        });
        let least = found.as_u64().unwrap_or(0);
        assert!(
            if hits == 0 { least == 0 } else { least >= hits },
            "{query}: {found}"
        );
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn nul_is_stored_by_none_and_looked_for_in_all() {
    let bench = Bench::new("nul");
    bench.write(
        "shop/nul.py",
        "def terminated():\n    \"\"\"Ends in \\0 and \\x00.\"\"\"\n",
    );
    bench.index();
    let rows = bench.assert_same("rows", dump);
    assert!(
        rows["functions"]
            .iter()
            .any(|row| row.contains("Ends in \u{fffd} and \u{fffd}.")),
        "{:?}",
        rows["functions"]
    );
    let found = bench.assert_same("answers to NUL", |engine| {
        let info = json!({ "entity_type": "function", "entity_name": "terminated\0" });
        [
            engine.call("fulltext_search", &json!({ "query": "terminated\0" }))["total"].clone(),
            engine.call("find_usages", &json!({ "target_name": "discount\0" }))["total"].clone(),
            engine.call("get_code_entity_info", &info)["error"]["code"].clone(),
        ]
    });
    assert_eq!((&found[0], &found[1]), (&json!(1), &json!(0)));
}

#[needs(postgresql, mariadb)]
#[test]
fn ids_go_on_behind_any_that_a_row_was_given() {
    let bench = Bench::indexed("given_ids");
    for engine in &bench.engines {
        let app = engine.app();
        let insert = "INSERT INTO functions(id, file_id, name, line) \
                      SELECT 5000000000000, min(id), 'given', 900 FROM files";
        let driver = app.database().unwrap();
        driver
            .raw_database()
            .once(|session| session.execute(insert, &[]))
            .unwrap();
    }
    bench.write("shop/later.py", "def later(): pass\n\ndef last(): pass\n");
    bench.index();
    let ids = bench.assert_same("ids", |engine| {
        engine.rows("SELECT id FROM functions WHERE name IN ('later', 'last') ORDER BY id")
    });
    assert_eq!(
        ids,
        [
            json!({ "id": 5_000_000_000_001_i64 }),
            json!({ "id": 5_000_000_000_002_i64 }),
        ]
    );
}

#[needs(postgresql, mariadb)]
#[test]
fn a_text_of_many_megabytes_is_stored_whole_and_searched() {
    let bench = Bench::new("large_text");
    // More than a MySQL TEXT, a page of PostgreSQL, or one of its tsvectors with all places, takes.
    let lines: Vec<String> = (0..60_000)
        .map(|number| format!("value_{number} = {number} + shared.thing"))
        .collect();
    bench.write("shop/large.py", &lines.join("\n"));
    bench.index();
    let rows = bench.assert_same("rows", dump);
    assert!(rows["code_content"].iter().any(|row| row.len() > 2_000_000));
    for query in ["59999", "shared.thing", "shared thing", "value_31"] {
        let hits = bench.assert_same(query, |engine| {
            let hits = engine.call("fulltext_search", &json!({ "query": query }));
            (
                hits["total"].clone(),
                hits["results"][0]["line"].clone(),
                hits["results"][0]["snippet"].clone(),
            )
        });
        assert_eq!(hits.0, 1, "{query}");
    }
}
