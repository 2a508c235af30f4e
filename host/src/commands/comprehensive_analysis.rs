//! `comprehensive_analysis`: everything that can be found wrong or unfinished in a file or a project, by kind.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::duplicate_search;
use super::error::CommandError;
use super::external_checks::Checker;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use super::source_files::{SourceFile, SourceFiles};
use crate::analysis::Language;
use crate::analysis::review::Review;
use crate::code_db::analysis_results::AnalysisResults;

/// The command.
pub(super) struct ComprehensiveAnalysis;

/// Where, and what is looked for.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Files of more lines are long; default 400.
    #[serde(default = "default_lines")]
    max_lines: u32,
    /// Comments that mark something as unfinished or makeshift by one of the usual words in capitals; default true.
    #[serde(default = "yes")]
    check_placeholders: bool,
    /// Functions that say that they are not implemented; default true.
    #[serde(default = "yes")]
    check_stubs: bool,
    /// Functions that do nothing; default true.
    #[serde(default = "yes")]
    check_empty_methods: bool,
    /// Imports that their file does not use; default true.
    #[serde(default = "yes")]
    check_imports: bool,
    /// Long files; default true.
    #[serde(default = "yes")]
    check_long_files: bool,
    /// Functions of nearly the same form; default true.
    #[serde(default = "yes")]
    check_duplicates: bool,
    /// What flake8 says of Python, where it is installed; default true.
    #[serde(default = "yes")]
    check_flake8: bool,
    /// What mypy says of Python, where it is installed; default true.
    #[serde(default = "yes")]
    check_mypy: bool,
    /// Files, classes and functions that say nothing of themselves; default true.
    #[serde(default = "yes")]
    check_docstrings: bool,
    /// Duplicates have at least so many lines; default 5.
    #[serde(default = "default_duplicate_lines")]
    #[schemars(range(min = 1))]
    duplicate_min_lines: u32,
    /// How alike duplicates are at least; default 0.8.
    #[serde(default = "default_similarity")]
    #[schemars(range(min = 0.3, max = 1.0))]
    duplicate_min_similarity: f64,
    /// A configuration file for mypy.
    #[serde(default)]
    #[schemars(length(min = 1))]
    mypy_config_file: Option<String>,
    /// Most findings of each kind in the answer; default 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Findings of each kind to leave out at the start; default 0.
    #[serde(default)]
    offset: usize,
}

fn yes() -> bool {
    true
}

fn default_lines() -> u32 {
    400
}

fn default_duplicate_lines() -> u32 {
    5
}

fn default_similarity() -> f64 {
    0.8
}

fn default_limit() -> usize {
    100
}

/// The findings.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Findings by kind, those of this page by path and line.
    results: BTreeMap<&'static str, Vec<Note>>,
    /// How many there are of each kind that was looked for, those of other pages included.
    summary: BTreeMap<&'static str, usize>,
    /// Files that were read.
    files_count: usize,
    offset: usize,
    /// Whether there are more findings of a kind; they come with `offset` + `limit` as `offset`.
    has_more: bool,
    freshness: Freshness,
}

/// One finding.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Note {
    /// The file, below the root of its project.
    pub(super) relative_path: String,
    /// The line, from 1.
    pub(super) line: u32,
    /// What is wrong, or the name of what it is about.
    pub(super) message: String,
    /// What else is known.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(super) details: BTreeMap<&'static str, Value>,
}

impl Operation for ComprehensiveAnalysis {
    const NAME: &'static str = "comprehensive_analysis";
    const SUMMARY: &'static str = "Looks for everything wrong or unfinished: stubs, remarks, duplicates, unused imports, what checkers say";
    const ACCESS: Access = Access::Read;
    const LONG: bool = true;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "max_lines": 30})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let file_path = parameters.file_path.as_deref();
        let chosen = SourceFiles::choose(context, &parameters.project, file_path)?;
        let reviewed = chosen.each(&chosen.files, job, |analyzer, file, text| {
            analyzer.review(file.language, text).ok()
        })?;
        let (mut reviews, mut unread) = (Vec::new(), Vec::new());
        for (file, review) in chosen.files.iter().zip(reviewed) {
            match review {
                Ok(Some(review)) => reviews.push((file, review)),
                _ => unread.push(file.relative_path.as_str()),
            }
        }
        let ids = chosen.files.iter().map(|file| file.id);
        let mut freshness = Freshness::of(&context.code(), ids)?;
        freshness.unread(&unread);
        let mut findings = Findings::of(&parameters, &reviews);
        if parameters.check_duplicates {
            findings.add("duplicates", duplicates(&parameters, reviews));
        }
        findings.run_checkers(&parameters, &chosen, job, &mut freshness);
        let stored = findings.by_file(&chosen.files);
        if let Err(error) = context
            .code()
            .store_analysis_results(&chosen.project.id, &stored)
        {
            freshness.lacks(format!("the findings were not stored: {error}"));
        }
        let summary = counted(&findings.0);
        let end = parameters.offset.saturating_add(parameters.limit);
        let has_more = findings.0.values().any(|notes| notes.len() > end);
        let page = |notes: Vec<Note>| {
            let page = notes.into_iter().skip(parameters.offset);
            page.take(parameters.limit).collect()
        };
        let results = findings.0.into_iter();
        Ok(Answer {
            results: results.map(|(kind, notes)| (kind, page(notes))).collect(),
            summary,
            files_count: chosen.files.len(),
            offset: parameters.offset,
            has_more,
            freshness,
        })
    }
}

/// Findings by kind.
#[derive(Default)]
struct Findings(BTreeMap<&'static str, Vec<Note>>);

impl Findings {
    /// Those that each file has by itself.
    fn of(parameters: &Parameters, reviews: &[(&SourceFile, Review)]) -> Self {
        let mut findings = Self::default();
        for (kind, is_wanted, find) in [
            (
                "syntax_errors",
                true,
                syntax_errors as fn(&Review, u32) -> Vec<(u32, String)>,
            ),
            ("long_files", parameters.check_long_files, long_file),
            ("placeholders", parameters.check_placeholders, placeholders),
            ("stubs", parameters.check_stubs, stubs),
            ("empty_methods", parameters.check_empty_methods, empty),
            ("unused_imports", parameters.check_imports, unused_imports),
            (
                "missing_docstrings",
                parameters.check_docstrings,
                undocumented,
            ),
        ] {
            if !is_wanted {
                continue;
            }
            let notes = reviews.iter().flat_map(|(file, review)| {
                let found = find(review, parameters.max_lines).into_iter();
                found.map(|(line, message)| Note {
                    relative_path: file.relative_path.clone(),
                    line,
                    message,
                    details: BTreeMap::new(),
                })
            });
            findings.add(kind, notes.collect());
        }
        findings
    }

    fn add(&mut self, kind: &'static str, notes: Vec<Note>) {
        self.0.insert(kind, notes);
    }

    /// The findings of each file, for the table of the older program.
    fn by_file(&self, files: &[SourceFile]) -> Vec<AnalysisResults> {
        let mut found: HashMap<&str, BTreeMap<&str, Vec<&Note>>> = HashMap::new();
        for (kind, notes) in &self.0 {
            for note in notes {
                let of_file = found.entry(&note.relative_path).or_default();
                of_file.entry(kind).or_default().push(note);
            }
        }
        let results = files.iter().map(|file| {
            let of_file = found
                .remove(file.relative_path.as_str())
                .unwrap_or_default();
            AnalysisResults {
                file_id: file.id,
                results: json!(of_file).to_string(),
                summary: json!(counted(&of_file)).to_string(),
            }
        });
        results.collect()
    }

    fn run_checkers(
        &mut self,
        parameters: &Parameters,
        chosen: &SourceFiles,
        job: &Job<'_>,
        freshness: &mut Freshness,
    ) {
        if !chosen
            .files
            .iter()
            .any(|file| file.language == Language::Python)
        {
            return;
        }
        let root = Path::new(&chosen.project.root_path);
        let target = match (&parameters.file_path, chosen.files.first()) {
            (Some(_), Some(file)) => file.path.as_path(),
            _ => root,
        };
        for (checker, is_wanted, config) in [
            (Checker::Flake8, parameters.check_flake8, None),
            (
                Checker::Mypy,
                parameters.check_mypy,
                parameters.mypy_config_file.as_deref(),
            ),
        ] {
            if !is_wanted {
                continue;
            }
            match checker.run(root, target, config, job) {
                Ok(notes) => self.add(checker.name(), notes),
                Err(reason) => freshness.lacks(reason),
            }
        }
    }
}

/// How many findings there are of each kind.
fn counted<'k, T>(findings: &BTreeMap<&'k str, Vec<T>>) -> BTreeMap<&'k str, usize> {
    let counts = findings.iter().map(|(kind, notes)| (*kind, notes.len()));
    counts.collect()
}

fn syntax_errors(review: &Review, _: u32) -> Vec<(u32, String)> {
    let errors = review.analysis.syntax_errors.iter();
    errors
        .map(|error| (error.line, error.message.clone()))
        .collect()
}

fn long_file(review: &Review, max_lines: u32) -> Vec<(u32, String)> {
    let lines = review.analysis.lines;
    let is_long = lines > max_lines;
    is_long
        .then(|| (1, format!("{lines} lines")))
        .into_iter()
        .collect()
}

fn placeholders(review: &Review, _: u32) -> Vec<(u32, String)> {
    let remarks = review.remarks.iter();
    remarks
        .map(|remark| (remark.line, remark.text.clone()))
        .collect()
}

fn unused_imports(review: &Review, _: u32) -> Vec<(u32, String)> {
    let unused = review.unused_imports.iter();
    unused
        .map(|import| (import.line, import.text.clone()))
        .collect()
}

fn stubs(review: &Review, _: u32) -> Vec<(u32, String)> {
    functions(review)
        .filter(|each| each.function.has_not_implemented && !each.function.is_abstract)
        .map(|each| (each.function.line, each.name))
        .collect()
}

fn empty(review: &Review, _: u32) -> Vec<(u32, String)> {
    functions(review)
        .filter(|each| each.function.has_pass && !each.function.is_abstract)
        .map(|each| (each.function.line, each.name))
        .collect()
}

fn undocumented(review: &Review, _: u32) -> Vec<(u32, String)> {
    let analysis = &review.analysis;
    let file = analysis
        .docstring
        .is_none()
        .then(|| (1, "the file".to_owned()));
    let classes = analysis
        .classes
        .iter()
        .filter(|class| class.docstring.is_none());
    let classes = classes.map(|class| (class.line, class.name.clone()));
    let functions = functions(review).filter(|each| each.function.docstring.is_none());
    let functions = functions.map(|each| (each.function.line, each.name));
    let mut found: Vec<(u32, String)> = file.into_iter().chain(classes).chain(functions).collect();
    found.sort();
    found
}

/// A function or method with its full name.
struct Named<'r> {
    name: String,
    function: &'r crate::analysis::Function,
}

fn functions(review: &Review) -> impl Iterator<Item = Named<'_>> {
    let free = review.analysis.functions.iter().map(|function| Named {
        name: function.name.clone(),
        function,
    });
    let methods = review.analysis.classes.iter().flat_map(|class| {
        class.methods.iter().map(|function| Named {
            name: format!("{}.{}", class.name, function.name),
            function,
        })
    });
    free.chain(methods)
}

fn duplicates(parameters: &Parameters, reviews: Vec<(&SourceFile, Review)>) -> Vec<Note> {
    let shapes: Vec<_> = reviews
        .into_iter()
        .flat_map(|(file, review)| review.shapes.into_iter().map(move |shape| (file, shape)))
        .collect();
    let (lines, least) = (
        parameters.duplicate_min_lines,
        parameters.duplicate_min_similarity,
    );
    let candidates = duplicate_search::candidates(shapes, lines);
    let of_form = duplicate_search::of_like_form(&candidates, least);
    let groups = duplicate_search::told(&candidates, of_form, Vec::new());
    let notes = groups.into_iter().filter_map(|group| {
        let first = group.occurrences.first()?;
        Some(Note {
            relative_path: first.relative_path.clone(),
            line: first.line,
            message: first.name.clone(),
            details: BTreeMap::from([("group", serde_json::to_value(&group).ok()?)]),
        })
    });
    notes.collect()
}
