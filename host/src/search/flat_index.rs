//! Vectors one after the other in memory, each compared with the query: exact, and fast up to some hundred thousands.

use std::collections::HashMap;

use crate::code_db::chunks::near::Near;
use crate::foundation::vector::{dot, from_bytes, numbers, to_bytes};

/// What is searched for, in the form of the stored vectors.
#[derive(Clone, Debug)]
pub(super) struct Query {
    scale: f32,
    pub(super) components: Vec<u8>,
}

impl Query {
    /// None where the model knows nothing of what is asked.
    pub(super) fn new(vector: &[f32]) -> Option<Self> {
        if vector.iter().all(|x| *x == 0.0) {
            return None;
        }
        let bytes = to_bytes(vector);
        let (scale, components) = from_bytes(&bytes)?;
        Some(Self {
            scale,
            components: components.to_vec(),
        })
    }

    /// What is searched for, as it is compared.
    pub(super) fn vector(&self) -> Vec<f32> {
        numbers(self.scale, &self.components).collect()
    }
}

/// Vectors of one length.
#[derive(Default)]
pub(super) struct FlatIndex {
    dimensions: usize,
    chunk_ids: Vec<i64>,
    places: HashMap<i64, usize>,
    scales: Vec<f32>,
    components: Vec<u8>,
    /// Vectors that took the place of another one.
    replaced: usize,
}

impl FlatIndex {
    pub(super) fn len(&self) -> usize {
        self.chunk_ids.len()
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) fn replaced(&self) -> usize {
        self.replaced
    }

    /// Adds a vector in its stored form, in the place of the one that its chunk had. A vector of another length than
    /// the first one's is left out: it is none of the same model.
    pub(super) fn put(&mut self, chunk_id: i64, stored: &[u8]) {
        let Some((scale, components)) = from_bytes(stored) else {
            return;
        };
        if self.chunk_ids.is_empty() {
            self.dimensions = components.len();
        }
        if components.len() != self.dimensions {
            return;
        }
        if let Some(&place) = self.places.get(&chunk_id) {
            let start = place * self.dimensions;
            self.components[start..start + self.dimensions].copy_from_slice(components);
            self.scales[place] = scale;
            self.replaced += 1;
            return;
        }
        self.places.insert(chunk_id, self.len());
        self.chunk_ids.push(chunk_id);
        self.scales.push(scale);
        self.components.extend_from_slice(components);
    }

    /// The components of the vector at this place.
    pub(super) fn components(&self, place: usize) -> &[u8] {
        let start = place * self.dimensions;
        self.components
            .get(start..start + self.dimensions)
            .unwrap_or_default()
    }

    /// The nearest of all, nearest first.
    pub(super) fn nearest(&self, query: &Query, most: usize) -> Vec<Near> {
        self.nearest_of(0..self.len(), query, most)
    }

    /// The nearest of those at these places, nearest first.
    pub(super) fn nearest_of(
        &self,
        places: impl Iterator<Item = usize>,
        query: &Query,
        most: usize,
    ) -> Vec<Near> {
        if query.components.len() != self.dimensions || most == 0 {
            return Vec::new();
        }
        let mut all: Vec<(f32, usize)> = places
            .map(|place| (self.cosine(place, query), place))
            .collect();
        // Of equals the one that came first, so that an answer is always the same.
        let order =
            |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1));
        if all.len() > most {
            all.select_nth_unstable_by(most - 1, order);
            all.truncate(most);
        }
        all.sort_unstable_by(order);
        all.into_iter()
            .map(|(cosine, place)| Near {
                chunk_id: self.chunk_ids[place],
                cosine,
            })
            .collect()
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "sums of products of signed bytes; the scales are less exact"
    )]
    fn cosine(&self, place: usize, query: &Query) -> f32 {
        let scale = self.scales.get(place).copied().unwrap_or(0.0);
        dot(self.components(place), &query.components) as f32 * scale * query.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(vectors: &[(i64, [f32; 2])]) -> FlatIndex {
        let mut index = FlatIndex::default();
        for (chunk_id, vector) in vectors {
            index.put(*chunk_id, &to_bytes(vector));
        }
        index
    }

    fn ids(found: &[Near]) -> Vec<i64> {
        found.iter().map(|near| near.chunk_id).collect()
    }

    #[test]
    fn the_nearest_come_first() {
        let index = index(&[(7, [0.0, 1.0]), (8, [0.6, 0.8]), (9, [-1.0, 0.0])]);
        let query = Query::new(&[1.0, 0.0]).unwrap();
        let found = index.nearest(&query, 2);
        assert_eq!(ids(&found), [8, 7]);
        assert!((found[0].cosine - 0.6).abs() < 0.01, "{found:?}");
        assert_eq!(ids(&index.nearest(&query, 9)), [8, 7, 9]);
        assert_eq!(
            ids(&index.nearest_of([0, 2].into_iter(), &query, 9)),
            [7, 9]
        );
    }

    #[test]
    fn a_chunk_has_one_vector_and_all_have_one_length() {
        let mut index = index(&[(7, [0.0, 1.0]), (8, [0.6, 0.8])]);
        index.put(7, &to_bytes(&[1.0, 0.0]));
        index.put(9, &to_bytes(&[1.0, 0.0, 0.0]));
        index.put(9, &[1, 2]);
        assert_eq!((index.len(), index.replaced()), (2, 1));
        let query = Query::new(&[1.0, 0.0]).unwrap();
        assert_eq!(ids(&index.nearest(&query, 9)), [7, 8]);
        assert!(index.nearest(&Query::new(&[1.0]).unwrap(), 9).is_empty());
        assert!(Query::new(&[0.0, 0.0]).is_none());
    }
}
