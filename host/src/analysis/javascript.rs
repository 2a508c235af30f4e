//! JavaScript, with JSX and class fields.

#[cfg(test)]
mod tests;

use super::comments::block_docs;
use super::ecmascript;
use super::modules::Modules;
use super::rules::{Role, Rules};

/// JavaScript as scripts and as modules.
pub(super) static RULES: Rules = Rules {
    name: "javascript",
    extensions: &["js", "mjs", "cjs", "jsx"],
    modules: Modules::Relative,
    grammar: || tree_sitter_javascript::LANGUAGE.into(),
    roles: &[
        ecmascript::ROLES,
        &[(
            "field_definition",
            Role::Definition(ecmascript::field_function),
        )],
    ],
    receivers: ecmascript::RECEIVERS,
    operators: ecmascript::OPERATORS,
    abstract_decorators: &[],
    naming: ecmascript::NAMING,
    comments: block_docs,
    parameter: ecmascript::parameter,
};
