//! Reading options that were checked: texts, numbers and times in the types that a driver works with.

use std::time::Duration;

use crate::{DriverError, ErrorClass, Options, Result};

impl Options {
    /// The text of an option that must be there, and that the system takes as a name.
    ///
    /// # Errors
    /// `Options` when it is absent or empty, or contains the character NUL.
    pub fn text(&self, key: &str) -> Result<&str> {
        let text = self.string(key).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| missing(key))?;
        if text.contains('\0') {
            return Err(DriverError::options(format!(
                "the option `{key}` contains the character NUL"
            )));
        }
        Ok(text)
    }

    /// The whole number of an option that has a default or is required, in any integer type.
    ///
    /// # Errors
    /// `Options` when it is absent, or beyond the type: its bounds in the schema should be narrower.
    pub fn number<T: TryFrom<i64>>(&self, key: &str) -> Result<T> {
        let value = self.integer(key).ok_or_else(|| missing(key))?;
        T::try_from(value).map_err(|_| {
            DriverError::options(format!("the option `{key}` is {value}, which is too much"))
        })
    }

    /// The time of an option that counts milliseconds.
    ///
    /// # Errors
    /// As for [`number`](Self::number).
    pub fn milliseconds(&self, key: &str) -> Result<Duration> {
        self.number(key).map(Duration::from_millis)
    }
}

impl DriverError {
    /// The error of options that cannot be used; the message names the option.
    pub fn options(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Options, message)
    }

    /// The error of two options of which only one may be given.
    pub fn exclusive_options(one: &str, other: &str) -> Self {
        Self::options(format!(
            "the options `{one}` and `{other}` exclude each other: give one of them"
        ))
    }
}

fn missing(key: &str) -> DriverError {
    DriverError::options(format!("the option `{key}` is missing"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::OptionSpec;

    #[test]
    fn values_come_in_their_types_and_absent_ones_are_named() {
        let schema = [
            OptionSpec::string("user", "a name"),
            OptionSpec::string("empty", "nothing"),
            OptionSpec::string("odd", "with NUL"),
            OptionSpec::integer("port", 1, 100_000, "a number"),
            OptionSpec::integer("timeout_ms", 0, 10_000, "a time").default_value(1_500),
        ];
        let values = json!({"user": "me", "empty": "", "odd": "a\0b", "port": 70_000});
        let options = Options::check(&schema, values.as_object().unwrap(), Path::new("/")).unwrap();
        assert_eq!(options.text("user"), Ok("me"));
        assert_eq!(options.number::<u32>("port"), Ok(70_000));
        let time = options.milliseconds("timeout_ms");
        assert_eq!(time, Ok(Duration::from_millis(1_500)));
        let told = |error: DriverError| {
            assert_eq!(error.class(), ErrorClass::Options);
            error.to_string()
        };
        for key in ["absent", "empty"] {
            let message = format!("the option `{key}` is missing");
            assert_eq!(told(options.text(key).unwrap_err()), message);
        }
        let message = "the option `odd` contains the character NUL";
        assert_eq!(told(options.text("odd").unwrap_err()), message);
        let message = "the option `port` is 70000, which is too much";
        assert_eq!(told(options.number::<u16>("port").unwrap_err()), message);
    }
}
