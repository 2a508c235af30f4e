//! A relay on loopback before a server: it passes bytes on, swallows them, or cuts the connection at a chosen moment.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A relay; its connections are cut when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of both directions vanish, and new connections are taken and never answered.
    black_hole: AtomicBool,
    /// No connection is taken any more.
    ended: AtomicBool,
    trap: Mutex<Option<Trap>>,
    /// Both ends of every connection, to cut them.
    streams: Mutex<Vec<TcpStream>>,
}

/// What cuts a connection when the client sends it.
#[derive(Clone, Debug)]
struct Trap {
    bytes: Vec<u8>,
    /// Whether the server still gets it, so that only its answer is lost.
    delivered: bool,
}

impl Relay {
    /// Starts a relay to a server on this machine's port.
    pub fn start(server_port: u16) -> Self {
        Self::start_on("127.0.0.1", server_port)
    }

    /// Starts a relay that is reached under another address of this machine.
    pub fn start_on(address: &str, server_port: u16) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                connect(client, server_port, &shared);
            }
        });
        Self { address, state }
    }

    /// The port on which it takes connections.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on bytes vanish, as in a network that is cut without a word; or pass again.
    pub fn black_hole(&self, on: bool) {
        self.state.black_hole.store(on, Ordering::SeqCst);
    }

    /// Cuts the connection on which the client next sends these bytes: the server gets them, and its answer is lost.
    pub fn cut_after(&self, bytes: &[u8]) {
        self.set_trap(bytes, true);
    }

    /// Cuts the connection on which the client next sends these bytes: the server does not get them.
    pub fn cut_before(&self, bytes: &[u8]) {
        self.set_trap(bytes, false);
    }

    fn set_trap(&self, bytes: &[u8], delivered: bool) {
        let bytes = bytes.to_vec();
        *self.state.trap.lock().unwrap() = Some(Trap { bytes, delivered });
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        for stream in self.state.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the listening thread.
        let _ = TcpStream::connect(self.address);
        self.cut();
    }
}

fn connect(client: TcpStream, server_port: u16, state: &Arc<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)) else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let mut streams = state.streams.lock().unwrap();
    streams.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    drop(streams);
    let sprung = Arc::new(AtomicBool::new(false));
    let up = Way {
        from: client.try_clone().unwrap(),
        to: server.try_clone().unwrap(),
        state: Arc::clone(state),
        sprung: Arc::clone(&sprung),
        from_client: true,
    };
    let down = Way {
        from: server,
        to: client,
        state: Arc::clone(state),
        sprung,
        from_client: false,
    };
    thread::spawn(move || up.run());
    thread::spawn(move || down.run());
}

/// One direction of one connection.
struct Way {
    from: TcpStream,
    to: TcpStream,
    state: Arc<State>,
    /// The trap of this connection was sprung: no answer of the server passes any more.
    sprung: Arc<AtomicBool>,
    from_client: bool,
}

impl Way {
    fn run(mut self) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = self.from.read(&mut buffer) {
            if !self.pass(&buffer[..length]) {
                break;
            }
        }
        let _ = self.from.shutdown(Shutdown::Both);
        // A server whose answer is not wanted works on until it answers.
        if !self.sprung.load(Ordering::SeqCst) {
            let _ = self.to.shutdown(Shutdown::Both);
        }
    }

    /// Passes bytes on; `false` when the connection is to be cut.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        if self.state.black_hole.load(Ordering::SeqCst) {
            return true;
        }
        if !self.from_client {
            return !self.sprung.load(Ordering::SeqCst) && self.to.write_all(bytes).is_ok();
        }
        match self.springs(bytes) {
            Some(trap) if !trap.delivered => false,
            Some(_) => {
                self.sprung.store(true, Ordering::SeqCst);
                let _ = self.to.write_all(bytes);
                // The client does not learn when the server is done.
                false
            }
            None => self.to.write_all(bytes).is_ok(),
        }
    }

    /// The trap that these bytes spring; it is used up by that.
    fn springs(&self, bytes: &[u8]) -> Option<Trap> {
        let mut trap = self.state.trap.lock().unwrap();
        let sought = &trap.as_ref()?.bytes;
        let found = bytes.windows(sought.len()).any(|window| window == sought);
        if found { trap.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, and its port.
    fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut reader = stream.try_clone().unwrap();
                    let _ = std::io::copy(&mut reader, &mut &stream);
                });
            }
        });
        port
    }

    fn ask(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
        stream.write_all(bytes).unwrap();
        let mut answer = vec![0; bytes.len()];
        let length = stream.read(&mut answer).unwrap_or(0);
        answer.truncate(length);
        answer
    }

    #[test]
    fn bytes_pass_and_the_trap_cuts_the_answer() {
        let relay = Relay::start(echo());
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
        assert_eq!(ask(&mut stream, b"hello"), b"hello");
        relay.cut_after(b"COMMIT");
        assert_eq!(ask(&mut stream, b"hello"), b"hello");
        assert_eq!(ask(&mut stream, b"..COMMIT.."), b"");
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
        assert_eq!(ask(&mut stream, b"COMMIT"), b"COMMIT");
        relay.cut();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }

    #[test]
    fn a_black_hole_takes_everything_and_answers_nothing() {
        let relay = Relay::start(echo());
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
        relay.black_hole(true);
        let pause = std::time::Duration::from_millis(100);
        stream.set_read_timeout(Some(pause)).unwrap();
        stream.write_all(b"hello").unwrap();
        assert!(stream.read(&mut [0]).is_err());
    }
}
