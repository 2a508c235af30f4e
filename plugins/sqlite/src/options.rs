//! The options of a connection: their schema for the host, their typed values for the driver.

use std::path::PathBuf;
use std::time::Duration;

use driver_api::{DriverError, ErrorClass, OptionSpec, Options, Result};

const PATH: &str = "path";
const READ_ONLY: &str = "read_only";
const SYNCHRONOUS: &str = "synchronous";
const BUSY_TIMEOUT_MS: &str = "busy_timeout_ms";
const CACHE_KIB: &str = "cache_kib";
const STATEMENT_CACHE: &str = "statement_cache";

/// The options that the descriptor declares.
pub(crate) fn schema() -> Vec<OptionSpec> {
    vec![
        OptionSpec::path(PATH, "the database file").required(),
        OptionSpec::boolean(
            READ_ONLY,
            "the engine refuses every write on the connection",
        )
        .default_value(false),
        OptionSpec::choice(
            SYNCHRONOUS,
            &["full", "normal"],
            "when a commit reaches the disk: full, before it is acknowledged; normal, later, so a \
             power cut may lose the last acknowledged commits but never damages the file",
        )
        .default_value("full"),
        OptionSpec::integer(
            BUSY_TIMEOUT_MS,
            0,
            600_000,
            "milliseconds to wait for another writer's lock before the error `busy`",
        )
        .default_value(5_000),
        OptionSpec::integer(
            CACHE_KIB,
            64,
            4 << 20,
            "KiB of page cache for each connection",
        )
        .default_value(16_384),
        OptionSpec::integer(
            STATEMENT_CACHE,
            0,
            10_000,
            "prepared statements kept for each connection",
        )
        .default_value(128),
    ]
}

/// When a commit reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronous {
    /// Before it is acknowledged.
    Full,
    /// At the next checkpoint: a power cut may lose commits that were acknowledged since.
    Normal,
}

impl Synchronous {
    /// The word that the engine's pragma takes.
    pub(crate) fn as_sql(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

/// The options of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SqliteOptions {
    /// The database file.
    pub(crate) path: PathBuf,
    /// Whether the engine refuses writes.
    pub(crate) read_only: bool,
    /// When a commit reaches the disk.
    pub(crate) synchronous: Synchronous,
    /// How long a call waits for another writer's lock.
    pub(crate) busy_timeout: Duration,
    /// Page cache in KiB.
    pub(crate) cache_kib: i64,
    /// Number of prepared statements that are kept.
    pub(crate) statement_cache: usize,
}

impl SqliteOptions {
    /// Reads options that were checked against [`schema`].
    pub(crate) fn read(options: &Options) -> Result<Self> {
        let synchronous = match options.string(SYNCHRONOUS) {
            Some("normal") => Synchronous::Normal,
            _ => Synchronous::Full,
        };
        Ok(Self {
            path: options.path(PATH).ok_or_else(|| missing(PATH))?,
            read_only: options.is_set(READ_ONLY),
            synchronous,
            busy_timeout: Duration::from_millis(number(options, BUSY_TIMEOUT_MS)?),
            cache_kib: number(options, CACHE_KIB)?,
            statement_cache: number(options, STATEMENT_CACHE)?,
        })
    }
}

fn number<T: TryFrom<i64>>(options: &Options, key: &str) -> Result<T> {
    options
        .integer(key)
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| missing(key))
}

/// Checked options have every default filled in: only a host that skipped the check gets here.
fn missing(key: &str) -> DriverError {
    DriverError::new(
        ErrorClass::Options,
        format!("the option `{key}` is missing"),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(change: impl Fn(&mut OptionSpec)) -> SqliteOptions {
        let mut schema = schema();
        schema.iter_mut().for_each(change);
        let options = Options::check(&schema, &Default::default(), Path::new("/data")).unwrap();
        SqliteOptions::read(&options).unwrap()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let options = check(|spec| {
            if spec.key == PATH {
                spec.default = "x.db".into();
            }
        });
        assert_eq!(
            options,
            SqliteOptions {
                path: "/data/x.db".into(),
                read_only: false,
                synchronous: Synchronous::Full,
                busy_timeout: Duration::from_secs(5),
                cache_kib: 16_384,
                statement_cache: 128,
            }
        );
    }

    #[test]
    fn every_option_is_read() {
        let options = check(|spec| {
            spec.default = match spec.key.as_str() {
                PATH => "y.db".into(),
                READ_ONLY => true.into(),
                SYNCHRONOUS => "normal".into(),
                BUSY_TIMEOUT_MS => 1.into(),
                CACHE_KIB => 64.into(),
                _ => 0.into(),
            }
        });
        assert_eq!(
            options,
            SqliteOptions {
                path: "/data/y.db".into(),
                read_only: true,
                synchronous: Synchronous::Normal,
                busy_timeout: Duration::from_millis(1),
                cache_kib: 64,
                statement_cache: 0,
            }
        );
    }

    #[test]
    fn the_path_is_required() {
        let problems =
            Options::check(&schema(), &Default::default(), Path::new("/data")).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "the option `path` is missing: the database file"
        );
    }
}
