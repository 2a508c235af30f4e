//! Every key of the configuration as data, read from the types, and the documents that are made of it.

use serde_json::Value;

use super::types::{Config, LIVE};
use super::validation::file_schema;
use crate::foundation::json_pointer::through;
use crate::foundation::json_schema::InvalidSchema;

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its path below `code_analysis`, such as `server.port`.
    pub key: String,
    /// Its JSON pointer in a file.
    pub pointer: String,
    /// The type and, where there is one, the range of its value.
    pub form: String,
    /// What holds when the key is absent; null where that depends, which `meaning` tells.
    pub default: Value,
    /// Whether a running server takes a new value.
    pub live: bool,
    /// What it is for, with its unit.
    pub meaning: String,
    /// The names of the sections around it and what each is for, the outermost first.
    sections: Vec<(String, String)>,
}

/// Every key, in the order of the types.
///
/// # Errors
/// [`InvalidSchema`], when the types are annotated wrongly; a test rules that out.
pub fn settings() -> Result<Vec<Setting>, InvalidSchema> {
    let schema = file_schema()?;
    let mut found = Vec::new();
    let root = "/properties/code_analysis";
    if let Some(root) = schema.as_value().pointer(root) {
        let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
        collect(root, &defaults, &[], &mut found);
    }
    Ok(found)
}

fn collect(section: &Value, defaults: &Value, path: &[(String, String)], found: &mut Vec<Setting>) {
    let Some(properties) = section.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, schema) in properties {
        let meaning = one_line(schema.get("description"));
        let default = defaults.get(name).cloned().unwrap_or_default();
        let mut here = path.to_vec();
        here.push((name.clone(), meaning.clone()));
        if schema.get("properties").is_some() {
            collect(schema, &default, &here, found);
            continue;
        }
        let names: Vec<&str> = here.iter().map(|(name, _)| name.as_str()).collect();
        let pointer = through(names.iter().copied());
        found.push(Setting {
            key: names.join("."),
            pointer: format!("/code_analysis{pointer}"),
            form: form(schema),
            default,
            live: schema.get(LIVE) == Some(&Value::Bool(true)),
            meaning,
            sections: path.to_vec(),
        });
    }
}

fn one_line(description: Option<&Value>) -> String {
    let text = description.and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn form(schema: &Value) -> String {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let named = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null");
            named.collect::<Vec<_>>().join(" or ")
        }
        _ => words(schema),
    };
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("{kind}, {least} to {most}"),
        _ => kind,
    }
}

/// The words of a key that takes one of several.
fn words(schema: &Value) -> String {
    let alternatives = ["oneOf", "anyOf", "enum"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    let word = |each: &Value| {
        each.get("const")
            .unwrap_or(each)
            .as_str()
            .map(|word| format!("`{word}`"))
    };
    let words = alternatives.into_iter().flatten().filter_map(word);
    words.collect::<Vec<_>>().join(" or ")
}

/// A Markdown table of all keys, for docs/configuration.md.
///
/// # Errors
/// As [`settings`].
pub fn table() -> Result<String, InvalidSchema> {
    let mut lines = vec![
        "| key | value | default | a running server takes it | meaning |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for setting in settings()? {
        let default = match &setting.default {
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let live = if setting.live { "yes" } else { "" };
        let Setting {
            key, form, meaning, ..
        } = setting;
        lines.push(format!(
            "| `{key}` | {form} | {default} | {live} | {} |",
            meaning.replace('|', "\\|")
        ));
    }
    Ok(lines.join("\n") + "\n")
}

/// A configuration file with every key at its default, each with a comment; keys without a default are commented out.
///
/// # Errors
/// As [`settings`].
pub fn commented_file() -> Result<String, InvalidSchema> {
    let mut file = CommentedFile::default();
    file.open("", "Configuration of code-analysis-host. Comments and commas behind the last entry are allowed.");
    file.open("code_analysis", "Everything lies here.");
    let base = file.depth();
    let mut open: Vec<String> = Vec::new();
    for setting in settings()? {
        let names: Vec<String> = setting
            .sections
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let shared = open.iter().zip(&names).take_while(|(a, b)| a == b).count();
        file.close_to(base + shared);
        open.truncate(shared);
        for (name, meaning) in &setting.sections[shared..] {
            file.open(name, meaning);
            open.push(name.clone());
        }
        file.entry(&setting);
    }
    file.close_to(0);
    Ok(file.text)
}

/// The text of a file that is being written, and how deep its end is.
#[derive(Default)]
struct CommentedFile {
    text: String,
    depth: usize,
}

/// Longest line of a comment, its indentation not counted.
const COMMENT_WIDTH: usize = 100;

impl CommentedFile {
    fn depth(&self) -> usize {
        self.depth
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(&"  ".repeat(self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn comment(&mut self, text: &str) {
        let mut line = String::from("//");
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > COMMENT_WIDTH {
                self.line(&line);
                line = String::from("//");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn open(&mut self, name: &str, meaning: &str) {
        self.comment(meaning);
        if name.is_empty() {
            self.line("{");
        } else {
            self.line(&format!("\"{name}\": {{"));
        }
        self.depth += 1;
    }

    fn close_to(&mut self, depth: usize) {
        while self.depth > depth {
            self.depth -= 1;
            self.line(if self.depth == 0 { "}" } else { "}," });
        }
    }

    fn entry(&mut self, setting: &Setting) {
        let live = if setting.live {
            " A running server takes a new value."
        } else {
            ""
        };
        self.comment(&format!("{} ({}){live}", setting.meaning, setting.form));
        let name = setting.key.rsplit('.').next().unwrap_or(&setting.key);
        match &setting.default {
            Value::Null => self.line(&format!("// \"{name}\": ...,")),
            value => self.line(&format!("\"{name}\": {value},")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_says_what_it_is_for_and_what_it_takes() {
        let settings = settings().unwrap();
        for setting in &settings {
            assert!(!setting.meaning.is_empty(), "{setting:?}");
            assert!(!setting.form.is_empty(), "{setting:?}");
        }
        let port = settings
            .iter()
            .find(|each| each.key == "server.port")
            .unwrap();
        assert_eq!(
            (
                &port.default,
                port.form.as_str(),
                port.live,
                port.pointer.as_str()
            ),
            (
                &json!(15000),
                "integer, 0 to 65535",
                false,
                "/code_analysis/server/port"
            )
        );
        let interval = settings
            .iter()
            .find(|each| each.key == "workers.file_watcher.scan_interval");
        assert!(interval.unwrap().live);
    }

    #[test]
    fn the_commented_file_means_the_defaults() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("reference.jsonc");
        std::fs::write(&file, commented_file().unwrap()).unwrap();
        let value = crate::config::load::parse(&file).unwrap();
        let read = Config::from_value(value, directory.path()).unwrap();
        assert_eq!(
            read,
            Config::from_value(json!({}), directory.path()).unwrap()
        );
    }
}
