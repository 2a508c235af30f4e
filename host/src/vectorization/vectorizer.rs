//! One step after the other towards vectors for all code; each step is stored as a whole, so that a kill loses little.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chunker::{CHUNKER, Chunker};
use super::model_in_use::ModelInUse;
use crate::code_db::chunks::replace::FileChunks;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::CodeDbError;
use crate::embedding::error::EmbeddingError;
use crate::embedding::provider::{EmbeddingProvider, Passage};
use crate::foundation::vector::to_bytes;

/// Files whose chunks are made and stored together.
const FILES_AT_ONCE: u32 = 64;

/// Chunks whose vectors are stored together, unless one question to the model is about more.
const CHUNKS_AT_ONCE: usize = 512;

/// How long vectors wait for others before they are stored: a slow model's are worth the more.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum VectorizeError {
    /// The database.
    #[error(transparent)]
    Database(#[from] CodeDbError),
    /// The model.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// Another model makes the vectors of this database.
    #[error(
        "the vectors of this database are made by the model {in_use}, and this host is configured for {model}; \
         configure all hosts of a database alike, or call `revectorize` here to make all vectors anew by this model"
    )]
    OtherModel {
        /// The model that does.
        in_use: String,
        /// The model of this host.
        model: String,
    },
}

/// Gives code vectors of one model.
pub struct Vectorizer {
    database: CodeDatabase,
    model: Arc<dyn EmbeddingProvider>,
    /// Chunks in one question to the model.
    batch_size: usize,
    chunker: Chunker,
    in_use: ModelInUse,
}

impl Vectorizer {
    /// A vectorizer that asks the model about `batch_size` chunks at once, at least one.
    pub fn new(
        database: CodeDatabase,
        model: Arc<dyn EmbeddingProvider>,
        batch_size: usize,
    ) -> Self {
        Self {
            in_use: ModelInUse::new(database.clone(), model.model()),
            database,
            model,
            batch_size: batch_size.max(1),
            chunker: Chunker::default(),
        }
    }

    /// The name of the model.
    pub fn model(&self) -> &str {
        self.model.model()
    }

    /// Makes the chunks of some files whose stored chunks are old, of one project or of all. Returns how many files
    /// that were; none means that all chunks fit.
    ///
    /// # Errors
    /// The database's.
    pub fn chunk_some(&mut self, project_id: Option<&str>) -> Result<usize, CodeDbError> {
        let files = self
            .database
            .files_to_chunk(project_id, CHUNKER, FILES_AT_ONCE)?;
        let count = files.len();
        let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
        let texts = self.database.entity_texts(&ids)?;
        let mut by_project: BTreeMap<String, Vec<FileChunks>> = BTreeMap::new();
        for file in files {
            let first = texts.partition_point(|text| text.file_id < file.id);
            let after = texts.partition_point(|text| text.file_id <= file.id);
            let chunks = self.chunker.chunks(file, &texts[first..after]);
            let project = by_project.entry(chunks.file.project_id.clone());
            project.or_default().push(chunks);
        }
        for (project_id, files) in &by_project {
            self.database.replace_chunks(project_id, CHUNKER, files)?;
        }
        Ok(count)
    }

    /// Gives some chunks of a project vectors. Returns how many that were; none means that all have one.
    ///
    /// # Errors
    /// [`VectorizeError`]; what was stored before stays.
    pub fn embed_some(&self, project_id: &str) -> Result<usize, VectorizeError> {
        let most = u32::try_from(CHUNKS_AT_ONCE.max(self.batch_size)).unwrap_or(u32::MAX);
        let pending = self.database.chunks_without_vector(project_id, most)?;
        let mut vectors = Vec::with_capacity(pending.len());
        let mut failed = None;
        let started = Instant::now();
        for some in pending.chunks(self.batch_size) {
            if started.elapsed() > LONGEST_WAIT {
                break;
            }
            let passages: Vec<Passage<'_>> =
                some.iter().map(|chunk| passage(&chunk.text)).collect();
            match self.model.embed(&passages) {
                Ok(embedded) => {
                    let stored = embedded.iter().map(|vector| to_bytes(vector));
                    vectors.extend(some.iter().map(|chunk| chunk.id).zip(stored));
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if !self
            .database
            .store_vectors(project_id, self.model(), &vectors)?
        {
            return Err(self.in_use.displaced()?);
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(vectors.len()),
        }
    }

    /// Sees to it that this model makes the database's vectors, if none other does.
    ///
    /// # Errors
    /// [`VectorizeError::OtherModel`] where another one does, and the database's.
    pub fn take_turn(&mut self) -> Result<(), VectorizeError> {
        self.in_use.take()
    }

    /// Has this model make the database's vectors from now on, whichever did. Returns that one, if it is another.
    ///
    /// # Errors
    /// The database's.
    pub fn claim_turn(&mut self) -> Result<Option<String>, CodeDbError> {
        self.in_use.claim()
    }

    /// Leaves the database's vectors to whichever model wants them.
    ///
    /// # Errors
    /// The database's.
    pub fn give_turn_back(&mut self) -> Result<(), CodeDbError> {
        self.in_use.give_back()
    }

    /// Lets the database compare vectors of a project itself where it can, some at a time: PostgreSQL with pgvector.
    /// Returns how many those were.
    ///
    /// # Errors
    /// The database's.
    pub fn copy_near(&self, project_id: &str) -> Result<usize, CodeDbError> {
        self.database.copy_near_vectors(project_id, self.model())
    }

    /// Takes the vectors of other models away, some at a time; returns whether some are left.
    ///
    /// # Errors
    /// The database's.
    pub fn forget_other_models(&self, project_id: &str) -> Result<bool, CodeDbError> {
        self.database.forget_other_models(project_id, self.model())
    }
}

/// A chunk's text holds its title on the first line.
fn passage(text: &str) -> Passage<'_> {
    let (title, text) = text.split_once('\n').unwrap_or((text, ""));
    Passage { title, text }
}
