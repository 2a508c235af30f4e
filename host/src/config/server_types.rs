//! The shape of `server` and `client` in the configuration: who is let in, and how a guarded server is reached.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `server`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on; default `127.0.0.1`.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port to listen on; default 15000, and 0 lets the system choose a free one.
    pub port: u16,
    /// Names by which the server is called, for `Host` and `Origin`, besides those of this machine; default none.
    #[schemars(extend("x-while-running" = true))]
    pub names: Vec<String>,
    /// TLS; without it the server listens on loopback only.
    pub tls: TlsConfig,
    /// File with tokens, one a line, that callers show; readable by its owner alone. Default none.
    #[schemars(extend("x-while-running" = true))]
    pub token_file: Option<PathBuf>,
    /// Variable of the environment with such a token; default none.
    #[schemars(length(min = 1), extend("x-while-running" = true))]
    pub token_env: Option<String>,
    /// Most connections at once; further ones wait. Default 1000.
    #[schemars(range(min = 1, max = 100_000))]
    pub connections: usize,
    /// The background jobs of the server.
    pub jobs: JobsConfig,
}

/// `server.tls`. All files are PEM. While a server runs, other files may take their places; TLS itself, and the demand for
/// certificates of clients, come and go with a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate, and those that lead from it to an authority; default none, and no TLS.
    #[schemars(extend("x-while-running" = true))]
    pub cert: Option<PathBuf>,
    /// The key of the certificate.
    #[schemars(extend("x-while-running" = true))]
    pub key: Option<PathBuf>,
    /// Authorities; with it clients have to show a certificate of one of them. Default none.
    #[schemars(extend("x-while-running" = true))]
    pub client_ca: Option<PathBuf>,
}

/// `client`: how `call` and its like reach a server that asks for TLS. All files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientConfig {
    /// Authorities to trust besides the server's own certificate; default none.
    pub ca: Option<PathBuf>,
    /// The certificate to show, for `server.tls.client_ca`; default none.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// `server.jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Long commands that run at once; further ones wait. Default 2.
    #[schemars(range(min = 1, max = 64), extend("x-while-running" = true))]
    pub running: usize,
    /// Seconds that a job and its result are remembered after its end; default 3600. Of more than 1000 jobs, or
    /// 64 MiB of results, the oldest are forgotten earlier.
    #[schemars(range(min = 0, max = 604_800), extend("x-while-running" = true))]
    pub kept_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            host: "127.0.0.1".to_owned(),
            port: 15000,
            names: Vec::new(),
            tls: TlsConfig::default(),
            token_file: None,
            token_env: None,
            connections: 1000,
            jobs: JobsConfig::default(),
        }
    }
}

impl Default for JobsConfig {
    fn default() -> Self {
        JobsConfig {
            running: 2,
            kept_seconds: 3600,
        }
    }
}
