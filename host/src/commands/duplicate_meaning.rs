//! Finds functions that mean the same in another form, by the vectors that the database has of their parts.

use std::collections::HashMap;

use super::context::Context;
use super::duplicate_search::Candidate;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use crate::code_graph::duplicates::{Group, groups_of_pairs};
use crate::foundation::vector::{dot, from_bytes, normalise, numbers, to_bytes};

/// Most parts that are read. Each is about 0.3 KB.
const MOST_PARTS: u32 = 200_000;

/// Most functions that are compared, each with each: that takes about two seconds for so many of 256 dimensions.
const MOST_FUNCTIONS: usize = 20_000;

/// What was found.
pub(super) struct Alike {
    /// Groups of places among the candidates.
    pub(super) groups: Vec<Group>,
    /// What was left out, for people.
    pub(super) lacks: Vec<String>,
}

/// Groups of candidates whose meaning is at least so alike.
///
/// # Errors
/// The database's, and [`ErrorCode::Cancelled`] when the job is stopped. A model that fails is among what lacks.
pub(super) fn find(
    context: &Context,
    project_id: &str,
    candidates: &[Candidate<'_>],
    threshold: f64,
    job: &Job<'_>,
) -> Result<Alike, CommandError> {
    let mut lacks = Vec::new();
    let model = match context.searcher.model() {
        Ok(model) => model.model().to_owned(),
        Err(error) => {
            lacks.push(format!("only form was compared: {error}"));
            return Ok(Alike {
                groups: Vec::new(),
                lacks,
            });
        }
    };
    let vectors = meanings(context, project_id, &model, candidates)?;
    let without = candidates.len() - vectors.len();
    if without > 0 {
        lacks.push(format!(
            "{without} of {} functions have no vector of this host's model, so that those of like meaning may be missing; \
             call `revectorize`",
            candidates.len()
        ));
    }
    if vectors.len() > MOST_FUNCTIONS {
        lacks.push(format!(
            "the meaning of the first {MOST_FUNCTIONS} functions only was compared; choose a file_path, or more min_lines"
        ));
    }
    let compared: Vec<_> = vectors
        .iter()
        .take(MOST_FUNCTIONS)
        .filter_map(|(place, vector)| Some((*place, from_bytes(vector)?)))
        .collect();
    let mut pairs = Vec::new();
    for (number, (place, (scale, components))) in compared.iter().enumerate() {
        if job.cancellation.is_cancelled() {
            let message = "it was stopped before all functions were compared";
            return Err(CommandError::new(ErrorCode::Cancelled, message));
        }
        for (other_place, (other_scale, other_components)) in &compared[number + 1..] {
            let product = f64::from(dot(components, other_components));
            let cosine = product * f64::from(*scale) * f64::from(*other_scale);
            if cosine >= threshold {
                pairs.push((*place, *other_place, cosine.min(1.0)));
            }
        }
    }
    Ok(Alike {
        groups: groups_of_pairs(candidates.len(), &pairs),
        lacks,
    })
}

/// The candidates that have vectors, by their places, each with the mean of those of its parts.
fn meanings(
    context: &Context,
    project_id: &str,
    model: &str,
    candidates: &[Candidate<'_>],
) -> Result<Vec<(usize, Vec<u8>)>, CommandError> {
    let mut by_file: HashMap<i64, Vec<usize>> = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        by_file.entry(candidate.file.id).or_default().push(place);
    }
    let mut sums: Vec<Vec<f32>> = vec![Vec::new(); candidates.len()];
    for part in context
        .code()
        .function_vectors(project_id, model, MOST_PARTS)?
    {
        let holds = |place: &&usize| {
            let shape = &candidates[**place].shape;
            (shape.line..=shape.end_line).contains(&part.line)
        };
        let places = by_file.get(&part.file_id).into_iter().flatten();
        // Of functions within each other the innermost.
        let innermost = places
            .filter(holds)
            .max_by_key(|place| candidates[**place].shape.line);
        let (Some(place), Some((scale, components))) = (innermost, from_bytes(&part.vector)) else {
            continue;
        };
        let sum = &mut sums[*place];
        sum.resize(components.len(), 0.0);
        for (x, number) in sum.iter_mut().zip(numbers(scale, components)) {
            *x += number;
        }
    }
    let with_vector = sums.into_iter().enumerate();
    Ok(with_vector
        .filter(|(_, sum)| !sum.is_empty())
        .map(|(place, mut sum)| {
            normalise(&mut sum);
            (place, to_bytes(&sum))
        })
        .collect())
}
