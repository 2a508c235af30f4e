//! The door for agents over HTTP: its place in the router, its sessions and their bounds, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::door::McpDoor;
use super::in_server::InServer;
use super::toolset::{Toolset, UnknownToolset};
use crate::server::calls::Calls;

/// Where the door is.
const PATH: &str = "/mcp";

/// The header that names a toolset; the parameter `toolset` of the address does as well.
const TOOLSET: &str = "mcp-toolset";

/// The header of a session; clients of protocols since 2026-07-28 have none.
const SESSION: &str = "mcp-session-id";

/// Sessions at once. Each holds a task and some buffers.
const MOST_SESSIONS: usize = 256;

/// How long a session lives without a request. An agent thinks for long, and its person longer.
const SESSION_LIFE: Duration = Duration::from_secs(60 * 60);

/// The longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The door; it runs commands through `calls`, and `ending` ends its streams.
pub(in crate::server) fn router<S: Clone + Send + Sync + 'static>(
    calls: Arc<Calls>,
    ending: CancellationToken,
) -> Router<S> {
    let door = McpDoor::new(Arc::new(InServer(calls)), Toolset::default());
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(SESSION_LIFE);
    let sessions = Arc::new(sessions);
    // Whoever comes here has passed the server's own check of Host and Origin.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_cancellation_token(ending)
        .with_max_request_body_bytes(MAX_BODY_BYTES);
    let service =
        StreamableHttpService::new(move || Ok(door.clone()), Arc::clone(&sessions), config);
    Router::new()
        .route_service(PATH, service)
        .route_layer(middleware::from_fn(with_toolset))
        .route_layer(middleware::from_fn_with_state(sessions, bounded))
}

/// Notes the toolset that a request names where the door finds it.
async fn with_toolset(mut request: Request, next: Next) -> Response {
    match named_toolset(&request) {
        Ok(Some(toolset)) => {
            request.extensions_mut().insert(toolset);
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

fn named_toolset(request: &Request) -> Result<Option<Toolset>, UnknownToolset> {
    let in_header = request
        .headers()
        .get(TOOLSET)
        .map(|value| value.to_str().unwrap_or_default());
    let in_address = request.uri().query().and_then(|query| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(name, value)| (name == "toolset").then_some(value))
    });
    in_header.or(in_address).map(str::parse).transpose()
}

/// Refuses a session that would be one too many.
async fn bounded(
    State(sessions): State<Arc<LocalSessionManager>>,
    request: Request,
    next: Next,
) -> Response {
    if opens_session(request.method(), request.headers())
        && sessions.sessions.read().await.len() >= MOST_SESSIONS
    {
        let reason = "too many sessions are open; end one with DELETE, or try again later";
        return (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    }
    next.run(request).await
}

/// Whether a request may open a session.
fn opens_session(method: &Method, headers: &HeaderMap) -> bool {
    let version = headers.get("mcp-protocol-version");
    let has_no_sessions = version.is_some_and(|version| version.as_bytes() >= &b"2026-07-28"[..]);
    method == Method::POST && !headers.contains_key(SESSION) && !has_no_sessions
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn toolset(address: &str, header: Option<&str>) -> Result<Option<Toolset>, String> {
        let mut request = Request::builder().uri(address);
        if let Some(name) = header {
            request = request.header("Mcp-Toolset", name);
        }
        let request = request.body(Body::empty()).unwrap();
        named_toolset(&request).map_err(|error| error.to_string())
    }

    #[test]
    fn a_toolset_is_named_in_the_address_or_in_a_header() {
        assert_eq!(toolset("/mcp", None), Ok(None));
        assert_eq!(
            toolset("/mcp?x=1&toolset=all", None),
            Ok(Some(Toolset::All))
        );
        assert_eq!(
            toolset("/mcp?toolset=all", Some("read")),
            Ok(Some(Toolset::Read))
        );
        assert!(toolset("/mcp?toolset=al", None).is_err());
        assert!(toolset("/mcp", Some("\u{e9}")).is_err());
    }

    #[test]
    fn only_what_opens_a_session_is_counted() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let parsed = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            parsed.collect()
        };
        assert!(opens_session(&Method::POST, &headers(&[])));
        assert!(opens_session(
            &Method::POST,
            &headers(&[("mcp-protocol-version", "2025-11-25")])
        ));
        assert!(!opens_session(
            &Method::POST,
            &headers(&[("mcp-protocol-version", "2026-07-28")])
        ));
        assert!(!opens_session(
            &Method::POST,
            &headers(&[("mcp-session-id", "x")])
        ));
        assert!(!opens_session(&Method::GET, &headers(&[])));
    }
}
