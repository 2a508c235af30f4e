//! Processes that do the same thing at the same time, through the host or on the file itself.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use code_analysis_host::app::App;
use code_analysis_host::config::types::Config;
use driver_api::ValueRef;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::place::{Host, Place, raw};
use crate::point::{LOOK_UP, Walk};

/// A write that commits by itself.
const WRITE: &str = "INSERT INTO notes (writer, text) VALUES (?, 'a note of moderate length')";

/// The table that is written to.
pub(crate) const NOTES: &str = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, text TEXT NOT NULL)";

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Looks up points through the host.
    LookUp,
    /// Writes through the host, each write a commit.
    Write,
    /// Writes to the file itself.
    WriteDirectly,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::LookUp => "look-up",
            Self::Write => "write",
            Self::WriteDirectly => "write-directly",
        }
    }
}

/// Arguments of a client process.
#[derive(Debug, Args)]
pub(crate) struct ClientArguments {
    /// What it does
    #[arg(long)]
    work: Work,
    /// The configuration of the host, or the file
    #[arg(long)]
    file: PathBuf,
    /// For how long, in milliseconds
    #[arg(long)]
    milliseconds: u64,
    /// Rows to look up
    #[arg(long)]
    points: i64,
}

/// What a process, or all of them, came to.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Calls that succeeded.
    pub(crate) calls: u64,
    /// Calls that failed.
    pub(crate) failed: u64,
    /// The longest call, in seconds.
    pub(crate) longest: f64,
}

/// Is a client: says when it is ready, waits for the word, works, and says what it did.
pub(crate) fn run(arguments: &ClientArguments) -> Result<()> {
    match arguments.work {
        Work::WriteDirectly => {
            let connection = raw(&arguments.file)?;
            let mut statement = connection.prepare(WRITE)?;
            measure(arguments, || Ok(statement.execute([1]).map(|_| ())?))
        }
        Work::Write => {
            let host = of_host(arguments)?;
            let database = host.database();
            measure(arguments, || {
                database.once(|session| session.execute(WRITE, &[ValueRef::I64(1)]))?;
                Ok(())
            })
        }
        Work::LookUp => {
            let host = of_host(arguments)?;
            let database = host.database();
            let mut walk = Walk::new(arguments.points);
            measure(arguments, || {
                let id = walk.next();
                database.read(|session| {
                    session.query_first(LOOK_UP, &[ValueRef::I64(id)], |row| Ok(row.i64(1)?))
                })?;
                Ok(())
            })
        }
    }
}

/// The host library, which uses the worker that is there.
fn of_host(arguments: &ClientArguments) -> Result<Host> {
    Host::open(App::of_worker(Config::load(Some(&arguments.file))?, &[])?)
}

fn measure(arguments: &ClientArguments, mut call: impl FnMut() -> Result<()>) -> Result<()> {
    call()?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "ready")?;
    output.flush()?;
    std::io::stdin().read_line(&mut String::new())?;
    let mut done = Done::default();
    let until = Instant::now() + Duration::from_millis(arguments.milliseconds);
    let mut now = Instant::now();
    while now < until {
        match call() {
            Ok(()) => done.calls += 1,
            Err(_) => done.failed += 1,
        }
        let after = Instant::now();
        done.longest = done.longest.max((after - now).as_secs_f64());
        now = after;
    }
    Ok(writeln!(output, "{}", serde_json::to_string(&done)?)?)
}

/// Lets so many processes work at the same time.
pub(crate) fn together(
    place: &Place,
    work: Work,
    count: usize,
    time: Duration,
    points: i64,
) -> Result<Done> {
    let file = match work {
        Work::WriteDirectly => place.peers_file(),
        Work::LookUp | Work::Write => place.config(),
    };
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["client", "--work", work.name()])
            .arg("--file")
            .arg(&file);
        command
            .arg("--milliseconds")
            .arg(time.as_millis().to_string());
        command.arg("--points").arg(points.to_string());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("a client has no output")?;
        clients.push((child, BufReader::new(output)));
    }
    for (_, output) in &mut clients {
        line(output)?;
    }
    for (child, _) in &mut clients {
        child
            .stdin
            .take()
            .ok_or("a client has no input")?
            .write_all(b"go\n")?;
    }
    let mut all = Done::default();
    for (mut child, mut output) in clients {
        let done: Done = serde_json::from_str(&line(&mut output)?)?;
        all.calls += done.calls;
        all.failed += done.failed;
        all.longest = all.longest.max(done.longest);
        finish(&mut child)?;
    }
    Ok(all)
}

fn line(output: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    match output.read_line(&mut line)? {
        0 => Err("a client ended before its time".into()),
        _ => Ok(line),
    }
}

fn finish(child: &mut Child) -> Result<()> {
    match child.wait()?.success() {
        true => Ok(()),
        false => Err("a client failed".into()),
    }
}
