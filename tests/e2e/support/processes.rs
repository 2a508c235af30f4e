//! What the system says of processes: who has a file open, who has a library mapped, who is whose child.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub command: String,
}

/// Processes that have this very file open.
pub fn with_open(file: &Path) -> Vec<Process> {
    matching(|pid| {
        fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == file))
        })
    })
}

/// Processes below `root` that have a plugin mapped whose bytes are those of `library`. Plugins are opened
/// from private copies, so the copy's name is no help.
pub fn with_mapped(root: u32, library: &Path) -> Vec<Process> {
    let wanted = fs::read(library).unwrap();
    matching(|pid| {
        is_below(pid, root)
            && mapped_libraries(pid)
                .iter()
                .any(|path| fs::read(path).is_ok_and(|bytes| bytes == wanted))
    })
}

/// The process and everything below it.
pub fn tree(root: u32) -> Vec<Process> {
    matching(|pid| is_below(pid, root))
}

pub fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

pub fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn mapped_libraries(pid: u32) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mut paths: Vec<String> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter(|path| path.ends_with(".so"))
        .map(str::to_owned)
        .collect();
    paths.dedup();
    paths
}

fn matching(wanted: impl Fn(u32) -> bool) -> Vec<Process> {
    let mut found: Vec<Process> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| wanted(*pid))
        .map(|pid| Process {
            pid,
            command: command_line(pid),
        })
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim()
        .to_owned()
}

fn is_below(pid: u32, root: u32) -> bool {
    let mut current = pid;
    while current != root {
        match parent(current) {
            Some(parent) if parent > 1 => current = parent,
            _ => return false,
        }
    }
    true
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
