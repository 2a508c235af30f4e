//! Where the server may listen: on this machine alone, unless strangers are kept out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Others could reach the address.
    #[error(
        "server.host is {host:?}, which others reach: that needs server.tls with a certificate, and server.token_file, \
         server.token_env or server.tls.client_ca; or use 127.0.0.1, and for example ssh -L to reach it from elsewhere"
    )]
    Open {
        /// What the configuration says.
        host: String,
    },
    /// It is no address.
    #[error(
        "server.host is {host:?}, expected an IP address or localhost; names are not looked up"
    )]
    NoAddress {
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

/// Listens on `port` of `host`; port 0 lets the system choose. Addresses that others reach only where
/// `is_guarded`.
///
/// # Errors
/// [`AddressError`].
pub fn bind(host: &str, port: u16, is_guarded: bool) -> Result<TcpListener, AddressError> {
    let ip = address(host)?;
    if !ip.is_loopback() && !is_guarded {
        let host = host.to_owned();
        return Err(AddressError::Open { host });
    }
    let address = SocketAddr::new(ip, port);
    let listener = TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => AddressError::InUse { address },
        _ => AddressError::Refused { address, source },
    })?;
    let refused = |source| AddressError::Refused { address, source };
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// The address that is meant. Names are not looked up: an answer could be anything.
fn address(host: &str) -> Result<IpAddr, AddressError> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    inner.parse().map_err(|_| AddressError::NoAddress {
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
            let meant = super::address(host).unwrap();
            assert_eq!(meant.to_string(), address);
            assert!(meant.is_loopback());
        }
        for host in ["0.0.0.0", "::", "192.168.1.5"] {
            let error = bind(host, 0, false).unwrap_err();
            assert!(matches!(error, AddressError::Open { .. }), "{error}");
        }
        for host in ["example.org", ""] {
            let error = bind(host, 0, true).unwrap_err();
            assert!(matches!(error, AddressError::NoAddress { .. }), "{error}");
        }
        assert!(bind("0.0.0.0", 0, true).is_ok());
    }

    #[test]
    fn a_port_in_use_is_told_with_what_to_do() {
        let first = bind("127.0.0.1", 0, false).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = bind("127.0.0.1", port, false).unwrap_err();
        assert!(matches!(error, AddressError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("use --port"), "{error}");
    }
}
