//! `export_graph`: files and their dependencies, classes and their bases, or calls, as DOT or JSON.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::CommandError;
use super::freshness::{Freshness, NOT_ALL_USAGES};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::database::CodeDatabase;
use crate::code_db::projects::Project;
use crate::code_graph::confidence::Confidence;
use crate::code_graph::enclosing::Enclosing;
use crate::code_graph::hierarchy::Hierarchy;
use crate::code_graph::project_files::ProjectFiles;
use crate::code_graph::resolve::Resolver;

/// Most usages that a call graph is made from.
const MOST_USAGES: u32 = 200_000;

/// The command.
pub(super) struct ExportGraph;

/// Which graph, in which form.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// What the edges are; default `dependencies`.
    #[serde(default)]
    graph_type: GraphType,
    /// Default `dot`.
    #[serde(default)]
    format: Format,
    /// Only edges that begin or end in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Most edges; default 1,000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100_000))]
    limit: usize,
    /// Edges to leave out at the start; default 0.
    #[serde(default)]
    offset: usize,
}

fn default_limit() -> usize {
    1_000
}

/// What the edges are.
#[derive(Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum GraphType {
    /// From a file to those that it imports.
    #[default]
    Dependencies,
    /// From a class to its bases.
    Hierarchy,
    /// From an entity to those that it calls or makes instances of, as far as that is not told by name alone.
    CallGraph,
}

/// How the graph is written.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The language of Graphviz.
    #[default]
    Dot,
    /// Lists of nodes and edges.
    Json,
}

/// The graph.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    graph_type: GraphType,
    format: Format,
    node_count: usize,
    edge_count: usize,
    /// Edges left out before this answer.
    offset: usize,
    /// Whether there are more edges than the limit lets through; they come with `offset` + `edge_count` as `offset`.
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<BTreeSet<String>>,
    /// Pairs of nodes, the one that depends first.
    #[serde(skip_serializing_if = "Option::is_none")]
    edges: Option<BTreeSet<(String, String)>>,
    freshness: Freshness,
}

impl Operation for ExportGraph {
    const NAME: &'static str = "export_graph";
    const SUMMARY: &'static str = "Exports dependencies, class hierarchy or calls as DOT or JSON";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "graph_type": "dependencies", "format": "dot"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let code = context.code();
        let only = match &parameters.file_path {
            Some(path) => Some(code.file(Some(&project.id), path)?.id),
            None => None,
        };
        let mut graph = Graph {
            only,
            edges: BTreeSet::new(),
            files: BTreeSet::new(),
            is_cut: false,
            classes: None,
        };
        match parameters.graph_type {
            GraphType::Dependencies => graph.of_files(&code, &project)?,
            GraphType::Hierarchy => graph.of_classes(&code, &project)?,
            GraphType::CallGraph => graph.of_calls(&code, &project)?,
        }
        let end = parameters.offset.saturating_add(parameters.limit);
        let has_more = graph.edges.len() > end;
        let page = graph.edges.iter().skip(parameters.offset);
        let edges: BTreeSet<(String, String)> = page.take(parameters.limit).cloned().collect();
        let ends = edges
            .iter()
            .flat_map(|(from, to)| [from.clone(), to.clone()]);
        let nodes: BTreeSet<String> = ends.collect();
        let mut freshness = Freshness::of(&code, graph.files.iter().copied())?;
        if has_more {
            freshness.lacks("there are more edges; go on with offset, or name a file_path");
        }
        if graph.is_cut {
            freshness.lacks(NOT_ALL_USAGES);
        }
        if let Some(hierarchy) = &graph.classes {
            freshness.unsure_bases(hierarchy);
        }
        let is_json = parameters.format == Format::Json;
        Ok(Answer {
            graph_type: parameters.graph_type,
            format: parameters.format,
            node_count: nodes.len(),
            edge_count: edges.len(),
            offset: parameters.offset,
            has_more,
            dot: (!is_json).then(|| dot(&nodes, &edges)),
            nodes: is_json.then_some(nodes),
            edges: is_json.then_some(edges),
            freshness,
        })
    }
}

/// Edges under construction.
struct Graph {
    /// The file in which each edge begins or ends.
    only: Option<i64>,
    edges: BTreeSet<(String, String)>,
    /// Files that the edges rest on.
    files: BTreeSet<i64>,
    /// Whether not all usages were looked at.
    is_cut: bool,
    /// The classes, where edges are between them.
    classes: Option<Hierarchy>,
}

impl Graph {
    fn add(&mut self, from: (i64, String), to: (i64, String)) {
        if self.only.is_none_or(|only| only == from.0 || only == to.0) {
            self.files.extend([from.0, to.0]);
            self.edges.insert((from.1, to.1));
        }
    }

    fn of_files(&mut self, code: &CodeDatabase, project: &Project) -> Result<(), CommandError> {
        let files = ProjectFiles::load(code, &project.id)?;
        for (source, target) in code.dependencies(&project.id)? {
            if let (Some(from), Some(to)) = (files.file(source), files.file(target)) {
                self.add(
                    (source, from.relative_path.clone()),
                    (target, to.relative_path.clone()),
                );
            }
        }
        Ok(())
    }

    fn of_classes(&mut self, code: &CodeDatabase, project: &Project) -> Result<(), CommandError> {
        let hierarchy = Hierarchy::load(code, &project.id)?;
        for (class, base) in hierarchy.pairs() {
            self.add(
                (class.file_id, class.full_name()),
                (base.file_id, base.full_name()),
            );
        }
        self.classes = Some(hierarchy);
        Ok(())
    }

    fn of_calls(&mut self, code: &CodeDatabase, project: &Project) -> Result<(), CommandError> {
        let sites = code.all_usages(&project.id, MOST_USAGES)?;
        self.is_cut = sites.len() >= MOST_USAGES as usize;
        let files = ProjectFiles::load(code, &project.id)?;
        let resolver = Resolver::for_usages(code, &files, &sites)?;
        let enclosing = Enclosing::read(code, sites.iter().map(|site| site.file_id))?;
        let mut known: HashMap<i64, String> = HashMap::new();
        for site in &sites {
            let resolution = resolver.resolve(site);
            let Some(target) = resolution
                .target
                .filter(|_| resolution.confidence > Confidence::ByName)
            else {
                continue;
            };
            let from = match enclosing.around(site.file_id, site.line) {
                Some(user) => user.full_name(),
                None => known
                    .entry(site.file_id)
                    .or_insert_with(|| site.relative_path.clone())
                    .clone(),
            };
            self.add((site.file_id, from), (target.file_id, target.full_name()));
        }
        Ok(())
    }
}

fn dot(nodes: &BTreeSet<String>, edges: &BTreeSet<(String, String)>) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("digraph code {\n  rankdir=LR;\n");
    for node in nodes {
        let _ = writeln!(text, "  {};", quoted(node));
    }
    for (from, to) in edges {
        let _ = writeln!(text, "  {} -> {};", quoted(from), quoted(to));
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_in_dot() {
        let edges = BTreeSet::from([("a \"b\"".to_owned(), "c\\d".to_owned())]);
        let nodes = BTreeSet::from(["a \"b\"".to_owned(), "c\\d".to_owned()]);
        let expected = "digraph code {\n  rankdir=LR;\n  \"a \\\"b\\\"\";\n  \"c\\\\d\";\n  \"a \\\"b\\\"\" -> \"c\\\\d\";\n}\n";
        assert_eq!(dot(&nodes, &edges), expected);
    }
}
