//! Lines of a worker's log: what each says of itself, and which ones are wanted.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use regex::Regex;
use schemars::JsonSchema;
use serde::Serialize;

use super::log_events::{EventType, Level, Moment};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Line {
    /// From 1, in the part of the file that was read.
    pub(super) line_number: u64,
    /// When it was written, in UTC; that of the line before where it says none itself.
    timestamp: Option<String>,
    /// How grave it is, as for `timestamp`.
    level: Option<Level>,
    /// What it tells of.
    event_type: Option<EventType>,
    /// What it says; the whole line where it has no time and level.
    message: String,
    /// The line as it is.
    #[serde(skip)]
    pub(super) text: String,
}

/// Which lines are wanted: those that every part fits.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Written then or later.
    pub(super) from: Option<Moment>,
    /// Written then or earlier.
    pub(super) to: Option<Moment>,
    pub(super) levels: Option<Vec<Level>>,
    pub(super) events: Option<Vec<EventType>>,
    /// Occurs in it.
    pub(super) pattern: Option<Regex>,
}

impl Wanted {
    fn has(&self, line: &Line) -> bool {
        let time = line
            .timestamp
            .as_deref()
            .map(|time| time.trim_end_matches('Z'));
        self.from
            .as_ref()
            .is_none_or(|from| time.is_some_and(|time| time >= from.0.as_str()))
            && self
                .to
                .as_ref()
                .is_none_or(|to| time.is_some_and(|time| time <= to.0.as_str()))
            && self
                .levels
                .as_ref()
                .is_none_or(|levels| line.level.is_some_and(|level| levels.contains(&level)))
            && self.events.as_ref().is_none_or(|events| {
                let mut events = events.iter();
                events.any(|event| event.fits(line.level, &line.message))
            })
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(&line.text))
    }
}

/// Which of the wanted lines are answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// So many at the end.
    Last(usize),
    /// So many behind these.
    Behind(u64, usize),
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Oldest first.
    pub(super) lines: VecDeque<Line>,
    /// Number of lines that were looked at.
    pub(super) total: u64,
    /// Number of those that are wanted.
    pub(super) wanted: u64,
}

/// Reads the last `most_bytes` of a file.
pub(super) fn read(path: &Path, most_bytes: u64, wanted: &Wanted, part: Part) -> io::Result<Lines> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(most_bytes);
    file.seek(SeekFrom::Start(start))?;
    let mut text = BufReader::new(file.take(most_bytes));
    let mut bytes = Vec::new();
    // The first line is cut where the beginning is left out.
    if start > 0 {
        text.read_until(b'\n', &mut bytes)?;
    }
    let mut read = Lines::default();
    let mut before = (None, None);
    loop {
        bytes.clear();
        if text.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(read);
        }
        let line = String::from_utf8_lossy(&bytes);
        read.total += 1;
        let line = understood(line.trim_end_matches(['\n', '\r']), read.total, &mut before);
        if wanted.has(&line) {
            read.wanted += 1;
            read.take(line, part);
        }
    }
}

impl Lines {
    fn take(&mut self, line: Line, part: Part) {
        match part {
            Part::Last(most) => {
                self.lines.push_back(line);
                if self.lines.len() > most {
                    self.lines.pop_front();
                }
            }
            Part::Behind(offset, most) => {
                if self.wanted > offset && self.lines.len() < most {
                    self.lines.push_back(line);
                }
            }
        }
    }
}

/// `2026-11-24T09:15:30.123456Z database[17]  INFO code_analysis_host::db_worker: the DB worker is ready`. A line of
/// another form goes on with the line before.
fn understood(text: &str, line_number: u64, before: &mut (Option<String>, Option<Level>)) -> Line {
    let parts = parts(text);
    if let Some((timestamp, level, _)) = parts {
        *before = (Some(timestamp.to_owned()), Some(level));
    }
    let (timestamp, level) = before.clone();
    let message = parts.map_or(text, |(_, _, message)| message);
    let mut events = EventType::SHOWN.into_iter();
    Line {
        line_number,
        timestamp,
        level,
        event_type: events.find(|event| event.fits(level, message)),
        message: message.to_owned(),
        text: text.to_owned(),
    }
}

fn parts(text: &str) -> Option<(&str, Level, &str)> {
    let (timestamp, rest) = text.split_once(' ')?;
    let is_time =
        timestamp.ends_with('Z') && timestamp.starts_with(|first: char| first.is_ascii_digit());
    let (_process, rest) = rest.split_once("] ").filter(|_| is_time)?;
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let level = match level {
        "TRACE" => Level::Trace,
        "DEBUG" => Level::Debug,
        "INFO" => Level::Info,
        "WARN" => Level::Warning,
        "ERROR" => Level::Error,
        _ => return None,
    };
    let message = match rest.split_once(": ") {
        Some((module, message)) if !module.contains(' ') => message,
        _ => rest,
    };
    Some((timestamp, level, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::log_events::LevelName;

    const LOG: &str = "\
2026-11-24T09:00:00.5Z file_watcher[7]  INFO code_analysis_host::a: the index was brought up to date root=/a indexed=3 deleted=0 problems=0
2026-11-24T09:00:01.5Z file_watcher[7]  WARN code_analysis_host::a: not every directory can be watched
that was no line of its own
2026-11-24T10:00:00.0Z file_watcher[7] ERROR code_analysis_host::b: the host is gone
2026-11-25T09:00:00.0Z file_watcher[7]  INFO code_analysis_host::a: the index was brought up to date root=/a indexed=0 deleted=2 problems=0
";

    fn numbers(wanted: &Wanted, part: Part) -> Vec<u64> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        std::fs::write(&path, LOG).unwrap();
        let read = read(&path, 1 << 20, wanted, part).unwrap();
        assert_eq!(read.total, 5);
        read.lines.iter().map(|line| line.line_number).collect()
    }

    fn all(wanted: Wanted) -> Vec<u64> {
        numbers(&wanted, Part::Behind(0, 100))
    }

    fn moment(text: &str) -> Option<Moment> {
        Some(Moment::from(text.to_owned()))
    }

    #[test]
    fn lines_are_chosen_by_time_level_event_and_pattern() {
        let from = |from: &str| {
            all(Wanted {
                from: moment(from),
                ..Wanted::default()
            })
        };
        let to = |to: &str| {
            all(Wanted {
                to: moment(to),
                ..Wanted::default()
            })
        };
        assert_eq!(from("2026-11-24 09:00:01"), [2, 3, 4, 5]);
        assert_eq!(from("2026-11-25"), [5]);
        assert_eq!(to("2026-11-24T09:00:01Z"), [1]);
        assert_eq!(to("2026-11-25"), [1, 2, 3, 4]);
        let levels = |levels: &[Level]| {
            all(Wanted {
                levels: Some(levels.to_vec()),
                ..Wanted::default()
            })
        };
        assert_eq!(levels(&[Level::Warning]), [2, 3]);
        assert_eq!(levels(&[Level::Error, Level::Info]), [1, 4, 5]);
        let event = |event| {
            all(Wanted {
                events: Some(vec![event]),
                ..Wanted::default()
            })
        };
        assert_eq!(event(EventType::NewFile), [1]);
        assert_eq!(event(EventType::DeletedFile), [5]);
        assert_eq!(event(EventType::Cycle), [1, 5]);
        assert_eq!(event(EventType::Error), [4]);
        assert_eq!(event(EventType::Queue), [0; 0]);
        let pattern = Regex::new("(?i)HOST is|no line").unwrap();
        assert_eq!(
            all(Wanted {
                pattern: Some(pattern),
                ..Wanted::default()
            }),
            [3, 4]
        );
    }

    #[test]
    fn a_page_begins_behind_the_one_before_and_the_end_is_the_end() {
        let everything = Wanted::default();
        assert_eq!(numbers(&everything, Part::Behind(1, 2)), [2, 3]);
        assert_eq!(numbers(&everything, Part::Behind(9, 2)), [0; 0]);
        assert_eq!(numbers(&everything, Part::Last(2)), [4, 5]);
    }

    #[test]
    fn a_line_says_what_it_tells_of() {
        let line = understood(LOG.lines().nth(3).unwrap(), 4, &mut (None, None));
        let told = serde_json::to_value(&line).unwrap();
        let expected = serde_json::json!({
            "line_number": 4, "timestamp": "2026-11-24T10:00:00.0Z", "level": "ERROR", "event_type": "error",
            "message": "the host is gone",
        });
        assert_eq!(told, expected);
        let names = r#"["WARN", "WARNING", "CRITICAL"]"#;
        let names: Vec<LevelName> = serde_json::from_str(names).unwrap();
        let levels: Vec<Level> = names.into_iter().map(Level::from).collect();
        assert_eq!(levels, [Level::Warning, Level::Warning, Level::Error]);
    }

    #[test]
    fn of_a_long_file_only_whole_lines_of_its_end_are_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let line = "x".repeat(99);
        std::fs::write(&path, format!("{line}\n").repeat(20_000)).unwrap();
        let read = read(&path, 1_000_050, &Wanted::default(), Part::Last(1_000_000)).unwrap();
        assert_eq!((read.total, read.wanted), (10_000, 10_000));
        assert!(read.lines.iter().all(|read| read.text == line));
        assert!(
            super::read(
                &place.path().join("none"),
                1,
                &Wanted::default(),
                Part::Last(1)
            )
            .is_err()
        );
    }
}
