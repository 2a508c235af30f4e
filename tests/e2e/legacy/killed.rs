//! An upgrade that is killed, at every one of its steps: the database has the old schema or the new one, never
//! anything between, and all of its rows.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use code_analysis_host::foundation::progress::{Silent, StepProgress};
use rustix::process::Signal;

use crate::support::legacy::{Predecessor, TableRows, dump, open, predecessor, rows_in, texts};
use crate::support::processes::{kill, tree, with_open};
use crate::support::sandbox::{Sandbox, plugins_dir};

/// How the process that is to be killed knows what to do: the database, the step, and whether the DB worker goes
/// first.
const TASK: &str = "TEST_UPGRADE_KILLED";

const OLDER: Predecessor = Predecessor {
    without: &[
        "files.dataset_id",
        "files.deleted",
        "ast_trees.file_mtime",
        "code_chunks.line",
    ],
    without_datasets: true,
    integer_projects: true,
    more: &[],
};

/// Kills its own process at one step.
struct KillAt {
    step: usize,
    with_worker: bool,
}

impl StepProgress for KillAt {
    fn step(&self, number: usize, _of: usize, _what: &str) {
        if number != self.step {
            return;
        }
        let own = std::process::id();
        if self.with_worker {
            for process in tree(own).iter().filter(|process| process.pid != own) {
                kill(process.pid, Signal::KILL);
            }
        }
        kill(own, Signal::KILL);
        std::thread::park();
    }
}

/// Not a test of its own: the process that the tests below start and that kills itself.
#[test]
fn the_process_that_is_killed() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let mut parts = task.splitn(3, ' ');
    let mut next = || parts.next().unwrap().to_owned();
    let (step, with_worker, file) = (next().parse().unwrap(), next() == "worker", next());
    open(Path::new(&file), |driver| {
        driver
            .database()
            .apply_schema(&KillAt { step, with_worker })
            .unwrap();
    });
}

/// The statements of the schema, and the rows of these tables in these columns.
fn state(file: &Path, like: &[TableRows]) -> (Vec<String>, Vec<TableRows>) {
    open(file, |driver| {
        let sql = "SELECT name || ' ' || COALESCE(sql, '') FROM sqlite_master \
                   WHERE name NOT LIKE 'code_analysis_worker%' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        (texts(driver, sql), rows_in(driver, like))
    })
}

/// Every step that does not only create an index, and the first and the last of those.
fn steps_to_kill_at(file: &Path) -> Vec<usize> {
    let plan = open(file, |driver| driver.database().plan_schema().unwrap());
    let is_index = |number: &usize| {
        plan.steps[number - 1]
            .to_string()
            .starts_with("create the index")
    };
    let (indexes, mut others): (Vec<usize>, Vec<usize>) =
        (1..=plan.steps.len()).partition(is_index);
    others.extend(indexes.first().into_iter().chain(indexes.last()));
    others
}

#[test]
fn a_kill_at_any_step_leaves_the_old_schema_and_its_rows() {
    plugins_dir();
    let sandbox = Sandbox::new();
    let original = predecessor(&sandbox.work(), "original", &OLDER);
    let rows = dump(&original);
    let before = state(&original, &rows);
    let steps = steps_to_kill_at(&original);
    assert!(steps.len() > 20, "{steps:?}");
    for step in steps {
        let file = sandbox.work().join("killed.db");
        std::fs::copy(&original, &file).unwrap();
        let victim = if step % 2 == 0 { "worker" } else { "host" };
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "legacy::killed::the_process_that_is_killed",
                "--nocapture",
            ])
            .env(TASK, format!("{step} {victim} {}", file.display()))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(9), "step {step}");
        assert_eq!(state(&file, &rows), before, "step {step}");
    }
    // What was killed last is upgraded now as if nothing had been.
    is_upgraded(&sandbox.work().join("killed.db"), &rows, &Silent);
}

fn is_upgraded(file: &Path, rows: &[TableRows], progress: &dyn StepProgress) {
    let after = open(file, |driver| {
        let database = driver.database();
        database.apply_schema(progress).unwrap();
        assert!(database.plan_schema().unwrap().is_empty());
        rows_in(driver, rows)
    });
    for (before, after) in rows.iter().zip(&after) {
        assert_eq!(after.2, OLDER.upgraded(before), "{}", before.0);
    }
}

/// Kills the DB worker of this database once, in the middle.
struct KillWorkerOnce {
    file: PathBuf,
    done: AtomicBool,
}

impl StepProgress for KillWorkerOnce {
    fn step(&self, number: usize, of: usize, _what: &str) {
        if number == of / 2 && !self.done.swap(true, Ordering::SeqCst) {
            for worker in with_open(&self.file) {
                kill(worker.pid, Signal::KILL);
            }
        }
    }
}

#[test]
fn an_upgrade_outlives_its_db_worker() {
    let sandbox = Sandbox::new();
    let file = predecessor(&sandbox.work(), "outlived", &OLDER);
    let rows = dump(&file);
    let killing = KillWorkerOnce {
        file: file.clone(),
        done: AtomicBool::new(false),
    };
    is_upgraded(&file, &rows, &killing);
    assert!(killing.done.load(Ordering::SeqCst));
}
