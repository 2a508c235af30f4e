//! A driver as people see it: the lines of its document.

use serde_json::Value;

use crate::cli::human::scalar;
use crate::cli::table;

/// The text of a value.
pub(super) fn text(value: &Value) -> String {
    scalar(value)
}

/// Whether it is usable, as one line.
pub(super) fn verdict(entry: &Value) -> String {
    let file = text(&entry["path"]);
    match &entry["refused"] {
        Value::Null => {
            let (name, version) = (text(&entry["name"]), text(&entry["version"]));
            format!("{file}: usable, {name} {version}")
        }
        refused => {
            let (reason, why) = (text(&refused["reason"]), text(&refused["text"]));
            format!("{file}: refused ({reason}): {why}")
        }
    }
}

/// Everything, a fact a line, and the options as a table.
pub(super) fn lines(entry: &Value) -> Vec<String> {
    let mut lines = vec![verdict(entry)];
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<13} {value}"));
        }
    };
    fact("found by", text(&entry["origin"]));
    fact("blake3", plain(&entry["blake3"]));
    fact(
        "locked",
        format!("{} ({})", text(&entry["locked"]), text(&entry["platform"])),
    );
    if let Some(crashes) = entry["crashes"]["crashes"].as_array() {
        fact("crashes", crashes.len().to_string());
    }
    if let Some(rejected) = entry.get("rejected") {
        fact(
            "not used",
            format!("its newer content: {}", text(&rejected["text"])),
        );
    }
    if entry["usable"] != true {
        return lines;
    }
    fact("summary", plain(&entry["summary"]));
    fact("also called", list(&entry["aliases"]));
    let api = &entry["driver_api"];
    fact(
        "driver-api",
        format!(
            "{}; this host accepts {}",
            text(&api["built_with"]),
            text(&api["accepted"])
        ),
    );
    fact("placement", text(&entry["placement"]));
    fact("dialect", text(&entry["dialect"]));
    let capabilities = entry["capabilities"].as_object().into_iter().flatten();
    let held: Vec<&str> = capabilities
        .filter(|(_, held)| **held == true)
        .map(|(name, _)| name.as_str())
        .collect();
    fact("capabilities", held.join(", "));
    let options: Vec<Vec<String>> = items(&entry["options"]).map(option_row).collect();
    if !options.is_empty() {
        lines.push(String::new());
        lines.extend(table::render(
            &["option", "type", "default", "meaning"],
            &options,
            None,
        ));
    }
    lines
}

fn option_row(option: &Value) -> Vec<String> {
    let default = match (&option["default"], option["required"] == true) {
        (Value::Null, true) => "(required)".to_owned(),
        (Value::Null, false) => String::new(),
        (default, _) => scalar(default),
    };
    vec![
        text(&option["key"]),
        kind(&option["kind"]),
        default,
        text(&option["summary"]),
    ]
}

/// `string`, `integer 1..9`, or the words that are allowed.
fn kind(kind: &Value) -> String {
    let name = text(&kind["type"]);
    match (kind["words"].is_array(), kind["min"].is_number()) {
        (true, _) => list(&kind["words"]).replace(", ", "|"),
        (_, true) => format!("{name} {}..{}", kind["min"], kind["max"]),
        _ => name,
    }
}

/// What the server has loaded, as a table, and what it costs that nothing is unloaded.
pub(super) fn live(status: &Value, width: Option<u16>) -> Vec<String> {
    let rows: Vec<Vec<String>> = items(&status["drivers"])
        .map(|driver| {
            let metrics = &driver["metrics"];
            let number = |key: &str| metrics[key].to_string();
            let state = if driver["current"] == true {
                "current"
            } else {
                "replaced"
            };
            vec![
                text(&driver["name"]),
                text(&driver["version"]),
                text(&driver["process"]),
                state.to_owned(),
                format!(
                    "{} of {}",
                    number("open_connections"),
                    number("connections")
                ),
                number("calls"),
                number("errors"),
                number("panics"),
                text(&driver["resident_kib"]),
            ]
        })
        .collect();
    let headers = [
        "name",
        "version",
        "process",
        "state",
        "open",
        "calls",
        "errors",
        "panics",
        "KiB in memory",
    ];
    let mut lines = table::render(&headers, &rows, width);
    let replaced = &status["replaced_resident_kib"];
    lines.push(format!(
        "replaced versions that stay loaded hold {replaced} KiB until the server is restarted"
    ));
    lines
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn list(value: &Value) -> String {
    items(value).map(scalar).collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
