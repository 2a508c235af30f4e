//! Source text in, entities out: definitions, imports and usages of one file, read with tree-sitter.
//!
//! Pure code: no database, no files, nothing else of the host. [`Analyzer`] is the entry point and never fails: a
//! file that does not parse is read as far as it goes, and [`FileAnalysis::syntax_errors`] says where it does not.
//!
//! How it is put together:
//! - `rules` is the vocabulary in which a language is described: syntax node kinds and the roles they play.
//! - One file a language (`python`, `rust`, ...) holds that description and the few readers particular to it.
//! - `walker` goes once over the tree and acts on the roles; `outline` collects what it finds.
//!
//! A further language is one more file and its line in `language`. Nothing here recurses: source text decides how
//! deep a tree is, so every descent is a loop, and a list that could grow with the square of the text is bounded.

/// The version of what the analysis finds. Whoever makes it find more raises it, and files are read again that an
/// earlier one was asked about.
pub const VERSION: i64 = 3;

mod analyzer;
pub mod ast;
mod bash;
mod c;
mod comments;
mod cpp;
mod csharp;
mod definitions;
mod ecmascript;
mod entities;
mod errors;
mod go;
mod java;
mod javascript;
mod language;
pub mod modules;
mod outline;
mod php;
mod python;
pub mod review;
mod ruby;
mod rules;
mod rust;
mod scopes;
mod statements;
mod syntax;
#[cfg(test)]
mod tests;
mod time_limit;
mod typescript;
mod usages;
mod walker;

pub use analyzer::Analyzer;
pub use entities::{
    Class, FileAnalysis, Function, Import, ImportKind, SyntaxError, TargetType, Usage, UsageType,
};
pub use language::Language;
