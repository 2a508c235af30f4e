//! A queue with commands that wait until the test lets them go.

use std::path::Path;
use std::sync::mpsc::{self, Sender};

use serde_json::{Value, json};

use super::*;
use crate::commands::job::Job;
use crate::commands::operation::Access;

const PATIENCE: Duration = Duration::from_secs(60);

fn limits() -> Limits {
    Limits {
        long: 1,
        short: 1,
        waiting: 2,
        kept_for: Duration::from_secs(600),
    }
}

fn queue() -> JobQueue {
    JobQueue::new(limits(), None)
}

fn prepared(is_long: bool, work: impl FnOnce(&Job<'_>) -> Outcome + Send + 'static) -> Prepared {
    Prepared {
        command: "x".into(),
        is_long,
        access: Access::Read,
        work: Box::new(work),
    }
}

fn submit(queue: &JobQueue, prepared: Prepared) -> Arc<str> {
    let watched = queue.submit(prepared, None, None).unwrap();
    Arc::clone(&watched.borrow().id)
}

/// A command that answers when something is sent.
fn held(is_long: bool) -> (Sender<Outcome>, Prepared) {
    let (send, receive) = mpsc::channel();
    let prepared = prepared(is_long, move |_| receive.recv().unwrap_or(Ok(Value::Null)));
    (send, prepared)
}

/// A command that runs until it is asked to stop.
fn endless() -> Prepared {
    prepared(true, |job| {
        job.progress.total(4);
        job.progress.step(Path::new("/a.py"));
        while !job.cancellation.is_cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(json!({"cancelled": true}))
    })
}

fn until_running(queue: &JobQueue, id: &str) {
    let deadline = Instant::now() + PATIENCE;
    while queue.state(id).unwrap().status != JobStatus::Running {
        assert!(Instant::now() < deadline, "it does not run");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn jobs_have_their_turns_and_short_ones_do_not_wait_for_long_ones() {
    let queue = queue();
    let (first, long) = held(true);
    let first_id = submit(&queue, long);
    let (second, long) = held(true);
    let second_id = submit(&queue, long);
    let short_id = submit(&queue, prepared(false, |_| Ok(json!("short"))));
    let short = queue.wait(&short_id, PATIENCE).unwrap();
    assert_eq!(short.status, JobStatus::Completed);
    assert_eq!(*short.outcome.unwrap(), Ok(json!("short")));
    assert_eq!(queue.state(&second_id).unwrap().status, JobStatus::Pending);
    first.send(Ok(json!(1))).unwrap();
    assert_eq!(queue.wait(&first_id, PATIENCE).unwrap().percent(), 100);
    until_running(&queue, &second_id);
    drop(second);
    queue.wait(&second_id, PATIENCE).unwrap();
    let listed: Vec<Arc<str>> = queue.states().into_iter().map(|state| state.id).collect();
    assert_eq!(listed, [short_id, second_id, first_id]);
}

#[test]
fn more_than_may_wait_are_sent_away() {
    let queue = queue();
    let (running, long) = held(true);
    let id = submit(&queue, long);
    until_running(&queue, &id);
    for _ in 0..2 {
        submit(&queue, prepared(true, |_| Ok(Value::Null)));
    }
    let error = queue.submit(prepared(true, |_| Ok(Value::Null)), None, None);
    assert_eq!(error.unwrap_err().code(), ErrorCode::Busy);
    let totals = queue.totals();
    assert_eq!((totals.running, totals.pending), (1, 2));
    drop(running);
    assert!(queue.drain(Instant::now() + PATIENCE));
    assert_eq!(queue.totals().ended, 3);
}

#[test]
fn a_running_job_tells_how_far_it_is_and_stops_when_asked() {
    let queue = queue();
    let id = submit(&queue, endless());
    let deadline = Instant::now() + PATIENCE;
    while queue.state(&id).unwrap().progress.done == 0 {
        assert!(Instant::now() < deadline, "it makes no progress");
        thread::sleep(Duration::from_millis(1));
    }
    let state = queue.state(&id).unwrap();
    assert_eq!(
        (state.percent(), state.description()),
        (25, "1 of 4: /a.py".to_owned())
    );
    queue.stop(&id, StopReason::Cancelled).unwrap();
    let state = queue.wait(&id, PATIENCE).unwrap();
    assert_eq!(state.status, JobStatus::Stopped);
    assert_eq!(state.stop, Some(StopReason::Cancelled));
    assert_eq!(*state.outcome.unwrap(), Ok(json!({"cancelled": true})));
    let again = queue.stop(&id, StopReason::Cancelled).unwrap_err();
    assert_eq!(again.code(), ErrorCode::JobStateInvalid);
    assert!(
        again
            .message()
            .ends_with("is stopped; it cannot be stopped any more"),
        "{again}"
    );
}

#[test]
fn a_waiting_job_that_is_stopped_never_runs() {
    let queue = queue();
    let (running, long) = held(true);
    submit(&queue, long);
    let id = submit(&queue, prepared(true, |_| panic!("it must not run")));
    let state = queue.stop(&id, StopReason::WaitTimeout).unwrap();
    assert_eq!(state.status, JobStatus::Stopped);
    assert!(state.outcome.is_none() && state.started.is_none());
    drop(running);
    assert!(queue.drain(Instant::now() + PATIENCE));
}

#[test]
fn a_fault_of_the_command_ends_its_job_alone() {
    let queue = queue();
    let id = submit(&queue, prepared(true, |_| panic!("a fault")));
    let state = queue.wait(&id, PATIENCE).unwrap();
    assert_eq!(state.error().unwrap().code(), ErrorCode::Internal);
    let id = submit(&queue, prepared(true, |_| Ok(json!(1))));
    assert_eq!(
        queue.wait(&id, PATIENCE).unwrap().status,
        JobStatus::Completed
    );
}

#[test]
fn a_job_is_forgotten_when_it_is_old_or_somebody_says_so() {
    let queue = queue();
    let (hold, long) = held(true);
    let id = submit(&queue, long);
    let error = queue.forget(&id).unwrap_err();
    assert_eq!(error.code(), ErrorCode::JobStateInvalid);
    drop(hold);
    queue.wait(&id, PATIENCE).unwrap();
    queue.forget(&id).unwrap();
    assert_eq!(queue.state(&id).unwrap_err().code(), ErrorCode::JobNotFound);
    let brief = JobQueue::new(
        Limits {
            kept_for: Duration::ZERO,
            ..limits()
        },
        None,
    );
    let id = submit(&brief, prepared(false, |_| Ok(json!(1))));
    assert!(brief.drain(Instant::now() + PATIENCE));
    assert_eq!(brief.state(&id).unwrap_err().code(), ErrorCode::JobNotFound);
}

#[test]
fn an_id_of_the_callers_own_is_taken_once() {
    let queue = queue();
    let work = || prepared(false, |_| Ok(Value::Null));
    let watched = queue.submit(work(), Some("mine"), Some("request")).unwrap();
    let state = watched.borrow().clone();
    assert_eq!(
        (&*state.id, state.request_id.as_deref()),
        ("mine", Some("request"))
    );
    let error = queue.submit(work(), Some("mine"), None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::JobExists);
}

#[test]
fn the_next_server_reports_the_jobs_that_this_one_took_with_it() {
    let place = tempfile::tempdir().unwrap();
    let journal = || Journal::open(&place.path().join("x.jobs")).unwrap();
    let first = JobQueue::new(limits(), journal());
    let running = submit(&first, endless());
    until_running(&first, &running);
    let waiting = submit(&first, endless());
    let done = submit(&first, prepared(false, |_| Ok(json!(1))));
    first.wait(&done, PATIENCE).unwrap();
    first.close();
    assert!(first.drain(Instant::now() + PATIENCE));
    let error = first.submit(endless(), None, None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy);
    assert_eq!(first.state(&waiting).unwrap().status, JobStatus::Stopped);
    // Its threads let go of the file a moment after their last job.
    let deadline = Instant::now() + PATIENCE;
    drop(first);
    let journal = loop {
        match journal() {
            Some(journal) => break journal,
            None => assert!(Instant::now() < deadline, "the file is still locked"),
        }
    };
    let second = JobQueue::new(limits(), Some(journal));
    assert_eq!(second.totals().lost, 2);
    for id in [&running, &waiting] {
        let state = second.state(id).unwrap();
        assert_eq!(state.status, JobStatus::Failed);
        assert_eq!(state.error().unwrap().code(), ErrorCode::JobLost);
    }
    assert_eq!(
        second.state(&done).unwrap_err().code(),
        ErrorCode::JobNotFound
    );
    second.forget(&running).unwrap();
    assert_eq!(second.totals().lost, 1);
}
