//! How much memory a call takes, measured in a process that does nothing else.

use std::process::Command;

use driver_api::{BlockReceiver, Flow, RowBlockRef};

/// Set in the environment of the process that measures.
const MEASURES: &str = "TEST_MEASURES_MEMORY";

/// Has the test of this name, as the runner knows it, run `measure` in a process of its own: what other tests take would
/// be counted too.
///
/// # Panics
/// When the test fails there, or its name is another one.
pub fn alone(test: &str, measure: impl FnOnce()) {
    if std::env::var_os(MEASURES).is_some() {
        return measure();
    }
    let done = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(MEASURES, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// By how many bytes `work` raises the peak of this process's memory above what it has before.
///
/// # Panics
/// Where `/proc` does not tell.
pub fn growth(work: impl FnOnce()) -> u64 {
    // Writing 5 here sets the peak back to the present: proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident("VmRSS:");
    work();
    resident("VmHWM:").saturating_sub(before)
}

fn resident(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}

/// Counts rows and keeps none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Rows that came.
    pub rows: usize,
}

impl BlockReceiver for Counted {
    fn columns(&mut self, _header: &[u8], _count: usize) -> Flow {
        Flow::Continue
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        self.rows += RowBlockRef::parse(block).unwrap().iter().count();
        Flow::Continue
    }
}
