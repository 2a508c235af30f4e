//! Projects and files as resources: their addresses, and what is at one.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rmcp::model::{Resource, ResourceTemplate};
use serde_json::{Value, json};

/// What the addresses of this server begin with.
const PROJECTS: &str = "code-analysis://projects/";

/// Between a project's id and a path.
const FILES: &str = "/files/";

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A project: what the database knows of it.
    Project {
        /// Its id.
        id: String,
    },
    /// A file: its text.
    File {
        /// The id of its project.
        project: String,
        /// Its path below the project's root.
        path: String,
    },
}

impl Address {
    /// Reads an address; `None` where it is none of this server's.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix(PROJECTS)?;
        let address = match rest.split_once(FILES) {
            None => Self::Project { id: decoded(rest)? },
            Some((project, path)) => Self::File {
                project: decoded(project)?,
                path: decoded(path)?,
            },
        };
        address.is_whole().then_some(address)
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::Project { id } => !id.is_empty() && !id.contains('/'),
            // A path that climbs is no path below anything, whatever the database would say to it.
            Self::File { project, path } => {
                !project.is_empty()
                    && !path.is_empty()
                    && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            }
        }
    }

    /// The command that answers what is there, and its parameters.
    pub(super) fn question(&self) -> (&'static str, Value) {
        match self {
            Self::Project { id } => ("list_projects", json!({ "project_id": id })),
            Self::File { project, path } => (
                "read_project_file",
                json!({"project_id": project, "file_path": path, "limit": 100_000}),
            ),
        }
    }

    /// The text of the resource in the command's answer, and its type.
    pub(super) fn text(&self, mut answer: Value) -> (String, &'static str) {
        match self {
            Self::Project { .. } => (answer["projects"][0].take().to_string(), "application/json"),
            Self::File { .. } => (
                answer["text"].as_str().unwrap_or_default().to_owned(),
                "text/plain",
            ),
        }
    }
}

/// A project of the answer of `list_projects` as a resource.
pub(super) fn project(project: &Value) -> Option<Resource> {
    let id = project["id"].as_str()?;
    let root = project["root_path"].as_str()?;
    let folder = root.rsplit('/').next().unwrap_or(root);
    let name = project["name"].as_str().unwrap_or(folder);
    let description = format!("The project at {root} with {} files", project["files"]);
    let uri = format!("{PROJECTS}{}", encoded(id));
    Some(
        Resource::new(uri, name)
            .with_description(description)
            .with_mime_type("application/json"),
    )
}

/// The forms of addresses.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{PROJECTS}{{project_id}}"), "project")
            .with_title("Project")
            .with_description("What is known of an indexed project: root, number of files, last change")
            .with_mime_type("application/json"),
        ResourceTemplate::new(format!("{PROJECTS}{{project_id}}{FILES}{{+path}}"), "file")
            .with_title("Source file")
            .with_description(
                "The text of an indexed file, by its path below the project's root as list_project_files shows it",
            )
            .with_mime_type("text/plain"),
    ]
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `None` for what is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Option<Address> {
        Address::parse(&format!("code-analysis://projects/p1/files/{path}"))
    }

    #[test]
    fn addresses_of_projects_and_files_are_understood() {
        let project = Address::parse("code-analysis://projects/p%2D1").unwrap();
        assert_eq!(project, Address::Project { id: "p-1".into() });
        let Some(Address::File { project, path }) = file("src/a%20b.py") else {
            panic!("a file")
        };
        assert_eq!((project.as_str(), path.as_str()), ("p1", "src/a b.py"));
    }

    #[test]
    fn paths_that_climb_or_begin_at_the_root_are_none() {
        for path in [
            "../secret",
            "src/../../secret",
            "%2e%2e/secret",
            "src/%2E%2E/%2E%2E/secret",
            "..%2fsecret",
            "/etc/passwd",
            "%2Fetc%2Fpasswd",
            "./a",
            "",
            "a//b",
            "%ff",
        ] {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_not_of_this_server_is_none() {
        for uri in [
            "file:///etc/passwd",
            "code-analysis://projects/",
            "code-analysis://projects/a/b",
            "code-analysis://other/p1",
            "",
        ] {
            assert_eq!(Address::parse(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_project_has_the_address_that_leads_back_to_it() {
        let known = json!({"id": "a b", "root_path": "/x/shop", "name": null, "files": 4});
        let shown = project(&known).unwrap();
        assert_eq!(shown.name, "shop");
        assert_eq!(shown.uri, "code-analysis://projects/a%20b");
        let address = Address::parse(&shown.uri);
        assert_eq!(address, Some(Address::Project { id: "a b".into() }));
    }
}
