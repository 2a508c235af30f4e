//! Decides, before anything is written, which row keeps which id, and which rows are new or gone.

use std::collections::HashSet;

use super::ids::{Ids, NextIds};
use super::previous::{Known, Previous};
use crate::code_db::dependencies::CAME_OR_WENT;
use crate::code_db::records::{ClassRecord, FileRecord};

/// The ids of all rows to be written.
#[derive(Default)]
pub(super) struct Plan {
    /// One for each file, in the order of the records.
    pub(super) files: Vec<FilePlan>,
    /// Files that were stored before.
    pub(super) known_files: Vec<i64>,
    pub(super) gone_classes: Vec<i64>,
    pub(super) gone_functions: Vec<i64>,
    pub(super) gone_methods: Vec<i64>,
}

/// The ids of one file's rows.
pub(super) struct FilePlan {
    pub(super) file: Slot,
    /// Why dependencies between files have to be made anew.
    pub(super) unlinked: Option<i64>,
    /// One for each class.
    pub(super) classes: Vec<ClassPlan>,
    /// One for each function.
    pub(super) functions: Vec<Slot>,
}

/// The ids of one class's rows.
pub(super) struct ClassPlan {
    pub(super) class: Slot,
    /// One for each method.
    pub(super) methods: Vec<Slot>,
}

/// Which id a record gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A new one.
    New(i64),
    /// That of the row that it takes over.
    Kept(i64),
    /// None: a name can be stored once on a line, and this is a further one (as in minified code).
    Dropped,
}

impl Slot {
    /// The id, unless the record is dropped.
    pub(super) fn id(self) -> Option<i64> {
        match self {
            Self::New(id) | Self::Kept(id) => Some(id),
            Self::Dropped => None,
        }
    }

    fn of(kept: Option<i64>, next: &mut Ids) -> Self {
        kept.map_or_else(|| Self::New(next.take()), Self::Kept)
    }
}

impl Plan {
    pub(super) fn new(files: &[FileRecord], mut previous: Previous, ids: &mut NextIds) -> Self {
        let mut plan = Self::default();
        for record in files {
            let known = previous.files.get(&record.path).copied();
            plan.known_files.extend(known);
            let file = Slot::of(known, &mut ids.file);
            let (classes, functions) = match known {
                Some(id) => (previous.classes.remove(&id), previous.functions.remove(&id)),
                None => (None, None),
            };
            let classes = plan.classes(record, classes.unwrap_or_default(), &mut previous, ids);
            let functions = plan.functions(record, functions.unwrap_or_default(), ids);
            plan.files.push(FilePlan {
                file,
                unlinked: match known {
                    Some(id) => previous.unlinked(id, &record.imports),
                    None => Some(CAME_OR_WENT),
                },
                classes,
                functions,
            });
        }
        plan
    }

    fn classes(
        &mut self,
        record: &FileRecord,
        mut known: Known,
        previous: &mut Previous,
        ids: &mut NextIds,
    ) -> Vec<ClassPlan> {
        let mut seen = HashSet::new();
        let mut plans = Vec::with_capacity(record.classes.len());
        for class in &record.classes {
            if !seen.insert((class.name.as_str(), class.line)) {
                plans.push(ClassPlan {
                    class: Slot::Dropped,
                    methods: Vec::new(),
                });
                continue;
            }
            let slot = Slot::of(known.take(&class.name), &mut ids.class);
            let methods = match slot {
                Slot::Kept(id) => previous.methods.remove(&id).unwrap_or_default(),
                _ => Known::default(),
            };
            plans.push(ClassPlan {
                class: slot,
                methods: self.methods(class, methods, ids),
            });
        }
        // Their methods go with them.
        self.gone_classes.extend(known.rest());
        plans
    }

    fn methods(&mut self, class: &ClassRecord, mut known: Known, ids: &mut NextIds) -> Vec<Slot> {
        let named = class
            .methods
            .iter()
            .map(|method| (method.function.name.as_str(), method.function.line));
        let slots = slots(named, &mut known, &mut ids.method);
        self.gone_methods.extend(known.rest());
        slots
    }

    fn functions(&mut self, record: &FileRecord, mut known: Known, ids: &mut NextIds) -> Vec<Slot> {
        let named = record
            .functions
            .iter()
            .map(|function| (function.name.as_str(), function.line));
        let slots = slots(named, &mut known, &mut ids.function);
        self.gone_functions.extend(known.rest());
        slots
    }
}

fn slots<'a>(
    named: impl Iterator<Item = (&'a str, u32)>,
    known: &mut Known,
    next: &mut Ids,
) -> Vec<Slot> {
    let mut seen = HashSet::new();
    let mut slot = |(name, line)| {
        if seen.insert((name, line)) {
            Slot::of(known.take(name), next)
        } else {
            Slot::Dropped
        }
    };
    named.map(&mut slot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_keep_their_ids_by_name_and_order() {
        let mut known = Known::from_pairs(&[("f", 1), ("g", 2), ("f", 3), ("h", 4)]);
        let mut next = Ids::from(10);
        let now = [("f", 5), ("new", 6), ("f", 9), ("f", 12), ("g", 20)];
        let slots = slots(now.into_iter(), &mut known, &mut next);
        let expected = [
            Slot::Kept(1),
            Slot::New(10),
            Slot::Kept(3),
            Slot::New(11),
            Slot::Kept(2),
        ];
        assert_eq!(slots, expected);
        assert_eq!(known.rest().collect::<Vec<_>>(), [4]);
        assert_eq!(next.next(), 12);
    }

    #[test]
    fn one_name_on_one_line_is_stored_once() {
        let mut next = Ids::from(1);
        let slots = slots(
            [("f", 1), ("f", 1), ("g", 1)].into_iter(),
            &mut Known::default(),
            &mut next,
        );
        assert_eq!(slots, [Slot::New(1), Slot::Dropped, Slot::New(2)]);
    }
}
