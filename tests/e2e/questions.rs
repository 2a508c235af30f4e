//! The twenty questions that one asks a code base that one does not know, asked of real trees in Python, Rust and C.
//!
//! The expected answers were read off the sources by hand; where that takes more than looking at the named lines, a comment
//! says how.

mod c;
mod python;
mod rust;

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::server::Server;
use crate::support::{copy_tree, fixture};

/// An indexed tree, and a server that answers about it.
struct Tree {
    server: Server,
    // Goes after the server.
    _sandbox: Sandbox,
}

impl Tree {
    /// One of the directories in `fixtures/trees`.
    fn new(name: &str) -> Self {
        let sandbox = Sandbox::new();
        copy_tree(&fixture("trees").join(name), &sandbox.work().join(name));
        sandbox.host(&["index", name]);
        Self {
            server: sandbox.serve(&[]),
            _sandbox: sandbox,
        }
    }

    /// Asks, and compares what is at a place of the answer: these fields of each item, or all where none is named.
    fn answers(
        &self,
        question: &str,
        command: &str,
        parameters: Value,
        place: &str,
        fields: &[&str],
        expected: Value,
    ) {
        let answer = self.server.rpc(command, &parameters);
        let freshness = &answer["freshness"];
        assert_eq!(freshness["stale_files"], json!([]), "{question}");
        let found = answer.pointer(place).cloned().unwrap_or_default();
        let found = match found.as_array() {
            Some(items) if !fields.is_empty() => {
                items.iter().map(|item| row(item, fields)).collect()
            }
            _ => found,
        };
        assert_eq!(found, expected, "{question} {command} {parameters}");
    }

    /// The entities that answer a question in prose, best first.
    fn explored(&self, question: &str) -> Vec<String> {
        let parameters = json!({ "query": question, "max_tokens": 20_000 });
        let answer = self.server.rpc("explore", &parameters);
        let entities = answer["entities"].as_array().unwrap().iter();
        let name = |entity: &Value| {
            let class = entity["class_name"].as_str();
            let name = entity["name"].as_str().unwrap();
            class.map_or(name.to_owned(), |class| format!("{class}.{name}"))
        };
        entities.map(name).collect()
    }
}

fn row(item: &Value, fields: &[&str]) -> Value {
    let values = fields.iter().map(|field| {
        item.pointer(&format!("/{field}"))
            .cloned()
            .unwrap_or_default()
    });
    values.collect()
}
