//! Which class derives from which, of one project.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::names::{short_name, written_bases};
use super::project_files::ProjectFiles;
use super::resolve::Resolver;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::graph::Definition;

/// The classes of a project and their bases. A base is the class that scope and imports name; where they tell nothing,
/// all classes of its name.
pub struct Hierarchy {
    classes: Vec<Definition>,
    by_id: HashMap<i64, usize>,
    /// The bases of each class, by place.
    bases: Vec<Vec<usize>>,
    /// What derives from each class.
    derived: Vec<Vec<usize>>,
    /// Names of bases for which several classes stand.
    unsure: BTreeSet<String>,
}

impl Hierarchy {
    /// Reads the classes of a project.
    ///
    /// # Errors
    /// The driver's.
    pub fn load(database: &CodeDatabase, project_id: &str) -> Result<Self> {
        let files = ProjectFiles::load(database, project_id)?;
        let classes = database.project_classes(project_id)?;
        let resolver = Resolver::for_classes(database, &files, &classes)?;
        let places = classes.iter().enumerate();
        let mut hierarchy = Self {
            by_id: places
                .map(|(place, class)| (class.entity_id, place))
                .collect(),
            bases: Vec::new(),
            derived: vec![Vec::new(); classes.len()],
            unsure: BTreeSet::new(),
            classes,
        };
        for place in 0..hierarchy.classes.len() {
            let bases = hierarchy.bases_of(place, &resolver);
            for base in &bases {
                hierarchy.derived[*base].push(place);
            }
            hierarchy.bases.push(bases);
        }
        Ok(hierarchy)
    }

    /// All classes, by path and line.
    pub fn classes(&self) -> &[Definition] {
        &self.classes
    }

    /// Names of bases that may be any of several classes, all of which are told.
    pub fn unsure(&self) -> impl Iterator<Item = &str> {
        self.unsure.iter().map(String::as_str)
    }

    /// Pairs of classes, the deriving one first.
    pub fn pairs(&self) -> impl Iterator<Item = (&Definition, &Definition)> {
        let each = self.bases.iter().enumerate();
        each.flat_map(move |(class, bases)| {
            bases
                .iter()
                .map(move |base| (&self.classes[class], &self.classes[*base]))
        })
    }

    /// What a class derives from, nearest first.
    pub fn ancestors(&self, class: &Definition) -> Vec<Definition> {
        self.reached(class, &self.bases)
    }

    /// What derives from a class, nearest first.
    pub fn descendants(&self, class: &Definition) -> Vec<Definition> {
        self.reached(class, &self.derived)
    }

    fn bases_of(&mut self, place: usize, resolver: &Resolver<'_>) -> Vec<usize> {
        let class = &self.classes[place];
        let mut bases = Vec::new();
        for written in written_bases(class) {
            let known = resolver.base(class.file_id, &written);
            if known.is_none() && resolver.is_base_outside(class.file_id, &written) {
                continue;
            }
            let meant: Vec<&Definition> = match known {
                Some((_, base)) => vec![base],
                None => resolver.classes(short_name(&written)).collect(),
            };
            if meant.len() > 1 {
                self.unsure.insert(short_name(&written).to_owned());
            }
            let places = meant
                .iter()
                .filter_map(|base| self.by_id.get(&base.entity_id));
            bases.extend(places.copied().filter(|base| *base != place));
        }
        bases
    }

    fn reached(&self, class: &Definition, steps: &[Vec<usize>]) -> Vec<Definition> {
        let mut found: Vec<usize> = self
            .by_id
            .get(&class.entity_id)
            .copied()
            .into_iter()
            .collect();
        let mut seen: HashSet<usize> = found.iter().copied().collect();
        let mut next = 0;
        while let Some(place) = found.get(next).copied() {
            next += 1;
            let new = steps[place].iter().copied();
            found.extend(new.filter(|step| seen.insert(*step)));
        }
        found
            .into_iter()
            .skip(1)
            .map(|place| self.classes[place].clone())
            .collect()
    }
}
