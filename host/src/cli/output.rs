//! Where everything goes that the program says: answers to standard output, the rest to standard error.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde_json::Value;

use super::failure::{CliError, Failure};
use super::table::printable;

/// Standard output, and how it is to be written.
pub(super) struct Output<'a> {
    out: Box<dyn Write + 'a>,
    json: bool,
    is_terminal: bool,
    /// Columns of the terminal; none where it is not a terminal, and nothing is trimmed.
    width: Option<u16>,
    /// A JSON error document would spoil what is there already.
    has_written: bool,
}

impl Output<'static> {
    /// The standard output of this process.
    pub(super) fn to_stdout(json: bool) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let width = is_terminal.then(|| terminal_width(&stdout));
        Self {
            out: Box::new(BufWriter::new(stdout)),
            json,
            is_terminal,
            width,
            has_written: false,
        }
    }
}

impl Output<'_> {
    /// Output that is kept, as if it went to a file.
    #[cfg(test)]
    pub(super) fn to_buffer(buffer: &mut Vec<u8>, json: bool) -> Output<'_> {
        Output {
            out: Box::new(buffer),
            json,
            is_terminal: false,
            width: None,
            has_written: false,
        }
    }

    /// Whether `--json` was given.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Columns of the terminal; none where nothing has to be trimmed.
    pub(super) fn width(&self) -> Option<u16> {
        self.width
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// Writes lines whose text may come from a database or a file: what could steer a terminal is replaced.
    pub(super) fn lines(&mut self, lines: &[String]) -> Result<(), CliError> {
        lines
            .iter()
            .try_for_each(|line| self.line(&printable(line)))
    }

    /// Writes one JSON document: indented for people, one line for programs.
    pub(super) fn document(&mut self, document: &Value) -> Result<(), CliError> {
        let text = if self.is_terminal {
            format!("{document:#}")
        } else {
            document.to_string()
        };
        self.line(&text)
    }

    /// Writes bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.has_written = true;
        self.out.write_all(bytes).map_err(CliError::Output)
    }

    /// Makes sure that everything is out.
    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(CliError::Output)
    }

    /// Writes the JSON form of a failure where that was asked for.
    pub(super) fn failure(&mut self, failure: &Failure) {
        if self.json && !self.has_written {
            // The failure was told on standard error, and the exit code tells it, too.
            let _ = self.document(&failure.to_json());
        }
        let _ = self.finish();
    }
}

/// Writes one `error: ` line to standard error.
pub(super) fn tell_error(message: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "error: {}", one_line(message));
}

/// Writes a line to standard error that is no error.
pub(super) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{}", one_line(message));
}

/// Some errors are lists with a line for each problem.
fn one_line(message: &str) -> String {
    let joined = message.trim_end().replace(":\n", ": ").replace('\n', "; ");
    printable(&joined)
}

fn terminal_width(terminal: &io::Stdout) -> u16 {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 => size.ws_col,
        _ => 80,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_of_several_lines_become_one() {
        let told = one_line("the file has 2 problem(s):\n/a: no\n/b: no\n");
        assert_eq!(told, "the file has 2 problem(s): /a: no; /b: no");
        assert_eq!(one_line("\u{1b}[2J"), "\u{fffd}[2J");
    }

    #[test]
    fn a_failure_is_a_document_only_where_nothing_was_written() {
        let failure = Failure::usage("no");
        let mut buffer = Vec::new();
        Output::to_buffer(&mut buffer, true).failure(&failure);
        assert_eq!(
            serde_json::from_slice::<Value>(&buffer).unwrap(),
            failure.to_json()
        );
        let mut buffer = Vec::new();
        let mut output = Output::to_buffer(&mut buffer, true);
        output.document(&json!([1])).unwrap();
        output.failure(&failure);
        drop(output);
        assert_eq!(buffer, b"[1]\n");
        let mut buffer = Vec::new();
        Output::to_buffer(&mut buffer, false).failure(&failure);
        assert_eq!(buffer, b"");
    }
}
