//! Sends the frames of a long answer from a thread of its own, while the query makes the next.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Buffers that wait to be sent: the query makes one more, and one more is under way.
const WAITING: usize = 2;

/// The thread, and the buffers that go there and come back.
pub(super) struct RowsSender {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<io::Result<()>>,
}

impl RowsSender {
    /// None where the system gives no thread.
    pub(super) fn start(stream: &Arc<UnixStream>) -> Option<Self> {
        let (full, to_send) = sync_channel::<Vec<u8>>(WAITING);
        let (sent, empty) = channel();
        let stream = Arc::clone(stream);
        let send_all = move || {
            for mut frames in to_send {
                (&*stream).write_all(&frames)?;
                frames.clear();
                // The query may have ended by now.
                let _ = sent.send(frames);
            }
            Ok(())
        };
        let thread = Builder::new().name("rows".into()).spawn(send_all).ok()?;
        Some(Self {
            full,
            empty,
            thread,
        })
    }

    /// Takes the frames, to be sent after those of before, and leaves an empty buffer in their place. What `before_waiting`
    /// gives is kept as long as this thread has to wait for the client. False where nothing can be sent any more;
    /// [`finish`](Self::finish) says why.
    pub(super) fn send<T>(&self, frames: &mut Vec<u8>, before_waiting: impl FnOnce() -> T) -> bool {
        let empty = self.empty.try_recv().unwrap_or_default();
        match self.full.try_send(std::mem::replace(frames, empty)) {
            Ok(()) => true,
            Err(TrySendError::Full(frames)) => {
                let _kept = before_waiting();
                self.full.send(frames).is_ok()
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// Waits until all is sent.
    ///
    /// # Errors
    /// Why the client does not take it.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.full);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread that sends rows panicked")))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn all_arrives_in_order_and_buffers_come_back() {
        let (worker, mut client) = UnixStream::pair().unwrap();
        let sender = RowsSender::start(&Arc::new(worker)).unwrap();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            client.read_to_end(&mut all).map(|_| all)
        });
        let (mut frames, mut expected) = (Vec::new(), Vec::new());
        for number in 0..100_u32 {
            frames.extend(number.to_le_bytes().repeat(10_000));
            expected.extend_from_slice(&frames);
            assert!(sender.send(&mut frames, || ()));
            assert!(frames.is_empty());
        }
        sender.finish().unwrap();
        assert!(reader.join().unwrap().unwrap() == expected);
    }

    #[test]
    fn a_client_that_is_gone_ends_it_with_the_reason() {
        let (worker, client) = UnixStream::pair().unwrap();
        let sender = RowsSender::start(&Arc::new(worker)).unwrap();
        drop(client);
        let mut sent = 0;
        while sender.send(&mut vec![0; 1024], || ()) {
            sent += 1;
            assert!(sent < 100_000, "nobody takes them");
        }
        let why = sender.finish().unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::BrokenPipe);
    }
}
