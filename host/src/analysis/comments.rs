//! Documentation in comments: recognising it, cleaning it, and handing it to the definition that it stands above.

use std::ops::Range;

/// What a comment is, told by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommentKind {
    /// No documentation.
    Ordinary,
    /// Documents what directly follows, if it stands on lines of its own and no blank line comes between.
    Loose,
    /// Marked as documentation of what follows.
    Outer,
    /// Marked as documentation of what it stands in.
    Inner,
}

/// `/** ... */` documents, nothing else does.
pub(super) fn block_docs(text: &str) -> CommentKind {
    if text.starts_with("/**") && !text.starts_with("/**/") && !text.starts_with("/***") {
        CommentKind::Outer
    } else {
        CommentKind::Ordinary
    }
}

/// The marked forms of Doxygen document, and so does any comment right above a definition.
pub(super) fn doxygen(text: &str) -> CommentKind {
    let marked = ["/**", "/*!", "///", "//!"]
        .iter()
        .any(|mark| text.starts_with(mark));
    let ruler = ["/***", "////", "/**/"]
        .iter()
        .any(|mark| text.starts_with(mark));
    if marked && !ruler {
        CommentKind::Outer
    } else {
        CommentKind::Loose
    }
}

/// Comments with a hash document what they stand right above; the line that names an interpreter does not.
pub(super) fn hash_docs(text: &str) -> CommentKind {
    if text.starts_with('#') && !text.starts_with("#!") {
        CommentKind::Loose
    } else {
        CommentKind::Ordinary
    }
}

/// No comment documents.
pub(super) fn no_docs(_text: &str) -> CommentKind {
    CommentKind::Ordinary
}

/// Comments that follow each other without code between.
struct Run {
    kind: CommentKind,
    /// The comments' bytes.
    comments: Vec<Range<usize>>,
    /// Where the text goes on behind the run, decorators below it included: what starts there may claim it.
    next: usize,
    /// Whether a blank line comes before that.
    is_apart: bool,
    /// Depth of a wrapper right behind the run, and where it ends: a child of it may claim the run too.
    wrapper: Option<(u32, usize)>,
    /// Nothing but space comes before it, so it may be about the file.
    leading: bool,
}

/// Follows the comments of one text while the walker goes through it.
pub(super) struct DocTracker<'t> {
    source: &'t str,
    run: Option<Run>,
    /// Documentation of the whole file, once found.
    file: Option<String>,
    /// Where the text goes on behind the comments and the space at its beginning.
    head: usize,
}

impl<'t> DocTracker<'t> {
    /// Starts at the beginning of `source`.
    pub(super) fn new(source: &'t str) -> Self {
        Self {
            source,
            run: None,
            file: None,
            head: next_text(source, shebang(source)).0,
        }
    }

    /// Takes note of a comment at `bytes`, `depth` nodes below the root.
    pub(super) fn comment(&mut self, kind: CommentKind, bytes: Range<usize>, depth: u32) {
        let leading = self.extend_head(&bytes);
        let end = bytes.start + self.text(&bytes).trim_end().len();
        let starts_its_line = kind != CommentKind::Loose || self.starts_its_line(bytes.start);
        if !starts_its_line || (kind == CommentKind::Inner && depth > 1) {
            return;
        }
        if kind == CommentKind::Ordinary {
            return self.decorator(bytes.start..end);
        }
        let (next, is_apart) = next_text(self.source, end);
        if let Some(run) = self
            .run
            .as_mut()
            .filter(|run| continues(self.source, run, kind, &bytes))
        {
            run.comments.push(bytes);
            (run.next, run.is_apart) = (next, is_apart);
            return;
        }
        self.displace();
        self.run = Some(Run {
            kind,
            comments: vec![bytes],
            next,
            is_apart,
            wrapper: None,
            leading,
        });
    }

    /// Whether only comments come before this one.
    fn extend_head(&mut self, bytes: &Range<usize>) -> bool {
        let leading = self.head == bytes.start;
        if leading {
            self.head = next_text(self.source, bytes.end).0;
        }
        leading
    }

    /// Takes note of a decorator: what follows it may claim the documentation above it.
    pub(super) fn decorator(&mut self, bytes: Range<usize>) {
        if self.touches(bytes.start)
            && let Some(run) = &mut self.run
        {
            (run.next, run.is_apart) = next_text(self.source, bytes.end);
        }
    }

    /// Takes note of a node whose child may claim the documentation above it.
    pub(super) fn wrapper(&mut self, bytes: Range<usize>, depth: u32) {
        if (self.touches(bytes.start) || self.is_in_wrapper(&bytes, depth))
            && let Some(run) = &mut self.run
        {
            run.wrapper = Some((depth, bytes.end));
        }
    }

    /// The documentation of a definition.
    pub(super) fn claim(&mut self, bytes: Range<usize>, depth: u32) -> Option<String> {
        if !self.touches(bytes.start) && !self.is_in_wrapper(&bytes, depth) {
            return None;
        }
        let run = self
            .run
            .take()
            .filter(|run| run.kind != CommentKind::Inner)?;
        self.clean(&run)
    }

    /// Takes the documentation right above `start` as the file's.
    pub(super) fn claim_for_file(&mut self, start: usize) {
        if self.touches(start) && self.file.is_none() {
            self.file = self.run.take().and_then(|run| self.clean(&run));
        }
    }

    /// The file's documentation, after the last node.
    pub(super) fn finish(mut self) -> Option<String> {
        self.displace();
        self.file
    }

    /// Drops the current run; if it was about the file, that is settled now.
    fn displace(&mut self) {
        let about_file = |run: &Run| run.leading && run.kind != CommentKind::Loose;
        if let Some(run) = self.run.take().filter(about_file)
            && self.file.is_none()
        {
            self.file = self.clean(&run);
        }
    }

    /// Whether the text goes on at `start` behind the run.
    fn touches(&self, start: usize) -> bool {
        let touched =
            |run: &Run| run.next == start && !(run.is_apart && run.kind == CommentKind::Loose);
        self.run.as_ref().is_some_and(touched)
    }

    fn is_in_wrapper(&self, bytes: &Range<usize>, depth: u32) -> bool {
        let wrapper = self.run.as_ref().and_then(|run| run.wrapper);
        wrapper.is_some_and(|(outer, end)| depth == outer + 1 && bytes.end <= end)
    }

    fn starts_its_line(&self, start: usize) -> bool {
        let before = self
            .source
            .get(..start)
            .unwrap_or("")
            .trim_end_matches([' ', '\t', '\u{feff}']);
        before.is_empty() || before.ends_with('\n')
    }

    fn text(&self, bytes: &Range<usize>) -> &'t str {
        self.source.get(bytes.clone()).unwrap_or("")
    }

    fn clean(&self, run: &Run) -> Option<String> {
        let mut lines = Vec::new();
        for bytes in &run.comments {
            clean_comment(self.text(bytes), &mut lines);
        }
        let first = lines.iter().position(|line| !line.is_empty())?;
        let last = lines.iter().rposition(|line| !line.is_empty())?;
        Some(lines[first..=last].join("\n"))
    }
}

/// Whether a comment goes on with the run above it: line comments of one kind on consecutive lines.
fn continues(source: &str, run: &Run, kind: CommentKind, bytes: &Range<usize>) -> bool {
    let is_line_comment = |text: &str| text.starts_with("//") || text.starts_with('#');
    let is_line = source.get(bytes.start..).is_some_and(is_line_comment);
    let followed_line = run
        .comments
        .last()
        .and_then(|last| source.get(last.start..));
    is_line
        && run.kind == kind
        && followed_line.is_some_and(is_line_comment)
        && run.next == bytes.start
        && !run.is_apart
}

/// Adds the lines of one comment without its marks.
fn clean_comment<'t>(text: &'t str, lines: &mut Vec<&'t str>) {
    let text = text.trim();
    if let Some(block) = text.strip_prefix("/*") {
        let block = block
            .strip_suffix("*/")
            .unwrap_or(block)
            .trim_start_matches(['*', '!']);
        lines.extend(block.lines().map(|line| {
            let line = line.trim();
            line.trim_start_matches('*').trim_start()
        }));
        return;
    }
    let line = text.trim_start_matches(['/', '#']);
    let line = line.strip_prefix('!').unwrap_or(line);
    lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end());
}

/// The length of a first line that names an interpreter.
fn shebang(source: &str) -> usize {
    let is_shebang = source.starts_with("#!") && !source.starts_with("#![");
    let line = source.find('\n').unwrap_or(source.len());
    if is_shebang { line } else { 0 }
}

/// Where text begins at or after `start`, and whether a blank line comes before it. A byte order mark is space.
fn next_text(source: &str, start: usize) -> (usize, bool) {
    let rest = source.get(start..).unwrap_or("");
    let text = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let gap = &rest[..rest.len() - text.len()];
    (
        start + gap.len(),
        gap.bytes().filter(|byte| *byte == b'\n').count() > 1,
    )
}

/// Whether a short text says that something is not implemented; code uses the words in its error messages.
pub(super) fn not_implemented(text: &str) -> bool {
    let beginning: String = text
        .chars()
        .take(120)
        .collect::<String>()
        .to_ascii_lowercase();
    ["not implemented", "notimplemented", "unimplemented"]
        .iter()
        .any(|words| beginning.contains(words))
}
