//! Decides what a call or a member access refers to, as far as one file tells.

use tree_sitter::Node;

use super::outline::Outline;
use super::rules::{Construction, Role};
use super::scopes::Scopes;
use super::syntax::{Syntax, line, number};
use super::{TargetType, Usage, UsageType};

/// A receiver longer than this is an expression, not the name of a type or module.
const LONGEST_RECEIVER: usize = 120;

/// What is called: a name and what stands before it.
pub(super) struct Callee<'t> {
    /// The object or scope.
    pub(super) receiver: Option<Node<'t>>,
    /// Whether the receiver is a scope, as in `std::mem::swap`.
    pub(super) is_scoped: bool,
    /// The name.
    pub(super) name: Node<'t>,
    /// The member access that the call consists of, which is no usage of its own.
    pub(super) member: Option<Node<'t>>,
}

/// Finds the called name in what a call calls; none when that is no name, as in `f()()`.
pub(super) fn callee<'t>(syntax: &Syntax<'t>, called: Node<'t>) -> Option<Callee<'t>> {
    let mut current = called;
    let (mut receiver, mut is_scoped, mut member) = (None, false, None);
    // Names nest by scopes and type arguments only, never deep in sensible text.
    for _ in 0..32 {
        if syntax.is_name(current) && current.named_child_count() == 0 {
            return Some(Callee {
                receiver,
                is_scoped,
                name: current,
                member,
            });
        }
        current = match syntax.roles(current).first()? {
            Role::Member { object, name } => {
                member = Some(current);
                receiver = syntax.field(current, *object).or(receiver);
                syntax.field(current, *name)?
            }
            Role::Path { scope, name } => {
                receiver = syntax.field(current, *scope).or(receiver);
                is_scoped = true;
                syntax.field(current, *name)?
            }
            Role::Qualified(scope) => {
                receiver = syntax.field(current, *scope).or(receiver);
                is_scoped = true;
                syntax.last_child(current)?
            }
            Role::ConditionalAccess(object) => {
                receiver = syntax.field(current, *object);
                syntax.last_child(current)?
            }
            Role::NameWrapper => current.named_child(0)?,
            _ => return None,
        };
    }
    None
}

/// The surroundings that decide what a name refers to.
pub(super) struct Resolver<'a, 't> {
    pub(super) syntax: &'a Syntax<'t>,
    pub(super) scopes: &'a Scopes<'t>,
    pub(super) outline: &'a Outline<'t>,
}

/// What a receiver tells about the name behind it.
enum Receiver<'t> {
    /// It is the object or class that the code belongs to.
    Own,
    /// It is a type of this name.
    Type(&'t str),
    /// It is a module or namespace.
    Module,
    /// It is some value.
    Value,
}

impl<'t> Resolver<'_, 't> {
    /// A call.
    pub(super) fn call(&self, callee: &Callee<'t>) -> Usage {
        let name = callee.name;
        let text = self.syntax.text(name);
        let Some(receiver) = callee.receiver else {
            return self.bare_call(name, text);
        };
        if let Some(class) = self.constructed(receiver, text) {
            return self.instantiation(class);
        }
        let text_before = self.path_text(receiver);
        let receiver = self.classify(receiver, callee.is_scoped);
        if self.constructs_by_capitals() && is_type_name(text) {
            return self
                .usage(
                    name,
                    UsageType::Instantiation,
                    TargetType::Class,
                    receiver.class(self),
                )
                .on(&receiver, text_before);
        }
        let target = match receiver {
            Receiver::Module => TargetType::Function,
            _ => TargetType::Method,
        };
        self.usage(name, UsageType::Call, target, receiver.class(self))
            .on(&receiver, text_before)
    }

    /// A call that only names its target.
    fn bare_call(&self, name: Node<'t>, text: &'t str) -> Usage {
        let rules = self.syntax.tables.rules;
        if self.constructs_by_capitals()
            && (is_capitalized(text) || rules.receivers.contains(&text))
        {
            return self.instantiation(name);
        }
        self.usage(name, UsageType::Call, TargetType::Function, None)
    }

    /// The type that a call of the method `name` makes an instance of.
    fn constructed(&self, receiver: Node<'t>, name: &str) -> Option<Node<'t>> {
        let Construction::Method(constructor) = self.syntax.tables.rules.naming.construction else {
            return None;
        };
        let class = self.syntax.last_name(receiver)?;
        let makes = name == constructor && is_type_name(self.syntax.text(class));
        makes.then_some(class)
    }

    fn constructs_by_capitals(&self) -> bool {
        self.syntax.tables.rules.naming.construction == Construction::CapitalName
    }

    /// A call of the method `name`, whose receiver stands apart from it in the syntax tree.
    pub(super) fn method_call(&self, receiver: Option<Node<'t>>, name: Node<'t>) -> Usage {
        let text_before = receiver.and_then(|receiver| self.path_text(receiver));
        let receiver = receiver.map_or(Receiver::Value, |receiver| self.classify(receiver, false));
        self.usage(
            name,
            UsageType::Call,
            TargetType::Method,
            receiver.class(self),
        )
        .on(&receiver, text_before)
    }

    /// An instantiation of the type `name`.
    pub(super) fn instantiation(&self, name: Node<'t>) -> Usage {
        let mut usage = self.usage(name, UsageType::Instantiation, TargetType::Class, None);
        if let Some(class) = self.scopes.class_name()
            && self
                .syntax
                .tables
                .rules
                .receivers
                .contains(&usage.target_name.as_str())
        {
            usage.target_name = class.to_owned();
        }
        usage
    }

    /// An access to the member `name` of `object`.
    pub(super) fn member(&self, object: Option<Node<'t>>, name: Node<'t>) -> Usage {
        let text_before = object.and_then(|object| self.path_text(object));
        let object = object.map_or(Receiver::Value, |object| self.classify(object, false));
        self.usage(
            name,
            UsageType::Attribute,
            TargetType::Property,
            object.class(self),
        )
        .on(&object, text_before)
    }

    fn usage(
        &self,
        name: Node<'t>,
        usage_type: UsageType,
        target_type: TargetType,
        target_class: Option<&str>,
    ) -> Usage {
        Usage {
            line: line(name),
            column: number(name.start_position().column),
            usage_type,
            target_type,
            receiver: None,
            target_class: target_class.map(str::to_owned),
            target_name: self.syntax.text(name).to_owned(),
            context: self.scopes.context().map(str::to_owned),
        }
    }

    /// What stands before a name, where it is a plain path.
    fn path_text(&self, receiver: Node<'t>) -> Option<&'t str> {
        let text = self.syntax.text(receiver);
        let is_path = text.len() <= LONGEST_RECEIVER && last_segment(text).is_some();
        Some(text).filter(|_| is_path)
    }

    fn classify(&self, receiver: Node<'t>, is_scope: bool) -> Receiver<'t> {
        let rules = self.syntax.tables.rules;
        let text = self.syntax.text(receiver);
        if text.len() > LONGEST_RECEIVER {
            return Receiver::Value;
        }
        if rules.receivers.contains(&text) || self.scopes.receiver() == Some(text) {
            return Receiver::Own;
        }
        let may_be_module = is_scope == self.syntax.tables.has_paths;
        match last_segment(text) {
            _ if may_be_module && self.outline.is_module(text) => Receiver::Module,
            Some(name) if rules.naming.capital_types && is_type_name(name) => Receiver::Type(name),
            _ if is_scope => Receiver::Module,
            _ => Receiver::Value,
        }
    }
}

impl Usage {
    /// Adds the text before the name, which tells something new unless it is the object itself.
    fn on(mut self, receiver: &Receiver<'_>, text: Option<&str>) -> Self {
        if !matches!(receiver, Receiver::Own) {
            self.receiver = text.map(str::to_owned);
        }
        self
    }
}

impl Receiver<'_> {
    fn class<'a>(&'a self, resolver: &'a Resolver<'_, '_>) -> Option<&'a str> {
        match self {
            Self::Own => resolver.scopes.class_name(),
            Self::Type(name) => Some(name),
            Self::Module | Self::Value => None,
        }
    }
}

/// The last name of a dotted or scoped path, without type arguments; none for any other expression.
fn last_segment(text: &str) -> Option<&str> {
    let path = match text.split_once('<') {
        Some((path, _)) if text.ends_with('>') => path.trim_end_matches(':'),
        _ => text,
    };
    let is_path = path
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '\\'));
    path.rsplit(['.', ':', '\\']).next().filter(|_| is_path)
}

/// Whether the first letter is a capital, leading underscores aside.
fn is_capitalized(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(char::is_uppercase)
}

/// Whether a name is written like a type, `Cart` or `T`, and not like a constant, `CODES`.
fn is_type_name(name: &str) -> bool {
    let bare = name.trim_start_matches('_');
    bare.starts_with(char::is_uppercase) && (bare.len() == 1 || bare.contains(char::is_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_constants_differ_by_case() {
        for name in ["Cart", "_Cart", "T", "IPv4", "Ünit"] {
            assert!(is_type_name(name) && is_capitalized(name), "{name}");
        }
        for name in ["CODES", "_CODES", "cart", "_", "", "MAX_1"] {
            assert!(!is_type_name(name), "{name}");
        }
        assert!(is_capitalized("_UUID") && !is_capitalized("uuid"));
    }

    #[test]
    fn paths_end_in_a_name() {
        let cases = [
            ("Cart", Some("Cart")),
            ("a.b.Cart", Some("Cart")),
            ("crate::m::Cart", Some("Cart")),
            ("Vec::<u8>", Some("Vec")),
            ("Vec<u8>", Some("Vec")),
            ("Vec<u8>::make()", None),
            ("f(x).Cart", None),
            ("\"text\"", None),
        ];
        for (text, name) in cases {
            assert_eq!(last_segment(text), name, "{text}");
        }
    }
}
