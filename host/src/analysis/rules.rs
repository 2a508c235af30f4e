//! The vocabulary in which a language is described: which syntax node plays which role.

use tree_sitter::{Language as Grammar, Node};

use super::comments::CommentKind;
use super::modules::Modules;
use super::outline::Outline;
use super::syntax::{Field, Syntax};
use super::usages::Callee;

/// One language, as data for the shared walker.
pub(super) struct Rules {
    /// Name in lower case.
    pub(super) name: &'static str,
    /// File extensions without the dot.
    pub(super) extensions: &'static [&'static str],
    /// How imports name files.
    pub(super) modules: Modules,
    /// The grammar to parse with.
    pub(super) grammar: fn() -> Grammar,
    /// Named syntax nodes and their roles, in groups that related languages share. A kind may play several roles, which
    /// are acted on in this order; the first [`Role::Definition`] of a kind counts, so a language can read a kind in
    /// its own way.
    pub(super) roles: &'static [&'static [(&'static str, Role)]],
    /// Words for the object or class that a method belongs to.
    pub(super) receivers: &'static [&'static str],
    /// Binary operators that decide, for [`Role::Operator`].
    pub(super) operators: &'static [&'static str],
    /// Last segments of decorators that make a definition abstract.
    pub(super) abstract_decorators: &'static [&'static str],
    /// How a call that only names its target is understood.
    pub(super) naming: Naming,
    /// Tells documentation from other comments, for [`Role::Comment`].
    pub(super) comments: fn(&str) -> CommentKind,
    /// Adds the names that one child of a parameter list declares.
    pub(super) parameter: for<'t> fn(&Syntax<'t>, Node<'t>, &mut Vec<String>),
}

/// What a language's customs tell about a name.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    /// `CamelCase` names are types, so `Cart.create()` calls a method of `Cart`.
    pub(super) capital_types: bool,
    /// How instances are made.
    pub(super) construction: Construction,
}

/// How a language makes instances of types.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Construction {
    /// By syntax of their own; a call never does.
    Keyword,
    /// By calls of types, which only their declarations tell from functions.
    DeclaredType,
    /// By calls of types, which capitals or their declarations tell from functions.
    CapitalName,
    /// By calls of this method of types.
    Method(&'static str),
}

impl Construction {
    /// Whether a call of a type makes an instance of it.
    pub(super) fn is_a_call(self) -> bool {
        matches!(self, Self::DeclaredType | Self::CapitalName)
    }
}

/// Reads a definition out of its node; none when the node defines nothing.
pub(super) type DefinitionReader = for<'t> fn(&Syntax<'t>, Node<'t>) -> Option<Definition<'t>>;

/// What the walker does with a kind of syntax node.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// Is the whole file; the reader finds its docstring among the statements.
    File(for<'t> fn(&Syntax<'t>, Node<'t>) -> Option<String>),
    /// Opens the scope of a class or function.
    Definition(DefinitionReader),
    /// Imports names.
    Import(for<'t> fn(&Syntax<'t>, Node<'t>, &mut Outline<'t>)),
    /// Opens a namespace of the name in its `name` field: functions, not methods, live in it.
    Namespace,
    /// Calls what the field holds.
    Call(Field),
    /// Calls a method, with receiver and name in fields of the call itself.
    MethodCall {
        /// Holds the receiver, absent in a bare call.
        object: Field,
        /// Holds the method's name.
        name: Field,
    },
    /// Holds calls that the syntax tree does not show as such.
    HiddenCalls(for<'t> fn(&Syntax<'t>, Node<'t>) -> Vec<Callee<'t>>),
    /// Makes an instance of the type that the field holds.
    Instantiation(Field),
    /// Makes an instance of the type that is its first child.
    InstantiationOfChild,
    /// Accesses a member of an object.
    Member {
        /// Holds the object.
        object: Field,
        /// Holds the member's name.
        name: Field,
    },
    /// Qualifies a name with a scope.
    Path {
        /// Holds the scope.
        scope: Field,
        /// Holds the name.
        name: Field,
    },
    /// Accesses its last child, a member, unless what the field holds is null.
    ConditionalAccess(Field),
    /// Qualifies a name, its last child, with the scope in the field.
    Qualified(Field),
    /// Wraps the name that it holds as first child, adding type arguments or the like.
    NameWrapper,
    /// Is a plain name, though its kind does not end in `identifier`.
    Name,
    /// Is a decision: adds one to the complexity.
    Decision,
    /// Is a decision when its operator is one of [`Rules::operators`].
    Operator,
    /// Is a decision when the field holds something: a guard, or what else is done.
    DecisionWith(Field),
    /// Is a decision unless it catches everything that is left.
    Arm {
        /// Whether a plain name in lower case does so, since it binds whatever comes.
        names_bind: bool,
    },
    /// Is a chain of conditions, each one after the first a decision.
    Chain,
    /// Says that the function around it is not implemented, when the reader agrees.
    Unfinished(for<'t> fn(&Syntax<'t>, Node<'t>) -> bool),
    /// May be documentation.
    Comment,
    /// Decorates the definition that follows: documentation may stand above it.
    Decorator,
    /// Holds decorators and keywords at the start of a definition.
    Modifiers,
    /// Has a definition as child, for which documentation above it is meant.
    Wrapper,
    /// Names the file's package: a comment above it documents the file.
    Package,
    /// Is a body in braces or by indentation.
    Block,
    /// Does nothing when run.
    Idle,
}

/// What a definition's node declares.
pub(super) enum Definition<'t> {
    /// A class.
    Class(ClassParts),
    /// A function or method.
    Function(FunctionParts<'t>),
}

/// What a language's reader finds out about a class.
#[derive(Default)]
pub(super) struct ClassParts {
    /// Its name.
    pub(super) name: String,
    /// What it derives from, as written.
    pub(super) bases: Vec<String>,
    /// A docstring inside the class; doc comments above it are the walker's business.
    pub(super) docstring: Option<String>,
    /// False for a block that adds methods to a type declared elsewhere (Rust's `impl`).
    pub(super) is_extension: bool,
}

/// What a language's reader finds out about a function.
#[derive(Default)]
pub(super) struct FunctionParts<'t> {
    /// Its name.
    pub(super) name: String,
    /// The type whose method it is, when it stands outside that type.
    pub(super) owner: Option<&'t str>,
    /// What its body calls the object (Go's receiver), besides [`Rules::receivers`].
    pub(super) receiver: Option<&'t str>,
    /// The member access that the definition assigns to, as in `exports.run = function () {}`: no usage of its own.
    pub(super) assigned_to: Option<Node<'t>>,
    /// The list of parameters, or a single parameter.
    pub(super) parameters: Option<Node<'t>>,
    /// The body.
    pub(super) body: Option<Node<'t>>,
    /// Declared for others to implement.
    pub(super) is_abstract: bool,
    /// A declaration without a body, worth keeping in a class only (C++).
    pub(super) only_in_class: bool,
    /// A docstring inside the body.
    pub(super) docstring: Option<String>,
}
