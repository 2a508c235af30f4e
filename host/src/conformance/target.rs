//! Which plugin is tested, and with which options: a name or a file, `key=value` texts, and a file of options.

use std::path::{Path, PathBuf};

use driver_api::{DriverDescriptor, OptionKind, OptionProblem, Options};
use serde_json::{Map, Value};

use super::error::ConformanceError;
use crate::foundation::did_you_mean::nearest_name;
use crate::foundation::plugin_image::PluginImage;
use crate::plugins::option_text::option_value;
use crate::plugins::plugin_file::PluginFile;
use crate::plugins::registry::Registry;
use crate::plugins::verdict::{Refusal, Verdict};

/// The plugin that is tested.
#[derive(Clone, Debug)]
pub struct Target {
    /// What is loaded.
    pub image: PluginImage,
    /// What its driver says of itself.
    pub descriptor: DriverDescriptor,
}

impl Target {
    /// The driver of this name, or the plugin in this file: what has a slash in it or ends in `.so` is a file,
    /// which is probed first.
    ///
    /// # Errors
    /// [`ConformanceError::Driver`], [`ConformanceError::Refused`].
    pub fn find(registry: &Registry, name_or_file: &str) -> Result<Self, ConformanceError> {
        if !name_or_file.contains('/') && !name_or_file.ends_with(".so") {
            let plugin = registry.find(name_or_file)?;
            return Ok(Self {
                image: plugin.image,
                descriptor: plugin.descriptor,
            });
        }
        let file = PathBuf::from(name_or_file);
        let refused = |refusal: Refusal| ConformanceError::Refused {
            file: file.clone(),
            reason: refusal.text,
        };
        let path = std::path::absolute(&file)?;
        let read = PluginFile::read(&path).map_err(refused)?;
        match registry.examiner().probe(&read).map_err(refused)? {
            Verdict::Usable(found) => Ok(Self {
                image: read.image,
                descriptor: found.descriptor,
            }),
            Verdict::Refused(refusal) => Err(refused(refusal)),
        }
    }

    /// Options from a JSON file and from `key=value` texts, each value in the form of its option; a text goes before
    /// what the file says. Relative paths start from the file's directory, and from `base_dir`. A required option
    /// may be missing: the place of the database may fill it in.
    ///
    /// # Errors
    /// [`ConformanceError::NoPair`], [`ConformanceError::SecretArgument`], [`ConformanceError::OptionsFile`],
    /// [`ConformanceError::Options`] with every problem.
    pub fn read_options(
        &self,
        pairs: &[String],
        file: Option<&Path>,
        base_dir: &Path,
    ) -> Result<Map<String, Value>, ConformanceError> {
        let mut values = match file {
            Some(file) => self.read_file(file)?,
            None => Map::new(),
        };
        for pair in pairs {
            let (key, text) = pair
                .split_once('=')
                .ok_or_else(|| ConformanceError::NoPair(key_of(pair)))?;
            if self.is_secret(key) {
                return Err(ConformanceError::SecretArgument(key.to_owned()));
            }
            values.insert(
                key.to_owned(),
                option_value(&self.descriptor.options, key, text),
            );
        }
        match Options::check(&self.descriptor.options, &values, base_dir) {
            Ok(options) => {
                let mut checked = options.to_json();
                checked.retain(|key, _| values.contains_key(key));
                Ok(checked)
            }
            Err(problems) => {
                let missing =
                    |problem: &OptionProblem| matches!(problem, OptionProblem::Missing { .. });
                if problems.iter().all(missing) {
                    return Ok(absolute(&self.descriptor, values, base_dir));
                }
                let problems = problems.iter().filter(|problem| !missing(problem));
                Err(self.wrong(problems))
            }
        }
    }

    fn read_file(&self, file: &Path) -> Result<Map<String, Value>, ConformanceError> {
        let unusable = |problem: String| ConformanceError::OptionsFile {
            file: file.to_owned(),
            problem,
        };
        let text =
            std::fs::read(file).map_err(|error| unusable(format!("cannot be read: {error}")))?;
        // Of a syntax error the parser tells the place and nothing of the text.
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| unusable(format!("is not valid JSON: {error}")))?;
        let Value::Object(values) = value else {
            return Err(unusable("does not hold a JSON object".into()));
        };
        let directory = file.canonicalize().ok();
        let directory = directory.as_deref().and_then(Path::parent);
        Ok(absolute(
            &self.descriptor,
            values,
            directory.unwrap_or(Path::new("/")),
        ))
    }

    fn is_secret(&self, key: &str) -> bool {
        let mut options = self.descriptor.options.iter();
        options.any(|spec| spec.secret && spec.key == key)
    }

    /// Makes sure that nothing is missing, once the place has filled in what it knows.
    ///
    /// # Errors
    /// [`ConformanceError::Options`].
    pub fn check_options(&self, values: &Map<String, Value>) -> Result<(), ConformanceError> {
        match Options::check(&self.descriptor.options, values, Path::new("/")) {
            Ok(_) => Ok(()),
            Err(problems) => Err(self.wrong(problems.iter())),
        }
    }

    fn wrong<'p>(&self, problems: impl Iterator<Item = &'p OptionProblem>) -> ConformanceError {
        let line = |problem: &OptionProblem| match problem {
            OptionProblem::Unknown { key, known } => match nearest_name(key, known.split(", ")) {
                Some(meant) => format!("{problem}; did you mean `{meant}`?"),
                None => problem.to_string(),
            },
            _ => problem.to_string(),
        };
        ConformanceError::Options {
            driver: self.descriptor.name.clone(),
            problems: problems.map(line).collect(),
        }
    }
}

/// The part of a text that is no pair which may be shown: it could be a secret.
fn key_of(pair: &str) -> String {
    let key: String = pair
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .take(20)
        .collect();
    key + "..."
}

fn absolute(
    descriptor: &DriverDescriptor,
    mut values: Map<String, Value>,
    base_dir: &Path,
) -> Map<String, Value> {
    for spec in &descriptor.options {
        if let (OptionKind::Path, Some(Value::String(path))) =
            (&spec.kind, values.get_mut(&spec.key))
        {
            *path = base_dir.join(&path).to_string_lossy().into_owned();
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use driver_api::{Dialect, OptionSpec, Placement};
    use serde_json::json;

    use super::*;

    fn target() -> Target {
        let descriptor = DriverDescriptor::new("x", "1.0.0", Placement::Direct, Dialect::Generic)
            .option(OptionSpec::path("path", "the database file").required())
            .option(OptionSpec::path("ca_file", "certificates"))
            .option(OptionSpec::string("password", "the password").secret())
            .option(OptionSpec::integer("port", 1, 65_535, "the port"))
            .option(OptionSpec::boolean("read_only", "no writes"));
        Target {
            image: PluginImage {
                file: "/p/x.so".into(),
                hash: "aa".into(),
            },
            descriptor,
        }
    }

    fn read(pairs: &[&str]) -> Result<Value, String> {
        let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        let read = target().read_options(&pairs, None, Path::new("/base"));
        read.map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn values_take_the_form_of_their_options() {
        assert_eq!(
            read(&["port=5432", "read_only=true", "ca_file=x.pem"]),
            Ok(json!({"port": 5432, "read_only": true, "ca_file": "/base/x.pem"}))
        );
        assert_eq!(read(&["path=x.db"]), Ok(json!({"path": "/base/x.db"})));
        assert_eq!(read(&[]), Ok(json!({})));
    }

    #[test]
    fn every_problem_is_told_and_nothing_secret() {
        assert_eq!(
            read(&["prot=1", "port=many"]).unwrap_err(),
            "the options do not fit the driver `x`: unknown option `prot`; known are: path, ca_file, password, \
             port, read_only; did you mean `port`?; the option `port` is \"many\", expected a whole number from \
             1 to 65535"
        );
        assert_eq!(
            read(&["password:hunter2"]).unwrap_err(),
            "`--option password...` is not of the form key=value"
        );
    }

    #[test]
    fn a_secret_comes_from_a_file_only() {
        let error = read(&["port=1", "password=hunter2"]).unwrap_err();
        assert!(
            error.starts_with("the option `password` is secret, ")
                && error.ends_with("with --options-file")
                && !error.contains("hunter2"),
            "{error}"
        );
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        let file = base.join("options.json");
        let with = |text: &str, pairs: &[String]| {
            std::fs::write(&file, text).unwrap();
            let read = target().read_options(pairs, Some(&file), Path::new("/base"));
            read.map(Value::Object).map_err(|error| error.to_string())
        };
        let text = r#"{"password": "hunter2", "port": 1, "path": "x.db"}"#;
        assert_eq!(
            with(text, &["port=2".into(), "ca_file=y.pem".into()]),
            Ok(
                json!({"password": "hunter2", "port": 2, "path": base.join("x.db"), "ca_file": "/base/y.pem"})
            )
        );
        for (text, problem) in [
            ("\"hunter2\"", "does not hold a JSON object"),
            ("{\"password\": hunter2", "is not valid JSON: expected"),
        ] {
            let error = with(text, &[]).unwrap_err();
            let told = format!("the file with options {} {problem}", file.display());
            assert!(error.starts_with(&told), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = with(r#"{"password": 7, "port": "hunter2"}"#, &[]).unwrap_err();
        assert!(error.contains("`password` is not shown"), "{error}");
        std::fs::remove_file(&file).unwrap();
        let read = target().read_options(&[], Some(&file), Path::new("/base"));
        let error = read.unwrap_err().to_string();
        assert!(error.contains("cannot be read: No such file"), "{error}");
    }

    #[test]
    fn what_is_required_must_be_there_in_the_end() {
        let error = target().check_options(&Map::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the options do not fit the driver `x`: the option `path` is missing: the database file"
        );
    }
}
