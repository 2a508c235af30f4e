//! Why texts could not be made into vectors.

#[cfg(feature = "local-models")]
use super::local::directory::DirectoryError;

/// The result of embedding.
pub type Result<T> = std::result::Result<T, EmbeddingError>;

/// Why texts could not be made into vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddingError {
    /// The model cannot be used as it is configured; trying again changes nothing.
    #[error("the embedding model {model} cannot be used: {reason}")]
    Unusable {
        /// Which model.
        model: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The directory of a local model is not one.
    #[cfg(feature = "local-models")]
    #[error("the local embedding model cannot be used: {0}")]
    Directory(#[from] DirectoryError),
    /// The service did not answer, or asked to come back later.
    #[error("the embedding service {url} does not answer: {reason}")]
    Unavailable {
        /// Its address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The service answered something else than vectors.
    #[error("the embedding service {url} refused or answered nonsense: {reason}")]
    BadAnswer {
        /// Its address.
        url: String,
        /// What it said.
        reason: String,
    },
}
