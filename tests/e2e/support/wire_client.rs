//! A client of the DB worker that speaks the protocol itself, and so can do what the proxy driver never does.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;

use driver_api::wire::PROTOCOL;
use driver_api::wire::frame::FrameReader;
use driver_api::wire::message::{Hello, Reply, Request, Welcome};
use driver_api::{DriverError, ExecuteResult, RowBlockRef};

use super::server::PATIENCE;

pub struct WireClient {
    reader: FrameReader<UnixStream>,
    pub welcome: Welcome,
}

impl WireClient {
    /// Connects under this name; the worker must take it.
    pub fn connect(socket: &Path, client: &str) -> Self {
        Self::try_connect(socket, client).unwrap()
    }

    /// Connects under this name.
    pub fn try_connect(socket: &Path, client: &str) -> Result<Self, DriverError> {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = FrameReader::new(stream);
        let hello = Request::Hello(Hello {
            protocol: PROTOCOL,
            client: client.to_owned(),
            pid: std::process::id(),
            read_only: false,
        });
        // Whoever is refused may find the socket closed by now; the reason can be read all the same.
        let _ = try_send(&reader, &hello);
        let frame = reader.next_frame().unwrap().unwrap();
        match Reply::read(frame).unwrap() {
            Reply::Welcome(welcome) => Ok(Self { reader, welcome }),
            Reply::Error(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    /// Sends a request and does not wait for its answer.
    pub fn send(&self, request: &Request<'_>) {
        try_send(&self.reader, request).unwrap();
    }

    /// The last answer to a request, and the first column of the rows before it.
    pub fn receive(&mut self) -> (Vec<i64>, Result<ExecuteResult, DriverError>) {
        let mut rows = Vec::new();
        loop {
            let frame = self.reader.next_frame().unwrap().unwrap();
            match Reply::read(frame).unwrap() {
                Reply::Header { .. } => {}
                Reply::Block(block) => {
                    let block = RowBlockRef::parse(block).unwrap();
                    rows.extend(block.iter().map(|row| row.unwrap().i64(0).unwrap()));
                }
                Reply::Done(result) => return (rows, Ok(result)),
                Reply::Error(error) => return (rows, Err(error)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a request and takes its answer.
    pub fn ask(&mut self, request: &Request<'_>) -> Result<ExecuteResult, DriverError> {
        self.send(request);
        self.receive().1
    }
}

fn try_send(reader: &FrameReader<UnixStream>, request: &Request<'_>) -> std::io::Result<()> {
    let mut out = Vec::new();
    request.append_to(&mut out).unwrap();
    reader.stream().write_all(&out)
}
