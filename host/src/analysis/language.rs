//! The languages that can be analysed, and how a file's name tells which one it is.

use std::path::Path;

use super::rules::Rules;
use super::{bash, c, cpp, csharp, go, java, javascript, php, python, ruby, rust, typescript};

/// A programming language that the analysis knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
    /// Java.
    Java,
    /// C, and headers that may be either C or C++.
    C,
    /// C++.
    Cpp,
    /// C#.
    CSharp,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Bash and other shells.
    Bash,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 13] = [
        Self::Python,
        Self::Rust,
        Self::JavaScript,
        Self::TypeScript,
        Self::Tsx,
        Self::Go,
        Self::Java,
        Self::C,
        Self::Cpp,
        Self::CSharp,
        Self::Ruby,
        Self::Php,
        Self::Bash,
    ];

    /// The language's name in lower case, such as `python`.
    pub fn name(self) -> &'static str {
        self.rules().name
    }

    /// The language of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.name() == name)
    }

    /// The language that stands for all those whose files use each other's definitions.
    pub fn family(self) -> Self {
        match self {
            Self::TypeScript | Self::Tsx => Self::JavaScript,
            Self::Cpp => Self::C,
            other => other,
        }
    }

    /// Whether files of one directory see each other's definitions without an import.
    pub fn shares_packages(self) -> bool {
        matches!(self, Self::Go | Self::Java | Self::CSharp)
    }

    /// Whether members of one class may be in several files.
    pub fn has_classes_in_parts(self) -> bool {
        matches!(
            self,
            Self::Rust | Self::Go | Self::C | Self::Cpp | Self::CSharp | Self::Ruby
        )
    }

    /// The language of a file, told by its extension in any case; none when it is not source text we know.
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|language| {
            let extensions = language.rules().extensions;
            extensions
                .iter()
                .any(|known| known.eq_ignore_ascii_case(extension))
        })
    }

    /// The description of the language.
    pub(super) fn rules(self) -> &'static Rules {
        match self {
            Self::Python => &python::RULES,
            Self::Rust => &rust::RULES,
            Self::JavaScript => &javascript::RULES,
            Self::TypeScript => &typescript::RULES,
            Self::Tsx => &typescript::TSX_RULES,
            Self::Go => &go::RULES,
            Self::Java => &java::RULES,
            Self::C => &c::RULES,
            Self::Cpp => &cpp::RULES,
            Self::CSharp => &csharp::RULES,
            Self::Ruby => &ruby::RULES,
            Self::Php => &php::RULES,
            Self::Bash => &bash::RULES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_tell_the_language() {
        let cases = [
            ("a/b.py", Language::Python),
            ("b.pyi", Language::Python),
            ("b.pyw", Language::Python),
            ("lib.rs", Language::Rust),
            ("x.js", Language::JavaScript),
            ("x.mjs", Language::JavaScript),
            ("x.cjs", Language::JavaScript),
            ("x.jsx", Language::JavaScript),
            ("x.d.ts", Language::TypeScript),
            ("x.mts", Language::TypeScript),
            ("x.cts", Language::TypeScript),
            ("x.tsx", Language::Tsx),
            ("x.go", Language::Go),
            ("X.java", Language::Java),
            ("x.c", Language::C),
            ("x.h", Language::C),
            ("x.cc", Language::Cpp),
            ("x.cpp", Language::Cpp),
            ("x.cxx", Language::Cpp),
            ("x.hpp", Language::Cpp),
            ("x.hh", Language::Cpp),
            ("x.hxx", Language::Cpp),
            ("X.cs", Language::CSharp),
            ("x.rb", Language::Ruby),
            ("x.rake", Language::Ruby),
            ("x.php", Language::Php),
            ("x.sh", Language::Bash),
            ("x.bash", Language::Bash),
            ("SETUP.PY", Language::Python),
        ];
        for (path, language) in cases {
            assert_eq!(
                Language::from_path(Path::new(path)),
                Some(language),
                "{path}"
            );
        }
        for path in ["Makefile", "a.txt", ".py", "py", "a.pyc", ""] {
            assert_eq!(Language::from_path(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn names_are_distinct_and_all_is_complete() {
        let names: std::collections::HashSet<_> = Language::ALL.iter().map(|l| l.name()).collect();
        assert_eq!(names.len(), Language::ALL.len());
        assert!(names.contains("python") && names.contains("tsx") && names.contains("cpp"));
    }
}
