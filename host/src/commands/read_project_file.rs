//! `read_project_file`: lines of an indexed source file, as they are on disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer_budget;
use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;

/// Longer files are not read: no indexed file is longer.
const LONGEST_FILE: u64 = 2 * 1024 * 1024;

/// The command.
pub(super) struct ReadProjectFile;

/// Which lines.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// The file: its absolute path, or its path below the project's root. Only indexed files are read.
    #[schemars(length(min = 1))]
    file_path: String,
    /// The first line that is wanted, from 1; default 1.
    #[serde(default = "first")]
    #[schemars(range(min = 1))]
    first_line: usize,
    /// Most lines in the answer; default 1000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100_000))]
    limit: usize,
    /// About how many tokens the text may take, at four bytes each; the answer ends before the line that would be
    /// too much, but has one at least. Default: no bound.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_tokens: Option<u32>,
}

fn first() -> usize {
    1
}

fn default_limit() -> usize {
    1000
}

/// The lines.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The id of the file's project.
    project_id: String,
    /// Absolute path.
    file_path: String,
    /// That path below the root of its project.
    relative_path: String,
    /// The language that it was indexed as.
    language: Option<String>,
    /// The first line of the answer, from 1.
    first_line: usize,
    /// Lines in this answer.
    count: usize,
    /// Lines in the whole file.
    total_lines: usize,
    /// Whether lines follow; they come with `first_line` + `count` as the next `first_line`.
    has_more: bool,
    /// The lines with their ends. Bytes that are not UTF-8 are replaced.
    text: String,
}

impl Operation for ReadProjectFile {
    const NAME: &'static str = "read_project_file";
    const SUMMARY: &'static str = "Reads lines of an indexed source file from disk";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "file_path": "shop/cart.py", "first_line": 1, "limit": 40})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            project,
            file_path,
            first_line,
            limit,
            max_tokens,
        } = parameters;
        let chosen = project.find(context)?;
        let project_id = chosen.as_ref().map(|project| project.id.as_str());
        // What is not indexed is not read, so that files which a project hides stay hidden.
        let file = context.code().file(project_id, &file_path)?;
        let root = context.code().project(&file.project_id)?.root_path;
        let whole = source(Path::new(&root), Path::new(&file.file_path))?;
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let wanted = lines.get(first_line - 1..).unwrap_or_default();
        let wanted = &wanted[..wanted.len().min(limit)];
        let count = max_tokens.map_or(wanted.len(), |most| fitting(wanted, most));
        Ok(Answer {
            project_id: file.project_id,
            file_path: file.file_path,
            relative_path: file.relative_path,
            language: file.language,
            first_line,
            count,
            total_lines: lines.len(),
            has_more: first_line - 1 + count < lines.len(),
            text: wanted[..count].concat(),
        })
    }
}

/// How many lines fit into the budget.
fn fitting(lines: &[&str], max_tokens: u32) -> usize {
    let mut left = answer_budget::bytes(max_tokens);
    let fits = |line: &&&str| {
        let fits = line.len() <= left;
        left = left.saturating_sub(line.len());
        fits
    };
    let fitting = lines.iter().take_while(fits).count();
    fitting.max(1).min(lines.len())
}

/// The text of a file that lies below `root`, wherever links lead.
pub(super) fn source(root: &Path, path: &Path) -> Result<String, CommandError> {
    let unusable = |problem: &str| {
        let message = format!("{} cannot be read: {problem}", path.display());
        CommandError::new(ErrorCode::PathUnusable, message)
    };
    let system = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!(
                "{} is not on disk any more; update_indexes brings the index up to date",
                path.display()
            );
            CommandError::new(ErrorCode::PathNotFound, message)
        }
        _ => unusable(&error.to_string()),
    };
    let real = path.canonicalize().map_err(system)?;
    let real_root: PathBuf = root.canonicalize().map_err(system)?;
    if !real.starts_with(&real_root) {
        return Err(unusable("it leads out of its project"));
    }
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !real.metadata().map_err(system)?.is_file() {
        return Err(unusable("it is not a file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(&real).map_err(system)?;
    file.take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(system)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(unusable("it has grown to more than 2 MiB"));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_below_the_root_is_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.py");
        fs::write(&path, b"x = '\xff'\n").unwrap();
        assert_eq!(source(root.path(), &path).unwrap(), "x = '\u{fffd}'\n");
    }

    #[test]
    fn nothing_outside_of_the_root_and_nothing_but_files_is_read() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("directory")).unwrap();
        fs::write(place.path().join("secret"), "s").unwrap();
        symlink(place.path().join("secret"), root.join("link")).unwrap();
        symlink(place.path(), root.join("up")).unwrap();
        for name in ["link", "up/secret", "../secret", "directory"] {
            let error = source(&root, &root.join(name)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::PathUnusable, "{name}: {error}");
        }
        let error = source(&root, &root.join("gone")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PathNotFound);
    }

    #[test]
    fn a_budget_ends_the_text_at_a_line_and_leaves_one_at_least() {
        let lines = ["1234567\n"; 4];
        assert_eq!(fitting(&lines, 4), 2);
        assert_eq!(fitting(&lines, 1), 1);
        assert_eq!(fitting(&[], 1), 0);
    }
}
