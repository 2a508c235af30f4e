//! C++: classes, methods inside and outside of them, namespaces, on top of C.

#[cfg(test)]
mod tests;

use tree_sitter::Node;

use super::c::{self, function_declarator};
use super::comments::{doxygen, not_implemented};
use super::modules::Modules;
use super::rules::{ClassParts, Construction, Definition, FunctionParts, Naming, Role, Rules};
use super::syntax::{Field, Syntax};

/// C++ up to C++20 without modules.
pub(super) static RULES: Rules = Rules {
    name: "cpp",
    extensions: &["cc", "cpp", "cxx", "hpp", "hh", "hxx"],
    modules: Modules::Includes,
    grammar: || tree_sitter_cpp::LANGUAGE.into(),
    roles: &[
        // C++ reads functions and structs in its own way, so its entries come first and C's are not repeated.
        &[
            ("function_definition", Role::Definition(function)),
            ("class_specifier", Role::Definition(class)),
            ("struct_specifier", Role::Definition(class)),
            ("field_declaration", Role::Wrapper),
            ("field_declaration", Role::Definition(member_declaration)),
            ("declaration", Role::Definition(constructor_declaration)),
            ("template_declaration", Role::Wrapper),
            ("namespace_definition", Role::Namespace),
            ("new_expression", Role::Instantiation(Field::Type)),
            (
                "qualified_identifier",
                Role::Path {
                    scope: Field::Scope,
                    name: Field::Name,
                },
            ),
            ("template_function", Role::NameWrapper),
            ("template_method", Role::NameWrapper),
            ("dependent_name", Role::NameWrapper),
            ("for_range_loop", Role::Decision),
            ("catch_clause", Role::Decision),
            ("throw_statement", Role::Unfinished(throws_not_implemented)),
        ],
        c::ROLES,
    ],
    receivers: &["this"],
    operators: c::OPERATORS,
    abstract_decorators: &[],
    naming: Naming {
        capital_types: true,
        construction: Construction::DeclaredType,
    },
    comments: doxygen,
    parameter: c::parameter,
};

fn class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let Some(Definition::Class(parts)) = c::tagged_type(syntax, node) else {
        return None;
    };
    let clause = syntax.child_of_kind(node, "base_class_clause");
    let bases = clause
        .map(|clause| syntax.named_children(clause))
        .unwrap_or_default();
    let is_type =
        |base: &Node<'t>| base.kind().ends_with("identifier") || base.kind() == "template_type";
    let bases = bases
        .into_iter()
        .filter(is_type)
        .map(|base| syntax.one_line(base))
        .collect();
    Some(Definition::Class(ClassParts { bases, ..parts }))
}

fn function<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    if let Some(class) = exported_class(syntax, node) {
        return Some(class);
    }
    let mut parts = signature(syntax, node)?;
    parts.body = syntax.field(node, Field::Body);
    parts.is_abstract = syntax.child_of_kind(node, "pure_virtual_clause").is_some();
    Some(Definition::Function(parts))
}

/// `class EXPORT Name { ... }`: a macro that the grammar cannot know makes it look like a function returning a class.
fn exported_class<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let result = syntax.field(node, Field::Type)?;
    let declarator = syntax.field(node, Field::Declarator)?;
    let is_class = matches!(result.kind(), "class_specifier" | "struct_specifier");
    (is_class && declarator.kind() == "identifier").then(|| {
        let name = syntax.text(declarator).to_owned();
        Definition::Class(ClassParts {
            name,
            ..ClassParts::default()
        })
    })
}

/// A method that a class declares and defines elsewhere, or leaves to its subclasses.
fn member_declaration<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    let is_abstract = syntax.field_text(node, Field::DefaultValue) == Some("0");
    let parts = signature(syntax, node)?;
    Some(Definition::Function(FunctionParts {
        is_abstract,
        only_in_class: true,
        ..parts
    }))
}

/// A constructor, destructor or conversion that a class declares: of all declarations only these have no type.
fn constructor_declaration<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<Definition<'t>> {
    if syntax.field(node, Field::Type).is_some() {
        return None;
    }
    member_declaration(syntax, node)
}

/// The name, owner and parameters of a function definition or declaration.
fn signature<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> Option<FunctionParts<'t>> {
    let (declared, parameters) = match function_declarator(syntax, node) {
        Some(declarator) => (declarator.name, declarator.parameters),
        // A conversion operator's declarator is its name.
        None => (syntax.field(node, Field::Declarator)?, None),
    };
    let (owner, name) = split_owner(syntax, declared);
    let is_conversion = name.kind() == "operator_cast";
    if parameters.is_none() && !is_conversion {
        return None;
    }
    let text = syntax.one_line(name);
    let name = if is_conversion {
        text.split('(').next().unwrap_or(&text).to_owned()
    } else {
        text
    };
    Some(FunctionParts {
        name,
        owner,
        parameters,
        ..FunctionParts::default()
    })
}

/// Takes a qualified name apart: the innermost scope, without template arguments, and the name in it.
fn split_owner<'t>(syntax: &Syntax<'t>, declared: Node<'t>) -> (Option<&'t str>, Node<'t>) {
    let mut owner = None;
    let mut name = declared;
    while name.kind() == "qualified_identifier" {
        let scope = syntax
            .field(name, Field::Scope)
            .and_then(|scope| syntax.last_name(scope));
        owner = scope.map(|scope| syntax.text(scope)).or(owner);
        match syntax.field(name, Field::Name) {
            Some(inner) => name = inner,
            None => break,
        }
    }
    (owner, name)
}

fn throws_not_implemented<'t>(syntax: &Syntax<'t>, node: Node<'t>) -> bool {
    not_implemented(syntax.text(node))
}
