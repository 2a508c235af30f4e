//! The shape of the key `embedding`: which model makes texts into vectors.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `embedding`: which model makes texts into vectors. Another model means that all vectors are made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// Where vectors come from; default `static`.
    pub provider: EmbeddingProviderKind,
    /// For `service`: the address below which `/embeddings` is, such as `http://127.0.0.1:11434/v1`.
    pub url: Option<String>,
    /// For `service`: the name of the model there.
    pub model: Option<String>,
    /// For `service`: the environment variable of the host that holds the key; default none, no key is sent.
    pub api_key_env: Option<String>,
    /// For `service`: the number of dimensions to ask for; default: as the model has them.
    #[schemars(range(min = 1, max = 65_536))]
    pub dimensions: Option<u32>,
    /// For `service`: seconds to wait for an answer; default 60.
    #[schemars(range(min = 1, max = 3_600))]
    pub timeout_seconds: u64,
    /// For `local`: the directory of the model, as sentence-transformers writes it.
    pub model_dir: Option<PathBuf>,
    /// For `local`: threads that compute; default 1.
    #[schemars(range(min = 1, max = 256))]
    pub threads: u32,
}

/// Where vectors come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingProviderKind {
    /// The model within this program, which needs nothing else.
    #[default]
    Static,
    /// A BERT model such as all-MiniLM-L6-v2 in a directory of this machine, computed by this program.
    Local,
    /// A service with the interface of OpenAI's `/v1/embeddings`.
    Service,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            provider: EmbeddingProviderKind::default(),
            url: None,
            model: None,
            api_key_env: None,
            dimensions: None,
            timeout_seconds: 60,
            model_dir: None,
            threads: 1,
        }
    }
}
