//! A tiny model with random weights (`tests/scripts/make_tiny_bert.py`) against vectors that numpy computed.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::directory::DirectoryError;
use super::*;

#[derive(Deserialize)]
struct Expected {
    text: String,
    pieces: Vec<u32>,
    mean: Vec<f32>,
    first: Vec<f32>,
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/tiny-bert")
}

fn expected() -> Vec<Expected> {
    serde_json::from_slice(&fs::read(fixture().join("expected.json")).unwrap()).unwrap()
}

/// A copy of the model that a test may change.
fn copy() -> TempDir {
    let copy = TempDir::new().unwrap();
    fs::create_dir(copy.path().join("1_Pooling")).unwrap();
    for name in [
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "vocab.txt",
        "model.safetensors",
    ] {
        fs::copy(fixture().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

/// Writes other values into a file of JSON.
fn change(model: &TempDir, file: &str, key: &str, value: Value) {
    let path = model.path().join(file);
    let mut content: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    content[key] = value;
    fs::write(&path, content.to_string()).unwrap();
}

fn error(model: &TempDir) -> (DirectoryError, String) {
    match LocalModel::read(model.path(), 1).err() {
        Some(EmbeddingError::Directory(error)) => {
            let text = error.to_string();
            (error, text)
        }
        other => panic!("expected an error of the directory, found {other:?}"),
    }
}

fn assert_near(found: &[f32], expected: &[f32], text: &str) {
    assert_eq!(found.len(), expected.len(), "{text}");
    let furthest = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let furthest = furthest.fold(0.0, f32::max);
    assert!(furthest < 2e-5, "{text}: {furthest}");
}

#[test]
fn vectors_are_those_of_the_reference_alone_and_together() {
    let model = LocalModel::read(&fixture(), 1).unwrap();
    let expected = expected();
    for each in &expected {
        assert_eq!(
            model.directory.tokens.of(&each.text).unwrap(),
            each.pieces,
            "{}",
            each.text
        );
        assert_near(
            &model.embed_query(&each.text).unwrap(),
            &each.mean,
            &each.text,
        );
    }
    // Of different lengths, so that rows are filled up and put into another order.
    let texts: Vec<String> = expected.iter().map(|each| each.text.clone()).collect();
    for (found, each) in model.vectors(&texts).unwrap().iter().zip(&expected) {
        assert_near(found, &each.mean, &each.text);
    }
    assert!(model.vectors(&[]).unwrap().is_empty());
}

#[test]
fn many_rows_are_computed_in_parts() {
    let model = LocalModel::read(&fixture(), 2).unwrap();
    let longest = expected()
        .into_iter()
        .max_by_key(|each| each.pieces.len())
        .unwrap();
    assert_eq!(longest.pieces.len(), 16, "it is cut off at max_seq_length");
    let texts = vec![longest.text.clone(); 2 * TOKENS_AT_ONCE / 16 + 1];
    for found in model.vectors(&texts).unwrap() {
        assert_near(&found, &longest.mean, &longest.text);
    }
}

#[test]
fn a_title_counts_as_the_words_that_it_holds() {
    let model = LocalModel::read(&fixture(), 1).unwrap();
    let passage = |title| Passage {
        title,
        text: "the file",
    };
    let found = model
        .embed(&[passage("getUserName"), passage("get_user.name")])
        .unwrap();
    let query = model.embed_query("get user name the file").unwrap();
    assert_near(&found[0], &query, "camel case");
    assert_near(&found[1], &query, "others");
}

#[test]
fn the_first_token_stands_for_the_text_where_the_model_says_so() {
    let model = copy();
    let of_mean = LocalModel::read(model.path(), 1)
        .unwrap()
        .model()
        .to_owned();
    change(
        &model,
        "1_Pooling/config.json",
        "pooling_mode_mean_tokens",
        json!(false),
    );
    change(
        &model,
        "1_Pooling/config.json",
        "pooling_mode_cls_token",
        json!(true),
    );
    let model = LocalModel::read(model.path(), 1).unwrap();
    for each in expected() {
        assert_near(
            &model.embed_query(&each.text).unwrap(),
            &each.first,
            &each.text,
        );
    }
    assert_ne!(model.model(), of_mean, "their vectors must not be compared");
}

#[test]
fn the_name_is_that_of_the_content() {
    let model = copy();
    let name = |directory: &Path| LocalModel::read(directory, 1).unwrap().model().to_owned();
    let before = name(&fixture());
    assert!(
        before.starts_with("bert-12d-") && before.len() < 40,
        "{before}"
    );
    assert_eq!(name(model.path()), before);
    let weights = model.path().join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    assert_ne!(name(model.path()), before);
}

#[test]
fn what_is_missing_is_named() {
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        let model = copy();
        fs::remove_file(model.path().join(file)).unwrap();
        let (kind, text) = error(&model);
        assert!(matches!(kind, DirectoryError::Missing { .. }), "{text}");
        assert!(
            text.contains(file) && text.contains("tokenizer.json or vocab.txt"),
            "{text}"
        );
    }
}

#[test]
fn what_is_cut_off_is_damaged() {
    for (file, kept) in [
        ("config.json", 40),
        ("model.safetensors", 30),
        ("model.safetensors", 5_000),
        ("vocab.txt", 20),
    ] {
        let model = copy();
        let path = model.path().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..kept]).unwrap();
        let (kind, text) = error(&model);
        assert!(matches!(kind, DirectoryError::Damaged { .. }), "{text}");
        assert!(
            text.contains(file) && text.contains("download the model again"),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_computed_is_told_before_it_is() {
    for (file, key, value) in [
        ("config.json", "model_type", json!("roberta")),
        ("config.json", "hidden_act", json!("relu")),
        (
            "config.json",
            "position_embedding_type",
            json!("relative_key"),
        ),
        (
            "1_Pooling/config.json",
            "pooling_mode_cls_token",
            json!(true),
        ),
    ] {
        let model = copy();
        change(&model, file, key, value);
        let (kind, text) = error(&model);
        assert!(
            matches!(kind, DirectoryError::OtherArchitecture { .. }),
            "{text}"
        );
        assert!(text.contains(file), "{text}");
    }
    let model = copy();
    fs::write(
        model.path().join("modules.json"),
        r#"[{"type": "sentence_transformers.models.Dense"}]"#,
    )
    .unwrap();
    assert!(error(&model).1.contains("models.Dense"));
}

#[test]
fn files_of_different_models_are_told() {
    for (file, key, value) in [
        ("config.json", "hidden_size", json!(24)),
        ("config.json", "num_hidden_layers", json!(3)),
        ("config.json", "vocab_size", json!(3)),
        (
            "1_Pooling/config.json",
            "word_embedding_dimension",
            json!(384),
        ),
    ] {
        let model = copy();
        change(&model, file, key, value);
        let (kind, text) = error(&model);
        assert!(
            matches!(kind, DirectoryError::Contradiction { .. }),
            "{key}: {text}"
        );
    }
    // The numbers of a longer vocabulary lead beyond the model's table.
    let model = copy();
    let path = model.path().join("vocab.txt");
    let vocabulary = fs::read_to_string(&path).unwrap() + "more\n";
    fs::write(&path, vocabulary).unwrap();
    assert!(
        error(&model).1.contains("has 22 pieces"),
        "{}",
        error(&model).1
    );
}
