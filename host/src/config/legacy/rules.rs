//! The keys of the older program's configuration, and what each is here.

use std::net::IpAddr;

use serde_json::Value;

/// What is done with a key.
pub(super) enum Rule {
    /// It stands at this place now.
    Move(&'static str),
    /// It stands at this place now, in another form.
    Adapt(&'static str, fn(&Value) -> Adapted),
    /// It names directories to watch, which are added to the others.
    Watch,
    /// It has no meaning here, for this reason.
    Drop(&'static str),
}

/// A value in its new form, and what is different, if anything is.
pub(super) type Adapted = (Value, Option<&'static str>);

/// Where directories to watch stand.
pub(super) const WATCH_DIRS: &str = "/code_analysis/workers/file_watcher/watch_dirs";

/// Sections that only the older program has: what no rule names in them is told, and harms nobody.
pub(super) const OLD_SECTIONS: [&str; 13] = [
    "/server",
    "/client",
    "/registration",
    "/server_validation",
    "/auth",
    "/queue_manager",
    "/transport",
    "/process_management",
    "/code_analysis/worker",
    "/code_analysis/file_watcher",
    "/code_analysis/indexing_worker",
    "/code_analysis/chunker",
    "/code_analysis/database/worker_config",
];

/// The older program's section `embedding`, whose name this program has for another one.
pub(super) const EMBEDDING: &str = "/code_analysis/embedding";

/// Keys of that section that this program's does not have: where one is, the section is the older one.
pub(super) const OLD_EMBEDDING_KEYS: [&str; 4] = ["enabled", "host", "port", "protocol"];

pub(super) const NO_MODEL_SERVICE: &str = "vectors come from a model that is part of this program, or from the service that \
     `embedding` names";
const NO_REGISTRY: &str = "this server registers with nobody";
const NO_POLLING: &str = "answers of the DB worker arrive as soon as they are there, nobody polls";
const DERIVED_FROM_MODEL: &str = "the model says how long its vectors are";
const ANSWERED_ADDRESS: &str = "answers go where the request came from";

const TOKENS_APART: &str = "secrets have no place in this file: write the tokens into another one, each on a line, \
     `chmod 600` it, and name it as server.token_file";
const NO_ROLES: &str = "whoever is let in may call every command";
const NOT_TLS: &str = "the protocol was http, which makes no use of it; see server.tls";
const NO_CLIENT_CERTIFICATES: &str =
    "clients were not asked for certificates; server.tls.client_ca would ask them";

/// Every key by its place in the old file, in the order in which they count.
pub(super) const RULES: &[(&str, Rule)] = &[
    (
        "/server/host",
        Rule::Adapt("/code_analysis/server/host", listen_host),
    ),
    (
        "/server/protocol",
        Rule::Drop("the server speaks HTTPS where server.tls names a certificate, else HTTP"),
    ),
    ("/server/ssl/ca", Rule::Drop(NO_CLIENT_CERTIFICATES)),
    (
        "/server/ssl/crl",
        Rule::Drop(
            "lists of revoked certificates are not read; an authority that is left out lets nobody in",
        ),
    ),
    ("/server/ssl", Rule::Drop(NOT_TLS)),
    ("/auth/tokens", Rule::Drop(TOKENS_APART)),
    ("/auth/use_token", Rule::Drop(TOKENS_APART)),
    ("/auth/roles", Rule::Drop(NO_ROLES)),
    ("/auth/use_roles", Rule::Drop(NO_ROLES)),
    (
        "/transport/verify_client",
        Rule::Drop(NO_CLIENT_CERTIFICATES),
    ),
    ("/server/port", Rule::Move("/code_analysis/server/port")),
    ("/server/advertised_host", Rule::Drop(ANSWERED_ADDRESS)),
    ("/server/servername", Rule::Drop(ANSWERED_ADDRESS)),
    (
        "/server/debug",
        Rule::Drop("CODE_ANALYSIS_LOG=debug shows more"),
    ),
    (
        "/server/log_level",
        Rule::Drop("CODE_ANALYSIS_LOG names the level of the log"),
    ),
    (
        "/server/log_dir",
        Rule::Drop("the server logs to standard error; workers have a log_path each"),
    ),
    (
        "/code_analysis/host",
        Rule::Adapt("/code_analysis/server/host", listen_host),
    ),
    (
        "/code_analysis/port",
        Rule::Move("/code_analysis/server/port"),
    ),
    (
        "/code_analysis/log",
        Rule::Drop("the server logs to standard error"),
    ),
    (
        "/client",
        Rule::Drop("it was for the older program's own client"),
    ),
    ("/registration", Rule::Drop(NO_REGISTRY)),
    ("/server_validation", Rule::Drop(NO_REGISTRY)),
    (
        "/process_management",
        Rule::Drop("requests have ten seconds to finish when the server ends"),
    ),
    (
        "/queue_manager/max_concurrent_jobs",
        Rule::Move("/code_analysis/server/jobs/running"),
    ),
    (
        "/queue_manager/completed_job_retention_seconds",
        Rule::Adapt("/code_analysis/server/jobs/kept_seconds", whole_seconds),
    ),
    (
        "/code_analysis/db_path",
        Rule::Move("/code_analysis/database/path"),
    ),
    ("/code_analysis/dirs", Rule::Watch),
    ("/code_analysis/worker/watch_dirs", Rule::Watch),
    (
        "/code_analysis/worker/enabled",
        Rule::Move("/code_analysis/workers/vectorization/enabled"),
    ),
    (
        "/code_analysis/worker/poll_interval",
        Rule::Adapt(
            "/code_analysis/workers/vectorization/poll_interval",
            whole_seconds,
        ),
    ),
    (
        "/code_analysis/worker/batch_size",
        Rule::Move("/code_analysis/workers/vectorization/batch_size"),
    ),
    (
        "/code_analysis/worker/log_path",
        Rule::Move("/code_analysis/workers/vectorization/log_path"),
    ),
    (
        "/code_analysis/worker/circuit_breaker/failure_threshold",
        Rule::Move("/code_analysis/workers/vectorization/retry_attempts"),
    ),
    (
        "/code_analysis/worker/circuit_breaker/initial_backoff",
        Rule::Adapt(
            "/code_analysis/workers/vectorization/retry_delay",
            whole_seconds,
        ),
    ),
    (
        "/code_analysis/worker/circuit_breaker",
        Rule::Drop(
            "pauses double from half a minute to ten minutes at most, and end with the first answer",
        ),
    ),
    (
        "/code_analysis/worker/retry_attempts",
        Rule::Move("/code_analysis/workers/vectorization/retry_attempts"),
    ),
    (
        "/code_analysis/worker/retry_delay",
        Rule::Adapt(
            "/code_analysis/workers/vectorization/retry_delay",
            whole_seconds,
        ),
    ),
    (
        "/code_analysis/worker/dynamic_watch_file",
        Rule::Drop(
            "directories to watch are in workers.file_watcher.watch_dirs, which may change while the server runs",
        ),
    ),
    (
        "/code_analysis/worker/batch_processor",
        Rule::Drop("the worker sleeps until there is something to do"),
    ),
    (
        "/code_analysis/worker/log_rotation/max_bytes",
        Rule::Move("/code_analysis/workers/log_max_bytes"),
    ),
    (
        "/code_analysis/worker/log_rotation/backup_count",
        Rule::Adapt(
            "/code_analysis/workers/log_files",
            files_with_the_current_one,
        ),
    ),
    (
        "/code_analysis/file_watcher/enabled",
        Rule::Move("/code_analysis/workers/file_watcher/enabled"),
    ),
    (
        "/code_analysis/file_watcher/scan_interval",
        Rule::Adapt(
            "/code_analysis/workers/file_watcher/scan_interval",
            whole_seconds,
        ),
    ),
    (
        "/code_analysis/file_watcher/log_path",
        Rule::Move("/code_analysis/workers/file_watcher/log_path"),
    ),
    ("/code_analysis/file_watcher/watch_dirs", Rule::Watch),
    (
        "/code_analysis/file_watcher/log_rotation/max_bytes",
        Rule::Move("/code_analysis/workers/log_max_bytes"),
    ),
    (
        "/code_analysis/file_watcher/log_rotation/backup_count",
        Rule::Adapt(
            "/code_analysis/workers/log_files",
            files_with_the_current_one,
        ),
    ),
    (
        "/code_analysis/file_watcher/ignore_patterns",
        Rule::Drop(
            "hidden files and what .gitignore and .ignore exclude are left out; write further patterns there",
        ),
    ),
    (
        "/code_analysis/file_watcher/version_dir",
        Rule::Drop("files are never moved; a deleted one keeps its rows"),
    ),
    (
        "/code_analysis/file_watcher/max_scan_duration",
        Rule::Drop("a scan is incremental and may take as long as it needs"),
    ),
    (
        "/code_analysis/indexing_worker",
        Rule::Drop("the file watcher indexes what changed at once"),
    ),
    ("/code_analysis/chunker", Rule::Drop(NO_MODEL_SERVICE)),
    ("/code_analysis/vector_dim", Rule::Drop(DERIVED_FROM_MODEL)),
    (
        "/code_analysis/faiss_index_path",
        Rule::Drop("vectors are kept in the database"),
    ),
    (
        "/code_analysis/min_chunk_length",
        Rule::Drop("chunks follow the syntax of the source"),
    ),
    (
        "/code_analysis/vectorization_retry_attempts",
        Rule::Move("/code_analysis/workers/vectorization/retry_attempts"),
    ),
    (
        "/code_analysis/vectorization_retry_delay",
        Rule::Adapt(
            "/code_analysis/workers/vectorization/retry_delay",
            whole_seconds,
        ),
    ),
    (
        "/code_analysis/git_commit_on_write",
        Rule::Drop("nothing is written into source trees"),
    ),
    (
        "/code_analysis/database/worker_config/command_timeout",
        Rule::Drop("a call may take as long as it needs; it is cancelled when its caller leaves"),
    ),
    (
        "/code_analysis/database/worker_config/poll_interval",
        Rule::Drop(NO_POLLING),
    ),
    (
        "/code_analysis/database/worker_config/worker_log_path",
        Rule::Move("/code_analysis/database/worker/log_path"),
    ),
];

/// Without protection only this machine is served, whatever address the file names.
fn listen_host(old: &Value) -> Adapted {
    let is_loopback =
        |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match old.as_str() {
        Some(host) if !is_loopback(host) => (
            "127.0.0.1".into(),
            Some(
                "only this machine is served; other addresses need protection, see docs/configuration.md",
            ),
        ),
        _ => (old.clone(), None),
    }
}

/// Seconds may have been fractions; here they are whole, at least one.
fn whole_seconds(old: &Value) -> Adapted {
    match old
        .as_f64()
        .map(|seconds| (seconds, seconds.ceil().max(1.0)))
    {
        Some((seconds, whole)) if whole <= f64::from(u32::MAX) => {
            let how = (seconds != whole).then_some("rounded up to whole seconds");
            (Value::from(whole as u64), how)
        }
        _ => (old.clone(), None),
    }
}

/// The older program counted the files beside the current one.
fn files_with_the_current_one(old: &Value) -> Adapted {
    match old.as_u64() {
        Some(backups) => (
            Value::from(backups.saturating_add(1)),
            Some("the current file counts"),
        ),
        None => (old.clone(), None),
    }
}
