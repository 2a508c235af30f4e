//! What the analysis makes of Ruby, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, usages};

const SAMPLE: &str = include_str!("../testdata/sample.rb");

const ENTITIES: &[&str] = &[
    "7-9 class Priced() \"What can be priced.\"",
    "8-8 method Priced.price() 1 not-implemented",
    "13-41 class Cart(Base, Priced, Forwardable, Shop::Tools) \"A cart.\\nHolds items.\"",
    "18-21 method Cart.make(size, *names, key, **rest, &block) 1 \"Makes one.\"",
    "23-36 method Cart.total(from) 9",
    "39-39 method Cart.build() 1",
    "43-43 method Cart.close() 1",
    "45-47 function free(a, (b, c)) 1",
];

const IMPORTS: &[&str] = &["3 import json", "4 import ./lib/item"];

const USAGES: &[&str] = &[
    "8:13 call function raise in class:Priced | function:price",
    "14:2 call function include in class:Cart",
    "15:2 call function extend in class:Cart",
    "19:15 instantiation class Cart in class:Cart | function:make",
    "20:13 call method add in class:Cart | function:make",
    "20:23 instantiation class Item in class:Cart | function:make",
    "20:38 call method parse in class:Cart | function:make",
    "20:50 call method first in class:Cart | function:make",
    "24:16 call function open? in class:Cart | function:total",
    "24:32 call method empty? in class:Cart | function:total",
    "25:10 call method each in class:Cart | function:total",
    "25:21 call function sum in class:Cart | function:total",
    "25:37 call method free? in class:Cart | function:total",
    "27:19 call function helper in class:Cart | function:total",
    "31:11 call method Cart.pay in class:Cart | function:total",
    "46:2 call function puts in function:free",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Ruby, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}
