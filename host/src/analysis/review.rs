//! What a careful reader notes of one text besides its entities: the shapes of functions, remarks that something is
//! unfinished, imports that nothing uses.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use tree_sitter::{Node, Tree};

use super::entities::{FileAnalysis, Function};
use super::language::Language;
use super::syntax::{clip, line};

/// Words by which people mark what is unfinished.
const MARKS: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Characters of a remark that are told.
const LONGEST_REMARK: usize = 200;

/// What was noted of a text.
#[derive(Clone, Debug)]
pub struct Review {
    /// Its entities.
    pub analysis: FileAnalysis,
    /// The shapes of its functions and methods, by line.
    pub shapes: Vec<Shape>,
    /// Comments that mark something as unfinished.
    pub remarks: Vec<Remark>,
    /// Imported names that the text does not use, as far as one file tells.
    pub unused_imports: Vec<Remark>,
}

/// The form of a function or method: its tokens, with one for all names, one for all numbers, and without comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The class of a method.
    pub class_name: Option<String>,
    /// Its name.
    pub name: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// What stands for its tokens.
    pub tokens: Vec<u32>,
}

/// Something on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line, from 1.
    pub line: u32,
    /// What it says, or the name that it is about.
    pub text: String,
}

/// Looks at a text that was analysed.
pub(super) fn review(tree: &Tree, source: &str, analysis: FileAnalysis) -> Review {
    let leaves = Leaves::read(tree, source);
    let mut shapes: Vec<Shape> = analysis
        .functions
        .iter()
        .map(|function| leaves.shape(None, function))
        .collect();
    for class in &analysis.classes {
        let methods = class.methods.iter();
        shapes.extend(methods.map(|method| leaves.shape(Some(&class.name), method)));
    }
    shapes.sort_by_key(|shape| (shape.line, shape.end_line));
    Review {
        unused_imports: leaves.unused_imports(&analysis),
        remarks: leaves.remarks,
        shapes,
        analysis,
    }
}

/// The ends of a tree.
#[derive(Default)]
struct Leaves<'t> {
    /// First byte of each token and what stands for it.
    tokens: Vec<(usize, u32)>,
    /// Names and texts of strings, with their lines.
    words: HashSet<(u32, &'t str)>,
    remarks: Vec<Remark>,
}

impl<'t> Leaves<'t> {
    fn read(tree: &Tree, source: &'t str) -> Self {
        let mut leaves = Self::default();
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            let is_comment = node.kind().contains("comment");
            if is_comment {
                leaves.comment(node, source);
            } else if node.child_count() == 0 {
                leaves.token(node, source);
            }
            if !is_comment && cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return leaves;
                }
            }
        }
    }

    fn comment(&mut self, node: Node<'_>, source: &str) {
        let text = source.get(node.byte_range()).unwrap_or("");
        let first = line(node);
        for (number, written) in (first..).zip(text.lines()) {
            let has = |mark: &&&str| {
                let mut words = written.split(|c: char| !c.is_alphanumeric());
                words.any(|word| word == **mark)
            };
            if MARKS.iter().find(has).is_some() {
                self.remarks.push(Remark {
                    line: number,
                    text: clip(written.trim(), LONGEST_REMARK).to_owned(),
                });
            }
        }
    }

    fn token(&mut self, node: Node<'_>, source: &'t str) {
        let text = source.get(node.byte_range()).unwrap_or("");
        let kind = node.kind();
        let is_word = node.is_named() && !text.is_empty();
        if is_word {
            self.words.insert((line(node), text));
        }
        let is_name = kind.ends_with("identifier") || kind == "name" || kind == "constant";
        let mut hasher = DefaultHasher::new();
        match is_word && is_name {
            true => "name".hash(&mut hasher),
            false => kind.hash(&mut hasher),
        }
        let token = hasher.finish() as u32;
        self.tokens.push((node.start_byte(), token));
    }

    fn shape(&self, class_name: Option<&str>, function: &Function) -> Shape {
        let from = |byte: usize| self.tokens.partition_point(|(at, _)| *at < byte);
        let within = from(function.span.start)..from(function.span.end);
        let tokens = self.tokens.get(within).unwrap_or_default();
        Shape {
            class_name: class_name.map(str::to_owned),
            name: function.name.clone(),
            line: function.line,
            end_line: function.end_line,
            tokens: tokens.iter().map(|(_, token)| *token).collect(),
        }
    }

    /// Imported names that stand on no line but those of imports.
    fn unused_imports(&self, analysis: &FileAnalysis) -> Vec<Remark> {
        if !binds_names(analysis.language) {
            return Vec::new();
        }
        let lines: HashSet<u32> = analysis.imports.iter().map(|each| each.line).collect();
        let elsewhere = self.words.iter().filter(|(line, _)| !lines.contains(line));
        let used: HashSet<&str> = elsewhere
            .flat_map(|(_, text)| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .collect();
        let mut unused = Vec::new();
        for import in &analysis.imports {
            let is_future = import.module.as_deref() == Some("__future__");
            let bound = match &import.alias {
                Some(alias) => alias.as_str(),
                // `import a.b` binds `a`.
                None if import.module.is_none() && analysis.language == Language::Python => {
                    import.name.split('.').next().unwrap_or(&import.name)
                }
                None => import
                    .name
                    .rsplit(['.', ':', '/', '\\'])
                    .next()
                    .unwrap_or(""),
            };
            if !is_future && !matches!(bound, "*" | "_" | "self" | "") && !used.contains(bound) {
                unused.push(Remark {
                    line: import.line,
                    text: bound.to_owned(),
                });
            }
        }
        unused
    }
}

/// Whether an import binds just the names that it writes, so that one which stands nowhere else is not used. Rust's bring
/// in traits, whose names need not be said.
fn binds_names(language: Language) -> bool {
    matches!(
        language,
        Language::Python
            | Language::JavaScript
            | Language::TypeScript
            | Language::Tsx
            | Language::Java
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyzer;

    fn reviewed(language: Language, source: &str) -> Review {
        Analyzer::new().review(language, source).unwrap()
    }

    #[test]
    fn functions_of_one_form_have_one_shape_whatever_they_name() {
        let source = "def f(a):\n    # why\n    return a + 1\n\ndef g(other):\n    return other + 22\n\ndef h(a):\n    return a - 1\n";
        let shapes = reviewed(Language::Python, source).shapes;
        assert_eq!(
            (shapes[0].name.as_str(), shapes[0].line, shapes[0].end_line),
            ("f", 1, 3)
        );
        assert_eq!(shapes[0].tokens, shapes[1].tokens);
        assert_ne!(shapes[0].tokens, shapes[2].tokens);
        assert_eq!(shapes[0].tokens.len(), shapes[2].tokens.len());
    }

    #[test]
    fn remarks_are_words_of_comments() {
        let source = "x = 'TODO no'\n# TODO: yes\n# TODOS no\ny = 1  # a FIXME, too\n";
        let remarks = reviewed(Language::Python, source).remarks;
        let told: Vec<_> = remarks
            .iter()
            .map(|each| (each.line, each.text.as_str()))
            .collect();
        assert_eq!(told, [(2, "# TODO: yes"), (4, "# a FIXME, too")]);
        let source = "/* one\n * XXX two\n */\nint x;\n";
        assert_eq!(reviewed(Language::C, source).remarks[0].line, 2);
    }

    #[test]
    fn an_import_whose_name_stands_nowhere_else_is_not_used() {
        let source = "from __future__ import annotations\nimport os.path\nimport re\nfrom a import b as c, d, e\n\
                      __all__ = ['e']\nprint(os.path.sep, d)\n";
        let unused = reviewed(Language::Python, source).unused_imports;
        let told: Vec<_> = unused
            .iter()
            .map(|each| (each.line, each.text.as_str()))
            .collect();
        assert_eq!(told, [(3, "re"), (4, "c")]);
        let source = "import { a, b } from './x';\nb();\n";
        let unused = reviewed(Language::TypeScript, source).unused_imports;
        assert_eq!(
            unused,
            [Remark {
                line: 1,
                text: "a".into()
            }]
        );
        assert!(
            reviewed(Language::Rust, "use std::io::Write;\n")
                .unused_imports
                .is_empty()
        );
    }
}
