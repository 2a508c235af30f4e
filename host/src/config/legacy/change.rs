//! What became of one key of the older program's configuration.

use std::fmt;

/// A key of the old form and its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer of the key in the old file.
    pub old: String,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands somewhere else now.
    Moved {
        /// JSON pointer of the new place.
        new: String,
    },
    /// It stands somewhere else and means the same in another form, or less.
    Adapted {
        /// JSON pointer of the new place.
        new: String,
        /// What is different.
        how: String,
    },
    /// Nothing here is governed by it.
    Unused {
        /// Why, and what to do instead where there is something.
        why: String,
    },
}

impl Fate {
    /// A new place, and what is different there.
    pub(super) fn placed(new: &str, how: Option<&str>) -> Self {
        let new = new.to_owned();
        match how {
            None => Self::Moved { new },
            Some(how) => Self::Adapted {
                new,
                how: how.to_owned(),
            },
        }
    }

    /// JSON pointer of the new place, if there is one.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Moved { new } | Self::Adapted { new, .. } => Some(new),
            Self::Unused { .. } => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old = &self.old;
        match &self.fate {
            Fate::Moved { new } => write!(f, "{old} is now {new}"),
            Fate::Adapted { new, how } => write!(f, "{old} is now {new}: {how}"),
            Fate::Unused { why } => write!(f, "{old} is not used: {why}"),
        }
    }
}
