//! The graph that pgvector has of a model's vectors: made where they are many, and no harm where it cannot be made.

use crate::code_db::database::CodeDatabase;

/// Makes the graph where there is none, or `anew`; that may take minutes. Where it fails, the log says so: all vectors are
/// compared then.
pub fn make_graph(database: &CodeDatabase, model: &str, anew: bool) {
    if let Err(error) = database.index_near_vectors(model, anew) {
        tracing::warn!(%error, "pgvector has no graph of the vectors");
    }
}
