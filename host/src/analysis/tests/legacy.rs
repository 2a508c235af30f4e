//! The sample project of the older program: what its database holds, read anew.

use super::{analyze, entities, imports, usages};
use crate::analysis::{FileAnalysis, ImportKind, Language};

fn shop(source: &str) -> FileAnalysis {
    let analysis = analyze(Language::Python, source);
    assert_eq!(analysis.syntax_errors, []);
    analysis
}

#[test]
fn the_package_is_as_in_the_database() {
    let analysis = shop(include_str!(
        "../../../../tests/fixtures/shop/shop/__init__.py"
    ));
    let docstring = "A small shop, the sample project of the legacy database.";
    assert_eq!(analysis.docstring.as_deref(), Some(docstring));
    assert_eq!(analysis.lines, 5);
    let expected = [
        "2 import_from Cart from \"cart\"",
        "3 import_from Item from \"models\"",
        "3 import_from Order from \"models\"",
    ];
    assert_eq!(imports(&analysis), expected);
    assert_eq!(entities(&analysis).len() + analysis.usages.len(), 0);
}

#[test]
fn carts_are_as_in_the_database() {
    let analysis = shop(include_str!("../../../../tests/fixtures/shop/shop/cart.py"));
    assert_eq!(analysis.docstring.as_deref(), Some("The shopping cart."));
    assert_eq!(analysis.lines, 24);
    let expected = [
        "6-17 class Cart(Order) \"An order that is still being filled.\"",
        "9-14 method Cart.checkout(code) 2 \"Price the cart, with a discount code applied, in cents.\"",
        "16-17 method Cart.clear() 1 pass",
        "20-24 function demo() 1 \"Fill a cart and check it out.\"",
    ];
    assert_eq!(entities(&analysis), expected);
    let expected = [
        "2 import_from discounts from \"\"",
        "3 import_from Item from \"models\"",
        "3 import_from Order from \"models\"",
    ];
    assert_eq!(imports(&analysis), expected);
    let expected = [
        "11:21 call method Cart.price in class:Cart | function:checkout",
        // The older program took every call with a dot for one of a method.
        "13:30 call function apply in class:Cart | function:checkout",
        "22:11 instantiation class Cart in function:demo",
        "23:9 call method add in function:demo",
        "23:13 instantiation class Item in function:demo",
        "24:16 call method checkout in function:demo",
    ];
    assert_eq!(usages(&analysis), expected);
    let relative = &analysis.imports[0];
    assert_eq!(
        (relative.module.as_deref(), relative.kind),
        (Some(""), ImportKind::ImportFrom)
    );
}

#[test]
fn discounts_are_as_in_the_database() {
    let analysis = shop(include_str!(
        "../../../../tests/fixtures/shop/shop/discounts.py"
    ));
    let apply = "8-16 function apply(code, cents) 2 \"Apply a discount code to an amount in cents.\\n\\n    \
                 Unknown codes leave the amount as it is.\\n    \"";
    assert_eq!(
        entities(&analysis),
        [
            apply,
            "19-21 function refresh(url) 1 \"Fetch the codes anew.\""
        ]
    );
    assert_eq!(imports(&analysis), ["2 import re"]);
    let expected = [
        "5:14 call function compile",
        "13:20 call method match in function:apply",
        "14:14 instantiation class ValueError in function:apply",
        "15:21 call method get in function:apply",
        "21:11 call function dict in function:refresh",
    ];
    assert_eq!(usages(&analysis), expected);
}

#[test]
fn models_are_as_in_the_database() {
    let analysis = shop(include_str!(
        "../../../../tests/fixtures/shop/shop/models.py"
    ));
    assert_eq!(analysis.lines, 48);
    let expected = [
        "9-15 class Priced(abc.ABC) \"Anything that has a price in cents.\"",
        "13-15 method Priced.price() 1 abstract not-implemented \"Return the price in cents.\"",
        "19-27 class Item(Priced) \"An item with a name and a unit price.\"",
        "25-27 method Item.price() 1 \"Return the unit price in cents.\"",
        "31-43 class Order(Priced) \"A priced list of items.\"",
        "36-38 method Order.price() 1 \"Sum the prices of all items.\"",
        "40-43 method Order.add(item, quantity) 2 \"Add an item `quantity` times.\"",
        "46-48 function total(items) 1 \"Sum the prices of priced things.\"",
    ];
    assert_eq!(entities(&analysis), expected);
    let expected = [
        "2 import_from annotations from \"__future__\"",
        "4 import abc",
        "5 import_from dataclass from \"dataclasses\"",
        "5 import_from field from \"dataclasses\"",
        "6 import_from Iterable from \"typing\"",
    ];
    assert_eq!(imports(&analysis), expected);
    // The older program stored no member accesses, and took the list in `self.items` for the order itself.
    let expected = [
        "9:17 attribute property ABC in class:Priced",
        "12:9 attribute property abstractmethod in class:Priced",
        "27:20 attribute property Item.cents in class:Item | function:price",
        "34:24 call function field in class:Order",
        "38:15 call function total in class:Order | function:price",
        "38:26 attribute property Order.items in class:Order | function:price",
        "42:17 call function range in class:Order | function:add",
        "43:17 attribute property Order.items in class:Order | function:add",
        "43:23 call method append in class:Order | function:add",
        "48:11 call function sum in function:total",
        "48:20 call method price in function:total",
    ];
    assert_eq!(usages(&analysis), expected);
}
