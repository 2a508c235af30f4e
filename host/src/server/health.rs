//! The answer to `GET /health`: whether the database and the workers do their jobs, told within a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Semaphore;

use crate::commands::service::{CommandService, WorkerHealth};

/// Longest wait for the database. Whoever asks for health wants an answer while the database is away.
const PATIENCE: Duration = Duration::from_secs(1);

/// Checks of the database at once; each blocks a thread for as long as the database is away.
const CHECKS: usize = 4;

/// What is asked for health.
pub(super) struct HealthCheck {
    service: Arc<dyn CommandService>,
    instance_id: String,
    started: Instant,
    checks: Arc<Semaphore>,
}

/// The answer.
#[derive(Serialize)]
pub(super) struct Health {
    status: Status,
    version: &'static str,
    /// Of this start of this server.
    instance_id: String,
    uptime_seconds: u64,
    database: DatabaseHealth,
    workers: Vec<WorkerHealth>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Degraded,
}

#[derive(Serialize)]
struct DatabaseHealth {
    driver: String,
    status: Status,
    /// How long it took to answer; none where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl HealthCheck {
    /// Checks of `service`.
    pub(super) fn new(service: Arc<dyn CommandService>, instance_id: String) -> Self {
        let checks = Arc::new(Semaphore::new(CHECKS));
        Self {
            service,
            instance_id,
            started: Instant::now(),
            checks,
        }
    }

    /// Time since the start of the server.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// How the server does.
    pub(super) async fn health(&self) -> Health {
        let asked = Instant::now();
        let problem = self.database_problem().await;
        let latency_ms = problem
            .is_none()
            .then(|| asked.elapsed().as_secs_f64() * 1000.0);
        let workers = self.service.workers();
        let is_fine = problem.is_none() && workers.iter().all(WorkerHealth::is_fine);
        Health {
            status: status(is_fine),
            version: env!("CARGO_PKG_VERSION"),
            instance_id: self.instance_id.clone(),
            uptime_seconds: self.uptime().as_secs(),
            database: DatabaseHealth {
                driver: self.service.driver_name(),
                status: status(problem.is_none()),
                latency_ms,
                problem,
            },
            workers,
        }
    }

    async fn database_problem(&self) -> Option<String> {
        let Ok(turn) = Arc::clone(&self.checks).try_acquire_owned() else {
            return Some("earlier checks still wait for it".to_owned());
        };
        let service = Arc::clone(&self.service);
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            service.ping_database()
        });
        match tokio::time::timeout(PATIENCE, check).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_)) => Some("its check ended unexpectedly".to_owned()),
            Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

fn status(is_fine: bool) -> Status {
    if is_fine {
        Status::Ok
    } else {
        Status::Degraded
    }
}
