//! What a driver says by `tracing` becomes events of this process, within the span of the call that it says it in.

use std::path::Path;

use driver_api::abi::host::{LoadedModule, LogLevel, LogLine};
use tracing::level_filters::LevelFilter;

use super::observed::running_call;

/// Has the plugin in this file send its events here.
pub(super) fn connect(module: &LoadedModule, file: &Path) {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.strip_prefix("lib").unwrap_or(&name);
    let most = LevelFilter::current().into_level().map(level_of);
    if let Some(most) = most {
        module.send_log_to(name, most, tell);
    }
}

fn level_of(level: tracing::Level) -> LogLevel {
    match level {
        tracing::Level::ERROR => LogLevel::Error,
        tracing::Level::WARN => LogLevel::Warn,
        tracing::Level::INFO => LogLevel::Info,
        tracing::Level::DEBUG => LogLevel::Debug,
        tracing::Level::TRACE => LogLevel::Trace,
    }
}

/// The target is the same for all drivers, so that one filter (`driver=debug`) reaches them.
fn tell(line: &LogLine<'_>) {
    let LogLine {
        plugin,
        level,
        target,
        text,
    } = *line;
    // None for what a thread of the driver's own says.
    let call = running_call();
    let (connection, query) = (
        call.map(|call| call.connection),
        call.map(|call| call.query),
    );
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: "driver", tracing::Level::$level, plugin, connection, query, module = target, "{text}"
            )
        };
    }
    match level {
        LogLevel::Error => event!(ERROR),
        LogLevel::Warn => event!(WARN),
        LogLevel::Info => event!(INFO),
        LogLevel::Debug => event!(DEBUG),
        LogLevel::Trace => event!(TRACE),
    }
}
