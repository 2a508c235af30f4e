//! `/ws`: commands as jobs whose events come over the same socket, as clients of the older program speak it.
//!
//! The client says what it wants (`requests`), hears events (`events`), and fetches results by JSON-RPC. A job is not
//! bound to its socket: when that closes, the job goes on.

mod conversation;
mod events;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Semaphore, mpsc, watch};

use self::conversation::Conversation;
use super::calls::Calls;
use super::connections::stopped;

/// Sockets that are open at once.
const MOST_SOCKETS: u32 = 256;

/// The longest message of a client, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Messages that wait until the client takes them; those who have more to say wait, and then say the latest.
const WAITING: usize = 64;

/// The server asks whether the client is still there when it has heard nothing for so long, and hangs up when it has
/// heard nothing for twice as long.
const SILENCE: Duration = Duration::from_secs(45);

/// What sockets are opened with.
pub(super) struct Sockets {
    calls: Arc<Calls>,
    places: Arc<Semaphore>,
    /// Becomes true when the server ends.
    stopping: watch::Receiver<bool>,
}

impl Sockets {
    /// Sockets whose commands `calls` runs, until `stopping`.
    pub(super) fn new(calls: Arc<Calls>, stopping: watch::Receiver<bool>) -> Self {
        Self {
            calls,
            places: Arc::new(Semaphore::new(MOST_SOCKETS as usize)),
            stopping,
        }
    }

    /// Waits until no socket is open.
    pub(super) async fn closed(&self) {
        // Whoever holds a place has an open socket; places are never taken away, so this does not fail.
        let _ = self.places.acquire_many(MOST_SOCKETS).await;
    }

    /// Turns a request into a socket; `None` when too many are open.
    pub(super) fn open(&self, upgrade: WebSocketUpgrade) -> Option<Response> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (calls, stopping) = (Arc::clone(&self.calls), self.stopping.clone());
        let upgrade = upgrade
            .max_message_size(MAX_MESSAGE_BYTES)
            .max_frame_size(MAX_MESSAGE_BYTES);
        Some(upgrade.on_upgrade(async move |socket| {
            let _place = place;
            if let Err(error) = converse(socket, calls, stopping).await {
                tracing::debug!(%error, "a WebSocket ended early");
            }
        }))
    }
}

async fn converse(
    socket: WebSocket,
    calls: Arc<Calls>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), axum::Error> {
    let (mut sink, mut stream) = socket.split();
    let (say, mut said) = mpsc::channel(WAITING);
    let mut conversation = Conversation::new(calls, say);
    let mut was_asked = false;
    loop {
        tokio::select! {
            heard = tokio::time::timeout(SILENCE, stream.next()) => match heard {
                Ok(Some(message)) => {
                    was_asked = false;
                    match message? {
                        Message::Text(text) => {
                            if let Some(answer) = conversation.hear(&text) {
                                sink.send(Message::text(answer.to_string())).await?;
                            }
                        }
                        Message::Close(_) => return Ok(()),
                        // The library answers pings; bytes mean nothing here.
                        _ => {}
                    }
                }
                Ok(None) => return Ok(()),
                Err(_) if was_asked => return Ok(()),
                Err(_) => {
                    was_asked = true;
                    sink.send(Message::Ping(Vec::new().into())).await?;
                }
            },
            event = said.recv() => match event {
                Some(event) => sink.send(Message::text(event.to_string())).await?,
                // The conversation holds a sender.
                None => return Ok(()),
            },
            () = stopped(&mut stopping) => {
                let farewell = CloseFrame {
                    code: close_code::AWAY,
                    reason: "the server ends".into(),
                };
                return sink.send(Message::Close(Some(farewell))).await;
            }
        }
    }
}
