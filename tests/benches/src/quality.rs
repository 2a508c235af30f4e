//! How well a question finds the function that it is about: by words, by meaning, and by both.
//!
//! Over a Python standard library whose docstrings were taken out: the first sentence of a docstring is the question,
//! and the function that had it, now without it, is what should be found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use code_analysis_host::app::App;
use code_analysis_host::code_db::database::CodeDatabase;
use code_analysis_host::code_db::page::PageRequest;
use code_analysis_host::config::embedding::{EmbeddingConfig, EmbeddingProviderKind};
use code_analysis_host::config::types::Config;
use code_analysis_host::foundation::cancellation::Cancellation;
use code_analysis_host::foundation::progress::Silent;
use code_analysis_host::search::searcher::{Question, Searcher};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Result;
use crate::place::Place;
use crate::scale::Scale;
use crate::table::{Row, quantile};

/// Takes docstrings out, and tells what they said.
const SCRIPT: &str = include_str!("docstrings.py");

/// The environment variable that names the directory of a local model to be asked, too.
const LOCAL_MODEL: &str = "QUALITY_MODEL_DIR";

/// Hits that count.
const CUT: u32 = 10;

/// How much better both together must be than words alone.
const CLEARLY: f64 = 1.10;

/// What is asked, and what should be found.
#[derive(Deserialize)]
struct Asked {
    query: String,
    path: String,
    name: String,
}

/// How well a ranking does.
struct Quality {
    /// The mean of one divided by the place of what was sought, 0 where it is not among the first ten.
    mrr: f64,
    /// The part of questions whose answer is among the first ten.
    recall: f64,
    /// Milliseconds of the middle question.
    p50: f64,
}

impl Quality {
    fn text(&self) -> String {
        format!(
            "MRR@10 {:.3}, recall@10 {:.3}, p50 {:.1} ms",
            self.mrr, self.recall, self.p50
        )
    }
}

/// Words, meaning and both over a Python standard library.
pub(crate) fn search(scale: &Scale) -> Result<Vec<Row>> {
    let Some(library) = standard_library() else {
        return Ok(vec![Row::without_peer(
            "search quality",
            "-".to_owned(),
            "Python's library",
        )]);
    };
    let place = Place::new()?;
    let asked = prepare(&library, &place.path().join("library"), scale.questions)?;
    let config = Config::load(Some(&place.config()))?;
    let (app, made) = vectors(&place, config.clone())?;
    let code = app.database()?.database();
    let searcher = Searcher::new(app.config().embedding.clone());
    let words = ask(&searcher, &code, &asked, true, false)?;
    let meaning = ask(&searcher, &code, &asked, false, true)?;
    let both = ask(&searcher, &code, &asked, true, true)?;
    let alone =
        |work: &str, quality: &Quality| Row::alone(work, quality.text(), "a baseline", true);
    let questions = asked.len();
    let mut rows = vec![
        Row::alone(
            "chunks cut, embedded and stored",
            speed(&made),
            "a baseline",
            true,
        ),
        alone(&format!("{questions} questions, words"), &words),
        alone(
            &format!("the same, {}", searcher.model()?.model()),
            &meaning,
        ),
        Row::compared(
            "the same, both: MRR@10",
            both.text(),
            words.text(),
            both.mrr / words.mrr,
            CLEARLY,
        ),
        Row::compared(
            "the same, both: recall@10",
            both.text(),
            words.text(),
            both.recall / words.recall,
            CLEARLY,
        ),
    ];
    if let Some(model_dir) = std::env::var_os(LOCAL_MODEL) {
        let embedding = EmbeddingConfig {
            provider: EmbeddingProviderKind::Local,
            model_dir: Some(model_dir.into()),
            threads: 2,
            ..EmbeddingConfig::default()
        };
        let (app, made) = vectors(
            &place,
            Config {
                embedding,
                ..config
            },
        )?;
        let searcher = Searcher::new(app.config().embedding.clone());
        let meaning = ask(&searcher, &code, &asked, false, true)?;
        let both = ask(&searcher, &code, &asked, true, true)?;
        let model = searcher.model()?.model().to_owned();
        rows.push(Row::alone(
            &format!("chunks embedded by {model}"),
            speed(&made),
            "a baseline",
            true,
        ));
        rows.push(alone(&format!("the same questions, {model}"), &meaning));
        rows.push(alone("the same, that and words", &both));
    }
    Ok(rows)
}

/// Indexes the library, if it is not, and gives it vectors of the configured model.
fn vectors(place: &Place, config: Config) -> Result<(App, Value)> {
    let app = App::new(config, &[])?;
    let run = |command: &str| {
        let parameters = json!({ "root_dir": place.path().join("library") });
        app.call(command, parameters, &Silent, &Cancellation::default())
    };
    run("update_indexes")?;
    let made = run("revectorize")?;
    Ok((app, made))
}

fn speed(made: &Value) -> String {
    let chunks = made["total_chunks_revectorized"].as_f64().unwrap_or(0.0);
    format!(
        "{:.0} chunks/s",
        chunks / made["seconds"].as_f64().unwrap_or(1.0)
    )
}

fn standard_library() -> Option<PathBuf> {
    let ask = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let output = Command::new("python3").args(["-c", ask]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_dir().then_some(path)
}

/// Writes the library without its docstrings, and answers some of the questions, from all over it.
fn prepare(library: &Path, target: &Path, most: usize) -> Result<Vec<Asked>> {
    fs::create_dir(target)?;
    let mut python = Command::new("python3");
    let output = python
        .args(["-c", SCRIPT])
        .args([library, target])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let lines = String::from_utf8(output.stdout)?;
    let all: Vec<&str> = lines.lines().collect();
    let step = all.len().div_ceil(most).max(1);
    let parse = |line: &&str| -> Result<Asked> { Ok(serde_json::from_str(line)?) };
    all.iter().step_by(step).map(parse).collect()
}

fn ask(
    searcher: &Searcher,
    code: &CodeDatabase,
    asked: &[Asked],
    by_words: bool,
    by_meaning: bool,
) -> Result<Quality> {
    let (mut mrr, mut found, mut times) = (0.0, 0.0, Vec::new());
    for each in asked {
        let question = Question {
            text: &each.query,
            project_id: None,
            by_words,
            by_meaning,
            min_score: None,
            page: PageRequest::first(CUT),
        };
        let started = Instant::now();
        let hits = searcher.search(code, &question)?.hits;
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        let place = hits
            .iter()
            .position(|hit| hit.relative_path == each.path && hit.entity_name == each.name);
        if let Some(place) = place {
            mrr += 1.0 / (place + 1) as f64;
            found += 1.0;
        }
    }
    let count = asked.len().max(1) as f64;
    Ok(Quality {
        mrr: mrr / count,
        recall: found / count,
        p50: quantile(&mut times, 0.5),
    })
}
