//! Answers questions about code: the nearest by meaning, those that hold the words, and both as one ranking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::flat_index::Query;
use super::fusion::fuse;
use super::hits::{Entity, Hit, Ranking, of_meaning, of_words, placed, remember};
use super::project_index::{EXACT_UP_TO, IndexKind, ProjectIndex};
use super::query_words::telling;
use super::vectors::Vectors;
use crate::code_db::chunks::coverage::VectorCoverage;
use crate::code_db::chunks::found::FoundChunk;
use crate::code_db::chunks::near::Near;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::page::PageRequest;
use crate::code_db::search::SearchQuery;
use crate::config::embedding::EmbeddingConfig;
use crate::embedding::error::EmbeddingError;
use crate::embedding::open::open;
use crate::embedding::provider::EmbeddingProvider;
use crate::vectorization::chunker::CHUNKER;

/// Entities of each ranking that are looked at; more where a later page is wanted.
const LEAST_WINDOW: usize = 100;

/// Chunks that are looked at for each entity that is wanted: long ones have several.
const CHUNKS_AN_ENTITY: usize = 3;

/// How long a count of chunks is good enough for a warning.
const COUNT_LASTS: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// A question or words.
    pub text: &'a str,
    /// The id of the only project; all without.
    pub project_id: Option<&'a str>,
    /// Whether words count.
    pub by_words: bool,
    /// Whether meaning counts.
    pub by_meaning: bool,
    /// The least cosine of a hit; hits by words alone have none and are left out then.
    pub min_score: Option<f32>,
    /// Which part of the ranking.
    pub page: PageRequest,
}

/// The answer to a question.
#[derive(Debug)]
pub struct Found {
    /// The hits of the page, best first.
    pub hits: Vec<Hit>,
    /// Hits in the whole ranking, which ends at some point: what is far is no hit.
    pub total: usize,
    /// The model whose vectors were compared; none where it cannot be used.
    pub model: Option<String>,
    /// Why meaning did not count although it should have.
    pub model_failed: Option<EmbeddingError>,
    /// How much of the code has vectors.
    pub coverage: VectorCoverage,
    /// Vectors of other models, which were not compared.
    pub foreign: u64,
    /// How the vectors were searched, if they were.
    pub index: Option<IndexKind>,
}

/// The vectors that a rebuilt index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many there are.
    pub vectors: usize,
    /// How they are searched.
    pub kind: IndexKind,
}

/// Answers questions; one for a process, because it keeps vectors in memory.
pub struct Searcher {
    config: EmbeddingConfig,
    model: Mutex<Option<Arc<dyn EmbeddingProvider>>>,
    /// By project. All have vectors of the one configured model.
    indexes: Mutex<HashMap<String, Arc<ProjectIndex>>>,
    /// By project, or all together.
    counted: Mutex<HashMap<Option<String>, (Instant, VectorCoverage)>>,
}

impl Searcher {
    /// A searcher that compares vectors of the configured model; it opens nothing before it is asked.
    pub fn new(config: EmbeddingConfig) -> Self {
        Self {
            config,
            model: Mutex::default(),
            indexes: Mutex::default(),
            counted: Mutex::default(),
        }
    }

    /// The configured model.
    ///
    /// # Errors
    /// [`EmbeddingError::Unusable`]; the next call tries again.
    pub fn model(&self) -> std::result::Result<Arc<dyn EmbeddingProvider>, EmbeddingError> {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*model {
            return Ok(Arc::clone(model));
        }
        let opened = open(&self.config)?;
        *model = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Answers a question. A model that fails is no error: words count alone then, and the answer says so.
    ///
    /// # Errors
    /// The database's.
    pub fn search(&self, code: &CodeDatabase, question: &Question<'_>) -> Result<Found> {
        let page_end = usize::try_from(question.page.offset)
            .unwrap_or(usize::MAX)
            .saturating_add(question.page.limit as usize);
        let window = page_end.clamp(LEAST_WINDOW, 100_000);
        let coverage = self.coverage(code, question.project_id)?;
        let mut found = Found {
            hits: Vec::new(),
            total: 0,
            model: None,
            model_failed: None,
            coverage,
            foreign: 0,
            index: None,
        };
        let mut known: HashMap<Entity, Hit> = HashMap::new();
        let mut by_meaning = Vec::new();
        if question.by_meaning {
            match self.query(question.text) {
                Ok((model, query)) => {
                    found.model = Some(model.clone());
                    let vectors = Vectors::of(code, &model, question.project_id);
                    let (hits, kind) = self.meant(code, vectors, query.as_ref(), window)?;
                    found.index = Some(kind);
                    if code.has_other_models(question.project_id, &model)? {
                        found.foreign = foreign(code, question.project_id, &model)?;
                    }
                    by_meaning = remember(hits, &mut known);
                }
                Err(error) => found.model_failed = Some(error),
            }
        }
        let by_words = match question.by_words || found.model_failed.is_some() {
            true => {
                let words = code.fulltext_any(
                    &SearchQuery {
                        text: &telling(question.text),
                        entity_type: None,
                        project_id: question.project_id,
                    },
                    PageRequest::first(u32::try_from(window).unwrap_or(u32::MAX)),
                )?;
                remember(words.into_iter().map(of_words), &mut known)
            }
            false => Vec::new(),
        };
        let rankings = match (
            question.by_meaning && found.model_failed.is_none(),
            question.by_words,
        ) {
            (true, false) => vec![by_meaning],
            (true, true) => vec![by_meaning, by_words],
            (false, _) => vec![Vec::new(), by_words],
        };
        let mut hits: Vec<Hit> = fuse(&rankings)
            .into_iter()
            .filter_map(|fused| placed(fused, &mut known))
            .collect();
        if let Some(least) = question.min_score {
            hits.retain(|hit| hit.similarity.is_some_and(|cosine| cosine >= least));
        }
        found.total = hits.len();
        let offset = usize::try_from(question.page.offset).unwrap_or(usize::MAX);
        found.hits = hits
            .into_iter()
            .skip(offset)
            .take(question.page.limit as usize)
            .collect();
        Ok(found)
    }

    /// Makes the index of a project's vectors anew, whatever kind it is: pgvector's copies, or what is in memory, with the
    /// graph where they are many. pgvector's graph is one for all projects, and not made here.
    ///
    /// # Errors
    /// The database's. A graph in memory that cannot be made is no error: all vectors are compared then.
    pub fn rebuild(&self, code: &CodeDatabase, project_id: &str, model: &str) -> Result<Rebuilt> {
        code.forget_near_vectors(project_id, model)?;
        while code.copy_near_vectors(project_id, model)? > 0 {}
        if let Some(vectors) = code.near_vectors(project_id, model)? {
            return Ok(Rebuilt {
                vectors,
                kind: IndexKind::Pgvector,
            });
        }
        let index = self.index(project_id);
        index.clear();
        index.refresh(code, project_id, model)?;
        if let Err(error) = index.rebuild() {
            tracing::warn!(%error, "no graph of vectors can be made; all are compared");
        }
        Ok(Rebuilt {
            vectors: index.len(),
            kind: index.kind(),
        })
    }

    /// How much of the code has vectors, as of a moment ago.
    fn coverage(&self, code: &CodeDatabase, project_id: Option<&str>) -> Result<VectorCoverage> {
        let key = project_id.map(str::to_owned);
        let known = {
            let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.get(&key).copied()
        };
        match known {
            // What is complete may have become incomplete, which matters less than a warning that is no longer true.
            Some((when, coverage)) if coverage.is_complete() && when.elapsed() < COUNT_LASTS => {
                Ok(coverage)
            }
            _ => {
                let coverage = code.vector_coverage(project_id, CHUNKER)?;
                let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
                counted.insert(key, (Instant::now(), coverage));
                Ok(coverage)
            }
        }
    }

    fn query(&self, text: &str) -> std::result::Result<(String, Option<Query>), EmbeddingError> {
        let model = self.model()?;
        let vector = model.embed_query(text)?;
        Ok((model.model().to_owned(), Query::new(&vector)))
    }

    fn index(&self, project_id: &str) -> Arc<ProjectIndex> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(ProjectIndex::new(EXACT_UP_TO));
        Arc::clone(indexes.entry(project_id.to_owned()).or_insert_with(new))
    }

    /// The entities that mean what is asked, best first, each by its best part, and how they were searched.
    fn meant(
        &self,
        code: &CodeDatabase,
        mut vectors: Vectors<'_>,
        query: Option<&Query>,
        window: usize,
    ) -> Result<(Ranking, IndexKind)> {
        let Some(query) = query else {
            return Ok((Vec::new(), IndexKind::Exact));
        };
        let mut most = window * CHUNKS_AN_ENTITY;
        loop {
            let found = vectors.nearest(query, most, |project| self.index(project))?;
            let hits = entities(code, &found.near)?;
            if found.near.len() < most || hits.len() >= window {
                return Ok((hits, found.kind));
            }
            // Chunks that are gone and those of one entity took the room.
            most *= 4;
        }
    }
}

/// How many vectors are of other models.
fn foreign(code: &CodeDatabase, project_id: Option<&str>, model: &str) -> Result<u64> {
    let models = code.vectors_by_model(project_id)?.into_iter();
    let others = models.filter(|each| each.model != model);
    Ok(others.map(|each| each.vectors).sum())
}

/// The entities of chunks, in the order of their best ones.
fn entities(code: &CodeDatabase, near: &[Near]) -> Result<Ranking> {
    /// Values of one `IN` list.
    const AT_ONCE: usize = 500;
    let mut chunks: HashMap<i64, FoundChunk> = HashMap::with_capacity(near.len());
    for some in near.chunks(AT_ONCE) {
        let ids: Vec<i64> = some.iter().map(|near| near.chunk_id).collect();
        let found = code.chunks_by_id(&ids)?;
        chunks.extend(found.into_iter().map(|chunk| (chunk.id, chunk)));
    }
    let mut seen = std::collections::HashSet::new();
    let mut hits = Vec::new();
    for near in near {
        // Those that are not found are gone since.
        let Some(chunk) = chunks.remove(&near.chunk_id) else {
            continue;
        };
        let (entity, hit) = of_meaning(chunk, near.cosine);
        if seen.insert(entity.clone()) {
            hits.push((entity, hit));
        }
    }
    Ok(hits)
}
