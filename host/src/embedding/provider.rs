//! What every embedding model can do.

use super::error::Result;

/// A text to be found later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage<'a> {
    /// What it is called: the qualified name of an entity, or a path.
    pub title: &'a str,
    /// The text itself.
    pub text: &'a str,
}

/// A model that makes texts into vectors of length one. Calls block.
pub trait EmbeddingProvider: Send + Sync {
    /// Names the model so exactly that vectors of the same name may be compared with each other; at most 255
    /// characters, as the database keys by it.
    fn model(&self) -> &str;

    /// One vector for each passage, in their order. A passage of which the model knows nothing has only zeros.
    ///
    /// # Errors
    /// [`EmbeddingError`](super::error::EmbeddingError); then no passage was embedded.
    fn embed(&self, passages: &[Passage<'_>]) -> Result<Vec<Vec<f32>>>;

    /// The vector of what somebody looks for.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    fn embed_query(&self, query: &str) -> Result<Vec<f32>>;
}
