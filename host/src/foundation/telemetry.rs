//! Where a process's log goes: to standard error for people, to a rotating file for workers.

use std::fmt;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::log_file::{LogFile, LogFileSettings};

/// Environment variable with a filter such as `info` or
/// `warn,code_analysis_host::supervisor=debug`.
pub const FILTER_VARIABLE: &str = "CODE_ANALYSIS_LOG";

/// How one process logs.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// What the process is, such as `cli`, `serve` or a kind of worker; each line names it with the
    /// process id.
    pub process: String,
    /// The level without [`FILTER_VARIABLE`]: by convention `WARN` for the CLI, `INFO` for workers
    /// and `serve`.
    pub default_level: LevelFilter,
    /// The file to write; `None` is standard error.
    pub log_file: Option<LogFileSettings>,
}

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Only one subscriber can serve a process.
    #[error("logging of this process was set up before; set it up once, in main")]
    AlreadyInitialised,
}

/// Starts logging for this process and makes a panic one line of the log.
///
/// A log file that cannot be opened, and a filter that cannot be read, are reported in the log
/// itself, which then goes to standard error or keeps its default level: no process fails for its
/// log.
///
/// # Errors
/// [`TelemetryError::AlreadyInitialised`].
pub fn init(telemetry: &Telemetry) -> Result<(), TelemetryError> {
    let (filter, filter_problem) = filter(telemetry.default_level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(ProcessTime::new(&telemetry.process));
    let opened = telemetry
        .log_file
        .as_ref()
        .map(|settings| (settings, LogFile::open(settings.clone())));
    let initialised = match &opened {
        Some((_, Ok(file))) => builder
            .with_ansi(false)
            .with_writer(file.clone())
            .try_init(),
        _ => builder
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr)
            .try_init(),
    };
    initialised.map_err(|_| TelemetryError::AlreadyInitialised)?;
    panic::set_hook(Box::new(log_panic));
    if let Some((settings, Err(error))) = opened {
        tracing::warn!(path = %settings.path.display(), %error, "the log file cannot be opened; logging here instead");
    }
    if let Some(problem) = filter_problem {
        tracing::warn!("{FILTER_VARIABLE} is not a log filter and is ignored: {problem}");
    }
    Ok(())
}

/// A library that warns of every mistake of every client, who hears of it anyway and could fill the log.
const QUIETER: &str = "rmcp=error";

/// The filter to use, and what is wrong with the one in the environment.
fn filter(default_level: LevelFilter) -> (EnvFilter, Option<String>) {
    let builder = EnvFilter::builder().with_default_directive(default_level.into());
    match std::env::var(FILTER_VARIABLE) {
        Err(_) => {
            let directives = format!("{default_level},{QUIETER}");
            (builder.parse_lossy(directives), None)
        }
        Ok(text) => match builder.clone().parse(&text) {
            Ok(filter) => (filter, None),
            Err(error) => (builder.parse_lossy(""), Some(error.to_string())),
        },
    }
}

/// One error line; the default hook's several lines would tear a log that is read by line.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info
        .payload_as_str()
        .unwrap_or("(no message)")
        .replace('\n', " ");
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        location,
        "panic: {message}"
    );
}

/// Writes the time and, behind it, which process speaks.
struct ProcessTime {
    label: String,
}

impl ProcessTime {
    fn new(process: &str) -> ProcessTime {
        ProcessTime {
            label: format!(" {process}[{}]", std::process::id()),
        }
    }
}

impl FormatTime for ProcessTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)?;
        writer.write_str(&self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn lines_name_the_process_and_a_panic_is_one_of_them() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("w.log");
        let log_file = Some(LogFileSettings {
            path: path.clone(),
            max_bytes: 1 << 20,
            files: 2,
        });
        let log = LogFile::open(log_file.clone().unwrap()).unwrap();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_timer(ProcessTime::new("database"))
            .with_writer(log)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(rows = 3, "hello");
            let before = panic::take_hook();
            panic::set_hook(Box::new(log_panic));
            let caught = panic::catch_unwind(|| panic!("two\nlines"));
            panic::set_hook(before);
            assert!(caught.is_err());
        });
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].contains(&format!("Z database[{}]  INFO", std::process::id())),
            "{text}"
        );
        assert!(lines[0].ends_with("hello rows=3"), "{text}");
        assert!(
            lines[1].contains("ERROR") && lines[1].contains("panic: two lines"),
            "{text}"
        );
        assert!(lines[1].contains("telemetry.rs:"), "{text}");
    }

    const CHILD: &str = "CODE_ANALYSIS_TEST_TELEMETRY";

    /// The process that the next test starts: subscriber and panic hook belong to a whole process.
    #[test]
    fn child() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let log_file = LogFileSettings {
            path: "/dev/null/w.log".into(),
            max_bytes: 1,
            files: 1,
        };
        let telemetry = Telemetry {
            process: "database".into(),
            default_level: LevelFilter::INFO,
            log_file: Some(log_file),
        };
        init(&telemetry).unwrap();
        assert!(matches!(
            init(&telemetry),
            Err(TelemetryError::AlreadyInitialised)
        ));
        tracing::info!("shown");
        tracing::debug!("hidden");
    }

    #[test]
    fn trouble_with_the_log_is_told_and_fails_nothing() {
        let path = module_path!().split_once("::").unwrap().1;
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("{path}::child"), "--nocapture"])
            .env(CHILD, "1")
            .env(FILTER_VARIABLE, "host=[")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{text}");
        assert!(
            text.contains("the log file cannot be opened; logging here instead"),
            "{text}"
        );
        assert!(
            text.contains("CODE_ANALYSIS_LOG is not a log filter and is ignored"),
            "{text}"
        );
        assert!(text.contains("shown") && !text.contains("hidden"), "{text}");
    }
}
