//! What is told of an entity that was found, and which hits of different rankings are the same entity.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::fusion::Fused;
use crate::code_db::chunks::found::FoundChunk;
use crate::code_db::search::SearchHit;

/// Lines of a chunk that are shown.
const SHOWN_LINES: usize = 8;

/// One entity that was found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Hit {
    /// `file` for text outside entities, else `class`, `function` or `method`.
    pub entity_type: String,
    /// The entity's id in the table of its kind.
    pub entity_id: Option<i64>,
    /// The entity's name: `Cart`, `Cart.checkout`, `shop/cart.py`.
    pub entity_name: String,
    /// Absolute path of the file.
    pub file_path: String,
    /// That path below the root of its project.
    pub relative_path: String,
    /// Line of the part that fits best, from 1.
    pub line: u32,
    /// The beginning of the part that fits best, or the line that holds the words.
    pub snippet: String,
    /// How good the hit is, comparable within one answer: 1 is first in every ranking.
    pub score: f64,
    /// Cosine of question and best part, from -1 to 1; none where the hit is by words alone.
    pub similarity: Option<f32>,
    /// Place among the hits by meaning, from 1.
    pub meaning_rank: Option<usize>,
    /// Place among the hits by words, from 1.
    pub words_rank: Option<usize>,
}

/// What tells entities apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entity {
    kind: String,
    id: Option<i64>,
    path: String,
}

/// Entities with what is told of them, best first.
pub(super) type Ranking = Vec<(Entity, Hit)>;

/// Notes hits and gives their order; one that is known already by its meaning keeps what is known.
pub(super) fn remember(
    hits: impl IntoIterator<Item = (Entity, Hit)>,
    known: &mut HashMap<Entity, Hit>,
) -> Vec<Entity> {
    hits.into_iter()
        .map(|(entity, hit)| {
            known.entry(entity.clone()).or_insert(hit);
            entity
        })
        .collect()
}

pub(super) fn placed(fused: Fused<Entity>, known: &mut HashMap<Entity, Hit>) -> Option<Hit> {
    let hit = known.remove(&fused.item)?;
    Some(Hit {
        score: fused.score,
        meaning_rank: fused.ranks.first().copied().flatten(),
        words_rank: fused.ranks.get(1).copied().flatten(),
        ..hit
    })
}

pub(super) fn of_meaning(chunk: FoundChunk, cosine: f32) -> (Entity, Hit) {
    let shown: Vec<&str> = chunk.text.lines().take(SHOWN_LINES).collect();
    let hit = Hit {
        entity_id: Some(chunk.entity_id),
        entity_name: chunk.entity_name,
        relative_path: chunk.relative_path,
        line: chunk.line,
        snippet: shown.join("\n"),
        score: 0.0,
        similarity: Some(cosine),
        meaning_rank: None,
        words_rank: None,
        entity_type: chunk.entity_type,
        file_path: chunk.file_path,
    };
    (entity_of(&hit), hit)
}

pub(super) fn of_words(found: SearchHit) -> (Entity, Hit) {
    let hit = Hit {
        entity_type: found.entity_type,
        entity_id: found.entity_id,
        entity_name: found.entity_name.unwrap_or_default(),
        file_path: found.file_path,
        relative_path: found.relative_path,
        line: found.line,
        snippet: found.snippet,
        score: 0.0,
        similarity: None,
        meaning_rank: None,
        words_rank: None,
    };
    (entity_of(&hit), hit)
}

fn entity_of(hit: &Hit) -> Entity {
    let is_file = hit.entity_type == "file";
    Entity {
        kind: hit.entity_type.clone(),
        // A file is its path.
        id: hit.entity_id.filter(|_| !is_file),
        path: hit.file_path.clone(),
    }
}
