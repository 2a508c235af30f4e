//! The entities that a file consists of, in the terms of the database's tables.

use std::ops::Range;

use super::Language;

/// Everything found in one source file. Lines count from 1, byte ranges index the text as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAnalysis {
    /// The language that the text was read as.
    pub language: Language,
    /// Number of lines, an unfinished last one included.
    pub lines: u32,
    /// What the file says of itself: Python's module docstring, `//!`, a package comment.
    pub docstring: Option<String>,
    /// Classes and what stands in their place (structs, traits, interfaces, enums), nested ones too, by line.
    pub classes: Vec<Class>,
    /// Functions that belong to no class, those nested in other functions included, in source order.
    pub functions: Vec<Function>,
    /// Imports, one for each imported name, in source order.
    pub imports: Vec<Import>,
    /// Calls, instantiations and member accesses, in source order.
    pub usages: Vec<Usage>,
    /// Where the text does not parse: the first places only, empty for sound text.
    pub syntax_errors: Vec<SyntaxError>,
}

/// A class, or the type that holds methods in a language without classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name, without the scopes around it.
    pub name: String,
    /// Line of the declaring keyword, not of a decorator above it.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Bytes from the declaring keyword to the end.
    pub span: Range<usize>,
    /// Docstring or doc comment.
    pub docstring: Option<String>,
    /// Base classes, interfaces and traits as written, such as `abc.ABC`.
    pub bases: Vec<String>,
    /// Its methods, in source order.
    pub methods: Vec<Function>,
}

/// A function or a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, without the scopes around it.
    pub name: String,
    /// Line of the declaring keyword, not of a decorator above it.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Bytes from the declaring keyword to the end.
    pub span: Range<usize>,
    /// Names of the parameters; the object itself (`self`, `cls`, `this`) is left out.
    pub params: Vec<String>,
    /// Docstring or doc comment.
    pub docstring: Option<String>,
    /// Cyclomatic complexity: 1 and one for each decision; definitions inside count on their own.
    pub complexity: u32,
    /// Declared for others to implement.
    pub is_abstract: bool,
    /// Its body does nothing: `pass`, `...` or empty, besides the docstring.
    pub has_pass: bool,
    /// Its body says that it is not implemented: `raise NotImplementedError`, `todo!()` and the like.
    pub has_not_implemented: bool,
}

/// One imported name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module (`import re`) or the name taken out of one (`from typing import Any`); never the alias.
    pub name: String,
    /// What the file calls it, where that differs from the name.
    pub alias: Option<String>,
    /// How many packages up Python's relative imports begin, the file's own being 1; 0 for all others.
    pub level: u32,
    /// The module that the name is taken from; empty for Python's `from . import x`.
    pub module: Option<String>,
    /// Which of the two forms it is.
    pub kind: ImportKind,
    /// Line of the import statement.
    pub line: u32,
}

/// The two forms of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportKind {
    /// A whole module.
    Import,
    /// A name out of a module.
    ImportFrom,
}

impl ImportKind {
    /// The word that the database stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::ImportFrom => "import_from",
        }
    }
}

/// One place where something is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Line of the used name.
    pub line: u32,
    /// Byte column of the used name, from 0.
    pub column: u32,
    /// What is done with it.
    pub usage_type: UsageType,
    /// What kind of thing it is, as far as one file tells.
    pub target_type: TargetType,
    /// What stands before the name where that is a plain path (`np` in `np.array()`) and not the object itself.
    pub receiver: Option<String>,
    /// The class it belongs to, where the text says so (`self.x`, `Cart.create`).
    pub target_class: Option<String>,
    /// The used name.
    pub target_name: String,
    /// The definitions around it, outermost first (`class:Cart | function:checkout`); none at module level.
    pub context: Option<String>,
}

/// What a usage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UsageType {
    /// Calls a function or method.
    Call,
    /// Makes an instance of a class.
    Instantiation,
    /// Reads or writes a member.
    Attribute,
}

impl UsageType {
    /// The word that the database stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Instantiation => "instantiation",
            Self::Attribute => "attribute",
        }
    }
}

/// What a usage refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetType {
    /// A function outside classes.
    Function,
    /// A method.
    Method,
    /// A class.
    Class,
    /// A member that is not called.
    Property,
}

impl TargetType {
    /// The word that the database stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
            Self::Class => "class",
            Self::Property => "property",
        }
    }
}

/// One place where the text does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 0.
    pub column: u32,
    /// What is wrong, in one short line.
    pub message: String,
}
