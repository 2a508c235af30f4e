//! Python: `class` and `def`, docstrings as statements, decorators, both forms of import.

mod literal;
#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::comments::no_docs;
use super::modules::Modules;
use super::outline::Outline;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, LONGEST_NAME, Syntax, clip, line, number};
use super::{Import, ImportKind};

/// Python 3, as far as the grammar goes also Python 2.
pub(super) static RULES: Rules = Rules {
    name: "python",
    extensions: &["py", "pyi", "pyw"],
    modules: Modules::Packages,
    grammar: || tree_sitter_python::LANGUAGE.into(),
    roles: &[&[
        ("module", Role::File(docstring)),
        ("class_definition", Role::Definition(class)),
        ("function_definition", Role::Definition(function)),
        ("decorator", Role::Decorator),
        ("import_statement", Role::Import(import)),
        ("import_from_statement", Role::Import(import_from)),
        ("future_import_statement", Role::Import(import_from)),
        ("call", Role::Call(Field::Function)),
        (
            "attribute",
            Role::Member {
                object: Field::Object,
                name: Field::Attribute,
            },
        ),
        ("if_statement", Role::Decision),
        ("elif_clause", Role::Decision),
        ("for_statement", Role::Decision),
        ("while_statement", Role::Decision),
        ("except_clause", Role::Decision),
        ("except_group_clause", Role::Decision),
        ("boolean_operator", Role::Decision),
        ("conditional_expression", Role::Decision),
        ("if_clause", Role::Decision),
        ("case_clause", Role::Arm { names_bind: true }),
        ("raise_statement", Role::Unfinished(raises_not_implemented)),
        ("comment", Role::Comment),
        ("block", Role::Block),
        ("expression_statement", Role::Wrapper),
        ("pass_statement", Role::Idle),
        ("ellipsis", Role::Idle),
        ("string", Role::Idle),
        ("concatenated_string", Role::Idle),
    ]],
    receivers: &["self", "cls"],
    operators: &[],
    abstract_decorators: &[
        "abstractmethod",
        "abstractproperty",
        "abstractclassmethod",
        "abstractstaticmethod",
    ],
    naming: Naming {
        capital_types: true,
        construction: Construction::CapitalName,
    },
    comments: no_docs,
    parameter,
};

fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let arguments = syntax.field(node, Field::Superclasses);
    let bases = arguments
        .map(|arguments| syntax.named_children(arguments))
        .unwrap_or_default();
    let is_base = |base: &Node<'t>| !matches!(base.kind(), "keyword_argument" | "dictionary_splat");
    Some(Definition::Class(ClassParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        bases: bases
            .into_iter()
            .filter(is_base)
            .map(|base| syntax.one_line(base))
            .collect(),
        docstring: syntax
            .field(node, Field::Body)
            .and_then(|body| docstring(syntax, body)),
        is_extension: false,
    }))
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let body = syntax.field(node, Field::Body);
    Some(Definition::Function(FunctionParts {
        name: syntax.field_text(node, Field::Name)?.to_owned(),
        parameters: syntax.field(node, Field::Parameters),
        body,
        docstring: body.and_then(|body| docstring(syntax, body)),
        ..FunctionParts::default()
    }))
}

/// The value of the string that a block or module begins with.
fn docstring<'t>(syntax: &Syntax<'t>, block: Node<'t>) -> Option<String> {
    let mut cursor = block.walk();
    let first = block
        .named_children(&mut cursor)
        .find(|child| child.kind() != "comment")?;
    // A second child, a comma, would make it a tuple.
    if first.kind() != "expression_statement" || first.child_count() != 1 {
        return None;
    }
    let mut expression = first.named_child(0)?;
    while expression.kind() == "parenthesized_expression" && expression.named_child_count() == 1 {
        expression = expression.named_child(0)?;
    }
    match expression.kind() {
        "string" => literal::text_value(syntax.text(expression)),
        "concatenated_string" => {
            let strings = syntax.named_children(expression).into_iter();
            strings
                .map(|part| literal::text_value(syntax.text(part)))
                .collect()
        }
        _ => None,
    }
}

fn parameter<'t>(syntax: &Syntax<'t>, node: Node<'t>, names: &mut Vec<String>) {
    let named = match node.kind() {
        "keyword_separator" | "positional_separator" | "ERROR" => None,
        "default_parameter" | "typed_default_parameter" => syntax.field(node, Field::Name),
        "typed_parameter" => node.named_child(0),
        _ => Some(node),
    };
    // `*args` and `**kwargs` keep their stars: the text of the pattern is what the database has.
    names.extend(named.map(|named| syntax.one_line(named)));
}

fn import<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    for imported in syntax.children_in(node, Field::Name) {
        let (name, alias) = name_and_alias(syntax, imported);
        match alias {
            Some(alias) => outline.add_module(alias),
            None => {
                outline.add_module(name);
                outline.add_module(name.split('.').next().unwrap_or(name));
            }
        }
        let name = without_space(name);
        outline.add_import(Import {
            alias: alias.map(str::to_owned),
            level: 0,
            name,
            module: None,
            kind: ImportKind::Import,
            line: line(node),
        });
    }
}

fn import_from<'t>(syntax: &Syntax<'t>, node: Node<'t>, outline: &mut Outline<'t>) {
    let path = syntax
        .field_text(node, Field::ModuleName)
        .unwrap_or("__future__");
    let module = without_space(
        clip(path, LONGEST_NAME).trim_start_matches(|c: char| c == '.' || c.is_whitespace()),
    );
    let dots = clip(path, LONGEST_NAME)
        .chars()
        .take_while(|c| *c == '.' || c.is_whitespace())
        .filter(|c| *c == '.');
    let level = number(dots.count());
    let mut add = |name: &str, alias: Option<&str>| {
        let (name, module) = (without_space(name), Some(module.clone()));
        outline.add_import(Import {
            alias: alias.map(str::to_owned),
            level,
            name,
            module,
            kind: ImportKind::ImportFrom,
            line: line(node),
        });
    };
    let mut siblings = Vec::new();
    for imported in syntax.children_in(node, Field::Name) {
        let (name, alias) = name_and_alias(syntax, imported);
        add(name, alias);
        siblings.push(alias.unwrap_or(name));
    }
    if syntax.child_of_kind(node, "wildcard_import").is_some() {
        add("*", None);
    }
    // `from . import x` takes modules out of the package, or names that its `__init__` defines; the latter are classes
    // for the most part, which capitals tell.
    if module.is_empty() {
        siblings
            .into_iter()
            .for_each(|name| outline.add_module(name));
    }
}

fn name_and_alias<'t>(syntax: &Syntax<'t>, imported: Node<'t>) -> (&'t str, Option<&'t str>) {
    let name = syntax
        .field_text(imported, Field::Name)
        .unwrap_or_else(|| syntax.text(imported));
    (name, syntax.field_text(imported, Field::Alias))
}

/// A dotted name may be written with spaces and line continuations around its dots.
fn without_space(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && *c != '\\')
        .collect()
}

fn raises_not_implemented<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    let raised = syntax.text(node).trim_start_matches("raise").trim_start();
    raised
        .strip_prefix("NotImplementedError")
        .is_some_and(|rest| {
            !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'))
        })
}
