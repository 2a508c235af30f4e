//! A worker for tests: this test binary, started again, behaves as a variable of its environment says.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::exit;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::foundation::control::Refusal;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::{
    DbWorkerHello, DbWorkerOwner, DbWorkerReady, REFUSED_OWNED,
};

use super::worker_manager::WorkerManager;
use super::worker_spec::{WorkerKind, WorkerSpec};

/// The variable; without it the entry is an empty test.
pub(super) const BEHAVIOUR: &str = "CODE_ANALYSIS_TEST_WORKER";

/// Longer than anything takes on a busy machine; no passing test waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

const BEAT: Duration = Duration::from_millis(20);

/// Arguments that make the test binary run [`entry`] and nothing else.
pub(super) fn args() -> Vec<String> {
    let module = module_path!().split_once("::").map_or("", |(_, path)| path);
    vec![
        "--exact".into(),
        format!("{module}::entry"),
        "--nocapture".into(),
    ]
}

/// A worker that behaves as told, with timeouts that suit tests.
pub(super) fn spec(name: &str, behaviour: &str) -> WorkerSpec {
    let executable = std::env::current_exe().unwrap();
    let spec = WorkerSpec::new(
        WorkerKind::FileWatcher,
        name,
        executable,
        json!({"name": name}),
    );
    WorkerSpec {
        args: args(),
        env: vec![(BEHAVIOUR.into(), behaviour.into())],
        ..spec
    }
}

/// Polls for what another process does.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process runs; one whose parent is gone and that nobody reaps counts as ended.
pub(super) fn process_exists(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.starts_with('Z'));
    state == Some(false) || (state == Some(true) && is_our_child(&stat))
}

/// The fourth field is the parent.
fn is_our_child(stat: &str) -> bool {
    let parent = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(1));
    parent == Some(std::process::id().to_string().as_str())
}

pub(super) fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// The child's side of every test of the supervisor.
#[test]
fn entry() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else {
        return;
    };
    let (behaviour, argument) = behaviour.split_once(' ').unwrap_or((&behaviour, ""));
    match behaviour {
        "good" => good(),
        "crash" => {
            eprintln!("cannot cope");
            eprintln!("giving up");
            exit(3)
        }
        "refuse" => refuse(),
        "stubborn" => stubborn(),
        "silent" => thread::sleep(Duration::from_secs(60)),
        "nonsense" => nonsense(),
        "environment" => environment(),
        "database" => database(),
        "host" => host(argument),
        other => panic!("no behaviour {other}"),
    }
    exit(0);
}

fn greet() -> (ControlChannel, Value) {
    let mut channel = ControlChannel::from_stdin().unwrap();
    let hello = channel.hello().unwrap();
    (channel, hello)
}

fn good() {
    let (channel, hello) = greet();
    channel
        .ready(&json!({"pid": std::process::id(), "hello": hello}))
        .unwrap();
    channel
        .spawn_heartbeats(BEAT, || json!({"busy": 0}))
        .unwrap();
    channel.shutdown_signal().wait();
}

fn refuse() {
    let (channel, _) = greet();
    channel
        .refused(Refusal::new("read_only", "the file system is read-only"))
        .unwrap();
}

/// Ignores every request to stop.
fn stubborn() {
    let (channel, _) = greet();
    channel.ready(&json!({"pid": std::process::id()})).unwrap();
    channel.spawn_heartbeats(BEAT, || json!({})).unwrap();
    thread::sleep(Duration::from_secs(60));
}

fn nonsense() {
    use std::os::fd::AsFd;
    let socket = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    File::from(socket).write_all(b"good morning\n").unwrap();
    thread::sleep(Duration::from_secs(60));
}

/// Says what a worker must and must not find in its environment.
fn environment() {
    let (channel, _) = greet();
    let names: Vec<String> = std::env::vars()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("LD_"))
        .collect();
    let marked = std::env::var("CODE_ANALYSIS_DB_WORKER").ok();
    channel
        .ready(&json!({"ld": names, "marked": marked}))
        .unwrap();
    channel.shutdown_signal().wait();
}

/// A DB worker without a database: lock, socket, owner file, ready.
fn database() {
    let mut channel = ControlChannel::from_stdin().unwrap();
    let hello: DbWorkerHello = channel.hello().unwrap();
    let mut owner_file = File::options()
        .create(true)
        .append(true)
        .open(&hello.owner_file)
        .unwrap();
    if flock(&owner_file, FlockOperation::NonBlockingLockExclusive).is_err() {
        channel
            .refused(Refusal::new(
                REFUSED_OWNED,
                "another process owns the database",
            ))
            .unwrap();
        return;
    }
    let _ = fs::remove_file(&hello.socket);
    let listener = UnixListener::bind(&hello.socket).unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    let (socket, pid) = (hello.socket, std::process::id());
    let owner = DbWorkerOwner {
        socket: socket.clone(),
        pid,
        host_version: "0".into(),
        log: None,
        boot: String::new(),
    };
    owner_file.set_len(0).unwrap();
    owner_file
        .write_all(&serde_json::to_vec(&owner).unwrap())
        .unwrap();
    channel
        .ready(&DbWorkerReady {
            socket: socket.clone(),
            pid,
        })
        .unwrap();
    channel.spawn_heartbeats(BEAT, || json!({})).unwrap();
    channel.shutdown_signal().wait();
    fs::remove_file(socket).unwrap();
}

/// A host with one worker, whose process id it writes to a file.
fn host(pid_file: &str) {
    let workers = Arc::new(WorkerManager::new());
    let payload = workers
        .start(spec("w", "good"))
        .unwrap()
        .wait_ready(Duration::from_secs(30))
        .unwrap();
    let unfinished = PathBuf::from(format!("{pid_file}.new"));
    fs::write(&unfinished, payload["pid"].to_string()).unwrap();
    fs::rename(unfinished, pid_file).unwrap();
    thread::sleep(Duration::from_secs(60));
}
