//! The link to the worker: a conversation that is opened anew, and asked again, when it breaks.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::wire::message::Request;
use driver_api::{DriverError, ErrorClass, Result};
use serde::Deserialize;
use uuid::Uuid;

use crate::cancel::{ProxyCancel, Target};
use crate::conversation::{Asked, Conversation, Failure};
use crate::error;
use crate::options::ProxyOptions;

/// Pauses between attempts to reach a worker that went away. Each is a quarter longer than the one before, so that a
/// worker that is back is found soon, whenever that is.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What asking again may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The request changes nothing.
    Reads,
    /// The request is asked again only where the worker remembers what it did.
    Writes,
}

/// One client of the worker, through reconnections.
pub(crate) struct Link {
    options: ProxyOptions,
    /// Names this client for the worker's record of writes.
    client: String,
    /// `None` once it broke.
    conversation: Option<Conversation>,
    /// Shared with cancel handles.
    target: Arc<Mutex<Target>>,
}

/// Where a worker says that it listens; it says more, which is of no use here.
#[derive(Deserialize)]
struct Owner {
    socket: PathBuf,
}

impl Link {
    pub(crate) fn open(options: ProxyOptions) -> Result<Self> {
        let client = Uuid::new_v4().to_string();
        let conversation = Conversation::open(&options.socket, &options, &client)?;
        let target = Target {
            socket: options.socket.clone(),
            key: conversation.cancel,
        };
        Ok(Self {
            options,
            client,
            conversation: Some(conversation),
            target: Arc::new(Mutex::new(target)),
        })
    }

    /// Asks until there is an answer. When the worker goes away it is waited for, and asked again.
    ///
    /// # Errors
    /// The worker's answer; [`ErrorClass::ConnectionLost`] when it does not come back in time, with an
    /// unknown outcome where it may have carried out a write.
    pub(crate) fn ask<T>(
        &mut self,
        effect: Effect,
        mut attempt: impl FnMut(&mut Conversation) -> Asked<T>,
    ) -> Result<T> {
        let mut deadline = None;
        let mut uncertain = false;
        let mut ends = 0;
        loop {
            let remembers = self.remembers_writes();
            let error = match self.ask_once(&mut attempt) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Answer(error) | Failure::Hopeless(error)) => return Err(error),
                Err(Failure::Lost { error, taken }) => {
                    uncertain |= taken && effect == Effect::Writes;
                    ends += i64::from(taken);
                    error
                }
            };
            let until =
                *deadline.get_or_insert_with(|| Instant::now() + self.options.reconnect_for);
            let back = if uncertain && !remembers {
                Err(error)
            } else if self.options.most_ends.is_some_and(|most| ends >= most) {
                Err(error::ends_workers(ends))
            } else {
                self.reconnect(until)
            };
            back.map_err(|error| match uncertain {
                true => error.with_unknown_outcome(),
                false => error,
            })?;
        }
    }

    /// Asks once.
    pub(crate) fn ask_once<T>(
        &mut self,
        attempt: impl FnOnce(&mut Conversation) -> Asked<T>,
    ) -> Asked<T> {
        let Some(conversation) = &mut self.conversation else {
            return Err(Failure::Lost {
                error: error::connection_lost("it was not made anew yet").retryable(),
                taken: false,
            });
        };
        attempt(conversation).inspect_err(|failure| {
            if !matches!(failure, Failure::Answer(_)) {
                self.conversation = None;
            }
        })
    }

    /// Tells the worker that this client asks for nothing again.
    pub(crate) fn say_good_bye(&mut self) {
        if let Some(mut conversation) = self.conversation.take() {
            // Without a worker there is nobody to tell.
            let _ = conversation.send(&Request::Bye);
        }
    }

    /// What cancels the running call.
    pub(crate) fn cancel_handle(&self) -> ProxyCancel {
        ProxyCancel {
            options: self.options.clone(),
            client: self.client.clone(),
            target: Arc::clone(&self.target),
        }
    }

    fn remembers_writes(&self) -> bool {
        let open = self.conversation.as_ref();
        open.is_none_or(|conversation| conversation.remembers_writes)
    }

    fn reconnect(&mut self, until: Instant) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            let socket = self.current_socket();
            match Conversation::open(&socket, &self.options, &self.client) {
                Ok(conversation) => {
                    let key = conversation.cancel;
                    *self.target.lock().unwrap_or_else(PoisonError::into_inner) =
                        Target { socket, key };
                    self.conversation = Some(conversation);
                    return Ok(());
                }
                Err(error) if is_hopeless(&error) => return Err(error),
                Err(_) if let Some(reason) = self.quarantine() => {
                    return Err(error::in_quarantine(&reason));
                }
                Err(error) if Instant::now() + pause > until => {
                    return Err(self.did_not_come_back(&error));
                }
                Err(_) => thread::sleep(pause),
            }
            pause = (pause + pause / 4).min(LONGEST_PAUSE);
        }
    }

    /// Where the worker says that it listens, else where the last one did.
    fn current_socket(&self) -> PathBuf {
        let owner_file = self.options.owner_file.as_ref();
        owner_file
            .and_then(|file| fs::read(file).ok())
            .and_then(|text| serde_json::from_slice(&text).ok())
            .map_or_else(|| self.options.socket.clone(), |owner: Owner| owner.socket)
    }

    /// Why no worker will come back, where the last one has left a note.
    fn quarantine(&self) -> Option<String> {
        let note = self
            .options
            .owner_file
            .as_ref()?
            .with_extension("quarantine");
        fs::read_to_string(note).ok()
    }

    fn did_not_come_back(&self, error: &DriverError) -> DriverError {
        error::connection_lost(&format!(
            "no worker came back within {:?}: {error}",
            self.options.reconnect_for
        ))
    }
}

/// Whether waiting for another worker is of no use.
fn is_hopeless(error: &DriverError) -> bool {
    matches!(error.class(), ErrorClass::Access | ErrorClass::Protocol)
}
