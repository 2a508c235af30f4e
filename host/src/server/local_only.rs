//! Refuses requests that a page of the web had a browser make: their Host or Origin is not this server's.
//!
//! Listening on loopback keeps other machines out, but not the browser of this one, which runs programs of
//! strangers. `Host` tells a name that a stranger's DNS points here; `Origin` tells a page of another site.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};

/// Whether a request comes from a program of this machine, as far as its headers tell.
///
/// # Errors
/// The status and what to say.
pub(super) fn check(headers: &HeaderMap, uri: &Uri, port: u16) -> Result<(), (StatusCode, String)> {
    let host = single(headers, header::HOST)?;
    let authority = uri.authority().map(axum::http::uri::Authority::as_str);
    for named in [host, authority].into_iter().flatten() {
        if !names_this_server(named, port) {
            return refuse(format!(
                "the Host {named:?} is not this server; use http://127.0.0.1:{port}"
            ));
        }
    }
    if host.or(authority).is_none() {
        return refuse("the request has no Host".to_owned());
    }
    match single(headers, header::ORIGIN)? {
        Some(origin) if !is_own_origin(origin, port) => refuse(format!(
            "the Origin {origin:?} is not this server; pages of other sites are not served"
        )),
        _ => Ok(()),
    }
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

fn is_own_origin(origin: &str, port: u16) -> bool {
    origin
        .strip_prefix("http://")
        .is_some_and(|authority| names_this_server(authority, port))
}

/// Whether `authority`, such as `localhost:15000`, is a name of this machine with the port of this server.
fn names_this_server(authority: &str, port: u16) -> bool {
    let (host, named_port) = split_port(authority);
    let is_our_port = match named_port {
        Some(text) => text.parse() == Ok(port),
        // A client leaves out the port of the protocol.
        None => port == 80,
    };
    is_our_port && is_loopback_name(host)
}

fn is_loopback_name(host: &str) -> bool {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || inner
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
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

    fn checked(host: &[&str], origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for host in host {
            headers.append(header::HOST, host.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        match check(&headers, &Uri::from_static("/health"), 15000) {
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
        assert!(check(&headers, &foreign, 15000).is_err());
    }
}
