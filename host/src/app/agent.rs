//! How an agent that starts this program is served: by the running server of the database when there is one, else in
//! this process. Every call looks again, because servers come and go while an agent works.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::App;
use super::calling::{CallError, commands};
use crate::foundation::cancellation::{CancelOnDrop, Cancellation};
use crate::foundation::progress::{Progress, RowProgress};
use crate::server::mcp::backend::{Backend, Failure, Running, Step};
use crate::server::mcp::stdio;
use crate::server::mcp::toolset::Toolset;

/// Calls that run at once; each blocks a thread.
const CALLS: usize = 16;

/// How often a job of the server is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Asks the running server to run a command, given its name and parameters; `None` when no server runs. An error has
/// the form of the commands: `{"code", "message", "data"}`.
pub type AskServer = Box<dyn Fn(&str, &Value) -> Option<Result<Value, Value>> + Send + Sync>;

/// Serves the agent at standard input and output until it hangs up. `toolset` is `core`, `read` or `all`.
///
/// # Errors
/// The system's, an unknown toolset, and a client that does not speak the protocol.
pub fn serve_agent(app: App, server: AskServer, toolset: &str) -> io::Result<()> {
    let toolset: Toolset = toolset
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let calls = Arc::new(Agent { app, server });
    let backend = AgentBackend {
        calls,
        turns: Arc::new(Semaphore::new(CALLS)),
    };
    let served = runtime.block_on(stdio::serve(Arc::new(backend), toolset));
    // Standard input is read by a thread that nothing ends.
    runtime.shutdown_background();
    served
}

/// Both ways of running a command.
struct Agent {
    app: App,
    server: AskServer,
}

struct AgentBackend {
    calls: Arc<Agent>,
    turns: Arc<Semaphore>,
}

impl Backend for AgentBackend {
    fn call(&self, command: &str, parameters: Value, told: watch::Sender<Step>) -> Running {
        let calls = Arc::clone(&self.calls);
        let turns = Arc::clone(&self.turns);
        let command = command.to_owned();
        Box::pin(async move {
            let _turn = turns.acquire_owned().await;
            let stop = CancelOnDrop::default();
            let cancellation = stop.cancellation();
            let running = tokio::task::spawn_blocking(move || {
                calls.run(&command, parameters, &Teller::new(told), &cancellation)
            });
            // The panic itself is on standard error.
            let ended = "the command ended unexpectedly";
            running
                .await
                .unwrap_or_else(|_| Err(Failure::new("INTERNAL_ERROR", ended)))
        })
    }
}

impl Agent {
    fn run(
        &self,
        command: &str,
        parameters: Value,
        teller: &Teller,
        cancellation: &Cancellation,
    ) -> Result<Value, Failure> {
        let is_long = commands().find(command).is_ok_and(|found| found.is_long());
        let asked = if is_long {
            self.run_as_job(command, &parameters, teller, cancellation)
        } else {
            self.ask(command, &parameters)
        };
        asked.unwrap_or_else(|| self.run_here(command, parameters, teller, cancellation))
    }

    fn ask(&self, command: &str, parameters: &Value) -> Option<Result<Value, Failure>> {
        Some((self.server)(command, parameters)?.map_err(Failure))
    }

    fn run_here(
        &self,
        command: &str,
        parameters: Value,
        teller: &Teller,
        cancellation: &Cancellation,
    ) -> Result<Value, Failure> {
        let ran = self.app.call(command, parameters, teller, cancellation);
        ran.map_err(|error| match error {
            CallError::Command(error) => Failure::from(&error),
            CallError::App(error) => Failure::new("DATABASE_UNAVAILABLE", &error.to_string()),
        })
    }

    /// Runs a long command as a job of the server, which tells how far it is and can be stopped.
    fn run_as_job(
        &self,
        command: &str,
        parameters: &Value,
        teller: &Teller,
        cancellation: &Cancellation,
    ) -> Option<Result<Value, Failure>> {
        let job = json!({"command": command, "params": parameters});
        let added = self.ask("queue_add_job", &job)?;
        Some(added.and_then(|job| {
            let job = json!({"job_id": job["job_id"]});
            let outcome = self.follow(&job, teller, cancellation);
            // Kept for those who do not wait; here its result has arrived.
            let _ = self.ask("queue_delete_job", &job);
            outcome
        }))
    }

    fn follow(
        &self,
        job: &Value,
        teller: &Teller,
        cancellation: &Cancellation,
    ) -> Result<Value, Failure> {
        let gone = || {
            let message = "the server ended; whether the command ran to its end is not known";
            Failure::new("SERVER_UNAVAILABLE", message)
        };
        let mut is_stopped = false;
        loop {
            if cancellation.is_cancelled() && !is_stopped {
                is_stopped = true;
                // It may have ended by itself; the state tells.
                let _ = self.ask("queue_stop_job", job);
            }
            let state = self.ask("queue_get_job_status", job).ok_or_else(gone)??;
            teller.percent(&state);
            if let Some(outcome) = ended(&state) {
                return outcome;
            }
            thread::sleep(LOOK);
        }
    }
}

/// What a job of this state answered; `None` before its end.
fn ended(state: &Value) -> Option<Result<Value, Failure>> {
    let status = state["status"].as_str().unwrap_or_default();
    if matches!(status, "pending" | "running") {
        return None;
    }
    let answer = &state["result"]["result"];
    if answer["success"] == true {
        return Some(Ok(answer["data"].clone()));
    }
    let errors = [&answer["error"], &state["error"]];
    let error = errors.into_iter().find(|error| error.is_object());
    Some(Err(error.map_or_else(
        || {
            Failure::new(
                "CANCELLED",
                "the command was stopped before it was its turn",
            )
        },
        |error| Failure(error.clone()),
    )))
}

/// Passes on how far a command is.
struct Teller {
    step: Mutex<Step>,
    told: watch::Sender<Step>,
}

impl Teller {
    fn new(told: watch::Sender<Step>) -> Self {
        Self {
            step: Mutex::default(),
            told,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Step)) {
        let mut step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let before = step.clone();
        change(&mut step);
        if *step != before {
            // Nobody listens any more when the client is gone.
            let _ = self.told.send(step.clone());
        }
    }

    fn percent(&self, state: &Value) {
        let Some(percent) = state["progress"].as_u64().filter(|percent| *percent > 0) else {
            return;
        };
        let at = state["description"].as_str().unwrap_or_default();
        self.change(|step| {
            *step = Step {
                done: percent,
                total: 100,
                at: at.to_owned(),
            }
        });
    }
}

impl Progress for Teller {
    fn total(&self, files: u64) {
        self.change(|step| step.total += files);
    }

    fn step(&self, path: &Path) {
        self.change(|step| {
            step.done += 1;
            step.at = path.display().to_string();
        });
    }

    fn done(&self) {}
}

impl RowProgress for Teller {
    fn begin(&self, rows: u64) {
        self.change(|step| step.total = step.done + rows);
    }

    fn rows(&self, doing: &str, table: &str, rows: u64) {
        self.change(|step| {
            step.done += rows;
            step.total = step.total.max(step.done);
            step.at = format!("{doing} {table}");
        });
    }

    fn done(&self) {
        self.change(|step| step.total = step.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up_over_several_trees() {
        let (told, heard) = watch::channel(Step::default());
        let teller = Teller::new(told);
        for name in ["a", "b"] {
            teller.total(2);
            teller.step(Path::new(name));
            Progress::done(&teller);
        }
        let expected = Step {
            done: 2,
            total: 4,
            at: "b".to_owned(),
        };
        assert_eq!(*heard.borrow(), expected);
    }

    #[test]
    fn the_answer_of_a_job_is_that_of_its_command() {
        assert_eq!(ended(&json!({"status": "running", "result": null})), None);
        let completed = json!({"status": "completed", "result": {"result": {"success": true, "data": {"n": 1}}}});
        assert_eq!(ended(&completed), Some(Ok(json!({"n": 1}))));
        let error = json!({"code": "PATH_NOT_FOUND", "message": "m"});
        let failed = json!({"status": "completed", "result": {"result": {"success": false, "error": error}}});
        assert_eq!(ended(&failed), Some(Err(Failure(error.clone()))));
        let lost = json!({"status": "failed", "result": null, "error": error});
        assert_eq!(ended(&lost), Some(Err(Failure(error))));
        let stopped = ended(&json!({"status": "stopped", "result": null, "error": null}));
        assert!(matches!(stopped, Some(Err(failure)) if failure.0["code"] == "CANCELLED"));
    }
}
