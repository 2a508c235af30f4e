//! Reciprocal rank fusion: one ranking of several, by places alone, because scores of different kinds compare with nothing.
//!
//! Cormack, Clarke and Büttcher, SIGIR 2009. They took 60 for the constant, for lists of a thousand; for code, where
//! the first places of both lists are good and the rest is not, 10 was better (`docs/benchmarks.md`).

use std::collections::HashMap;
use std::hash::Hash;

/// How little the first places count more than the later ones.
const K: f64 = 10.0;

/// One item of the fused ranking.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fused<T> {
    pub(super) item: T,
    /// 1 for what is first in every ranking.
    pub(super) score: f64,
    /// Its place in each ranking, from 1.
    pub(super) ranks: Vec<Option<usize>>,
}

/// The items of all rankings, best first; of equals the one that the first ranking has first.
pub(super) fn fuse<T: Clone + Eq + Hash>(rankings: &[Vec<T>]) -> Vec<Fused<T>> {
    let mut fused: Vec<Fused<T>> = Vec::new();
    let mut places: HashMap<T, usize> = HashMap::new();
    for (which, ranking) in rankings.iter().enumerate() {
        for (rank, item) in (1..).zip(ranking) {
            let place = *places.entry(item.clone()).or_insert(fused.len());
            if place == fused.len() {
                fused.push(Fused {
                    item: item.clone(),
                    score: 0.0,
                    ranks: vec![None; rankings.len()],
                });
            }
            if let Some(there) = fused
                .get_mut(place)
                .filter(|there| there.ranks[which].is_none())
            {
                there.ranks[which] = Some(rank);
                there.score += share(rank, rankings.len());
            }
        }
    }
    fused.sort_by(|a, b| b.score.total_cmp(&a.score));
    fused
}

#[allow(
    clippy::cast_precision_loss,
    reason = "places in lists of some hundred"
)]
fn share(rank: usize, rankings: usize) -> f64 {
    (K + 1.0) / (K + rank as f64) / rankings as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_beats_what_one_has_first() {
        let fused = fuse(&[vec!["a", "b", "c"], vec!["d", "b", "a"]]);
        let order: Vec<&str> = fused.iter().map(|each| each.item).collect();
        assert_eq!(order, ["a", "b", "d", "c"]);
        assert_eq!(fused[0].ranks, [Some(1), Some(3)]);
        assert_eq!(fused[2].ranks, [None, Some(1)]);
        assert!((fused[2].score - 0.5).abs() < 1e-9);
        // 11/11 and 11/13, halved.
        assert!((fused[0].score - (0.5 + 5.5 / 13.0)).abs() < 1e-9);
    }

    #[test]
    fn one_ranking_stays_as_it_is_and_its_first_scores_one() {
        let fused = fuse(&[vec![3, 1, 2, 1]]);
        assert_eq!(
            fused.iter().map(|each| each.item).collect::<Vec<_>>(),
            [3, 1, 2]
        );
        assert!((fused[0].score - 1.0).abs() < 1e-9);
        assert!(fuse::<u8>(&[Vec::new(), Vec::new()]).is_empty());
    }
}
