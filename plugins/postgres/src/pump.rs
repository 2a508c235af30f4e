//! Runs calls of the client crate to their end: polls the session, passes a cancellation on to the
//! server, and gives up on a server that is gone.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use driver_api::{DriverError, ErrorClass, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::{self, Sleep, sleep, timeout};
use tokio_postgres::{CancelToken, Error};

use crate::cancel::Cancel;
use crate::dial::{Dialer, Dialled};
use crate::error::{self, from_postgres};
use crate::options::PostgresOptions;

/// What must be polled for a session to go on; it ends with the session.
pub(crate) type Server = Pin<Box<dyn Future<Output = std::result::Result<(), Error>> + Send>>;

/// The pause before the server is asked again to stop: it ignores a request that comes before the
/// statement does.
const CANCEL_PAUSE: Duration = Duration::from_millis(100);

/// Runs the calls of one session.
pub(crate) struct Pump {
    runtime: Runtime,
    /// `None` once it has ended: dropping it tells those who wait for an answer.
    server: Option<Server>,
    /// Why the session ended, once it has.
    ended: Option<DriverError>,
    dialer: Dialer,
    token: CancelToken,
    cancel: Arc<Cancel>,
    /// When the server was asked last to stop, though there was something to do without waiting for it.
    asked: Option<Instant>,
    /// Goes off when the server may have been silent for too long: one timer for the whole session,
    /// because one for every call would cost the short calls more than all else here.
    alarm: Pin<Box<Sleep>>,
    statement_timeout: Duration,
    partition_timeout: Duration,
    /// Whether the server has reported an error since this was asked last.
    refused: bool,
}

/// What a new session is: its calls go through the client and are run by the pump.
pub(crate) struct Session {
    pub(crate) client: tokio_postgres::Client,
    pub(crate) pump: Pump,
    pub(crate) standby: bool,
    pub(crate) version: u32,
}

/// Starts a session with the server that `options` name.
pub(crate) fn start(options: &PostgresOptions, cancel: Arc<Cancel>) -> Result<Session> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            DriverError::new(ErrorClass::LimitExceeded, "no event loop can be made")
                .with_detail(error.to_string())
        })?;
    let mut dialer = Dialer::new(options)?;
    let (runtime, dialled) = started_on(runtime, dialer.dial(options))?;
    let Dialled {
        client,
        server,
        standby,
        version,
    } = dialled;
    let alarm = {
        let _timers = runtime.enter();
        Box::pin(sleep(options.partition_timeout))
    };
    let pump = Pump {
        runtime,
        server: Some(server),
        ended: None,
        dialer,
        token: client.cancel_token(),
        cancel,
        asked: None,
        alarm,
        statement_timeout: options.statement_timeout,
        partition_timeout: options.partition_timeout,
        refused: false,
    };
    Ok(Session {
        client,
        pump,
        standby,
        version,
    })
}

/// Runs the start of a session; returns the runtime with its result.
fn started_on<T>(runtime: Runtime, start: impl Future<Output = Result<T>>) -> Result<(Runtime, T)> {
    match runtime.block_on(start) {
        Ok(started) => Ok((runtime, started)),
        Err(error) => {
            // A look-up of the host's name cannot be stopped, and may last longer than the limit for
            // the start: dropping the runtime would wait for it.
            runtime.shutdown_background();
            Err(error)
        }
    }
}

impl Pump {
    /// Fails where the session has ended while nobody used it: of a statement that is not sent, it
    /// is known that it was not applied.
    pub(crate) fn check_session(&mut self) -> Result<()> {
        let Self {
            runtime,
            server,
            ended,
            ..
        } = self;
        runtime.block_on(async {
            // The event loop tells what has come on the socket only after its next turn.
            for _ in 0..2 {
                poll_fn(|cx| {
                    poll_server(server, ended, cx);
                    Poll::Ready(())
                })
                .await;
                yield_now().await;
            }
        });
        match (&self.server, &self.ended) {
            (None, Some(ended)) => Err(ended.clone()),
            _ => Ok(()),
        }
    }

    /// Whether the server has reported an error since this was asked last: an open transaction has
    /// failed then.
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Whether the running call is to stop.
    pub(crate) fn check_cancel(&self) -> Result<()> {
        if self.cancel.is_requested() {
            return Err(error::cancelled());
        }
        Ok(())
    }

    /// Runs one step of a call; `sql` is the statement that an error is about.
    pub(crate) fn run<T>(
        &mut self,
        sql: &str,
        work: impl Future<Output = std::result::Result<T, Error>>,
    ) -> Result<T> {
        let started = Instant::now();
        match self.drive(work) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.refused |= error.as_db_error().is_some();
                Err(self.explain(from_postgres(error, sql), started))
            }
            Err(gone) => Err(gone),
        }
    }

    /// What follows must not be stopped: it undoes what was stopped.
    pub(crate) fn shield(&self) {
        self.cancel.end_call();
    }

    /// Asks the server to stop what it runs for this session, and waits until it was told.
    pub(crate) fn stop(&mut self) {
        let Self {
            runtime,
            dialer,
            token,
            ..
        } = self;
        // Where that fails, the query goes on to its end, and its rows are dropped.
        let _ = runtime.block_on(dialer.cancel(token));
    }

    /// Drops the session, of which nobody knows the state any more; `why` is for people.
    pub(crate) fn give_up(&mut self, why: &str) {
        self.server = None;
        self.ended.get_or_insert(error::lost(why));
    }

    /// Ends the session: the client is gone by now.
    pub(crate) fn finish(&mut self) {
        if let Some(server) = self.server.take() {
            let limit = self.dialer.connect_timeout();
            let _ = self
                .runtime
                .block_on(async { timeout(limit, server).await });
        }
        self.ended = Some(error::closed());
    }

    fn drive<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        let Self {
            runtime,
            server,
            ended,
            dialer,
            token,
            cancel,
            asked,
            alarm,
            partition_timeout,
            ..
        } = self;
        // Rows that come faster than they are read would keep a request from being heard for ever.
        let unheard =
            cancel.is_requested() && asked.is_none_or(|last| last.elapsed() > CANCEL_PAUSE);
        if unheard {
            *asked = Some(Instant::now());
        }
        let guard = Guard {
            cancel,
            dialer,
            token,
            silence: *partition_timeout,
            asking: Cell::new(false),
        };
        let outcome = runtime.block_on(async {
            let mut work = pin!(work);
            let mut watch = pin!(guard.watch(alarm.as_mut()));
            let outcome = poll_fn(|cx| {
                poll_server(server, ended, cx);
                if unheard && let Poll::Ready(gone) = watch.as_mut().poll(cx) {
                    return Poll::Ready(Err(gone));
                }
                if let Poll::Ready(value) = work.as_mut().poll(cx) {
                    return Poll::Ready(Ok(value));
                }
                watch.as_mut().poll(cx).map(Err)
            })
            .await;
            // The server must have taken the request before another call starts.
            if guard.asking.get() {
                poll_fn(|cx| {
                    poll_server(server, ended, cx);
                    let stopped = watch.as_mut().poll(cx).is_ready() || !guard.asking.get();
                    if stopped {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
            outcome
        });
        outcome.inspect_err(|gone| {
            self.ended = Some(gone.clone());
            self.server = None;
        })
    }

    /// Says why a session ended, and who stopped a statement.
    fn explain(&mut self, error: DriverError, started: Instant) -> DriverError {
        if error.sqlstate() == Some("57014") && error.class() == ErrorClass::Cancelled {
            return self.stopped(error, started);
        }
        if error.breaks_connection() {
            // What the server said last tells more than the end of the connection.
            let ended = self.ended.get_or_insert(error.clone());
            if error.sqlstate() == Some("08006") && ended.breaks_connection() {
                return ended.clone();
            }
        }
        error
    }

    /// The server's messages for a time limit and for a request differ by language only.
    fn stopped(&self, error: DriverError, started: Instant) -> DriverError {
        if self.cancel.is_requested() {
            return error::cancelled();
        }
        let limit = self.statement_timeout;
        if !limit.is_zero() && started.elapsed() >= limit {
            let message = format!("the statement ran for more than {} ms", limit.as_millis());
            return DriverError::new(ErrorClass::Timeout, message)
                .with_detail("the limit is the option `statement_timeout_ms`")
                .with_sqlstate("57014");
        }
        error
    }
}

fn poll_server(server: &mut Option<Server>, ended: &mut Option<DriverError>, cx: &mut Context<'_>) {
    if let Some(running) = server
        && let Poll::Ready(end) = running.as_mut().poll(cx)
    {
        *server = None;
        *ended = Some(match end {
            Ok(()) => error::closed(),
            Err(error) => as_lost(from_postgres(error, "")),
        });
    }
}

/// A session that ended is lost, whatever the server said of it, unless it idled for too long.
fn as_lost(error: DriverError) -> DriverError {
    if error.breaks_connection() {
        return error;
    }
    let lost = error::lost(error.message());
    match error.sqlstate() {
        Some(sqlstate) => lost.with_sqlstate(sqlstate),
        None => lost,
    }
}

/// Watches over one step of a call while it waits for the server.
struct Guard<'p> {
    cancel: &'p Cancel,
    dialer: &'p Dialer,
    token: &'p CancelToken,
    /// How long the server may be silent before it is asked whether it is there.
    silence: Duration,
    /// Whether a request to stop is on its way.
    asking: Cell<bool>,
}

impl Guard<'_> {
    /// Ends only when the server is gone.
    async fn watch(&self, mut alarm: Pin<&mut Sleep>) -> DriverError {
        loop {
            let answer = match self.wait(alarm.as_mut()).await {
                Event::Silence => self.dialer.probe().await,
                Event::Request => self.pass_on().await,
            };
            if let Err(reason) = answer {
                return error::lost("the server does not answer any more")
                    .with_detail(reason.to_string());
            }
        }
    }

    /// Asks the server to stop the statement, and gives it time to do so.
    async fn pass_on(&self) -> io::Result<()> {
        self.asking.set(true);
        let answer = self.dialer.cancel(self.token).await;
        self.asking.set(false);
        if answer.is_err() {
            self.dialer.probe().await?;
        }
        sleep(CANCEL_PAUSE).await;
        Ok(())
    }

    /// Waits for a request to stop, or for the end of the time for which the server may be silent.
    async fn wait(&self, mut alarm: Pin<&mut Sleep>) -> Event {
        let limit = time::Instant::now() + self.silence;
        poll_fn(|cx| {
            self.cancel.register(cx.waker());
            if self.cancel.is_requested() {
                return Poll::Ready(Event::Request);
            }
            // It is set to the limit of an earlier call, and moved on only when it goes off.
            while alarm.as_mut().poll(cx).is_ready() {
                if time::Instant::now() >= limit {
                    return Poll::Ready(Event::Silence);
                }
                alarm.as_mut().reset(limit);
            }
            Poll::Pending
        })
        .await
    }
}

/// What a call that waits must act on.
enum Event {
    /// Its caller wants it to stop.
    Request,
    /// The server has been silent for too long.
    Silence,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_look_up_that_hangs_does_not_hold_up_the_failure_of_the_start() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (release, released) = mpsc::channel::<()>();
        let looked_up = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&looked_up);
        let start = async move {
            let look_up = tokio::task::spawn_blocking(move || {
                let _ = released.recv_timeout(Duration::from_secs(30));
                ended.store(true, Ordering::Relaxed);
            });
            let answer = timeout(Duration::from_millis(10), look_up).await;
            answer.map_err(|_| error::lost("no answer")).map(drop)
        };
        assert!(started_on(runtime, start).is_err());
        assert!(!looked_up.load(Ordering::Relaxed));
        drop(release);
    }
}
