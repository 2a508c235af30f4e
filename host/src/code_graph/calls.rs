//! Who uses a definition, what it uses, what depends on it in the end, and how one leads to another.

use std::collections::{HashMap, HashSet, VecDeque};

use schemars::JsonSchema;
use serde::Serialize;

use super::resolve::{Confidence, Resolver};
use crate::code_db::database::CodeDatabase;
use crate::code_db::entities::EntityKind;
use crate::code_db::error::Result;
use crate::code_db::graph::{Definition, UsageSite};

/// Most usages of one name that are looked at: names like `get` have very many, and then tell little.
const MOST_USAGES: u32 = 5_000;

/// One definition using another, and where.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Edge {
    /// The definition at the other end; none for code outside of all definitions.
    #[serde(flatten)]
    pub definition: Option<Definition>,
    /// The file of the usage, below the root of its project.
    pub used_in: String,
    /// The line of the usage.
    pub used_at_line: u32,
    /// Its byte column, from 0.
    pub used_at_column: Option<u32>,
    /// How sure it is that this very definition is meant.
    pub confidence: Confidence,
}

/// A definition in a chain of usages.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Reached {
    /// The definition.
    #[serde(flatten)]
    pub definition: Definition,
    /// Usages between it and the beginning.
    pub distance: u32,
    /// The full name of the definition one step nearer to the beginning.
    pub through: String,
    /// The least sure of the usages on the way.
    pub confidence: Confidence,
}

/// Answers to how definitions use each other, of one project.
pub struct Calls<'a> {
    database: &'a CodeDatabase,
    project_id: &'a str,
}

impl<'a> Calls<'a> {
    /// Of this project.
    pub fn new(database: &'a CodeDatabase, project_id: &'a str) -> Self {
        Self {
            database,
            project_id,
        }
    }

    /// Who uses any of these definitions, by the place in `targets`.
    ///
    /// # Errors
    /// The driver's.
    pub fn users(&self, targets: &[Definition]) -> Result<Vec<(usize, Edge)>> {
        let names: HashSet<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let sites = self
            .database
            .usages_named(Some(self.project_id), &names, MOST_USAGES)?;
        let resolver = Resolver::for_usages(self.database, self.project_id, &sites)?;
        let enclosing = Enclosing::read(self.database, sites.iter().map(|site| site.file_id))?;
        let places: HashMap<_, _> = targets
            .iter()
            .enumerate()
            .map(|(at, each)| (key(each), at))
            .collect();
        let mut found = Vec::new();
        for site in &sites {
            let resolution = resolver.resolve(site);
            let Some(place) = resolution
                .target
                .and_then(|target| places.get(&key(target)))
            else {
                continue;
            };
            let user = enclosing.around(site.file_id, site.line);
            found.push((*place, edge(site, user.cloned(), resolution.confidence)));
        }
        Ok(found)
    }

    /// What a definition uses, in the order of its text; each once.
    ///
    /// # Errors
    /// The driver's.
    pub fn used_by(&self, user: &Definition) -> Result<Vec<Edge>> {
        let last = user.end_line.unwrap_or(user.line);
        let sites = self.database.usages_within(user.file_id, user.line, last)?;
        let resolver = Resolver::for_usages(self.database, self.project_id, &sites)?;
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for site in &sites {
            let resolution = resolver.resolve(site);
            if let Some(target) = resolution.target
                && key(target) != key(user)
                && seen.insert(key(target))
            {
                found.push(edge(site, Some(target.clone()), resolution.confidence));
            }
        }
        Ok(found)
    }

    /// What uses any of these definitions, directly or through others, nearest first; whether there is more.
    ///
    /// # Errors
    /// The driver's.
    pub fn dependents(
        &self,
        beginnings: &[Definition],
        deepest: u32,
        most: usize,
    ) -> Result<(Vec<Reached>, bool)> {
        let mut seen: HashSet<_> = beginnings.iter().map(key).collect();
        let mut level: Vec<(Definition, Confidence)> = beginnings
            .iter()
            .map(|each| (each.clone(), Confidence::Exact))
            .collect();
        let mut found = Vec::new();
        for distance in 1..=deepest {
            let targets: Vec<Definition> = level.iter().map(|(each, _)| each.clone()).collect();
            let mut next = Vec::new();
            for (place, edge) in self.users(&targets)? {
                let (Some(user), Some((target, before))) = (edge.definition, level.get(place))
                else {
                    continue;
                };
                if !seen.insert(key(&user)) {
                    continue;
                }
                if found.len() >= most {
                    return Ok((found, true));
                }
                let confidence = edge.confidence.min(*before);
                found.push(Reached {
                    definition: user.clone(),
                    distance,
                    through: target.full_name(),
                    confidence,
                });
                next.push((user, confidence));
            }
            if next.is_empty() {
                return Ok((found, false));
            }
            level = next;
        }
        let more = !level.is_empty() && deepest > 0;
        Ok((found, more))
    }

    /// The shortest chain of usages from one definition to another, both included; none when there is none of at most
    /// `most_looked_at` definitions on the way, which the second value tells from there being none at all.
    ///
    /// # Errors
    /// The driver's.
    pub fn path(
        &self,
        from: &[Definition],
        to: &[Definition],
        most_looked_at: usize,
    ) -> Result<(Option<Vec<Edge>>, bool)> {
        let goals: HashSet<_> = to.iter().map(key).collect();
        let mut came_from: HashMap<_, (Option<Key>, Edge)> = HashMap::new();
        let mut queue = VecDeque::new();
        for start in from {
            let first = Edge {
                definition: Some(start.clone()),
                used_in: start.relative_path.clone(),
                used_at_line: start.line,
                used_at_column: None,
                confidence: Confidence::Exact,
            };
            came_from.insert(key(start), (None, first));
            queue.push_back(start.clone());
        }
        let mut looked_at = 0;
        while let Some(current) = queue.pop_front() {
            if goals.contains(&key(&current)) {
                return Ok((Some(unwound(&came_from, key(&current))), false));
            }
            looked_at += 1;
            if looked_at > most_looked_at {
                return Ok((None, true));
            }
            for edge in self.used_by(&current)? {
                if let Some(target) = edge.definition.clone()
                    && !came_from.contains_key(&key(&target))
                {
                    came_from.insert(key(&target), (Some(key(&current)), edge));
                    // A class leads on by what it is made with.
                    queue.push_back(target);
                }
            }
        }
        Ok((None, false))
    }
}

fn unwound(came_from: &HashMap<Key, (Option<Key>, Edge)>, goal: Key) -> Vec<Edge> {
    let mut chain = Vec::new();
    let mut current = Some(goal);
    while let Some((before, edge)) = current.and_then(|key| came_from.get(&key)) {
        chain.push(edge.clone());
        current = *before;
    }
    chain.reverse();
    chain
}

/// What tells definitions apart.
type Key = (EntityKind, i64);

fn key(definition: &Definition) -> Key {
    (definition.entity_type, definition.entity_id)
}

fn edge(site: &UsageSite, definition: Option<Definition>, confidence: Confidence) -> Edge {
    Edge {
        definition,
        used_in: site.relative_path.clone(),
        used_at_line: site.line,
        used_at_column: site.column,
        confidence,
    }
}

/// The definitions of some files, to find the innermost one around a line.
pub struct Enclosing(HashMap<i64, Vec<Definition>>);

impl Enclosing {
    /// Reads the definitions of these files.
    ///
    /// # Errors
    /// The driver's.
    pub fn read(database: &CodeDatabase, file_ids: impl Iterator<Item = i64>) -> Result<Self> {
        let ids: HashSet<i64> = file_ids.collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut by_file: HashMap<i64, Vec<Definition>> = HashMap::new();
        for definition in database.definitions_in(&ids)? {
            by_file
                .entry(definition.file_id)
                .or_default()
                .push(definition);
        }
        Ok(Self(by_file))
    }

    /// The innermost definition around a line: of those that hold it, the one that begins last.
    pub fn around(&self, file_id: i64, line: u32) -> Option<&Definition> {
        let holds =
            |each: &&Definition| each.line <= line && each.end_line.is_some_and(|end| line <= end);
        let found = self.0.get(&file_id)?.iter().filter(holds);
        found.max_by_key(|each| (each.line, std::cmp::Reverse(each.end_line)))
    }
}
