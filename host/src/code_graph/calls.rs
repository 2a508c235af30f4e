//! Who uses a definition, what it uses, what depends on it in the end, and how one leads to another.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::confidence::Confidence;
use super::enclosing::Enclosing;
use super::project_files::ProjectFiles;
use super::resolve::Resolver;
use crate::code_db::database::CodeDatabase;
use crate::code_db::entities::EntityKind;
use crate::code_db::error::Result;
use crate::code_db::graph::{Definition, UsageSite};

/// Most usages that are looked at in one step: names like `get` have very many, and then tell little.
const MOST_USAGES: u32 = 50_000;

/// Methods that run when an instance is made; in some languages it is the one that is named like the class.
const MAKERS: [&str; 6] = [
    "__construct",
    "__init__",
    "__new__",
    "__post_init__",
    "constructor",
    "initialize",
];

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

/// Who uses some definitions.
pub struct Users {
    /// Who, with the place in the list of what is used.
    pub edges: Vec<(usize, Edge)>,
    /// Whether the names are used so often that not all usages were looked at.
    pub is_cut: bool,
}

/// What depends on some definitions.
pub struct Dependents {
    /// Nearest first.
    pub reached: Vec<Reached>,
    /// Whether there is more than was asked for.
    pub has_more: bool,
    /// As [`Users::is_cut`], of any of the names on the way.
    pub is_cut: bool,
}

/// Answers to how definitions use each other, of one project.
pub struct Calls<'a> {
    database: &'a CodeDatabase,
    files: ProjectFiles,
}

impl<'a> Calls<'a> {
    /// Of this project.
    ///
    /// # Errors
    /// The driver's.
    pub fn load(database: &'a CodeDatabase, project_id: &str) -> Result<Self> {
        Ok(Self {
            database,
            files: ProjectFiles::load(database, project_id)?,
        })
    }

    /// Who uses any of these definitions, by path and line of the usage.
    ///
    /// # Errors
    /// The driver's.
    pub fn users(&self, targets: &[Definition]) -> Result<Users> {
        let names: HashSet<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let project_id = Some(self.files.project_id());
        let (sites, is_cut) = self
            .database
            .usages_named(project_id, &names, MOST_USAGES)?;
        let resolver = Resolver::for_usages(self.database, &self.files, &sites)?;
        let enclosing = Enclosing::read(self.database, sites.iter().map(|site| site.file_id))?;
        let places: HashMap<_, _> = targets
            .iter()
            .enumerate()
            .map(|(at, each)| (key(each), at))
            .collect();
        let mut edges = Vec::new();
        for site in &sites {
            let resolution = resolver.resolve(site);
            let Some(place) = resolution
                .target
                .and_then(|target| places.get(&key(target)))
            else {
                continue;
            };
            let user = enclosing.around(site.file_id, site.line);
            edges.push((*place, edge(site, user.cloned(), resolution.confidence)));
        }
        Ok(Users { edges, is_cut })
    }

    /// What each of these definitions uses, in the order of the texts, each once; with the place of the user.
    ///
    /// # Errors
    /// The driver's.
    pub fn used_by(&self, users: &[Definition]) -> Result<Vec<(usize, Edge)>> {
        let mut by_file: HashMap<i64, Vec<usize>> = HashMap::new();
        for (place, user) in users.iter().enumerate() {
            by_file.entry(user.file_id).or_default().push(place);
        }
        let files: Vec<i64> = by_file.keys().copied().collect();
        let mut sites = self.database.usages_in(&files)?;
        let is_of = |site: &UsageSite, user: &Definition| {
            (user.line..=user.end_line.unwrap_or(user.line)).contains(&site.line)
        };
        sites.retain(|site| {
            let users_here = by_file.get(&site.file_id).into_iter().flatten();
            users_here
                .into_iter()
                .any(|place| is_of(site, &users[*place]))
        });
        let resolver = Resolver::for_usages(self.database, &self.files, &sites)?;
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for site in &sites {
            let resolution = resolver.resolve(site);
            let Some(target) = resolution.target else {
                continue;
            };
            for place in by_file.get(&site.file_id).into_iter().flatten() {
                let user = &users[*place];
                if is_of(site, user)
                    && key(target) != key(user)
                    && seen.insert((*place, key(target)))
                {
                    let edge = edge(site, Some(target.clone()), resolution.confidence);
                    found.push((*place, edge));
                }
            }
        }
        Ok(found)
    }

    /// What uses any of these definitions, directly or through others: at most `most`, over at most `deepest` usages.
    ///
    /// # Errors
    /// The driver's.
    pub fn dependents(
        &self,
        beginnings: &[Definition],
        deepest: u32,
        most: usize,
    ) -> Result<Dependents> {
        let mut seen: HashSet<_> = beginnings.iter().map(key).collect();
        let mut level: Vec<(Definition, Confidence)> = beginnings
            .iter()
            .map(|each| (each.clone(), Confidence::Exact))
            .collect();
        let mut found = Dependents {
            reached: Vec::new(),
            has_more: false,
            is_cut: false,
        };
        for distance in 1..=deepest {
            let targets: Vec<Definition> = level.iter().map(|(each, _)| each.clone()).collect();
            let users = self.users(&targets)?;
            found.is_cut |= users.is_cut;
            let mut next = Vec::new();
            for (place, edge) in users.edges {
                let (Some(user), Some((target, before))) = (edge.definition, level.get(place))
                else {
                    continue;
                };
                if !seen.insert(key(&user)) {
                    continue;
                }
                if found.reached.len() >= most {
                    found.has_more = true;
                    return Ok(found);
                }
                let confidence = edge.confidence.min(*before);
                found.reached.push(Reached {
                    definition: user.clone(),
                    distance,
                    through: target.full_name(),
                    confidence,
                });
                next.push((user, confidence));
            }
            if next.is_empty() {
                return Ok(found);
            }
            level = next;
        }
        found.has_more = true;
        Ok(found)
    }

    /// The shortest chain of usages from one definition to another, both included, where each happens when the one
    /// before does; none when there is none of at most `most_looked_at` definitions on the way, which the second value
    /// tells from there being none at all.
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
        for start in from {
            let first = Edge {
                definition: Some(start.clone()),
                used_in: start.relative_path.clone(),
                used_at_line: start.line,
                used_at_column: None,
                confidence: Confidence::Exact,
            };
            came_from.insert(key(start), (None, first));
        }
        let mut level = from.to_vec();
        while !level.is_empty() {
            if let Some(goal) = level.iter().map(key).find(|key| goals.contains(key)) {
                return Ok((Some(unwound(&came_from, goal)), false));
            }
            if came_from.len() > most_looked_at {
                return Ok((None, true));
            }
            let classes = level.iter().filter(|each| is_class(each));
            let enclosing = Enclosing::read(self.database, classes.map(|each| each.file_id))?;
            let mut next = Vec::new();
            for (place, edge) in self.used_by(&level)? {
                let user = level.get(place);
                let Some(target) = edge.definition.clone() else {
                    continue;
                };
                if user.is_some_and(|user| !runs_in(user, &edge, &enclosing)) {
                    continue;
                }
                came_from.entry(key(&target)).or_insert_with(|| {
                    next.push(target);
                    (level.get(place).map(key), edge)
                });
            }
            level = next;
        }
        Ok((None, false))
    }
}

/// Whether a usage in a definition happens when that is called: in a class, what its methods do happens only when they
/// are called, but for those that make its instances.
fn runs_in(user: &Definition, edge: &Edge, enclosing: &Enclosing) -> bool {
    if !is_class(user) {
        return true;
    }
    let innermost = enclosing.around(user.file_id, edge.used_at_line);
    innermost.is_none_or(|innermost| {
        key(innermost) == key(user)
            || MAKERS.contains(&innermost.name.as_str())
            || innermost.name == user.name
    })
}

fn is_class(definition: &Definition) -> bool {
    definition.entity_type == EntityKind::Class
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
