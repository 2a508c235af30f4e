//! Makes the record of one changed file: reads it, analyses it, and cuts its text.

use std::path::Path;

use super::changes::{Job, is_current};
use super::problem::{Problem, ProblemKind};
use super::source_file::{self, NotRead, SourceFile};
use super::texts;
use crate::analysis::{self, Analyzer, Class, FileAnalysis, Function, Import, SyntaxError, Usage};
use crate::code_db::records::{
    ClassRecord, FileRecord, FileState, FunctionRecord, ImportRecord, MethodRecord, UsageRecord,
};

/// What came of one file.
pub(super) enum Prepared {
    /// It is new or has changed.
    Changed(Box<FileRecord>, Vec<Problem>),
    /// Its time has changed, its bytes have not; the id of its row, and whether that is marked deleted.
    Touched {
        id: i64,
        deleted: bool,
        state: FileState,
        /// Time of the last change in seconds since 1970.
        modified: f64,
    },
    /// It is gone, or holds no text; the id of its row, if there is one.
    Unfit {
        id: Option<i64>,
        problem: Option<Problem>,
    },
    /// It cannot be read, so that nothing is known of it.
    Unknown(Problem),
}

/// Reads and analyses a file. Nothing that it holds is an error.
pub(super) fn prepare(
    analyzer: &mut Analyzer,
    root: &Path,
    job: &Job,
    largest_file: u64,
    force: bool,
) -> Prepared {
    let path = &job.found.path;
    let source = match source_file::read(path, largest_file) {
        Ok(source) => source,
        Err(error) => return not_read(job, error),
    };
    let state = file_state(&source, job);
    let same = job
        .known_state()
        .filter(|(_, hash)| !force && *hash == state.content_hash)
        .filter(|(known, _)| is_current(known));
    if let Some((known, _)) = same {
        return Prepared::Touched {
            id: known.id,
            deleted: known.deleted,
            state,
            modified: source.modified,
        };
    }
    let mut problems = problems_of(path, &source);
    let analysis = analyzer.analyze(job.found.language, &source.text);
    problems.extend(syntax_problem(path, &analysis.syntax_errors));
    Prepared::Changed(
        Box::new(record(root, path, source, state, analysis)),
        problems,
    )
}

/// What comes of a file that ended processes: what is known of it is no longer answered.
pub(super) fn passed_over(job: &Job) -> Prepared {
    let message = "two processes ended while they analysed it; it is passed over until it changes";
    Prepared::Unfit {
        id: live_row(job),
        problem: Some(Problem::new(&job.found.path, ProblemKind::Crashed, message)),
    }
}

/// The id of the file's row, if there is one that is not marked deleted.
fn live_row(job: &Job) -> Option<i64> {
    let known = job.known.as_ref().filter(|known| !known.deleted);
    known.map(|known| known.id)
}

fn not_read(job: &Job, error: NotRead) -> Prepared {
    let path = &job.found.path;
    let id = live_row(job);
    let (kind, message) = match error {
        NotRead::Gone => return Prepared::Unfit { id, problem: None },
        NotRead::Failed(error) => {
            return Prepared::Unknown(Problem::new(
                path,
                ProblemKind::Unreadable,
                error.to_string(),
            ));
        }
        NotRead::TooLarge(size) => (
            ProblemKind::TooLarge,
            format!("it has grown to {size} bytes"),
        ),
        NotRead::Binary => (
            ProblemKind::Binary,
            "it holds zero bytes, which no text has".to_owned(),
        ),
    };
    Prepared::Unfit {
        id,
        problem: Some(Problem::new(path, kind, message)),
    }
}

fn problems_of(path: &Path, source: &SourceFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    if source.lossy {
        let message = "it holds bytes that are not UTF-8; they are stored as U+FFFD";
        problems.push(Problem::new(path, ProblemKind::NotUtf8, message));
    }
    if source.changing {
        let message = "it went on changing while it was read; the next run reads it again";
        problems.push(Problem::new(path, ProblemKind::Changing, message));
    }
    problems
}

fn syntax_problem(path: &Path, errors: &[SyntaxError]) -> Option<Problem> {
    let first = errors.first()?;
    let more = match errors.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = format!(
        "line {}, column {}: {}{more}",
        first.line,
        first.column + 1,
        first.message
    );
    Some(Problem::new(path, ProblemKind::SyntaxErrors, message))
}

fn file_state(source: &SourceFile, job: &Job) -> FileState {
    FileState {
        size: source.size,
        mtime_ns: source.mtime_ns,
        content_hash: source.content_hash.clone(),
        language: job.found.language.name().to_owned(),
        parse_errors: None,
        analysis: analysis::VERSION,
    }
}

fn record(
    root: &Path,
    path: &Path,
    source: SourceFile,
    mut state: FileState,
    analysis: FileAnalysis,
) -> FileRecord {
    let spans: Vec<_> = spans(&analysis).collect();
    let mut cut = texts::cut(&source.text, &spans);
    let mut contents = cut.entities.drain(..);
    let mut next = || contents.next().unwrap_or_default();
    state.parse_errors = parse_errors(&analysis.syntax_errors);
    let classes = analysis
        .classes
        .into_iter()
        .map(|class| class_record(class, &mut next))
        .collect();
    let functions = analysis
        .functions
        .into_iter()
        .map(|function| function_record(function, next()))
        .collect();
    drop(contents);
    FileRecord {
        path: path.to_string_lossy().into_owned(),
        name: path
            .strip_prefix(root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned(),
        lines: analysis.lines,
        last_modified: source.modified,
        docstring: analysis.docstring,
        content: cut.outside,
        state,
        classes,
        functions,
        imports: analysis.imports.into_iter().map(import_record).collect(),
        usages: analysis.usages.into_iter().map(usage_record).collect(),
    }
}

/// The bytes of all entities, in the order in which their records are made.
fn spans(analysis: &FileAnalysis) -> impl Iterator<Item = std::ops::Range<usize>> {
    let of_class = |class: &Class| {
        let methods: Vec<_> = class
            .methods
            .iter()
            .map(|method| method.span.clone())
            .collect();
        std::iter::once(class.span.clone()).chain(methods)
    };
    let functions = analysis
        .functions
        .iter()
        .map(|function| function.span.clone());
    analysis.classes.iter().flat_map(of_class).chain(functions)
}

fn class_record(class: Class, next: &mut impl FnMut() -> String) -> ClassRecord {
    ClassRecord {
        name: class.name,
        line: class.line,
        end_line: class.end_line,
        docstring: class.docstring,
        bases: class.bases,
        content: next(),
        methods: class
            .methods
            .into_iter()
            .map(|method| method_record(method, next()))
            .collect(),
    }
}

fn method_record(method: Function, content: String) -> MethodRecord {
    MethodRecord {
        is_abstract: method.is_abstract,
        has_pass: method.has_pass,
        has_not_implemented: method.has_not_implemented,
        function: function_record(method, content),
    }
}

fn function_record(function: Function, content: String) -> FunctionRecord {
    FunctionRecord {
        name: function.name,
        line: function.line,
        end_line: function.end_line,
        args: function.params,
        docstring: function.docstring,
        complexity: function.complexity,
        content,
    }
}

fn import_record(import: Import) -> ImportRecord {
    ImportRecord {
        import_type: import.kind.as_str(),
        name: import.name,
        module: import.module,
        line: import.line,
        alias: import.alias,
        level: import.level,
    }
}

fn usage_record(usage: Usage) -> UsageRecord {
    UsageRecord {
        line: usage.line,
        column: usage.column,
        receiver: usage.receiver,
        usage_type: usage.usage_type.as_str(),
        target_type: usage.target_type.as_str(),
        target_class: usage.target_class,
        target_name: usage.target_name,
        context: usage.context,
    }
}

/// Syntax errors as they are stored: a JSON list of line, column and message.
fn parse_errors(errors: &[SyntaxError]) -> Option<String> {
    let entry = |error: &SyntaxError| serde_json::json!({"line": error.line, "column": error.column, "message": error.message});
    (!errors.is_empty()).then(|| serde_json::Value::from_iter(errors.iter().map(entry)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_errors_are_one_line_and_stored_in_full() {
        let error = |line| SyntaxError {
            line,
            column: 4,
            message: "missing `)`".into(),
        };
        let problem = syntax_problem(Path::new("/a.py"), &[error(3), error(9)]).unwrap();
        assert_eq!(
            problem.message,
            "line 3, column 5: missing `)` (and 1 more)"
        );
        assert_eq!(
            parse_errors(&[error(3)]).as_deref(),
            Some(r#"[{"line":3,"column":4,"message":"missing `)`"}]"#)
        );
        assert_eq!(parse_errors(&[]), None);
    }
}
