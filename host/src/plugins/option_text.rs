//! Options that were written as texts: on a command line, in the environment.

use driver_api::{OptionKind, OptionSpec};
use serde_json::Value;

/// The text as the option of this key wants it. What does not fit stays a text, which the check of the options refuses.
pub fn option_value(specs: &[OptionSpec], key: &str, text: &str) -> Value {
    let spec = specs.iter().find(|spec| spec.key == key);
    let parsed = match spec.map(|spec| &spec.kind) {
        Some(OptionKind::Integer { .. }) => text.parse::<i64>().ok().map(Value::from),
        Some(OptionKind::Boolean) => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    parsed.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_the_option_says_what_a_text_is() {
        let specs = [
            OptionSpec::string("password", "secret"),
            OptionSpec::integer("port", 1, 9, "port"),
            OptionSpec::boolean("read_only", "no writes"),
        ];
        let read = |key, text| option_value(&specs, key, text);
        assert_eq!(read("password", "0815"), Value::from("0815"));
        assert_eq!(read("port", "7"), Value::from(7));
        assert_eq!(read("port", "seven"), Value::from("seven"));
        assert_eq!(read("read_only", "true"), Value::from(true));
        assert_eq!(read("unknown", "1"), Value::from("1"));
    }
}
