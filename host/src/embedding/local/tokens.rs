//! Texts as the numbers of a model's word pieces, by its own `tokenizer.json` or the usual rules for its `vocab.txt`.

use std::path::{Path, PathBuf};

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{Tokenizer, TruncationParams};

use super::directory::{DirectoryError, read};

/// Cuts texts into pieces of words.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    /// The file that says how, and its bytes.
    path: PathBuf,
    source: Vec<u8>,
    padding: u32,
}

impl Tokens {
    /// Reads `tokenizer.json`, or `vocab.txt` where there is none. Texts are cut off after `length` pieces.
    pub(super) fn read(directory: &Path, length: usize) -> Result<Self, DirectoryError> {
        let path = directory.join("tokenizer.json");
        let (path, source, tokenizer) = match read(&path) {
            Ok(source) => {
                let tokenizer = Tokenizer::from_bytes(&source);
                (path, source, tokenizer)
            }
            Err(DirectoryError::Missing { .. }) => {
                let path = directory.join("vocab.txt");
                let source = read(&path)?;
                let tokenizer = of_vocabulary(&source);
                (path, source, tokenizer)
            }
            Err(error) => return Err(error),
        };
        let limited = tokenizer.and_then(|mut tokenizer| {
            tokenizer.with_padding(None);
            tokenizer.with_truncation(Some(TruncationParams {
                max_length: length,
                ..TruncationParams::default()
            }))?;
            Ok(tokenizer)
        });
        let tokenizer = limited.map_err(|error| DirectoryError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let padding = tokenizer.token_to_id("[PAD]").unwrap_or(0);
        Ok(Self {
            tokenizer,
            path,
            source,
            padding,
        })
    }

    /// The file that says how texts are cut.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its content.
    pub(super) fn source(&self) -> &[u8] {
        &self.source
    }

    /// How many pieces there are.
    pub(super) fn count(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The piece that fills up rows.
    pub(super) fn padding(&self) -> u32 {
        self.padding
    }

    /// The pieces of a text, with those that begin and end it.
    pub(super) fn of(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        Ok(self.tokenizer.encode(text, true)?.get_ids().to_vec())
    }
}

/// The tokenizer of uncased BERT with this vocabulary, a piece on each line.
fn of_vocabulary(source: &[u8]) -> tokenizers::Result<Tokenizer> {
    let vocabulary = WordPiece::read_bytes(source)?;
    let model = WordPiece::builder().vocab(vocabulary).build()?;
    let mut tokenizer = Tokenizer::new(model);
    let special = |piece: &str| {
        let number = tokenizer.token_to_id(piece);
        let number = number.ok_or_else(|| format!("the piece {piece} is missing"))?;
        tokenizers::Result::Ok((piece.to_owned(), number))
    };
    special("[UNK]")?;
    let ends = BertProcessing::new(special("[SEP]")?, special("[CLS]")?);
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(true, true, None, true)))?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(ends));
    Ok(tokenizer)
}
