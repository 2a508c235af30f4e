//! Hears all clients in one thread, which answers what comes; another takes over where an answer takes long.
//!
//! Waking a thread costs more than most answers, and a thread for each client would be woken for each request. So one
//! thread waits for all sockets and answers the requests that have come, one after the other. Single writes that have
//! come together share a commit. It is this thread's *turn* (`turn.rs`). Before it waits for another client it passes
//! the turn on: for the writer, for a reading connection, for the next request of a transaction, for a client that
//! takes no rows. An answer may just take long, too. That is the business of the deputy, a thread that looks after a
//! moment whether the same answer is still being made, and then takes the turn. Sockets that a thread without the turn
//! still answers are not waited for.

mod writes;

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::wire::attention::Attention;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::session::{Heard, Next, Session};
use super::turn::{self, Turn};
use Company::{Alone, Others};
use writes::Writers;

/// A stack: drivers run on it, so it is not tiny; untouched pages cost nothing.
const STACK_BYTES: usize = 1024 * 1024;

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Most clients that are heard at once.
const MOST_EVENTS: usize = 256;

/// An answer that takes longer keeps nobody else waiting.
const LONG: Duration = Duration::from_millis(2);

/// Whoever has answered for so long, and has heard others, lets another thread hear them, if there is a core for it.
const SLICE: Duration = Duration::from_micros(200);

/// The number of no turn.
const NOBODYS_TURN: u64 = 0;

/// Most threads that are kept without work.
const MOST_IDLE: usize = 4;

/// The clients between their requests, and the threads that hear them.
pub(super) struct Switchboard {
    epoll: OwnedFd,
    state: Mutex<State>,
    /// Signalled when the turn is free, and when the deputy is to look.
    changed: Condvar,
    cores: usize,
}

#[derive(Default)]
struct State {
    /// Conversations that nobody works on.
    parked: HashMap<u64, Box<Session>>,
    /// Whose turn it is; it changes with each turn.
    turn: u64,
    /// Whether somebody has it.
    taken: bool,
    /// Those that are being answered by whoever has the turn.
    answering: Vec<(u64, Arc<UnixStream>)>,
    /// Single writes that have come together, and that whoever has the turn carries out next: whatever takes its time
    /// meanwhile keeps none of them waiting, because they go over to the next turn.
    writers: Writers,
    /// Counts what was begun, so that the deputy sees whether anything goes on.
    begun: u64,
    /// Whether the deputy looks.
    watched: bool,
    /// Whether there is a deputy at the moment.
    has_deputy: bool,
    /// Threads without work.
    idle: usize,
    /// Threads that go on with an answer after their turn, because the turn took long.
    helping: usize,
}

/// One thread's turn.
struct MyTurn {
    board: Arc<Switchboard>,
    number: u64,
}

impl Turn for MyTurn {
    fn pass_on(&self) -> bool {
        self.board.pass_on(self.number)
    }
}

impl Switchboard {
    /// Begins to hear whoever is [added](Self::add).
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let board = Arc::new(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            state: Mutex::default(),
            changed: Condvar::new(),
            cores: thread::available_parallelism().map_or(1, usize::from),
        });
        board.spawn()?;
        Ok(board)
    }

    /// Hears this client, too.
    pub(super) fn add(&self, session: Box<Session>) -> io::Result<()> {
        let (number, stream) = (session.number(), Arc::clone(session.stream()));
        let mut state = self.lock();
        self.listen(number, &stream)?;
        state.parked.insert(number, session);
        Ok(())
    }

    fn spawn(self: &Arc<Self>) -> io::Result<()> {
        let board = Arc::clone(self);
        spawn(move || board.work())
    }

    /// The life of a thread: it waits for the turn, and has it until it is gone.
    fn work(self: Arc<Self>) {
        while let Some(number) = self.wait_for_turn() {
            turn::take(Arc::new(MyTurn {
                board: Arc::clone(&self),
                number,
            }));
            self.hear_all(number);
            turn::end();
        }
    }

    /// Waits until it is this thread's turn; `None` where there are threads enough.
    fn wait_for_turn(self: &Arc<Self>) -> Option<u64> {
        let mut state = self.lock();
        if state.idle >= MOST_IDLE {
            return None;
        }
        state.idle += 1;
        while state.taken {
            state = if state.watched && !state.has_deputy {
                self.watch(state)
            } else {
                let waited = self.changed.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
        state.idle -= 1;
        state.taken = true;
        state.turn += 1;
        state.answering.clear();
        self.take_over_writers(&mut state);
        // The deputy may be who takes the turn: others that sleep are to hear of the next answer, so that one looks.
        state.watched = state.has_deputy;
        let (number, alone) = (state.turn, state.idle == 0);
        drop(state);
        if alone && let Err(error) = self.spawn() {
            tracing::warn!(%error, "no thread can be started to take over where an answer takes long");
        }
        Some(number)
    }

    /// Looks for a moment whether anything goes on, and frees the turn if not.
    fn watch<'s>(&'s self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let seen = state.begun;
        state.has_deputy = true;
        let waited = self.changed.wait_timeout(state, LONG);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.has_deputy = false;
        if !state.taken || state.begun != seen {
            return state;
        }
        if state.answering.is_empty() {
            state.watched = false;
        } else {
            self.free(&mut state);
        }
        state
    }

    /// Takes the turn from whoever has it. What is being answered is not waited for until it is parked again.
    fn free(&self, state: &mut State) {
        for (_, stream) in state.answering.drain(..) {
            // Where that fails the client is gone.
            let _ = epoll::delete(&self.epoll, &*stream);
        }
        state.taken = false;
    }

    fn pass_on(self: &Arc<Self>, number: u64) -> bool {
        let mut state = self.lock();
        if !state.has(number) {
            return true;
        }
        if state.idle == 0 {
            drop(state);
            if let Err(error) = self.spawn() {
                tracing::warn!(%error, "no thread can be started");
                return false;
            }
            state = self.lock();
            if !state.has(number) {
                return true;
            }
        }
        self.free(&mut state);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Answers whoever asks for as long as it is this thread's turn.
    fn hear_all(self: &Arc<Self>, number: u64) {
        let mut events = Vec::with_capacity(MOST_EVENTS);
        let mut attention = Attention::new();
        // Those that the one before has left.
        let mut last = self.serve_writers(number);
        let mut goes_on = true;
        while goes_on {
            self.wait(&mut events, &mut attention);
            self.wait_for_others(&mut events, last);
            let begun = Instant::now();
            for (count, event) in events.iter().enumerate() {
                let session = match self.take(number, event.data.u64()) {
                    Taken::Session(session) => session,
                    Taken::Nobody => continue,
                    Taken::TurnIsOver => break,
                };
                if count > 0 && begun.elapsed() > SLICE && self.begin_to_help() {
                    turn::pass_on();
                    self.serve(number, session, Alone);
                    self.lock().helping -= 1;
                    break;
                }
                let company = if events.len() > 1 { Others } else { Alone };
                self.serve(number, session, company);
            }
            last = self.serve_writers(number);
            goes_on = self.lock().has(number);
        }
    }

    /// Waits until somebody has sent something.
    fn wait(&self, events: &mut Vec<Event>, attention: &mut Attention) {
        let mut look = || self.heard(events, Some(&AT_ONCE));
        let found = look().or_else(|| attention.look(look));
        if found.is_none() {
            let _ = self.heard(events, None);
        }
    }

    /// Puts those who have sent something into `events`; `None` where that is nobody.
    fn heard(&self, events: &mut Vec<Event>, limit: Option<&Timespec>) -> Option<()> {
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(events), limit) {
            Ok(0) | Err(Errno::INTR) => None,
            Ok(_) => Some(()),
            Err(error) => {
                tracing::error!(%error, "clients cannot be waited for");
                thread::sleep(LONG);
                None
            }
        }
    }

    /// The conversation of this number, for whoever has the turn of that number.
    fn take(&self, number: u64, session: u64) -> Taken {
        let mut state = self.lock();
        if !state.has(number) {
            return Taken::TurnIsOver;
        }
        let Some(taken) = state.parked.remove(&session) else {
            return Taken::Nobody;
        };
        state.answering.push((session, Arc::clone(taken.stream())));
        state.begun += 1;
        if !state.watched {
            state.watched = true;
            drop(state);
            self.changed.notify_one();
        }
        Taken::Session(taken)
    }

    /// Whether there is a core for another thread.
    fn begin_to_help(&self) -> bool {
        let mut state = self.lock();
        let may = state.helping + 1 < self.cores;
        state.helping += usize::from(may);
        may
    }

    /// Answers what a client has sent; a single write in the company of others is left for
    /// [`serve_writers`](Self::serve_writers).
    fn serve(&self, number: u64, mut session: Box<Session>, company: Company) {
        let next = match session.hear() {
            Heard::Nothing => Next::Whenever,
            Heard::End => Next::Never,
            Heard::Request(request) => {
                if company == Others
                    && let Some(id) = session.may_combine(request)
                {
                    let mut state = self.lock();
                    if state.has(number) {
                        state.writers.push((session, id, request));
                        return;
                    }
                    drop(state);
                    session.write_alone(id, request)
                } else {
                    session.answer(request)
                }
            }
        };
        self.park(number, session, next);
    }

    /// Waits for the next request of a conversation, if there is to be one.
    fn park(&self, number: u64, session: Box<Session>, next: Next) {
        let id = session.number();
        let mut state = self.lock();
        let heard = state.has(number);
        state
            .answering
            .retain(|(answered, _)| !heard || *answered != id);
        match next {
            Next::Whenever if heard => {
                state.parked.insert(id, session);
            }
            Next::Whenever => match self.listen(id, session.stream()) {
                Ok(()) => {
                    state.parked.insert(id, session);
                }
                Err(error) => {
                    drop(state);
                    tracing::warn!(session = id, %error, "a client cannot be waited for");
                }
            },
            Next::Never => {
                if heard {
                    // Where that fails the client is gone.
                    let _ = epoll::delete(&self.epoll, &**session.stream());
                }
                // The end of a conversation may take long.
                drop(state);
            }
        }
    }

    fn listen(&self, session: u64, stream: &UnixStream) -> io::Result<()> {
        let data = EventData::new_u64(session);
        Ok(epoll::add(&self.epoll, stream, data, EventFlags::IN)?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = thread::Builder::new()
        .name("clients".into())
        .stack_size(STACK_BYTES);
    builder.spawn(work).map(|_| ())
}

/// Who has sent something at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    Others,
}

/// What [`Switchboard::take`] finds.
enum Taken {
    Session(Box<Session>),
    /// Another thread works on it, or it has ended.
    Nobody,
    TurnIsOver,
}

impl State {
    fn has(&self, number: u64) -> bool {
        self.taken && self.turn == number
    }
}
