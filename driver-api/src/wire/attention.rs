//! A socket whose reader stays awake for a moment while the processor is idle, and sleeps otherwise.
//!
//! Waking a sleeping thread on another core costs about ten times what an answer of the database does. A
//! reader that looks again and again instead sees the answer at once, but takes the core from whoever has
//! something to do. So it looks only for about as long as a wake-up would take, yields between the looks,
//! and stops looking for a growing number of waits when that was of no use: when nothing came, or when a
//! yield gave the core away, which means that there are more runnable threads than cores.
//!
//! It sleeps in `poll`, not in `recv`: whoever takes bytes from a Unix socket wakes a thread that sleeps in `recv` at the
//! other end, as if it waited for room to write. Each request would cost two such wake-ups for nothing.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// How long a reader looks: about the cost of the wake-up that looking saves.
const LOOK_FOR: Duration = Duration::from_micros(50);

/// A look that took longer gave its core to another thread.
const GAVE_AWAY: Duration = Duration::from_micros(15);

/// Most waits in a row that begin asleep after looking was of no use.
const MOST_ASLEEP: u32 = 256;

/// Threads of this process that are looking now.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

/// Most threads of one process that look at the same time. One is enough for a process that asks one thing
/// at a time, and for a worker with one busy client; several busy clients keep the cores busy anyway.
const MOST_LOOKING: usize = 1;

/// Looks for a moment before its owner sleeps, where that is of use; see the module.
#[derive(Debug)]
pub struct Attention {
    /// Threads that are looking now; those of this process, apart from tests.
    looking: &'static AtomicUsize,
    /// Waits that begin asleep before the next look.
    asleep: u32,
    /// How many it will be after the next useless look.
    penalty: u32,
}

impl Default for Attention {
    fn default() -> Self {
        Self::new()
    }
}

impl Attention {
    /// One that looks when it is first asked to.
    pub fn new() -> Self {
        Self::counted_by(&LOOKING)
    }

    fn counted_by(looking: &'static AtomicUsize) -> Self {
        Self {
            looking,
            asleep: 0,
            penalty: 1,
        }
    }

    /// What `found` finds, which is asked again and again without sleeping; `None` when it is time to sleep.
    pub fn look<T>(&mut self, found: impl FnMut() -> Option<T>) -> Option<T> {
        if self.asleep > 0 {
            self.asleep -= 1;
            return None;
        }
        let place = Place::take(self.looking)?;
        let found = look_for_a_moment(found);
        drop(place);
        if found.is_some() {
            self.penalty = 1;
        } else {
            self.asleep = self.penalty;
            self.penalty = (self.penalty * 2).min(MOST_ASLEEP);
        }
        found
    }
}

/// A Unix socket for a [`FrameReader`](super::frame::FrameReader); see the module.
#[derive(Debug)]
pub struct AttentiveStream {
    stream: UnixStream,
    /// Longest sleep; for ever without it.
    limit: Cell<Option<Duration>>,
    attention: Attention,
}

impl AttentiveStream {
    /// Reads from this socket, for as long as it takes.
    pub fn new(stream: UnixStream) -> Self {
        Self::counted_by(stream, &LOOKING)
    }

    fn counted_by(stream: UnixStream, looking: &'static AtomicUsize) -> Self {
        Self {
            stream,
            limit: Cell::new(None),
            attention: Attention::counted_by(looking),
        }
    }

    /// From now on a read that gets nothing for so long fails with [`ErrorKind::WouldBlock`].
    pub fn wait_at_most(&self, limit: Option<Duration>) {
        self.limit.set(limit);
    }

    /// The socket.
    pub fn socket(&self) -> &UnixStream {
        &self.stream
    }

    fn sleep_and_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = self.limit.get().map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        });
        loop {
            let mut socket = [PollFd::new(&self.stream, PollFlags::IN)];
            if poll(&mut socket, limit.as_ref())? == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            match recv(&self.stream, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((count, _)) => return Ok(count),
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Looks for bytes without sleeping; `None` when it is time to sleep.
    fn look(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let stream = &self.stream;
        self.attention
            .look(|| match recv(stream, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((count, _)) => Some(Ok(count)),
                Err(Errno::AGAIN) => None,
                Err(error) => Some(Err(error.into())),
            })
    }
}

impl Read for AttentiveStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.look(buffer) {
            Some(result) => result,
            None => self.sleep_and_read(buffer),
        }
    }
}

fn look_for_a_moment<T>(mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    let mut last = begun;
    loop {
        if let Some(found) = found() {
            return Some(found);
        }
        thread::yield_now();
        let now = Instant::now();
        if now - last > GAVE_AWAY || now - begun > LOOK_FOR {
            return None;
        }
        last = now;
    }
}

/// The right to look, given back when it is dropped.
struct Place(&'static AtomicUsize);

impl Place {
    fn take(looking: &'static AtomicUsize) -> Option<Self> {
        let before = looking.fetch_add(1, Ordering::Relaxed);
        // Given back at once, by its drop, where it was one too many.
        let place = Self(looking);
        (before < MOST_LOOKING).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The two ends; tests run at the same time, so each end counts for itself.
    fn pair() -> (UnixStream, AttentiveStream) {
        let (near, far) = UnixStream::pair().unwrap();
        let looking = Box::leak(Box::new(AtomicUsize::new(0)));
        (near, AttentiveStream::counted_by(far, looking))
    }

    #[test]
    fn what_was_sent_arrives_whether_the_reader_looks_or_sleeps() {
        let (mut near, mut reader) = pair();
        let mut buffer = [0; 8];
        for asleep in [0, 1] {
            reader.attention.asleep = asleep;
            near.write_all(b"hello").unwrap();
            assert_eq!(reader.read(&mut buffer).unwrap(), 5);
            assert_eq!(&buffer[..5], b"hello");
        }
        drop(near);
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_read_ends_at_its_limit() {
        let (_near, mut reader) = pair();
        reader.wait_at_most(Some(Duration::from_millis(5)));
        let error = reader.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn looking_in_vain_makes_the_next_waits_begin_asleep_and_success_ends_that() {
        let (mut near, mut reader) = pair();
        let mut buffer = [0; 8];
        for expected in [1, 2, 4] {
            assert!(reader.look(&mut buffer).is_none());
            assert_eq!(reader.attention.asleep, expected);
            for _ in 0..expected {
                assert!(reader.look(&mut buffer).is_none());
            }
            assert_eq!(reader.attention.asleep, 0);
        }
        near.write_all(b"x").unwrap();
        assert_eq!(reader.look(&mut buffer).unwrap().unwrap(), 1);
        assert_eq!((reader.attention.asleep, reader.attention.penalty), (0, 1));
    }
}
