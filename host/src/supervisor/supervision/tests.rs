//! The life of a worker with real processes that behave well, badly, or not at all.

use super::*;
use crate::supervisor::error::WorkerError;
use crate::supervisor::restart_policy::RestartPolicy;
use crate::supervisor::test_worker::{PATIENCE, process_exists, send, spec, wait_until};
use crate::supervisor::worker_handle::WorkerHandle;
use crate::supervisor::worker_manager::WorkerManager;

fn start(spec: WorkerSpec) -> (WorkerManager, WorkerHandle) {
    let workers = WorkerManager::new();
    let handle = workers.start(spec).unwrap();
    (workers, handle)
}

/// A policy that does not let tests wait.
fn impatient(max_restarts: usize) -> RestartPolicy {
    let first_delay = Duration::from_millis(1);
    RestartPolicy {
        first_delay,
        max_delay: first_delay,
        max_restarts,
        ..RestartPolicy::default()
    }
}

fn last_exit(handle: &WorkerHandle) -> ExitReason {
    handle.status().last_exit.unwrap()
}

#[test]
fn a_good_worker_gets_its_hello_beats_and_stops_by_itself() {
    let (workers, handle) = start(spec("w", "good"));
    let payload = handle.wait_ready(PATIENCE).unwrap();
    assert_eq!(payload["hello"]["name"], "w");
    wait_until("a heartbeat", || handle.status().heartbeat.is_some());
    let status = handle.status();
    assert_eq!((status.state, status.restarts), (WorkerState::Ready, 0));
    assert_eq!(Value::from(status.pid), payload["pid"]);
    assert_eq!(status.heartbeat.unwrap()["busy"], 0);
    workers.stop("w").unwrap();
    assert_eq!(handle.status().state, WorkerState::Stopped);
    let reason = last_exit(&handle);
    assert_eq!((reason.code, reason.cause), (Some(0), None));
    assert!(matches!(
        handle.wait_ready(PATIENCE),
        Err(WorkerError::Stopped { .. })
    ));
}

#[test]
fn a_killed_worker_comes_back_and_is_reaped() {
    let (_workers, handle) = start(spec("w", "good"));
    for kills in 1..=3 {
        handle.wait_ready(PATIENCE).unwrap();
        let pid = handle.status().pid.unwrap();
        send(pid, Signal::KILL);
        wait_until("a restart", || handle.status().restarts == kills);
        handle.wait_ready(PATIENCE).unwrap();
        assert_ne!(handle.status().pid, Some(pid));
        assert_eq!(last_exit(&handle).signal, Some(9));
        // A zombie would still have its entry.
        assert!(!process_exists(pid));
    }
}

#[test]
fn a_worker_that_always_crashes_fails_with_its_last_words() {
    let (_workers, handle) = start(WorkerSpec {
        policy: impatient(2),
        ..spec("w", "crash")
    });
    let error = handle.wait_ready(PATIENCE).unwrap_err().to_string();
    assert!(error.contains("exited with status 3"), "{error}");
    assert!(error.contains("cannot cope | giving up"), "{error}");
    assert!(error.contains("2 restarts within 60s"), "{error}");
    let status = handle.status();
    assert_eq!(
        (status.state, status.restarts, status.pid),
        (WorkerState::Failed, 2, None)
    );
}

#[test]
fn a_refusal_is_returned_and_not_repeated() {
    let (_workers, handle) = start(spec("w", "refuse"));
    let Err(WorkerError::Refused { refusal, .. }) = handle.wait_ready(PATIENCE) else {
        panic!("a refusal")
    };
    assert_eq!(refusal.code, "read_only");
    let status = handle.status();
    assert_eq!((status.state, status.restarts), (WorkerState::Failed, 0));
    let shown = last_exit(&handle).to_string();
    assert_eq!(
        shown,
        "it refused (read_only): the file system is read-only; exited with status 0"
    );
}

#[test]
fn a_hung_worker_is_killed_and_replaced() {
    let heartbeat_timeout = Duration::from_millis(300);
    let (_workers, handle) = start(WorkerSpec {
        heartbeat_timeout,
        ..spec("w", "good")
    });
    handle.wait_ready(PATIENCE).unwrap();
    send(handle.status().pid.unwrap(), Signal::STOP);
    wait_until("a restart", || handle.status().restarts > 0);
    let reason = last_exit(&handle);
    assert_eq!(reason.signal, Some(9));
    assert_eq!(reason.cause.as_deref(), Some("no heartbeat for 300ms"));
    handle.wait_ready(PATIENCE).unwrap();
}

#[test]
fn a_worker_that_is_never_ready_is_killed() {
    let ready_timeout = Duration::from_millis(100);
    let policy = impatient(0);
    let (_workers, handle) = start(WorkerSpec {
        ready_timeout,
        policy,
        ..spec("w", "silent")
    });
    let error = handle.wait_ready(PATIENCE).unwrap_err().to_string();
    assert!(error.contains("not ready within 100ms"), "{error}");
}

#[test]
fn a_worker_that_talks_nonsense_is_killed() {
    let (_workers, handle) = start(WorkerSpec {
        policy: impatient(0),
        ..spec("w", "nonsense")
    });
    let error = handle.wait_ready(PATIENCE).unwrap_err().to_string();
    assert!(
        error.contains("a message from a worker was expected"),
        "{error}"
    );
}

#[test]
fn a_worker_that_does_not_listen_is_terminated() {
    let stop_timeout = Duration::from_millis(20);
    let (workers, handle) = start(WorkerSpec {
        stop_timeout,
        ..spec("w", "silent")
    });
    workers.stop("w").unwrap();
    assert_eq!(last_exit(&handle).signal, Some(15));
}

#[test]
fn a_worker_that_will_not_stop_is_killed() {
    let stop_timeout = Duration::from_millis(20);
    let (workers, handle) = start(WorkerSpec {
        stop_timeout,
        ..spec("w", "stubborn")
    });
    handle.wait_ready(PATIENCE).unwrap();
    workers.stop("w").unwrap();
    let reason = last_exit(&handle);
    assert_eq!(
        (handle.status().state, reason.signal),
        (WorkerState::Stopped, Some(9))
    );
    assert_eq!(
        reason.cause.as_deref(),
        Some("it did not stop when asked, so it got signal 9")
    );
}

#[test]
fn a_program_that_is_not_there_fails_at_once() {
    let executable = "/nowhere/host".into();
    let (_workers, handle) = start(WorkerSpec {
        executable,
        ..spec("w", "good")
    });
    let error = handle.wait_ready(PATIENCE).unwrap_err().to_string();
    assert!(
        error.contains("cannot start /nowhere/host: No such file"),
        "{error}"
    );
    assert_eq!(handle.status().restarts, 0);
}

#[test]
fn a_stop_during_the_pause_before_a_restart_is_immediate() {
    let first_delay = Duration::from_secs(3600);
    let policy = RestartPolicy {
        first_delay,
        max_delay: first_delay,
        ..RestartPolicy::default()
    };
    let (workers, handle) = start(WorkerSpec {
        policy,
        ..spec("w", "crash")
    });
    wait_until("a crash", || {
        handle.status().state == WorkerState::BackingOff
    });
    workers.stop("w").unwrap();
    assert_eq!(handle.status().state, WorkerState::Stopped);
}

#[test]
fn an_interrupt_is_left_to_the_host_and_a_termination_is_obeyed() {
    let (_workers, handle) = start(spec("w", "good"));
    handle.wait_ready(PATIENCE).unwrap();
    let pid = handle.status().pid.unwrap();
    send(pid, Signal::INT);
    send(pid, Signal::TERM);
    wait_until("a restart", || handle.status().restarts == 1);
    // The interrupt would have ended it by signal.
    assert_eq!(
        (last_exit(&handle).code, last_exit(&handle).signal),
        (Some(0), None)
    );
}

#[test]
fn a_host_that_was_itself_stopped_does_not_blame_its_worker() {
    let phase_after = |lateness: Duration| {
        let spec = spec("w", "good");
        let (sender, events) = crossbeam_channel::unbounded();
        let cell = Arc::new(WorkerCell::new(&spec));
        let mut supervision = Supervision::new(spec, cell, events, sender);
        let until = Instant::now();
        supervision.phase = Phase::Ready { until };
        supervision.deadline_passed(until + lateness);
        supervision.phase
    };
    assert!(matches!(
        phase_after(Duration::from_millis(5)),
        Phase::Killed
    ));
    assert!(matches!(
        phase_after(Duration::from_secs(5)),
        Phase::Ready { .. }
    ));
}
