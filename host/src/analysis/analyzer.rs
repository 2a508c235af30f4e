//! The entry point: owns the parsers and turns one source text into its analysis.

use std::ops::ControlFlow;
use std::time::Duration;

use tree_sitter::{ParseOptions, Parser, Tree};

use super::ast::{self, Ast, AstBounds, AstCounts, AstHit};
use super::language::Language;
use super::review::{self, Review};
use super::syntax::{Syntax, Tables, number};
use super::time_limit::TimeLimit;
use super::{FileAnalysis, SyntaxError, errors, statements, walker};

/// Analyses source texts, one after the other. Each thread has its own, since a parser works on one text at a time.
pub struct Analyzer {
    /// One for each language met so far, in the order of [`Language::ALL`]: grammars are large, most trees use few.
    engines: [Option<Engine>; Language::ALL.len()],
}

/// What it takes to read one language.
struct Engine {
    parser: Parser,
    tables: Tables,
}

impl Engine {
    fn new(language: Language) -> Option<Self> {
        let rules = language.rules();
        let grammar = (rules.grammar)();
        let mut parser = Parser::new();
        parser.set_language(&grammar).ok()?;
        Some(Self {
            parser,
            tables: Tables::new(rules, &grammar),
        })
    }

    /// Parses a text; none when it takes longer than any sensible text of its length.
    fn parse(&mut self, source: &str) -> Option<Tree> {
        let limit = TimeLimit::new(patience(source.len()));
        let mut give_up = |_: &_| match limit.is_over() {
            false => ControlFlow::Continue(()),
            true => ControlFlow::Break(()),
        };
        let options = ParseOptions::new().progress_callback(&mut give_up);
        let mut rest = |start: usize, _| source.as_bytes().get(start..).unwrap_or_default();
        let tree = self
            .parser
            .parse_with_options(&mut rest, None, Some(options));
        if tree.is_none() {
            // Otherwise the next text would be taken for the rest of this one.
            self.parser.reset();
        }
        tree
    }
}

impl Default for Analyzer {
    fn default() -> Self {
        Self::new()
    }
}

impl Analyzer {
    /// Makes an analyzer; parsers are created when they are first needed.
    pub fn new() -> Self {
        Self {
            engines: Default::default(),
        }
    }

    /// Analyses one text. Whatever it holds, the answer is what could be made out of it.
    ///
    /// One danger is left that nothing here can avert: some contrived texts make the parser's error recovery allocate
    /// gigabytes in a single step (`x=>` some thousand times over in C or Java), and out of memory it ends the process.
    /// `indexing/crash_notes.rs` passes over what has done so.
    pub fn analyze(&mut self, language: Language, source: &str) -> FileAnalysis {
        match self.parse(language, source) {
            Ok((tree, tables)) => analysis(&tree, tables, language, source),
            Err(problem) => FileAnalysis {
                syntax_errors: vec![problem],
                ..nothing(language, source)
            },
        }
    }

    /// The syntax tree of a text, as much of it as the bounds let through.
    ///
    /// # Errors
    /// Why there is no tree; a text with errors has one.
    pub fn ast(
        &mut self,
        language: Language,
        source: &str,
        bounds: &AstBounds,
    ) -> Result<Ast, SyntaxError> {
        let (tree, _) = self.parse(language, source)?;
        Ok(ast::tell(&tree, source, bounds))
    }

    /// The first `most` nodes of a kind, or of all named ones, in the order of the text.
    ///
    /// # Errors
    /// As [`ast`](Self::ast).
    pub fn ast_nodes(
        &mut self,
        language: Language,
        source: &str,
        kind: Option<&str>,
        most: usize,
    ) -> Result<Vec<AstHit>, SyntaxError> {
        let (tree, _) = self.parse(language, source)?;
        Ok(ast::find(&tree, source, kind, most))
    }

    /// How many nodes of each kind the syntax tree of a text has.
    ///
    /// # Errors
    /// As [`ast`](Self::ast).
    pub fn ast_counts(
        &mut self,
        language: Language,
        source: &str,
    ) -> Result<AstCounts, SyntaxError> {
        let (tree, _) = self.parse(language, source)?;
        Ok(ast::count(&tree))
    }

    /// What a careful reader notes of a text, besides its entities.
    ///
    /// # Errors
    /// As [`ast`](Self::ast).
    pub fn review(&mut self, language: Language, source: &str) -> Result<Review, SyntaxError> {
        let (tree, tables) = self.parse(language, source)?;
        let analysis = analysis(&tree, tables, language, source);
        Ok(review::review(&tree, source, analysis))
    }

    /// How deep in the syntax what begins on each line is: the smaller, the better the place to cut before that line.
    /// Lines on which nothing begins, such as those within a string, have [`u16::MAX`].
    pub fn line_depths(&mut self, language: Language, source: &str) -> Vec<u16> {
        match self.parse(language, source) {
            Ok((tree, _)) => statements::line_depths(&tree, source),
            Err(_) => vec![u16::MAX; source.lines().count()],
        }
    }

    fn parse(&mut self, language: Language, source: &str) -> Result<(Tree, &Tables), SyntaxError> {
        let engine = self.engines.get_mut(language as usize).and_then(|engine| {
            *engine = engine.take().or_else(|| Engine::new(language));
            engine.as_mut()
        });
        let misfit = "the grammar does not fit this build of the parser";
        let engine = engine.ok_or_else(|| unreadable(misfit))?;
        let given_up = "parsing was given up, it took too long";
        let tree = engine.parse(source).ok_or_else(|| unreadable(given_up))?;
        Ok((tree, &engine.tables))
    }
}

fn analysis(tree: &Tree, tables: &Tables, language: Language, source: &str) -> FileAnalysis {
    let analysis = FileAnalysis {
        syntax_errors: errors::find(tree, source),
        ..nothing(language, source)
    };
    walker::walk(tree, Syntax { source, tables }, analysis)
}

/// What is known of a text before it is parsed.
fn nothing(language: Language, source: &str) -> FileAnalysis {
    FileAnalysis {
        language,
        lines: count_lines(source),
        docstring: None,
        classes: Vec::new(),
        functions: Vec::new(),
        imports: Vec::new(),
        usages: Vec::new(),
        syntax_errors: Vec::new(),
    }
}

/// How long parsing may take on the processor. Sound text takes about 0.1 seconds a megabyte and broken text up to 5; in
/// a few unsound texts, such as thousands of unterminated raw strings, the parser's search for a way out takes time and
/// memory with the square of their length, and out of memory it would end the process.
fn patience(bytes: usize) -> Duration {
    let each_100_kb = u32::try_from(bytes / 100_000).unwrap_or(u32::MAX);
    Duration::from_secs(1) + Duration::from_secs(1).saturating_mul(each_100_kb)
}

fn unreadable(message: &str) -> SyntaxError {
    SyntaxError {
        line: 1,
        column: 0,
        message: message.to_owned(),
    }
}

/// Lines of a text, an unfinished last one included.
fn count_lines(source: &str) -> u32 {
    let breaks = source.bytes().filter(|byte| *byte == b'\n').count();
    let unfinished = usize::from(!source.is_empty() && !source.ends_with('\n'));
    number(breaks + unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_an_unfinished_last_one() {
        for (source, lines) in [
            ("", 0),
            ("a", 1),
            ("a\n", 1),
            ("a\nb", 2),
            ("\r\n\r\n", 2),
            ("\n\n\n", 3),
        ] {
            assert_eq!(count_lines(source), lines, "{source:?}");
        }
    }

    #[test]
    fn engines_are_made_on_demand_and_kept_apart() {
        let mut analyzer = Analyzer::new();
        assert!(analyzer.engines.iter().all(Option::is_none));
        for language in Language::ALL {
            assert_eq!(
                analyzer.analyze(language, "").syntax_errors,
                [],
                "{language:?}"
            );
        }
        assert!(analyzer.engines.iter().all(Option::is_some));
        let go = analyzer.analyze(Language::Go, "package p\nfunc f() {}\n");
        let python = analyzer.analyze(Language::Python, "def g(): pass\n");
        assert_eq!(
            (
                go.functions[0].name.as_str(),
                python.functions[0].name.as_str()
            ),
            ("f", "g")
        );
    }
}
