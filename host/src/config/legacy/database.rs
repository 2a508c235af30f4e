//! The older program's ways to name a driver: `{"type": ..., "config": {...}}`, under several keys.

use serde_json::Value;

use super::Conversion;
use super::change::Fate;
use super::place::{insert, take};
use super::rules::OLD_SECTIONS;

/// Where such an object may stand; the last is also this program's own place.
const PLACES: [&str; 3] = [
    "/database/driver",
    "/code_analysis/database/driver",
    "/code_analysis/database",
];

const TYPE: &str = "/code_analysis/database/type";

/// Brings type and options of the driver to where they stand here.
pub(super) fn unfold(conversion: &mut Conversion) {
    for place in PLACES {
        let kind = format!("{place}/type");
        if place != "/code_analysis/database" || is_proxy(conversion.value.pointer(TYPE)) {
            name_driver(conversion, &kind);
        }
        unfold_options(conversion, &format!("{place}/config"));
    }
}

fn is_proxy(kind: Option<&Value>) -> bool {
    kind.and_then(Value::as_str)
        .is_some_and(|kind| kind == "sqlite_proxy")
}

fn name_driver(conversion: &mut Conversion, old: &str) {
    let Some(kind) = take(&mut conversion.value, old) else {
        return;
    };
    if is_proxy(Some(&kind)) {
        insert(&mut conversion.value, TYPE, "sqlite".into());
        conversion.note(
            old,
            Fate::placed(TYPE, Some("`sqlite`; the proxy is used by itself")),
        );
    } else {
        conversion.put(old, TYPE, kind, None);
    }
}

fn unfold_options(conversion: &mut Conversion, old: &str) {
    let Some(Value::Object(options)) = take(&mut conversion.value, old) else {
        return;
    };
    for (key, value) in options {
        let new = format!("/code_analysis/database/{key}");
        if OLD_SECTIONS.contains(&new.as_str()) {
            // The rules know what is in it.
            insert(&mut conversion.value, &new, value);
        } else if !value.is_null() {
            conversion.put(&format!("{old}/{key}"), &new, value, None);
        }
    }
}
