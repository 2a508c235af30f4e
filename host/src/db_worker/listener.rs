//! The worker's socket: who may connect, and is heard from then on.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use driver_api::{DriverError, ErrorClass};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{Shutdown, shutdown};
use rustix::process::geteuid;

use super::service::Service;
use super::session::{self, Session};
use super::switchboard::Switchboard;
use crate::foundation::peer::may_talk_to;

/// The pause after a connection could not be accepted: out of descriptors, for example.
const PAUSE: Duration = Duration::from_millis(50);

/// The listening socket; its file goes when this is dropped.
pub(super) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. The caller owns the database, so a file that is there is a dead owner's.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Takes whoever connects, until the sessions drain and [`stop`](Self::stop) is called.
    pub(super) fn accept_all(&self, service: &Arc<Service>, board: &Switchboard) {
        let mut spare = open_spare();
        loop {
            let accepted = self.listener.accept();
            if service.sessions.is_draining() {
                return;
            }
            if accepted.as_ref().is_err_and(is_out_of_descriptors) && spare.take().is_some() {
                // With the one that is free now, whoever comes next is told.
                continue;
            }
            let begun = accepted.and_then(|(stream, _)| begin(service, board, stream));
            if let Err(error) = begun {
                tracing::warn!(%error, "a client could not be accepted");
                thread::sleep(PAUSE);
            }
            if spare.is_none() {
                spare = open_spare();
            }
        }
    }

    /// Ends [`accept_all`](Self::accept_all), from another thread.
    pub(super) fn stop(&self) -> io::Result<()> {
        Ok(shutdown(&self.listener, Shutdown::Both)?)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The next worker removes it too.
        let _ = fs::remove_file(&self.path);
    }
}

fn begin(service: &Arc<Service>, board: &Switchboard, stream: UnixStream) -> io::Result<()> {
    let peer = socket_peercred(&stream)?;
    if !may_talk_to(peer.uid, geteuid(), None) {
        tracing::warn!(
            uid = peer.uid.as_raw(),
            "another user's process was turned away"
        );
        return Ok(());
    }
    let slot = match service.sessions.enter(&stream) {
        Ok(slot) => slot,
        Err(reason) => return session::refuse(&stream, reason.into()),
    };
    let answers = Arc::clone(&slot.stream);
    let session = Session::new(Arc::clone(service), stream, slot)?;
    board.add(Box::new(session)).or_else(|error| {
        tracing::warn!(%error, "a client cannot be waited for");
        let refusal = DriverError::new(ErrorClass::Unavailable, "the DB worker has no room");
        session::refuse(&answers, refusal.with_detail(error.to_string()).retryable())
    })
}

/// A descriptor that is kept only to be given up, so that a client can be told when there is no other.
fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let full = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    full.iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
