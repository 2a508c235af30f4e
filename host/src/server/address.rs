//! Where the server may listen: on this machine alone, because nobody is asked who he is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Others could reach the address.
    #[error(
        "server.host is {host:?}, but this version listens only on this machine (127.0.0.1, ::1 or localhost), \
         because it has neither TLS nor tokens yet; forward a port, for example with ssh -L, to reach it from elsewhere"
    )]
    NotLoopback {
        /// What the configuration says.
        host: String,
    },
    /// Another program has the port.
    #[error(
        "{address} is in use, perhaps by another server of this program; stop that one, or use --port (0 for any)"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("{address} cannot be listened on: {source}; use another --port")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

/// Listens on `port` of `host`; port 0 lets the system choose.
///
/// # Errors
/// [`AddressError`].
pub fn bind(host: &str, port: u16) -> Result<TcpListener, AddressError> {
    let address = SocketAddr::new(loopback(host)?, port);
    let listener = TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => AddressError::InUse { address },
        _ => AddressError::Refused { address, source },
    })?;
    let refused = |source| AddressError::Refused { address, source };
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// The address of this machine that is meant. Names are not looked up: an answer could be anything.
fn loopback(host: &str) -> Result<IpAddr, AddressError> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    inner
        .parse()
        .ok()
        .filter(IpAddr::is_loopback)
        .ok_or_else(|| AddressError::NotLoopback {
            host: host.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_listened_on() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("127.1.2.3", "127.1.2.3"),
        ] {
            assert_eq!(loopback(host).unwrap().to_string(), address);
        }
        for host in ["0.0.0.0", "::", "192.168.1.5", "example.org", ""] {
            let error = loopback(host).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("this version listens only on this machine"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_port_in_use_is_told_with_what_to_do() {
        let first = bind("127.0.0.1", 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = bind("127.0.0.1", port).unwrap_err();
        assert!(matches!(error, AddressError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("use --port"), "{error}");
    }
}
