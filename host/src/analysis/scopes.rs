//! The definitions around the walker's current place.

use std::rc::Rc;

use super::outline::FunctionId;
use super::syntax::{LONGEST_NAME, clip};

/// A context stops growing at this many bytes: deep nesting must not cost the square of its depth.
const LONGEST_CONTEXT: usize = 512;

/// What a scope belongs to.
#[derive(Clone, Copy)]
pub(super) enum Container {
    /// A class, by its place in the outline.
    Class(usize),
    /// A function or method.
    Function(FunctionId),
}

/// One definition that is open.
struct Scope<'t> {
    container: Container,
    /// Depth of its node: anything not deeper lies outside.
    depth: u32,
    /// Name of the innermost class here.
    class: Option<Rc<str>>,
    /// The name by which the body calls its object.
    receiver: Option<&'t str>,
    /// Itself and the definitions around it, as usages store them.
    context: Rc<str>,
}

/// The definitions that are open, outermost first.
#[derive(Default)]
pub(super) struct Scopes<'t> {
    open: Vec<Scope<'t>>,
}

impl<'t> Scopes<'t> {
    /// Closes the definitions that a node at `depth` lies outside of.
    pub(super) fn leave(&mut self, depth: u32) {
        while self.open.last().is_some_and(|scope| depth <= scope.depth) {
            self.open.pop();
        }
    }

    /// Opens a class.
    pub(super) fn enter_class(&mut self, class: usize, name: &str, depth: u32) {
        let name = clip(name, LONGEST_NAME);
        let context = self.extended_context("class:", name);
        let scope = Scope {
            container: Container::Class(class),
            depth,
            class: Some(Rc::from(name)),
            receiver: None,
            context,
        };
        self.open.push(scope);
    }

    /// Opens a function; `owner` is its class when that is not around it.
    pub(super) fn enter_function(
        &mut self,
        function: FunctionId,
        name: &str,
        owner: Option<&str>,
        receiver: Option<&'t str>,
        depth: u32,
    ) {
        let owner = owner.map(|owner| clip(owner, LONGEST_NAME));
        let mut context = self.extended_context("function:", clip(name, LONGEST_NAME));
        if let Some(owner) = owner {
            context = Rc::from(format!("class:{owner} | {context}"));
        }
        let class = owner
            .map(Rc::from)
            .or_else(|| self.open.last()?.class.clone());
        let receiver = receiver.or_else(|| self.open.last()?.receiver);
        let container = Container::Function(function);
        self.open.push(Scope {
            container,
            depth,
            class,
            receiver,
            context,
        });
    }

    /// The innermost open definition.
    pub(super) fn innermost(&self) -> Option<Container> {
        self.open.last().map(|scope| scope.container)
    }

    /// The innermost definition, if it is a function.
    pub(super) fn function(&self) -> Option<FunctionId> {
        match self.innermost() {
            Some(Container::Function(function)) => Some(function),
            _ => None,
        }
    }

    /// The innermost open definition, if it is a class.
    pub(super) fn class(&self) -> Option<usize> {
        match self.innermost() {
            Some(Container::Class(class)) => Some(class),
            _ => None,
        }
    }

    /// The name of the innermost class around the current place, through functions.
    pub(super) fn class_name(&self) -> Option<&str> {
        self.open.last().and_then(|scope| scope.class.as_deref())
    }

    /// The name by which the current function calls its object.
    pub(super) fn receiver(&self) -> Option<&'t str> {
        self.open.last().and_then(|scope| scope.receiver)
    }

    /// The open definitions, as usages store them.
    pub(super) fn context(&self) -> Option<&str> {
        self.open.last().map(|scope| &*scope.context)
    }

    fn extended_context(&self, kind: &str, name: &str) -> Rc<str> {
        match self.open.last() {
            None => Rc::from(format!("{kind}{name}")),
            Some(outer) if outer.context.len() + name.len() > LONGEST_CONTEXT => {
                outer.context.clone()
            }
            Some(outer) => Rc::from(format!("{} | {kind}{name}", outer.context)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_name_the_definitions_outermost_first() {
        let mut scopes = Scopes::default();
        assert_eq!(scopes.context(), None);
        scopes.enter_class(0, "Cart", 1);
        scopes.enter_function(
            FunctionId::Method { class: 0, index: 0 },
            "pay",
            None,
            None,
            3,
        );
        scopes.enter_function(FunctionId::Free(0), "inner", None, None, 5);
        assert_eq!(
            scopes.context(),
            Some("class:Cart | function:pay | function:inner")
        );
        assert_eq!(scopes.class_name(), Some("Cart"));
        scopes.leave(3);
        assert_eq!(scopes.context(), Some("class:Cart"));
        scopes.leave(1);
        assert_eq!(scopes.context(), None);
    }

    #[test]
    fn a_method_outside_its_class_is_told_with_it() {
        let mut scopes = Scopes::default();
        scopes.enter_function(
            FunctionId::Method { class: 4, index: 0 },
            "Run",
            Some("Server"),
            Some("s"),
            1,
        );
        assert_eq!(scopes.context(), Some("class:Server | function:Run"));
        assert_eq!(
            (scopes.class_name(), scopes.receiver()),
            (Some("Server"), Some("s"))
        );
    }

    #[test]
    fn contexts_stop_growing() {
        let mut scopes = Scopes::default();
        for depth in 0..100_000 {
            scopes.enter_function(FunctionId::Free(0), "nested", None, None, depth);
        }
        assert!(
            scopes
                .context()
                .is_some_and(|context| context.len() < LONGEST_CONTEXT + 20)
        );
    }
}
