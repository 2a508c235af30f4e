//! Collects what the walker finds into the analysis of one file, and sets right what only the whole file tells.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{Class, FileAnalysis, Function, Import, TargetType, Usage, UsageType};

/// Where a function is kept.
#[derive(Clone, Copy)]
pub(super) enum FunctionId {
    /// By its place among the file's functions.
    Free(usize),
    /// By its class and its place among the class's methods.
    Method {
        /// Place of the class.
        class: usize,
        /// Place of the method in it.
        index: usize,
    },
}

/// A place in the text.
#[derive(Clone)]
pub(super) struct Place {
    /// First line, from 1.
    pub(super) line: u32,
    /// Last line.
    pub(super) end_line: u32,
    /// Bytes.
    pub(super) span: Range<usize>,
}

/// The analysis in the making.
pub(super) struct Outline<'t> {
    analysis: FileAnalysis,
    /// The class that further methods of a type go to, by name.
    by_name: HashMap<String, usize>,
    /// Classes that have methods here but are not declared yet.
    undeclared: HashSet<usize>,
    /// Names that stand for modules or namespaces, as written in the text.
    modules: HashSet<&'t str>,
}

impl<'t> Outline<'t> {
    /// Starts from an analysis without entities.
    pub(super) fn new(analysis: FileAnalysis) -> Self {
        Self {
            analysis,
            by_name: HashMap::new(),
            undeclared: HashSet::new(),
            modules: HashSet::new(),
        }
    }

    /// Adds a declared class; methods that were found before their type are already in it.
    pub(super) fn declare_class(&mut self, class: Class) -> usize {
        if let Some(index) = self.by_name.get(&class.name).copied()
            && self.undeclared.remove(&index)
        {
            let known = &mut self.analysis.classes[index];
            let methods = std::mem::take(&mut known.methods);
            let bases = std::mem::take(&mut known.bases);
            *known = class;
            known.methods = methods;
            known.bases.extend(bases);
            return index;
        }
        let index = self.analysis.classes.len();
        self.by_name.insert(class.name.clone(), index);
        self.analysis.classes.push(class);
        index
    }

    /// The class of methods that stand outside of it; where the file does not declare it, it is put at `place`.
    pub(super) fn class_of(&mut self, name: &str, place: Place) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.declare_class(Class {
            name: name.to_owned(),
            line: place.line,
            end_line: place.end_line,
            span: place.span,
            docstring: None,
            bases: Vec::new(),
            methods: Vec::new(),
        });
        self.undeclared.insert(index);
        index
    }

    /// Adds bases to a class.
    pub(super) fn add_bases(&mut self, class: usize, bases: Vec<String>) {
        self.analysis.classes[class].bases.extend(bases);
    }

    /// Adds a function, as a method if it has a class.
    pub(super) fn add_function(&mut self, function: Function, class: Option<usize>) -> FunctionId {
        let functions = match class {
            Some(class) => &mut self.analysis.classes[class].methods,
            None => &mut self.analysis.functions,
        };
        functions.push(function);
        let index = functions.len() - 1;
        class.map_or(FunctionId::Free(index), |class| FunctionId::Method {
            class,
            index,
        })
    }

    /// The function kept at `id`.
    pub(super) fn function_mut(&mut self, id: FunctionId) -> &mut Function {
        match id {
            FunctionId::Free(index) => &mut self.analysis.functions[index],
            FunctionId::Method { class, index } => &mut self.analysis.classes[class].methods[index],
        }
    }

    /// Adds an import.
    pub(super) fn add_import(&mut self, import: Import) {
        self.analysis.imports.push(import);
    }

    /// Notes that a name stands for a module or namespace.
    pub(super) fn add_module(&mut self, name: &'t str) {
        self.modules.insert(name);
    }

    /// Whether a name stands for a module or namespace.
    pub(super) fn is_module(&self, name: &str) -> bool {
        self.modules.contains(name)
    }

    /// Adds a usage.
    pub(super) fn add_usage(&mut self, usage: Usage) {
        self.analysis.usages.push(usage);
    }

    /// The finished analysis. `calls_construct`: calling a class of this file makes an instance of it.
    pub(super) fn finish(
        mut self,
        docstring: Option<String>,
        calls_construct: bool,
    ) -> FileAnalysis {
        if calls_construct {
            self.mark_instantiations();
        }
        let mut analysis = self.analysis;
        analysis.docstring = docstring;
        // A call comes before what it is called on, though it stands behind it.
        analysis
            .usages
            .sort_by_key(|usage| (usage.line, usage.column));
        // Methods found before their type may have moved a class up in the list.
        analysis.classes.sort_by_key(|class| class.line);
        keep_first(&mut analysis.classes, |class| (class.line, &class.name));
        keep_first(&mut analysis.functions, |function| {
            (function.line, &function.name)
        });
        for class in &mut analysis.classes {
            keep_first(&mut class.methods, |method| (method.line, &method.name));
            keep_first(&mut class.bases, |base| (0, base));
        }
        analysis
    }

    /// A call of a name that turns out to be a class of this file is an instantiation.
    fn mark_instantiations(&mut self) {
        let plain_call = (UsageType::Call, TargetType::Function);
        for usage in &mut self.analysis.usages {
            if (usage.usage_type, usage.target_type) == plain_call
                && self.by_name.contains_key(&usage.target_name)
            {
                usage.usage_type = UsageType::Instantiation;
                usage.target_type = TargetType::Class;
            }
        }
    }
}

/// Keeps the first of the items with the same line and name, which the database could not tell apart.
fn keep_first<T>(items: &mut Vec<T>, key: impl Fn(&T) -> (u32, &String)) {
    if items.is_sorted_by(|a, b| key(a).0 < key(b).0) {
        return;
    }
    let mut seen = HashSet::new();
    let keep: Vec<bool> = items.iter().map(|item| seen.insert(key(item))).collect();
    let mut keep = keep.into_iter();
    items.retain(|_| keep.next().unwrap_or(true));
}
