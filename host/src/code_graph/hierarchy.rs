//! Which class derives from which, of one project.

use std::collections::{HashMap, HashSet};

use super::resolve::short_name;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::graph::Definition;

/// The classes of a project and their bases. A base is told by its name: of several classes of one name, those in the
/// same file come first, then all.
pub struct Hierarchy {
    classes: Vec<Definition>,
    by_name: HashMap<String, Vec<usize>>,
    /// The bases of each class, by place.
    bases: Vec<Vec<usize>>,
    /// What derives from each class.
    derived: Vec<Vec<usize>>,
}

impl Hierarchy {
    /// Reads the classes of a project.
    ///
    /// # Errors
    /// The driver's.
    pub fn load(database: &CodeDatabase, project_id: &str) -> Result<Self> {
        let classes = database.project_classes(project_id)?;
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, class) in classes.iter().enumerate() {
            by_name.entry(class.name.clone()).or_default().push(place);
        }
        let mut hierarchy = Self {
            bases: Vec::new(),
            derived: vec![Vec::new(); classes.len()],
            classes,
            by_name,
        };
        for place in 0..hierarchy.classes.len() {
            let bases = hierarchy.bases_of(place);
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

    /// The bases of a class, as written.
    pub fn written_bases(class: &Definition) -> Vec<String> {
        let json = class.bases.as_deref().unwrap_or("[]");
        serde_json::from_str(json).unwrap_or_default()
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

    fn bases_of(&self, place: usize) -> Vec<usize> {
        let class = &self.classes[place];
        let mut bases = Vec::new();
        for written in Self::written_bases(class) {
            let named = self.by_name.get(short_name(&written));
            let named = named.map_or(&[][..], Vec::as_slice);
            let here: Vec<usize> = named
                .iter()
                .copied()
                .filter(|base| self.classes[*base].file_id == class.file_id)
                .collect();
            let meant = if here.is_empty() {
                named.to_vec()
            } else {
                here
            };
            bases.extend(meant.into_iter().filter(|base| *base != place));
        }
        bases
    }

    fn reached(&self, class: &Definition, steps: &[Vec<usize>]) -> Vec<Definition> {
        let start = self.by_name.get(&class.name).into_iter().flatten();
        let start = start
            .copied()
            .find(|place| self.classes[*place].entity_id == class.entity_id);
        let mut found: Vec<usize> = start.into_iter().collect();
        let mut seen: HashSet<usize> = found.iter().copied().collect();
        let mut next = 0;
        while let Some(place) = found.get(next).copied() {
            next += 1;
            found.extend(
                steps[place]
                    .iter()
                    .copied()
                    .filter(|step| seen.insert(*step)),
            );
        }
        found
            .into_iter()
            .skip(1)
            .map(|place| self.classes[place].clone())
            .collect()
    }
}
