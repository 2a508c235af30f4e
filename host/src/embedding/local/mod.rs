//! A BERT model in a directory of this machine, computed on the processor: slower than static vectors, and it understands more.
//!
//! `directory` reads and checks the files, `tokens` cuts texts, `bert` computes; here rows are put together so that
//! little is computed in vain, on threads of their own number: the library would take all processors otherwise.

mod bert;
pub(super) mod directory;
mod tokens;

use std::path::Path;
use std::sync::OnceLock;

use candle_core::{D, Tensor};
use rayon::ThreadPool;

use self::directory::{Directory, Pooling};
use super::error::{EmbeddingError, Result};
use super::provider::{EmbeddingProvider, Passage};
use crate::foundation::identifiers::words;
use crate::foundation::vector::normalise;

/// Most tokens, filling included, that are computed together; more take more memory and are no faster.
const TOKENS_AT_ONCE: usize = 2_048;

/// The model.
pub(super) struct LocalModel {
    directory: Directory,
    threads: usize,
    /// Made with the first text, so that its threads have the priority of whoever asks.
    pool: OnceLock<Option<ThreadPool>>,
}

impl LocalModel {
    /// Reads the model in a directory.
    pub(super) fn read(directory: &Path, threads: usize) -> Result<Self> {
        Ok(Self {
            directory: Directory::read(directory)?,
            threads,
            pool: OnceLock::new(),
        })
    }

    fn compute<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.threads);
        let pool = || {
            threads
                .thread_name(|number| format!("model {number}"))
                .build()
                .ok()
        };
        match self.pool.get_or_init(pool) {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// The vectors of texts, in their order.
    fn vectors(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let failed = |reason: String| EmbeddingError::Unusable {
            model: self.directory.name.clone(),
            reason,
        };
        let rows: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| self.directory.tokens.of(text))
            .collect::<tokenizers::Result<_>>()
            .map_err(|error| failed(error.to_string()))?;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|place| rows[*place].len());
        let mut vectors = vec![Vec::new(); rows.len()];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let fits = |count: &usize| count * rows[rest[count - 1]].len() <= TOKENS_AT_ONCE;
            let count = (1..=rest.len()).take_while(fits).last().unwrap_or(1);
            let (some, later) = rest.split_at(count);
            let together: Vec<&[u32]> = some.iter().map(|place| rows[*place].as_slice()).collect();
            let computed = self
                .compute(|| self.rows(&together))
                .map_err(|error| failed(error.to_string()))?;
            for (place, vector) in some.iter().zip(computed) {
                vectors[*place] = vector;
            }
            rest = later;
        }
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }

    fn rows(&self, rows: &[&[u32]]) -> candle_core::Result<Vec<Vec<f32>>> {
        let (tokens, mask) = bert::batch(rows, self.directory.tokens.padding())?;
        let outputs = self.directory.bert.forward(&tokens, &mask)?;
        let pooled = match self.directory.pooling {
            Pooling::First => outputs.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => mean(&outputs, &mask)?,
        };
        pooled.to_vec2()
    }
}

/// The mean of the vectors of each row's tokens.
fn mean(outputs: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
    let kept = outputs.broadcast_mul(&mask.unsqueeze(D::Minus1)?)?;
    kept.sum(1)?.broadcast_div(&mask.sum_keepdim(1)?)
}

/// The model was trained on sentences: identifiers are written as the words that they hold.
fn spelt(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

impl EmbeddingProvider for LocalModel {
    fn model(&self) -> &str {
        &self.directory.name
    }

    fn embed(&self, passages: &[Passage<'_>]) -> Result<Vec<Vec<f32>>> {
        let whole = |passage: &Passage<'_>| format!("{}\n{}", spelt(passage.title), passage.text);
        let texts: Vec<String> = passages.iter().map(whole).collect();
        self.vectors(&texts)
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>> {
        let mut vectors = self.vectors(&[query.to_owned()])?;
        Ok(vectors.pop().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
