//! Takes connections: so many at once, in the clear or by TLS, and none that keeps the server waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::gate::Gate;

/// How long others may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest time for the head of a request, and between two requests of one connection.
    pub head: Duration,
    /// Longest time for the body of a request to arrive.
    pub body: Duration,
    /// Longest time for a TLS handshake.
    pub handshake: Duration,
    /// Longest time in which a client takes nothing of an answer.
    pub write: Duration,
    /// Longest time for a command that only reads and is no job.
    pub command: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            write: Duration::from_secs(60),
            command: Duration::from_secs(60),
        }
    }
}

/// The longest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Pause after the system refused a connection, mostly for want of file descriptors.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// What connections are taken with.
pub(super) struct Entrance {
    /// Where they come in.
    pub(super) listener: TcpListener,
    /// Whose guard knows whether they speak TLS.
    pub(super) gate: Arc<Gate>,
    pub(super) patience: Patience,
    /// Most connections at once; further ones wait for a place.
    pub(super) most: usize,
    /// Becomes true when no more are taken and those that are idle are to end.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Answers requests of all connections with `router` until the stop, and until those that had begun are answered.
pub(super) async fn take(entrance: Entrance, router: Router) {
    let Entrance {
        listener,
        gate,
        patience,
        most,
        mut stopping,
    } = entrance;
    let places = Arc::new(Semaphore::new(most));
    // Each connection holds a sender; the receiver hears when the last is gone.
    let (open, mut all_gone) = mpsc::channel::<()>(1);
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, accept(&listener).await)
        };
        let (place, stream) = tokio::select! {
            next = next => next,
            () = stopped(&mut stopping) => break,
        };
        let (open, stopping, router) = (open.clone(), stopping.clone(), router.clone());
        let tls = gate.guard().tls.clone();
        tokio::spawn(async move {
            let _held = (place, open);
            match tls {
                None => converse(stream, router, patience, stopping).await,
                Some(tls) => match handshake(tls, stream, patience).await {
                    Some(stream) => converse(stream, router, patience, stopping).await,
                    None => tracing::debug!("a TLS handshake failed"),
                },
            }
        });
    }
    drop((listener, open));
    all_gone.recv().await;
}

/// Waits for the end of the server.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is dropped only after it has spoken.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and written at once; where it fails they are only slower.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

async fn handshake(
    tls: TlsAcceptor,
    stream: TcpStream,
    patience: Patience,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let done = tokio::time::timeout(patience.handshake, tls.accept(stream)).await;
    done.ok()?.ok()
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    router: Router,
    patience: Patience,
    mut stopping: watch::Receiver<bool>,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(patience.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(router),
        )
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
