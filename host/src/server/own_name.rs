//! Refuses requests that a page of the web had a browser make: their Host or Origin is not this server's.
//!
//! Listening on loopback keeps other machines out, but not the browser of this one, which runs programs of
//! strangers. `Host` tells a name that a stranger's DNS points here; `Origin` tells a page of another site.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};

/// The names of a server.
pub(super) struct OwnName<'a> {
    /// `http` or `https`.
    pub(super) scheme: &'a str,
    /// Where it listens.
    pub(super) port: u16,
    /// Names besides those of this machine.
    pub(super) names: &'a [String],
    /// Whether it may be called by any IP address. A stranger's DNS needs a name, so that is safe; it is of use only
    /// where others than this machine may call.
    pub(super) is_any_address: bool,
}

impl OwnName<'_> {
    /// Whether a request is meant for this server, and comes from a program or from a page of its own.
    ///
    /// # Errors
    /// The status and what to say.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), (StatusCode, String)> {
        let host = single(headers, header::HOST)?;
        let authority = uri.authority().map(axum::http::uri::Authority::as_str);
        for named in [host, authority].into_iter().flatten() {
            if !self.is_named(named) {
                return refuse(format!(
                    "the Host {named:?} is not this server; use {}://127.0.0.1:{}, or list the name in server.names",
                    self.scheme, self.port
                ));
            }
        }
        if host.or(authority).is_none() {
            return refuse("the request has no Host".to_owned());
        }
        match single(headers, header::ORIGIN)? {
            Some(origin) if !self.is_own_origin(origin) => refuse(format!(
                "the Origin {origin:?} is not this server; pages of other sites are not served"
            )),
            _ => Ok(()),
        }
    }

    fn is_own_origin(&self, origin: &str) -> bool {
        origin
            .split_once("://")
            .is_some_and(|(scheme, authority)| scheme == self.scheme && self.is_named(authority))
    }

    /// Whether `authority`, such as `localhost:15000`, is a name of this server with its port.
    fn is_named(&self, authority: &str) -> bool {
        let (host, named_port) = split_port(authority);
        let is_our_port = match named_port {
            Some(text) => text.parse() == Ok(self.port),
            // A client leaves out the port of the protocol.
            None => self.port == default_port(self.scheme),
        };
        is_our_port && self.is_our_host(host)
    }

    fn is_our_host(&self, host: &str) -> bool {
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let is_our_address = |address: IpAddr| self.is_any_address || address.is_loopback();
        host.eq_ignore_ascii_case("localhost")
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
            || inner.parse().is_ok_and(is_our_address)
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

fn refuse<T>(reason: String) -> Result<T, (StatusCode, String)> {
    Err((StatusCode::FORBIDDEN, reason))
}

/// The value of a header that may be there once.
fn single(
    headers: &HeaderMap,
    name: header::HeaderName,
) -> Result<Option<&str>, (StatusCode, String)> {
    let mut values = headers.get_all(&name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => refuse(format!("the header {name} is not text")),
        },
        (Some(_), Some(_)) => refuse(format!("the header {name} is there more than once")),
    }
}

/// `[::1]:80` is `[::1]` and `80`; `[::1]` has no port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: OwnName<'static> = OwnName {
        scheme: "http",
        port: 15000,
        names: &[],
        is_any_address: false,
    };

    #[test]
    fn a_server_for_others_is_called_by_its_names_and_any_address() {
        let names = ["code.example.org".to_owned()];
        let open = OwnName {
            scheme: "https",
            port: 443,
            names: &names,
            is_any_address: true,
        };
        for (authority, is_ours) in [
            ("code.example.org", true),
            ("CODE.example.org:443", true),
            ("192.168.1.5", true),
            ("[2001:db8::1]:443", true),
            ("code.example.org:80", false),
            ("evil.example", false),
        ] {
            assert_eq!(open.is_named(authority), is_ours, "{authority}");
        }
        assert!(open.is_own_origin("https://code.example.org"));
        assert!(!open.is_own_origin("http://code.example.org"));
        assert!(!OWN.is_named("192.168.1.5:15000"));
    }

    fn checked(host: &[&str], origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for host in host {
            headers.append(header::HOST, host.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        match OWN.check(&headers, &Uri::from_static("/health")) {
            Ok(()) => true,
            Err((status, _)) => {
                assert_eq!(status, StatusCode::FORBIDDEN);
                false
            }
        }
    }

    #[test]
    fn names_of_this_machine_with_the_right_port_pass() {
        for host in [
            "127.0.0.1:15000",
            "localhost:15000",
            "LocalHost:15000",
            "[::1]:15000",
        ] {
            assert!(checked(&[host], None), "{host}");
            assert!(checked(&[host], Some(&format!("http://{host}"))), "{host}");
        }
    }

    #[test]
    fn other_names_and_ports_are_refused() {
        for host in [
            "evil.example:15000",
            "127.0.0.1",
            "localhost",
            "127.0.0.1:15001",
            "192.168.0.9:15000",
            "localhost.evil.example:15000",
            "127.0.0.1.evil.example:15000",
            "",
            ":15000",
        ] {
            assert!(!checked(&[host], None), "{host}");
        }
        assert!(!checked(&[], None));
        assert!(!checked(&["127.0.0.1:15000", "127.0.0.1:15000"], None));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        for origin in [
            "null",
            "http://evil.example",
            "http://127.0.0.1:3000",
            "https://127.0.0.1:15000",
            "http://localhost:15000.evil.example",
        ] {
            assert!(!checked(&["127.0.0.1:15000"], Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_target_with_a_name_is_checked_as_well() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "127.0.0.1:15000".parse().unwrap());
        let foreign = Uri::from_static("http://evil.example:15000/health");
        assert!(OWN.check(&headers, &foreign).is_err());
    }
}
