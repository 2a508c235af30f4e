//! Which commands an agent sees: few by default, because every tool's description costs it room to think.

use std::fmt;
use std::str::FromStr;

use crate::commands::command::Command;
use crate::commands::operation::Access;

/// Which commands an agent sees and may call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Toolset {
    /// What finding one's way in code takes.
    #[default]
    Core,
    /// Every command that only answers.
    Read,
    /// Every command.
    All,
}

/// The tools of [`Toolset::Core`], the one that a newcomer needs first in front.
const CORE: [&str; 9] = [
    "list_projects",
    "semantic_search",
    "fulltext_search",
    "list_code_entities",
    "get_code_entity_info",
    "find_usages",
    "read_project_file",
    "list_project_files",
    "update_indexes",
];

impl Toolset {
    /// Every set, the smallest first.
    pub const ALL: [Self; 3] = [Self::Core, Self::Read, Self::All];

    /// Its name in options.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Read => "read",
            Self::All => "all",
        }
    }

    /// Whether the command belongs to it.
    pub fn has(self, command: &Command) -> bool {
        match self {
            Self::Core => CORE.contains(&command.name()),
            Self::Read => command.access() == Access::Read,
            Self::All => true,
        }
    }

    /// Its commands of `commands`: those of the core first, in their order there, then the others by name.
    pub(super) fn of(self, commands: &[Command]) -> Vec<&Command> {
        let place = |command: &&Command| CORE.iter().position(|name| *name == command.name());
        let mut chosen: Vec<&Command> = commands
            .iter()
            .filter(|command| self.has(command))
            .collect();
        chosen.sort_by_key(|command| place(command).unwrap_or(CORE.len()));
        chosen
    }
}

/// A name that no toolset has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no toolset {0:?}; there are core, read and all")]
pub struct UnknownToolset(String);

impl FromStr for Toolset {
    type Err = UnknownToolset;

    fn from_str(name: &str) -> Result<Self, UnknownToolset> {
        let named = Self::ALL.into_iter().find(|set| set.as_str() == name);
        named.ok_or_else(|| UnknownToolset(name.to_owned()))
    }
}

impl fmt::Display for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::registry::Registry;

    fn names(set: Toolset) -> Vec<&'static str> {
        let commands = set.of(Registry::all().commands());
        commands.iter().map(|command| command.name()).collect()
    }

    #[test]
    fn the_core_is_there_in_its_order_and_first_in_every_other_set() {
        assert_eq!(names(Toolset::Core), CORE);
        assert_eq!(names(Toolset::All)[..CORE.len()], CORE);
        assert_eq!(names(Toolset::All).len(), Registry::all().commands().len());
    }

    #[test]
    fn what_only_answers_changes_nothing() {
        let read = names(Toolset::Read);
        assert!(read.contains(&"get_database_status"));
        assert!(!read.contains(&"delete_project") && !read.contains(&"update_indexes"));
    }

    #[test]
    fn a_set_has_a_name_and_a_name_leads_to_its_set() {
        for set in Toolset::ALL {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        let error = "everything".parse::<Toolset>().unwrap_err().to_string();
        assert!(error.contains("there are core, read and all"), "{error}");
    }
}
