//! A secret of a connection: read from wherever an option says that it is, and never shown.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{DriverError, OptionSpec, Options, Result};

/// Text that is in no `Debug` form, log or error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For a text that came in another way, as inside a URL.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The three options that give a secret, for a driver's schema: `{key}` itself, `{key}_env` with the name of an
    /// environment variable, `{key}_file` with a file whose first line it is.
    pub fn specs(key: &str) -> [OptionSpec; 3] {
        [
            OptionSpec::string(key, format!("the {key}")).secret(),
            OptionSpec::string(
                format!("{key}_env"),
                format!("the environment variable that holds the {key}"),
            ),
            OptionSpec::path(
                format!("{key}_file"),
                format!("the file whose first line is the {key}; readable by its owner only"),
            ),
        ]
    }

    /// Reads the one of the options of [`specs`](Self::specs) that is given; `None` where none is.
    ///
    /// # Errors
    /// `Options` when two are given, the variable is not set, or the file cannot be read or may be read by others.
    pub fn read(options: &Options, key: &str) -> Result<Option<Self>> {
        let [variable, file] = ["env", "file"].map(|place| format!("{key}_{place}"));
        let places = [key, &variable, &file];
        let mut given = places.iter().filter(|key| options.string(key).is_some());
        if let (Some(one), Some(other)) = (given.next(), given.next()) {
            return Err(DriverError::exclusive_options(one, other));
        }
        if let Some(text) = options.string(key) {
            return Ok(Some(Self::new(text)));
        }
        if let Some(name) = options.string(&variable) {
            return from_environment(name, &variable).map(Some);
        }
        let path = options.path(&file);
        path.map(|path| first_line(&path, &file)).transpose()
    }

    /// The text itself, for the login only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn from_environment(name: &str, key: &str) -> Result<Secret> {
    std::env::var(name).map(Secret).map_err(|_| {
        DriverError::options(format!(
            "the environment variable `{name}`, which the option `{key}` names, is not set to text"
        ))
    })
}

fn first_line(path: &Path, key: &str) -> Result<Secret> {
    let unusable = |reason: String| {
        DriverError::options(format!(
            "the file {} of the option `{key}` cannot be used",
            path.display()
        ))
        .with_detail(reason)
    };
    let metadata = fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(unusable(
            "others than its owner may read it: set its mode to 0600".into(),
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::ErrorClass;

    fn read(values: Json) -> Result<Option<Secret>> {
        let specs = Secret::specs("password");
        let values = values.as_object().unwrap();
        let options = Options::check(&specs, values, Path::new("/")).unwrap();
        Secret::read(&options, "password").inspect_err(|error| {
            assert_eq!(error.class(), ErrorClass::Options);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        })
    }

    fn text(values: Json) -> Option<String> {
        let secret = read(values).unwrap();
        assert!(!format!("{secret:?}").contains("canary"), "{secret:?}");
        secret.map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_one_place_that_is_given_is_read() {
        assert_eq!(text(json!({})), None);
        assert_eq!(
            text(json!({"password": "canary"})),
            Some("canary".to_owned())
        );
        // A variable that every environment of a test has.
        assert_eq!(
            text(json!({"password_env": "PATH"})),
            std::env::var("PATH").ok()
        );
        let error = read(json!({"password": "canary", "password_file": "x"})).unwrap_err();
        assert_eq!(
            error.message(),
            "the options `password` and `password_file` exclude each other: give one of them"
        );
        let error = read(json!({"password_env": "NOT_SET_HERE"})).unwrap_err();
        assert_eq!(
            error.message(),
            "the environment variable `NOT_SET_HERE`, which the option `password_env` names, is not set to text"
        );
    }

    #[test]
    fn a_file_gives_its_first_line_and_must_be_private() {
        let name = format!("driver-api-secret-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let values = json!({"password_file": file});
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&file, "can ary\r\nmore\n").unwrap();
        mode(0o600);
        assert_eq!(text(values.clone()), Some("can ary".to_owned()));
        mode(0o640);
        let open = read(values.clone()).unwrap_err().to_string();
        fs::remove_file(&file).unwrap();
        assert!(open.ends_with("set its mode to 0600"), "{open}");
        let absent = read(values).unwrap_err().to_string();
        assert!(
            absent.contains("`password_file` cannot be used"),
            "{absent}"
        );
    }

    #[test]
    fn only_the_text_itself_is_declared_secret() {
        let secret = Secret::specs("key").map(|spec| (spec.key, spec.secret));
        let expected = [("key", true), ("key_env", false), ("key_file", false)];
        assert_eq!(
            secret,
            expected.map(|(key, secret)| (key.to_owned(), secret))
        );
    }
}
