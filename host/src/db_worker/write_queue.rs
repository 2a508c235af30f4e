//! Whose turn it is to write: arrival order, with neighbouring single writes handed over as one group.
//!
//! There is no writer thread. Whoever finds the writer free takes it and works in its own thread; who
//! comes meanwhile waits in the queue. When the holder is done, the first in the queue is woken: an
//! interactive transaction gets the writer for itself, a single write gets it together with the
//! single writes right behind it, which it carries out for all of them in one commit.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use driver_api::{CancelHandle, DriverError, ErrorClass, Result};

use super::running_call::RunningCall;
use super::turn;

/// Most writes that one commit carries besides the holder's own: what a crash can take back at once,
/// and how long the first of them waits for the last.
const LARGEST_GROUP: usize = 255;

/// The queue; `T` is a single write, `R` its result.
pub(super) struct WriteQueue<T, R> {
    /// Shared with those that may leave it.
    state: Arc<Mutex<State<T, R>>>,
}

struct State<T, R> {
    held: bool,
    waiting: VecDeque<Waiting<T, R>>,
}

/// Somebody who waits: with a write that another may carry out, or for the writer itself.
struct Waiting<T, R> {
    write: Option<T>,
    ticket: Arc<Ticket<R>>,
}

/// Where somebody who waits hears what happened.
struct Ticket<R> {
    news: Mutex<Option<News<R>>>,
    arrived: Condvar,
}

enum News<R> {
    /// The writer is yours.
    YourTurn,
    /// Your write was carried out by another.
    Done(R),
    /// Another took your write and ended without an answer: its driver call panicked.
    Lost,
    /// You left the queue.
    Left,
}

/// What a single write gets when it asks for the writer.
pub(super) enum Turn<T, R> {
    /// The writer is the caller's: carry out the own write, then these, and tell the others through
    /// [`GroupMember::done`].
    Yours(Vec<GroupMember<T, R>>),
    /// Another has carried it out.
    Done(R),
    /// Another took it and ended without an answer: whether it was carried out is not known.
    Lost,
}

/// A write that somebody else waits for. Dropped without an answer, it tells the one who waits so.
pub(super) struct GroupMember<T, R> {
    pub(super) write: T,
    ticket: Arc<Ticket<R>>,
    answered: bool,
}

impl<T, R> GroupMember<T, R> {
    /// Tells the one who waits.
    pub(super) fn done(mut self, result: R) {
        self.answered = true;
        self.ticket.tell(News::Done(result));
    }
}

impl<T, R> Drop for GroupMember<T, R> {
    fn drop(&mut self) {
        if !self.answered {
            self.ticket.tell(News::Lost);
        }
    }
}

/// Takes somebody out of the queue, unless the turn or another has come first.
struct Leave<T, R> {
    state: Arc<Mutex<State<T, R>>>,
    ticket: Arc<Ticket<R>>,
}

impl<T: Send, R: Send> CancelHandle for Leave<T, R> {
    fn cancel(&self) -> Result<()> {
        let mut state = lock(&self.state);
        let mine = |waiting: &Waiting<T, R>| Arc::ptr_eq(&waiting.ticket, &self.ticket);
        if let Some(place) = state.waiting.iter().position(mine) {
            state.waiting.remove(place);
            self.ticket.tell(News::Left);
        }
        Ok(())
    }
}

impl<T: Send + 'static, R: Send + 'static> WriteQueue<T, R> {
    pub(super) fn new() -> Self {
        let state = State {
            held: false,
            waiting: VecDeque::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Takes the writer if nobody has it and nobody waits; the caller must then call [`release`](Self::release).
    pub(super) fn enter_at_once(&self) -> bool {
        !std::mem::replace(&mut self.lock().held, true)
    }

    /// Asks for the writer with a single write; `copy` makes the form in which another can carry it
    /// out, and is called only when it has to wait. Unless the answer is [`Turn::Done`], the caller
    /// holds the writer and must call [`release`](Self::release).
    ///
    /// # Errors
    /// [`ErrorClass::Cancelled`] where `running` was cancelled while it waited.
    pub(super) fn enter(
        &self,
        running: &RunningCall,
        copy: impl FnOnce() -> T,
    ) -> Result<Turn<T, R>> {
        let Some(ticket) = self.ticket(|| Some(copy())) else {
            return Ok(Turn::Yours(Vec::new()));
        };
        match self.wait(&ticket, running)? {
            News::Done(result) => Ok(Turn::Done(result)),
            News::Lost => Ok(Turn::Lost),
            News::YourTurn => Ok(Turn::Yours(self.take_group())),
            News::Left => Err(left()),
        }
    }

    /// Asks for the writer alone, for as long as it takes. The caller must call [`release`](Self::release) after
    /// success.
    ///
    /// # Errors
    /// As [`enter`](Self::enter).
    pub(super) fn enter_alone(&self, running: &RunningCall) -> Result<()> {
        let Some(ticket) = self.ticket(|| None) else {
            return Ok(());
        };
        match self.wait(&ticket, running)? {
            News::Left => Err(left()),
            // Nobody carries out what is no single write.
            News::YourTurn | News::Done(_) | News::Lost => Ok(()),
        }
    }

    /// A place at the end of the queue; `None` where the writer was free and is the caller's now.
    fn ticket(&self, write: impl FnOnce() -> Option<T>) -> Option<Arc<Ticket<R>>> {
        let mut state = self.lock();
        let waits = std::mem::replace(&mut state.held, true);
        waits.then(|| state.wait(write()))
    }

    fn wait(&self, ticket: &Arc<Ticket<R>>, running: &RunningCall) -> Result<News<R>> {
        let leave = Leave {
            state: Arc::clone(&self.state),
            ticket: Arc::clone(ticket),
        };
        running.while_waiting(Arc::new(leave), || ticket.news())
    }

    /// Gives the writer to the first who waits, or leaves it free.
    pub(super) fn release(&self) {
        let next = {
            let mut state = self.lock();
            let next = state.waiting.pop_front();
            state.held = next.is_some();
            next
        };
        if let Some(waiting) = next {
            waiting.ticket.tell(News::YourTurn);
        }
    }

    /// The single writes at the head of the queue, up to the first who wants the writer alone.
    pub(super) fn take_group(&self) -> Vec<GroupMember<T, R>> {
        let mut state = self.lock();
        let mut group = Vec::new();
        while group.len() < LARGEST_GROUP
            && matches!(state.waiting.front(), Some(Waiting { write: Some(_), .. }))
        {
            if let Some(Waiting {
                write: Some(write),
                ticket,
            }) = state.waiting.pop_front()
            {
                group.push(GroupMember {
                    write,
                    ticket,
                    answered: false,
                });
            }
        }
        group
    }

    fn lock(&self) -> MutexGuard<'_, State<T, R>> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn left() -> DriverError {
    let message = "the call was cancelled while it waited for the writer";
    DriverError::new(ErrorClass::Cancelled, message).with_sqlstate("57014")
}

impl<T, R> State<T, R> {
    fn wait(&mut self, write: Option<T>) -> Arc<Ticket<R>> {
        let ticket = Arc::new(Ticket {
            news: Mutex::new(None),
            arrived: Condvar::new(),
        });
        self.waiting.push_back(Waiting {
            write,
            ticket: Arc::clone(&ticket),
        });
        ticket
    }
}

impl<R> Ticket<R> {
    fn tell(&self, news: News<R>) {
        *lock(&self.news) = Some(news);
        self.arrived.notify_one();
    }

    fn news(&self) -> News<R> {
        // Whoever holds the writer may need to be heard before it gives it back.
        turn::pass_on();
        let mut news = lock(&self.news);
        loop {
            if let Some(news) = news.take() {
                return news;
            }
            news = self
                .arrived
                .wait(news)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    type Queue = WriteQueue<u32, u32>;

    fn waiting(queue: &Queue) -> usize {
        queue.lock().waiting.len()
    }

    fn until_waiting(queue: &Queue, count: usize) {
        while waiting(queue) < count {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn enter(queue: &Queue, number: u32) -> Turn<u32, u32> {
        queue.enter(&RunningCall::default(), || number).unwrap()
    }

    fn enter_alone(queue: &Queue) {
        queue.enter_alone(&RunningCall::default()).unwrap();
    }

    /// Asks with this number; as a leader, answers every member with twice its number.
    fn write(queue: &Queue, number: u32, groups: &mpsc::Sender<Vec<u32>>) -> u32 {
        let members = match enter(queue, number) {
            Turn::Done(result) => return result,
            Turn::Yours(members) => members,
            Turn::Lost => return 0,
        };
        let mut group = vec![number];
        group.extend(members.iter().map(|member| member.write));
        groups.send(group).unwrap();
        for member in members {
            let result = member.write * 2;
            member.done(result);
        }
        queue.release();
        number * 2
    }

    #[test]
    fn waiting_writes_are_one_group_and_a_transaction_keeps_its_place() {
        let queue = Queue::new();
        let (groups, seen) = mpsc::channel();
        enter_alone(&queue);
        thread::scope(|scope| {
            let mut results = Vec::new();
            for number in 1..=3 {
                let groups = groups.clone();
                results.push(scope.spawn({
                    let queue = &queue;
                    move || write(queue, number, &groups)
                }));
                until_waiting(&queue, number as usize);
            }
            let transaction = scope.spawn(|| {
                enter_alone(&queue);
                groups.send(vec![]).unwrap();
                queue.release();
            });
            until_waiting(&queue, 4);
            let late = scope.spawn({
                let (queue, groups) = (&queue, groups.clone());
                move || write(queue, 9, &groups)
            });
            until_waiting(&queue, 5);
            queue.release();
            let doubled: Vec<_> = results
                .into_iter()
                .map(|result| result.join().unwrap())
                .collect();
            assert_eq!(doubled, [2, 4, 6]);
            transaction.join().unwrap();
            assert_eq!(late.join().unwrap(), 18);
        });
        let order: Vec<_> = seen.try_iter().collect();
        assert_eq!(order, [vec![1, 2, 3], vec![], vec![9]]);
        assert!(!queue.lock().held);
    }

    #[test]
    fn a_member_whose_holder_is_lost_does_not_wait_for_ever() {
        let queue = Queue::new();
        enter_alone(&queue);
        thread::scope(|scope| {
            let holder = scope.spawn(|| match enter(&queue, 1) {
                Turn::Yours(members) => {
                    assert_eq!(members.len(), 1);
                    drop(members);
                    queue.release();
                }
                _ => panic!("the first in the queue holds the writer"),
            });
            until_waiting(&queue, 1);
            let member = scope.spawn(|| matches!(enter(&queue, 2), Turn::Lost));
            until_waiting(&queue, 2);
            queue.release();
            holder.join().unwrap();
            assert!(member.join().unwrap());
        });
    }

    #[test]
    fn a_free_writer_is_taken_at_once() {
        let queue = Queue::new();
        for _ in 0..2 {
            let nobody = RunningCall::default();
            let turn = queue.enter(&nobody, || unreachable!("a free writer needs no copy"));
            assert!(matches!(turn.unwrap(), Turn::Yours(members) if members.is_empty()));
            queue.release();
        }
    }

    #[test]
    fn whoever_is_cancelled_leaves_the_queue_and_a_cancel_that_came_before_is_not_forgotten() {
        let queue = Queue::new();
        enter_alone(&queue);
        let requests = [(); 3].map(|()| RunningCall::default());
        requests.iter().for_each(RunningCall::begin_request);
        requests[2].cancel().unwrap();
        thread::scope(|scope| {
            let single = scope.spawn(|| queue.enter(&requests[0], || 1).err().unwrap());
            until_waiting(&queue, 1);
            let alone = scope.spawn(|| queue.enter_alone(&requests[1]).unwrap_err());
            until_waiting(&queue, 2);
            requests[0].cancel().unwrap();
            assert_eq!(single.join().unwrap().class(), ErrorClass::Cancelled);
            requests[1].cancel().unwrap();
            assert_eq!(alone.join().unwrap().class(), ErrorClass::Cancelled);
        });
        let error = queue.enter(&requests[2], || 3).err().unwrap();
        assert_eq!(error.class(), ErrorClass::Cancelled);
        assert_eq!(waiting(&queue), 0);
        queue.release();
        assert!(queue.enter_at_once() && !queue.enter_at_once());
    }
}
