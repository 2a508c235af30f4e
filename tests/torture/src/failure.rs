//! Why the program itself cannot go on, as against what it finds out about the product.

/// Anything, as text for whoever started the program.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The result of a step of the program.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
