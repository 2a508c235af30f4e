//! The doors of HTTP: which path leads where, what is refused at once, and how the server ends.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::calls::Calls;
use super::connections::{self, Entrance, Patience};
use super::dispatch::{Dispatcher, Reply};
use super::gate::Gate;
use super::health::HealthCheck;
use super::mcp::streamable_http;
use super::websocket::Sockets;
use super::{catalogue, json_rpc, metrics, web};
use crate::commands::jobs::queue::JobQueue;
use crate::commands::jobs::state::unix_seconds;
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
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// How long others may keep it waiting.
    pub patience: Patience,
    /// Most connections at once.
    pub connections: usize,
    /// Ends it: what runs is finished first, as far as the deadline allows.
    pub shutdown: ShutdownSignal,
}

/// What handlers share.
struct Shared {
    calls: Arc<Calls>,
    dispatcher: Dispatcher,
    sockets: Sockets,
    health: HealthCheck,
    gate: Arc<Gate>,
    patience: Patience,
    port: u16,
}

/// Answers requests until the shutdown signal is raised and all that was begun is answered, or its deadline has
/// passed. `ready` is called once requests are taken.
///
/// # Errors
/// The system's, when the listener cannot be used.
pub async fn serve(parts: ServerParts, ready: impl FnOnce()) -> io::Result<()> {
    let port = parts.listener.local_addr()?.port();
    let listener = tokio::net::TcpListener::from_std(parts.listener)?;
    let ending = Cancellation::default();
    let (stop, stopping) = watch::channel(false);
    let entrance = Entrance {
        listener,
        gate: Arc::clone(&parts.gate),
        patience: parts.patience,
        most: parts.connections,
        stopping: stopping.clone(),
    };
    let calls = Arc::new(Calls::new(
        Arc::clone(&parts.service),
        parts.patience.command,
        ending.clone(),
    ));
    let shared = Arc::new(Shared {
        dispatcher: Dispatcher::new(Arc::clone(&calls)),
        sockets: Sockets::new(Arc::clone(&calls), stopping),
        health: HealthCheck::new(Arc::clone(&parts.service), parts.instance_id),
        calls: Arc::clone(&calls),
        gate: parts.gate,
        patience: parts.patience,
        port,
    });
    let jobs = parts.service.jobs().clone();
    let deadline = on_stop(&parts.shutdown, stop, ending, jobs);
    let agents = streamable_http::router(calls, end_of_streams(&parts.shutdown));
    ready();
    let all_served = async {
        connections::take(entrance, router(Arc::clone(&shared), agents)).await;
        // They are no connections of HTTP any more, and still have to be told.
        shared.sockets.closed().await;
    };
    tokio::select! {
        () = all_served => {}
        () = deadline => {
            tracing::warn!("some requests were not finished when the server had to end");
        }
    }
    Ok(())
}

/// Lets the signal end the acceptance of requests and all that runs; what is given ends with the patience for those
/// that were accepted.
fn on_stop(
    shutdown: &ShutdownSignal,
    stop: watch::Sender<bool>,
    ending: Cancellation,
    jobs: JobQueue,
) -> impl Future<Output = ()> + use<> {
    let (say_when, when) = tokio::sync::oneshot::channel::<Instant>();
    shutdown.on_shutdown(move |request: ShutdownRequest| {
        ending.cancel();
        jobs.close();
        stop.send_replace(true);
        // Nobody listens any more when the server failed before.
        let _ = say_when.send(request.deadline);
    });
    async {
        match when.await {
            Ok(deadline) => tokio::time::sleep_until(deadline.into()).await,
            Err(_) => std::future::pending().await,
        }
    }
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
        .route("/api/jsonrpc/batch", post(json_rpc_door))
        .route("/ws", get(websocket_door))
        .route("/health", get(health_door))
        .route("/heartbeat", get(heartbeat_door))
        .route("/commands", get(async || Json(catalogue::commands())))
        .route("/openapi.json", get(async || Json(catalogue::openapi())))
        .route("/metrics", get(metrics_door))
        .fallback(nothing_there)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guarded))
        .with_state(shared)
}

async fn guarded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let guard = shared.gate.guard();
    let checked = guard.check(request.headers(), request.uri(), shared.port);
    match checked {
        Ok(()) => next.run(request).await,
        Err((status, reason)) => {
            tracing::debug!(reason, "a request was refused");
            let mut refusal = plain_error(status, &reason);
            if status == StatusCode::UNAUTHORIZED {
                let challenge = header::HeaderValue::from_static("Bearer");
                refusal
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, challenge);
            }
            refusal
        }
    }
}

async fn json_rpc_door(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let body =
        match tokio::time::timeout(shared.patience.body, Bytes::from_request(request, &())).await {
            Ok(body) => body,
            Err(_) => {
                return plain_error(
                    StatusCode::REQUEST_TIMEOUT,
                    "the body did not arrive in time",
                );
            }
        };
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return refused_body(&rejection),
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

fn refused_body(rejection: &BytesRejection) -> Response {
    plain_error(rejection.status(), &rejection.body_text())
}

async fn websocket_door(
    State(shared): State<Arc<Shared>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return plain_error(rejection.status(), &rejection.body_text()),
    };
    let opened = shared.sockets.open(upgrade);
    opened.unwrap_or_else(|| {
        let reason = "too many WebSockets are open; close some, or try again later";
        plain_error(StatusCode::SERVICE_UNAVAILABLE, reason)
    })
}

async fn heartbeat_door() -> Response {
    Json(json!({
        "status": "ok",
        "server_name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "timestamp": unix_seconds(SystemTime::now()),
    }))
    .into_response()
}

async fn metrics_door(State(shared): State<Arc<Shared>>) -> Response {
    let service = shared.calls.service();
    let (jobs, workers) = (service.jobs().totals(), service.workers());
    let metrics = shared.calls.metrics();
    match metrics.text(jobs, &workers, shared.health.uptime()) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => plain_error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn nothing_there(request: Request) -> Response {
    let path = request.uri().path();
    plain_error(
        StatusCode::NOT_FOUND,
        &format!("there is nothing at {path}; GET /openapi.json describes what there is"),
    )
}

fn plain_error(status: StatusCode, reason: &str) -> Response {
    let body: Value = json!({"error": {"message": reason}});
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests;
