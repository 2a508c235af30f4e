//! Functions of the same or nearly the same form, found by the runs of tokens that they share.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Tokens of one run. Shorter ones are shared by chance, longer ones end at each small difference.
const RUN: usize = 5;

/// Functions that are alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their places in the list that was searched, in order.
    pub members: Vec<usize>,
    /// How alike the least alike of its pairs are, from 0 to 1.
    pub similarity: f64,
}

/// Groups those of the token sequences that are at least this alike, `least` from above 0 to 1. How alike two are is twice
/// the runs that both have, by the runs of both together. Every pair of a group is linked by pairs that are alike.
///
/// Two that are alike enough share one of their rarest runs, so that only those are compared which do: of a sequence
/// of `n` runs, the `n - n * least / (2 - least)` rarest.
pub fn groups(sequences: &[&[u32]], least: f64) -> Vec<Group> {
    let runs: Vec<Vec<u64>> = sequences.iter().map(|tokens| runs(tokens)).collect();
    let mut frequency: HashMap<u64, u32> = HashMap::new();
    for run in runs.iter().flatten() {
        *frequency.entry(*run).or_default() += 1;
    }
    let mut by_run: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut links = Links::new(runs.len());
    for (place, own) in runs.iter().enumerate() {
        let mut candidates: Vec<usize> = Vec::new();
        let rarest = rarest(own, &frequency, least);
        for run in &rarest {
            candidates.extend(by_run.get(run).into_iter().flatten());
        }
        candidates.sort_unstable();
        candidates.dedup();
        for other in candidates {
            let similarity = alike(own, &runs[other]);
            if similarity >= least {
                links.join(other, place, similarity);
            }
        }
        for run in rarest {
            by_run.entry(run).or_default().push(place);
        }
    }
    links.groups()
}

/// Groups `count` places by these pairs, each with how alike its two are.
pub fn groups_of_pairs(count: usize, pairs: &[(usize, usize, f64)]) -> Vec<Group> {
    let mut links = Links::new(count);
    for (a, b, similarity) in pairs {
        links.join(*a, *b, *similarity);
    }
    links.groups()
}

/// The runs of a sequence, sorted; one that occurs again counts as another.
fn runs(tokens: &[u32]) -> Vec<u64> {
    let mut seen: HashMap<&[u32], u32> = HashMap::new();
    let mut runs: Vec<u64> = tokens
        .windows(RUN)
        .map(|window| {
            let occurrence = seen.entry(window).or_default();
            *occurrence += 1;
            let mut hasher = DefaultHasher::new();
            (window, *occurrence).hash(&mut hasher);
            hasher.finish()
        })
        .collect();
    runs.sort_unstable();
    runs
}

fn rarest(runs: &[u64], frequency: &HashMap<u64, u32>, least: f64) -> Vec<u64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by_key(|run| (frequency.get(run).copied().unwrap_or(0), *run));
    let shared = (runs.len() as f64 * least / (2.0 - least)).floor() as usize;
    sorted.truncate(runs.len() - shared.min(runs.len().saturating_sub(1)));
    sorted
}

/// Twice the runs that both have, by the runs of both together.
fn alike(a: &[u64], b: &[u64]) -> f64 {
    let (mut at, mut other, mut both) = (0, 0, 0);
    while let (Some(left), Some(right)) = (a.get(at), b.get(other)) {
        both += usize::from(left == right);
        at += usize::from(left <= right);
        other += usize::from(right <= left);
    }
    2.0 * both as f64 / (a.len() + b.len()).max(1) as f64
}

/// Which places belong together, as a forest, and the least likeness of the links.
struct Links {
    above: Vec<usize>,
    least: Vec<f64>,
}

impl Links {
    fn new(count: usize) -> Self {
        Self {
            above: (0..count).collect(),
            least: vec![1.0; count],
        }
    }

    fn root(&mut self, mut place: usize) -> usize {
        while self.above[place] != place {
            self.above[place] = self.above[self.above[place]];
            place = self.above[place];
        }
        place
    }

    fn join(&mut self, a: usize, b: usize, similarity: f64) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        self.least[first] = self.least[first].min(self.least[second]).min(similarity);
        self.above[second] = first;
    }

    fn groups(mut self) -> Vec<Group> {
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for place in 0..self.above.len() {
            members.entry(self.root(place)).or_default().push(place);
        }
        let mut groups: Vec<Group> = members
            .into_iter()
            .filter(|(_, members)| members.len() > 1)
            .map(|(root, members)| Group {
                members,
                similarity: self.least[root],
            })
            .collect();
        groups.sort_by_key(|group| group.members[0]);
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
        numbers.collect()
    }

    #[test]
    fn what_is_alike_enough_forms_a_group() {
        let one = sequence(0..40);
        let mut near = one.clone();
        near[20] = 99;
        let far = sequence(100..140);
        let all = [one.as_slice(), &far, &near, &one];
        let found = groups(&all, 0.8);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].members, [0, 2, 3]);
        // One token differs: five of 36 runs do.
        assert!(
            (found[0].similarity - 31.0 / 36.0).abs() < 1e-9,
            "{found:?}"
        );
        assert_eq!(groups(&all, 1.0)[0].members, [0, 3]);
    }

    #[test]
    fn the_rarest_runs_find_every_pair_that_comparing_all_finds() {
        // Sequences that differ in more and more places from a common one.
        let sequences: Vec<Vec<u32>> = (0..30_u32)
            .map(|n| {
                (0..60)
                    .map(|at| if at < n { 1_000 + n * 60 + at } else { at % 17 })
                    .collect()
            })
            .collect();
        let all: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        for least in [0.5, 0.7, 0.9] {
            let mut links = Links::new(all.len());
            let runs: Vec<_> = all.iter().map(|tokens| runs(tokens)).collect();
            for b in 0..all.len() {
                for a in 0..b {
                    let similarity = alike(&runs[a], &runs[b]);
                    if similarity >= least {
                        links.join(a, b, similarity);
                    }
                }
            }
            assert_eq!(groups(&all, least), links.groups(), "{least}");
        }
    }

    #[test]
    fn repeated_runs_count_as_often_as_they_occur() {
        let short = runs(&[7; 6]);
        let long = runs(&[7; 60]);
        assert!(alike(&short, &long) < 0.1);
        assert_eq!(groups(&[], 0.8), []);
    }
}
