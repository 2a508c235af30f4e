//! What a driver says by `tracing` leaves the plugin as lines of text: each plugin has its own copy of `tracing`.

use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

use abi_stable::std_types::RStr;
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Event, Level, LevelFilter, Metadata, Subscriber, dispatcher};

use super::host::{LogLevel, LogLine};
use super::types::RawLog;

/// Sends this plugin's events there, from now on. Spans are not told: the host knows which call runs.
pub(super) extern "C" fn send_to(log: RawLog) {
    // A driver that has a subscriber of its own keeps it.
    let _ = dispatcher::set_global_default(Dispatch::new(ToHost(log)));
}

struct ToHost(RawLog);

impl Subscriber for ToHost {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && number(*metadata.level()) <= self.0.most
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.0.most {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        let line = text.message + &text.fields;
        (self.0.tell)(
            self.0.context,
            number(*metadata.level()),
            metadata.target().into(),
            line.as_str().into(),
        );
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The message, and behind it the other fields as `key=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A text takes whatever is written to it.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Who hears of a plugin; its index is the context of its lines. In the host's copy of this crate only.
static RECEIVERS: Mutex<Vec<Receiver>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Receiver {
    plugin: String,
    tell: fn(&LogLine<'_>),
}

/// What a plugin is given so that its lines reach `tell`.
pub(super) fn receiver(plugin: &str, most: LogLevel, tell: fn(&LogLine<'_>)) -> RawLog {
    let mut receivers = RECEIVERS.lock().unwrap_or_else(PoisonError::into_inner);
    receivers.push(Receiver {
        plugin: plugin.to_owned(),
        tell,
    });
    RawLog {
        context: receivers.len() as u64 - 1,
        most: most as u8 + 1,
        tell: receive,
    }
}

/// Called by plugins, also from threads of their own.
extern "C" fn receive(context: u64, level: u8, target: RStr<'_>, text: RStr<'_>) {
    let receiver = usize::try_from(context).ok().and_then(|index| {
        let receivers = RECEIVERS.lock().unwrap_or_else(PoisonError::into_inner);
        receivers.get(index).cloned()
    });
    let Some(receiver) = receiver else { return };
    (receiver.tell)(&LogLine {
        plugin: &receiver.plugin,
        level: match level {
            1 => LogLevel::Error,
            2 => LogLevel::Warn,
            3 => LogLevel::Info,
            4 => LogLevel::Debug,
            _ => LogLevel::Trace,
        },
        target: target.as_str(),
        text: text.as_str(),
    });
}
