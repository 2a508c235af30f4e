//! What is stored of a tree, and how it is found: entities, usages, files, text.

use code_analysis_host::code_db::entities::{EntityKind, EntityQuery};
use code_analysis_host::code_db::error::CodeDbError;
use code_analysis_host::code_db::page::PageRequest;
use code_analysis_host::code_db::scope::Scope;
use code_analysis_host::code_db::search::SearchQuery;
use code_analysis_host::code_db::usages::{UsageQuery, UsageRow};

use super::{Bench, PAGE, SHOP_ID, counts};

#[test]
fn the_shop_is_stored_to_the_last_row() {
    let bench = Bench::with_shop();
    let summary = bench.index("shop");
    assert_eq!(counts(&summary), [4, 4, 0, 0, 0]);
    assert_eq!(
        (
            summary.classes,
            summary.methods,
            summary.functions,
            summary.imports
        ),
        (4, 6, 4, 12)
    );
    assert_eq!(
        (summary.project_id.as_str(), summary.problems.as_slice()),
        (SHOP_ID, [].as_slice())
    );
    let status = bench.db.database_status(Some(SHOP_ID)).unwrap();
    assert_eq!(
        (
            status.classes,
            status.methods,
            status.functions,
            status.imports
        ),
        (4, 6, 4, 12)
    );
    assert_eq!(status.usages, summary.usages);
    assert_eq!(
        (
            status.projects,
            status.files.active,
            status.files.with_parse_errors
        ),
        (1, 4, 0)
    );
    assert_eq!(status, bench.db.database_status(None).unwrap());
    // One text for each file and each entity.
    assert_eq!(bench.ids("SELECT count(*) FROM code_content"), [18]);
    bench.check_full_text();
}

#[test]
fn entities_come_with_all_that_is_known_of_them() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let cart = bench.entity(EntityKind::Class, "Cart");
    assert_eq!(
        (cart.line, cart.end_line, cart.relative_path.as_str()),
        (6, Some(17), "shop/cart.py")
    );
    assert_eq!(
        cart.file_path,
        bench.path("shop/shop/cart.py").to_str().unwrap()
    );
    assert_eq!(cart.bases.as_deref(), Some(["Order".to_owned()].as_slice()));
    let checkout = bench.entity(EntityKind::Method, "Cart.checkout");
    assert_eq!(
        (checkout.line, checkout.end_line, checkout.complexity),
        (9, Some(14), Some(2))
    );
    assert_eq!(
        checkout.args.as_deref(),
        Some(["code".to_owned()].as_slice())
    );
    assert_eq!(checkout.class_name.as_deref(), Some("Cart"));
    assert_eq!(
        bench.entity(EntityKind::Method, "Cart.clear").has_pass,
        Some(true)
    );
    let price = bench.entity(EntityKind::Method, "Priced.price");
    assert_eq!(
        (price.is_abstract, price.has_not_implemented),
        (Some(true), Some(true))
    );
    assert_eq!(
        price.docstring.as_deref(),
        Some("Return the price in cents.")
    );
    assert_eq!(bench.entity(EntityKind::Function, "refresh").line, 19);
}

#[test]
fn lists_are_paged_in_a_stable_order() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let query = EntityQuery::default();
    let all = bench.db.list_code_entities(&query, PAGE).unwrap();
    assert_eq!((all.total, all.items.len()), (14, 14));
    let places: Vec<(&str, u32)> = all
        .items
        .iter()
        .map(|entity| (entity.relative_path.as_str(), entity.line))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let mut paged = Vec::new();
    for offset in (0..14).step_by(5) {
        let page = bench
            .db
            .list_code_entities(&query, PageRequest { limit: 5, offset })
            .unwrap();
        assert_eq!((page.total, page.has_more()), (14, offset < 10));
        paged.extend(page.items);
    }
    assert_eq!(paged, all.items);

    let scope = Scope {
        project_id: Some(SHOP_ID),
        file: Some("shop/models.py"),
    };
    let query = EntityQuery {
        kind: Some(EntityKind::Method),
        scope,
        ..EntityQuery::default()
    };
    let methods = bench.db.list_code_entities(&query, PAGE).unwrap();
    let lines: Vec<u32> = methods.items.iter().map(|entity| entity.line).collect();
    assert_eq!(lines, [13, 25, 36, 40]);
}

#[test]
fn usages_have_exact_lines() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let place = |usage: &UsageRow| {
        (
            usage.relative_path.clone(),
            usage.line,
            usage.usage_type.clone(),
        )
    };
    let price: Vec<_> = bench.usages("price").iter().map(place).collect();
    assert_eq!(
        price,
        [
            ("shop/cart.py".to_owned(), 11, "call".to_owned()),
            ("shop/models.py".to_owned(), 48, "call".to_owned()),
        ]
    );
    let cart = bench.usages("Cart");
    assert_eq!(
        (cart.len(), cart[0].line, cart[0].usage_type.as_str()),
        (1, 22, "instantiation")
    );
    assert_eq!(cart[0].context.as_deref(), Some("function:demo"));
    let query = UsageQuery {
        target_name: "price",
        target_type: Some("method"),
        target_class: Some("Cart"),
        scope: Scope {
            project_id: Some(SHOP_ID),
            file: Some("shop/cart.py"),
        },
    };
    let own = bench.db.find_usages(&query, PAGE).unwrap();
    assert_eq!((own.total, own.items[0].line), (1, 11));
}

#[test]
fn files_are_listed_by_pattern() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let list = |pattern| {
        bench
            .db
            .list_project_files(Some(SHOP_ID), pattern, PAGE)
            .unwrap()
    };
    let paths = |pattern| {
        list(pattern)
            .items
            .into_iter()
            .map(|file| file.relative_path)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths(None),
        [
            "shop/__init__.py",
            "shop/cart.py",
            "shop/discounts.py",
            "shop/models.py"
        ]
    );
    assert_eq!(paths(Some("*c*.py")), ["shop/cart.py", "shop/discounts.py"]);
    assert_eq!(paths(Some("/cart.py")), [] as [&str; 0]);
    let page = PageRequest {
        limit: 1,
        offset: 1,
    };
    let second = bench
        .db
        .list_project_files(None, Some("*.py"), page)
        .unwrap();
    assert_eq!(
        (second.total, second.items[0].relative_path.as_str()),
        (4, "shop/cart.py")
    );
    let cart = bench.db.file(None, "shop/cart.py").unwrap();
    assert_eq!(
        (cart.lines, cart.has_docstring, cart.language.as_deref()),
        (Some(24), Some(true), Some("python"))
    );
}

#[test]
fn search_finds_entities_with_the_line_of_the_hit() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let hits = bench.search("percent");
    assert_eq!(hits[0].entity_name.as_deref(), Some("apply"));
    assert_eq!((hits[0].entity_line, hits[0].line), (8, 15));
    assert_eq!(hits[0].snippet, "[percent] = _CODES.get(code, 0)");
    // Text outside of entities belongs to the file, on its own line.
    let outside = bench.search("_PATTERN compile");
    assert_eq!(
        (outside[0].entity_type.as_str(), outside[0].line),
        ("file", 5)
    );
    // A name counts for more than a mention.
    assert_eq!(
        bench.search("checkout")[0].entity_name.as_deref(),
        Some("Cart.checkout")
    );
    // Every character is stored once: a method's text is no hit of its class and its file too.
    assert_eq!(bench.search("café").len(), 1);
    let query = SearchQuery {
        text: "price",
        entity_type: Some("method"),
        project_id: Some(SHOP_ID),
    };
    let methods = bench
        .db
        .fulltext_search(&query, PageRequest::first(2))
        .unwrap();
    assert!(
        methods.hits.total >= 4 && methods.hits.items.len() == 2,
        "{methods:?}"
    );
    assert!(
        methods
            .hits
            .items
            .iter()
            .all(|hit| hit.entity_type == "method")
    );
    assert!(methods.hits.items[0].score >= methods.hits.items[1].score);
}

#[test]
fn words_that_no_text_holds_together_are_found_apart() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let query = SearchQuery {
        text: "refresh percent",
        entity_type: None,
        project_id: None,
    };
    let result = bench.db.fulltext_search(&query, PAGE).unwrap();
    assert!(result.partial_match);
    assert!(result.hits.total >= 2, "{result:?}");
}

#[test]
fn nothing_that_a_person_types_is_an_error() {
    let bench = Bench::with_shop();
    bench.index("shop");
    for text in [
        "",
        " ",
        "\"",
        "\"\"",
        "'",
        "*",
        "^",
        "(",
        ")",
        "()",
        "a AND",
        "AND",
        "OR OR",
        "NOT price",
        "NEAR(",
        "-price",
        "price*",
        "price:",
        "content: price",
        "{entity_name content}: x",
        "a\"b",
        "\\",
        "%",
        "_",
        ";",
        "--",
        "/*",
        "price\0cart",
        "caf\u{e9}",
        "\u{1f6d2}",
        "\u{202e}",
        "x'; DROP TABLE files; --",
        "+",
        "price + cart",
        "[",
        "@#$",
    ] {
        let query = SearchQuery {
            text,
            entity_type: Some("method"),
            project_id: Some("no' OR 1=1"),
        };
        bench
            .db
            .fulltext_search(&query, PAGE)
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        bench.search(text);
    }
    bench.search(&"word ".repeat(500));
    assert_eq!(bench.ids("SELECT count(*) FROM files"), [4]);
}

#[test]
fn what_is_not_found_comes_with_the_nearest_names() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let nearest = |error: CodeDbError| match error {
        CodeDbError::NotFound { nearest, .. } => nearest,
        other => panic!("{other}"),
    };
    let scope = Scope::default();
    let method = bench
        .db
        .get_code_entity_info(EntityKind::Method, "checkot", None, scope, PAGE)
        .unwrap_err();
    assert_eq!(nearest(method), ["checkout"]);
    assert_eq!(
        nearest(bench.db.file(Some(SHOP_ID), "models.py").unwrap_err()),
        ["shop/models.py"]
    );
    assert_eq!(nearest(bench.db.project("shopp").unwrap_err()), ["shop"]);
}
