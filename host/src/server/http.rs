//! The doors of HTTP: which path leads where, what is refused at once, and how the server ends.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, serve as serve_router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::calls::Calls;
use super::dispatch::{Dispatcher, Reply};
use super::health::HealthCheck;
use super::mcp::streamable_http;
use super::{json_rpc, local_only, web};
use crate::commands::jobs::queue::JobQueue;
use crate::commands::service::CommandService;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::shutdown_signal::{ShutdownRequest, ShutdownSignal};

/// The longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How long streams stay open after the signal to end.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// What a server is made of.
pub struct ServerParts {
    /// What the doors lead to.
    pub service: Arc<dyn CommandService>,
    /// Random; tells this server from another that gets its port later.
    pub instance_id: String,
    /// Where it listens; non-blocking.
    pub listener: TcpListener,
    /// Ends it: what runs is finished first, as far as the deadline allows.
    pub shutdown: ShutdownSignal,
}

/// What handlers share.
struct Shared {
    dispatcher: Dispatcher,
    health: HealthCheck,
    port: u16,
}

/// Answers requests until the shutdown signal is raised and all that was begun is answered, or its deadline has
/// passed. `ready` is called once requests are taken.
///
/// # Errors
/// The system's, when the listener cannot be used.
pub async fn serve(parts: ServerParts, ready: impl FnOnce()) -> io::Result<()> {
    let ServerParts {
        service,
        instance_id,
        listener,
        shutdown,
    } = parts;
    let port = listener.local_addr()?.port();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let ending = Cancellation::default();
    let calls = Arc::new(Calls::new(Arc::clone(&service), ending.clone()));
    let shared = Arc::new(Shared {
        dispatcher: Dispatcher::new(Arc::clone(&calls)),
        health: HealthCheck::new(Arc::clone(&service), instance_id),
        port,
    });
    let (stopped, deadline) = stop_signals(&shutdown, ending, service.jobs().clone());
    let agents = streamable_http::router(calls, end_of_streams(&shutdown));
    let server = serve_router(listener, router(shared, agents)).with_graceful_shutdown(async {
        // The sender is dropped only after it has spoken.
        let _ = stopped.await;
    });
    ready();
    tokio::select! {
        ended = async { server.await } => ended,
        () = deadline => {
            tracing::warn!("some requests were not finished when the server had to end");
            Ok(())
        }
    }
}

/// What ends the acceptance of requests, and what ends patience with those that were accepted.
fn stop_signals(
    shutdown: &ShutdownSignal,
    ending: Cancellation,
    jobs: JobQueue,
) -> (
    tokio::sync::oneshot::Receiver<()>,
    impl Future<Output = ()> + use<>,
) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (say_when, when) = tokio::sync::oneshot::channel::<Instant>();
    shutdown.on_shutdown(move |request: ShutdownRequest| {
        ending.cancel();
        jobs.close();
        // Nobody listens any more when the server failed before.
        let _ = stop.send(());
        let _ = say_when.send(request.deadline);
    });
    let deadline = async {
        match when.await {
            Ok(deadline) => tokio::time::sleep_until(deadline.into()).await,
            Err(_) => std::future::pending().await,
        }
    };
    (stopped, deadline)
}

/// Ends the streams of agents, which would otherwise stay open for as long as the agents like; a moment after the
/// signal, so that answers which are nearly there still go out.
fn end_of_streams(shutdown: &ShutdownSignal) -> CancellationToken {
    let ending = CancellationToken::new();
    let end = ending.clone();
    let runtime = tokio::runtime::Handle::current();
    shutdown.on_shutdown(move |_| {
        runtime.spawn(async move {
            tokio::time::sleep(LAST_ANSWERS).await;
            end.cancel();
        });
    });
    ending
}

fn router(shared: Arc<Shared>, agents: Router<Arc<Shared>>) -> Router {
    Router::new()
        .merge(web::router())
        .merge(agents)
        .route("/api/jsonrpc", post(json_rpc_door))
        .route("/health", get(health_door))
        .fallback(nothing_there)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            only_local,
        ))
        .with_state(shared)
}

async fn only_local(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match local_only::check(request.headers(), request.uri(), shared.port) {
        Ok(()) => next.run(request).await,
        Err((status, reason)) => {
            // No louder: whoever is refused could fill the log.
            tracing::debug!(reason, "a request was refused");
            plain_error(status, &reason)
        }
    }
}

async fn json_rpc_door(
    State(shared): State<Arc<Shared>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return plain_error(rejection.status(), &rejection.body_text()),
    };
    let message = match json_rpc::parse(&body) {
        Ok(message) => message,
        Err(refusal) => return Json(refusal).into_response(),
    };
    match shared.dispatcher.reply(message).await {
        Reply::Nothing => StatusCode::NO_CONTENT.into_response(),
        Reply::One(response) => Json(response).into_response(),
        Reply::Several(responses) => Json(responses).into_response(),
    }
}

async fn health_door(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.health.health().await).into_response()
}

async fn nothing_there(request: Request) -> Response {
    let path = request.uri().path();
    plain_error(
        StatusCode::NOT_FOUND,
        &format!("there is nothing at {path}; there are POST /api/jsonrpc and GET /health"),
    )
}

fn plain_error(status: StatusCode, reason: &str) -> Response {
    let body: Value = json!({"error": {"message": reason}});
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests;
