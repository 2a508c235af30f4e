//! A model's directory as sentence-transformers writes it: read, and checked before anything is computed with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bert::{Bert, Shape};
use super::tokens::Tokens;

/// Why a directory is no model that this program can compute.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// A file is not there.
    #[error("{} is missing; embedding.model_dir names a directory with {needs}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What a model consists of.
        needs: &'static str,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is cut off, or something else than its name says.
    #[error("{} is damaged or of another form: {reason}; copy or download the model again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The model is of a kind that this program does not compute.
    #[error("{} says {key} is {found}, and this program computes {expected} only; choose a model like all-MiniLM-L6-v2", path.display())]
    OtherArchitecture {
        /// The file that says so.
        path: PathBuf,
        /// What it says it of.
        key: &'static str,
        /// What it says.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Files of the model contradict each other.
    #[error("{} does not fit the model's config.json: {reason}; the files are of different models", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}

type Result<T> = std::result::Result<T, DirectoryError>;

/// What a model consists of.
const NEEDS: &str = "config.json, model.safetensors, and tokenizer.json or vocab.txt";

/// How the vectors of tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// The first one, which stands for all.
    First,
}

/// What a directory holds.
pub(super) struct Directory {
    pub(super) bert: Bert,
    pub(super) tokens: Tokens,
    pub(super) pooling: Pooling,
    /// Names the model by its content.
    pub(super) name: String,
}

/// `1_Pooling/config.json`; other keys are ways of pooling that are hardly used.
#[derive(Deserialize)]
struct PoolingFile {
    word_embedding_dimension: Option<usize>,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct LengthFile {
    max_seq_length: Option<usize>,
}

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

impl Directory {
    /// Reads the model in `directory`.
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let config = directory.join("config.json");
        let shape: Shape = parse(&config, &read(&config)?)?;
        check_architecture(&config, &shape)?;
        check_modules(directory)?;
        let pooling = pooling(directory, &shape)?;
        let length = match optional::<LengthFile>(&directory.join("sentence_bert_config.json"))? {
            Some(LengthFile {
                max_seq_length: Some(length),
            }) => length.min(shape.max_position_embeddings),
            _ => shape.max_position_embeddings,
        };
        let tokens = Tokens::read(directory, length)?;
        if tokens.count() > shape.vocab_size {
            return Err(DirectoryError::Contradiction {
                path: tokens.path().to_owned(),
                reason: format!(
                    "it has {} pieces of words, expected at most vocab_size, {}",
                    tokens.count(),
                    shape.vocab_size
                ),
            });
        }
        let weights = directory.join("model.safetensors");
        let bytes = read(&weights)?;
        // Everything that vectors depend on.
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        hasher.update(tokens.source());
        hasher.update(format!("{shape:?} {pooling:?} {length}").as_bytes());
        let hash = hasher.finalize().to_hex();
        let name = format!("bert-{}d-{}", shape.hidden_size, &hash[..16]);
        let tensors = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu);
        let tensors = tensors.map_err(|error| DirectoryError::Damaged {
            path: weights.clone(),
            reason: first_line(&error.to_string()),
        })?;
        // The file is whole, so that what fails now is a tensor that is missing or of another shape.
        let bert = Bert::load(&tensors, &shape).map_err(|error| DirectoryError::Contradiction {
            path: weights.clone(),
            reason: first_line(&error.to_string()),
        })?;
        Ok(Self {
            bert,
            tokens,
            pooling,
            name,
        })
    }
}

fn check_architecture(path: &Path, shape: &Shape) -> Result<()> {
    let heads = shape.num_attention_heads;
    if heads == 0 || !shape.hidden_size.is_multiple_of(heads) {
        return Err(DirectoryError::Damaged {
            path: path.to_owned(),
            reason: format!(
                "hidden_size {} is not divided evenly among {heads} heads",
                shape.hidden_size
            ),
        });
    }
    for (key, found, expected) in [
        ("model_type", &shape.model_type, "bert"),
        ("hidden_act", &shape.hidden_act, "gelu"),
        (
            "position_embedding_type",
            &shape.position_embedding_type,
            "absolute",
        ),
    ] {
        if found != expected {
            return Err(DirectoryError::OtherArchitecture {
                path: path.to_owned(),
                key,
                found: found.clone(),
                expected,
            });
        }
    }
    Ok(())
}

/// Whatever follows pooling, but for the last step of making vectors one long, is not computed here.
fn check_modules(directory: &Path) -> Result<()> {
    let path = directory.join("modules.json");
    let modules: Vec<Module> = optional(&path)?.unwrap_or_default();
    let known = |module: &&Module| {
        let name = module.kind.rsplit('.').next().unwrap_or_default();
        ["Transformer", "Pooling", "Normalize"].contains(&name)
    };
    match modules.iter().find(|module| !known(module)) {
        None => Ok(()),
        Some(module) => Err(DirectoryError::OtherArchitecture {
            path,
            key: "a module",
            found: module.kind.clone(),
            expected: "Transformer, Pooling and Normalize",
        }),
    }
}

fn pooling(directory: &Path, shape: &Shape) -> Result<Pooling> {
    let path = directory.join("1_Pooling/config.json");
    let Some(file) = optional::<PoolingFile>(&path)? else {
        return Ok(Pooling::Mean);
    };
    if let Some(dimensions) = file.word_embedding_dimension
        && dimensions != shape.hidden_size
    {
        return Err(DirectoryError::Contradiction {
            path,
            reason: format!(
                "word_embedding_dimension is {dimensions}, expected hidden_size, {}",
                shape.hidden_size
            ),
        });
    }
    match (file.pooling_mode_mean_tokens, file.pooling_mode_cls_token) {
        (true, false) => Ok(Pooling::Mean),
        (false, true) => Ok(Pooling::First),
        _ => Err(DirectoryError::OtherArchitecture {
            path,
            key: "the way of pooling",
            found: "another one, or several".to_owned(),
            expected: "pooling_mode_mean_tokens or pooling_mode_cls_token",
        }),
    }
}

/// The bytes of a file that must be there.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DirectoryError::Missing {
            path: path.to_owned(),
            needs: NEEDS,
        },
        _ => DirectoryError::Unreadable {
            path: path.to_owned(),
            source,
        },
    })
}

/// What a file says, if it is there.
fn optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read(path) {
        Ok(bytes) => parse(path, &bytes).map(Some),
        Err(DirectoryError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| DirectoryError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// The library may add a backtrace.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
