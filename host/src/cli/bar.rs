//! The bar that long subcommands draw.

use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::table;
use crate::foundation::progress::{Progress, RowProgress, StepProgress};

/// Draws how far an operation is, whatever it counts.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error; nothing where that is not a terminal.
    pub(super) fn on_stderr() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }

    fn begin_anew(&self, length: u64) {
        self.0.reset();
        self.0.set_length(length);
    }

    fn forget_message(&self) {
        self.0.set_message(String::new());
    }
}

impl Progress for Bar {
    fn total(&self, files: u64) {
        self.begin_anew(files);
    }

    fn step(&self, path: &Path) {
        self.0
            .set_message(table::printable(&path.to_string_lossy()));
        self.0.inc(1);
    }

    fn done(&self) {
        self.forget_message();
    }
}

impl RowProgress for Bar {
    fn begin(&self, rows: u64) {
        self.begin_anew(rows);
    }

    fn rows(&self, doing: &str, table: &str, rows: u64) {
        self.0.set_message(format!("{doing} {table}"));
        self.0.inc(rows);
    }

    fn done(&self) {
        self.forget_message();
    }
}

impl StepProgress for Bar {
    fn step(&self, number: usize, of: usize, what: &str) {
        self.0.set_length(of as u64);
        self.0.set_position(number.saturating_sub(1) as u64);
        self.0.set_message(what.to_owned());
    }
}
