//! Sockets to the server: opened, given limits for a cut network, and asked whether anybody is there.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use driver_api::{Result, TlsMode};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect_error::{Failure, explain, no_answer};
use crate::options::{Address, PostgresOptions};
use crate::pump::Server;
use crate::tls;

/// Asks a server whether it offers TLS; every one answers with one byte, and costs no session.
const TLS_QUESTION: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A socket of either family.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

type AnySocket = Box<dyn Socket>;

/// Opens sockets to one server.
pub(crate) struct Dialer {
    address: Address,
    /// Which of the addresses behind the host's name the session is with.
    peer: Option<SocketAddr>,
    /// The server's name for TLS, where there is TLS.
    tls: Option<MakeRustlsConnect>,
    connect_timeout: Duration,
    partition_timeout: Duration,
}

/// A session, just started.
pub(crate) struct Dialled {
    pub(crate) client: Client,
    /// What must be polled for the session to go on.
    pub(crate) server: Server,
    /// Whether the server is a standby, which takes no writes.
    pub(crate) standby: bool,
    /// The server's major version.
    pub(crate) version: u32,
}

impl Dialer {
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self> {
        Ok(Self {
            address: options.address.clone(),
            peer: None,
            tls: tls::connector(options)?,
            connect_timeout: options.connect_timeout,
            partition_timeout: options.partition_timeout,
        })
    }

    /// How long an answer to the start of a session, or to a request to stop, is waited for.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Starts a session.
    pub(crate) async fn dial(&mut self, options: &PostgresOptions) -> Result<Dialled> {
        let config = config(options);
        let limit = self.connect_timeout;
        match timeout(limit, self.start(&config)).await {
            Ok(Ok(dialled)) => Ok(dialled),
            Ok(Err(failure)) => Err(explain(failure, options)),
            Err(_) => Err(no_answer(options)),
        }
    }

    async fn start(&mut self, config: &Config) -> std::result::Result<Dialled, Failure> {
        let socket = self.open().await.map_err(Failure::Socket)?;
        match self.encryption::<AnySocket>() {
            None => {
                let (client, connection) = config.connect_raw(socket, NoTls).await?;
                Ok(dialled(client, connection))
            }
            Some(tls) => {
                let (client, connection) = config.connect_raw(socket, tls).await?;
                Ok(dialled(client, connection))
            }
        }
    }

    /// Asks the server to stop what this session runs, and waits until it has done so: the server
    /// closes the socket once it has.
    pub(crate) async fn cancel(&self, token: &CancelToken) -> io::Result<()> {
        let ask = async {
            let (lent, returned) = Lent::new(self.open_again().await?);
            match self.encryption::<Lent>() {
                None => token.cancel_query_raw(lent, NoTls).await,
                Some(tls) => token.cancel_query_raw(lent, tls).await,
            }
            .map_err(io::Error::other)?;
            let mut socket = returned.take().ok_or(io::ErrorKind::NotConnected)?;
            let mut rest = [0; 64];
            // Over TLS the server may not wait for the client's farewell, and reset the socket.
            while let Ok(1..) = socket.read(&mut rest).await {}
            Ok(())
        };
        within(self.connect_timeout, ask).await
    }

    /// Makes sure that the server still answers at the session's address.
    pub(crate) async fn probe(&self) -> io::Result<()> {
        let ask = async {
            let mut socket = self.open_again().await?;
            socket.write_all(&TLS_QUESTION).await?;
            socket.flush().await?;
            socket.read_u8().await.map(drop)
        };
        within(self.connect_timeout, ask).await
    }

    /// Opens the socket of a session, at the first of the host's addresses that takes one.
    async fn open(&mut self) -> io::Result<AnySocket> {
        let addresses: Vec<SocketAddr> = match &self.address {
            Address::Unix(_) => return self.open_again().await,
            Address::Tcp { host, port } => lookup_host((host.as_str(), *port)).await?.collect(),
        };
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in addresses {
            self.peer = Some(address);
            match self.open_again().await {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Opens a socket to the server that the session is with: behind a name there may be others.
    async fn open_again(&self) -> io::Result<AnySocket> {
        if let Address::Unix(path) = &self.address {
            return Ok(Box::new(UnixStream::connect(path).await?));
        }
        let peer = self.peer.ok_or(io::ErrorKind::NotConnected)?;
        let stream = TcpStream::connect(peer).await?;
        self.set_limits(&stream)?;
        Ok(Box::new(stream))
    }

    /// What is not acknowledged in time, or a peer that is silently gone, ends a wait.
    fn set_limits(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let third = (self.partition_timeout / 3).max(Duration::from_secs(1));
        let keepalive = TcpKeepalive::new()
            .with_time(third)
            .with_interval(third)
            .with_retries(3);
        let socket = SockRef::from(stream);
        socket.set_tcp_keepalive(&keepalive)?;
        socket.set_tcp_user_timeout(Some(self.partition_timeout))
    }

    /// What encrypts a socket of this type, where the options ask for it.
    fn encryption<S: Socket + 'static>(
        &self,
    ) -> Option<<MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect> {
        let mut tls = self.tls.clone()?;
        MakeTlsConnect::<S>::make_tls_connect(&mut tls, self.host()).ok()
    }

    fn host(&self) -> &str {
        match &self.address {
            Address::Tcp { host, .. } => host,
            Address::Unix(_) => "localhost",
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await?
}

fn dialled<T>(client: Client, connection: Connection<AnySocket, T>) -> Dialled
where
    T: Socket + 'static,
{
    let version = connection.parameter("server_version").unwrap_or_default();
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    Dialled {
        client,
        standby: connection.parameter("in_hot_standby") == Some("on"),
        version: major.parse().unwrap_or_default(),
        server: Box::pin(connection),
    }
}

/// What the session is started with. The settings come with the start, so that no statement resets
/// them to something else.
fn config(options: &PostgresOptions) -> Config {
    let on = |yes: bool| if yes { "on" } else { "off" };
    let settings = format!(
        "-c TimeZone=UTC -c standard_conforming_strings=on -c statement_timeout={} \
         -c lock_timeout={} -c idle_in_transaction_session_timeout={} \
         -c default_transaction_read_only={}",
        options.statement_timeout.as_millis(),
        options.lock_timeout.as_millis(),
        options.idle_transaction_timeout.as_millis(),
        on(options.read_only),
    );
    let mut config = Config::new();
    config
        .user(&options.user)
        .dbname(&options.database)
        .application_name(&options.application_name)
        .options(settings)
        .ssl_mode(match options.tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
    if let Some(password) = &options.password {
        config.password(password.reveal());
    }
    config
}

/// A socket that is given to the client crate and comes back when the crate drops it.
struct Lent {
    socket: Option<AnySocket>,
    home: Returned,
}

/// Where a lent socket comes back to.
#[derive(Clone, Default)]
struct Returned(Arc<Mutex<Option<AnySocket>>>);

impl Returned {
    fn take(&self) -> Option<AnySocket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Lent {
    fn new(socket: AnySocket) -> (Self, Returned) {
        let home = Returned::default();
        let lent = Self {
            socket: Some(socket),
            home: home.clone(),
        };
        (lent, home)
    }

    fn inner(self: Pin<&mut Self>) -> io::Result<Pin<&mut AnySocket>> {
        let gone = io::ErrorKind::NotConnected;
        Ok(Pin::new(self.get_mut().socket.as_mut().ok_or(gone)?))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut home = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        *home = self.socket.take();
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner()?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use test_needs::needs;
    use tokio::runtime::Builder;

    use super::*;
    use crate::testing::{TestDatabase, checked};

    #[needs(postgresql)]
    #[test]
    fn a_name_that_leads_elsewhere_by_now_does_not_lead_to_another_server() {
        let database = TestDatabase::new();
        let options = PostgresOptions::read(&checked(&database.options)).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut dialer = Dialer::new(&options).unwrap();
        let dialled = runtime.block_on(dialer.dial(&options)).unwrap();
        dialer.address = Address::Tcp {
            host: "elsewhere.invalid".into(),
            port: 1,
        };
        runtime.block_on(dialer.probe()).unwrap();
        let token = dialled.client.cancel_token();
        runtime.block_on(dialer.cancel(&token)).unwrap();
    }
}
