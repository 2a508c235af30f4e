//! What is known of one file: usable with this descriptor, or refused for a reason that has a word of its own.

use std::fmt;

use driver_api::DriverDescriptor;
use serde::{Deserialize, Serialize};

/// The one record that start-up, commands, the directory watcher and error texts go by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The file holds a driver that this host can use.
    Usable(Found),
    /// It is not used, for this reason.
    Refused(Refusal),
}

/// What a probe found in a usable file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The version of the `driver-api` that the plugin was built with.
    pub api_version: String,
    /// What the driver says of itself.
    pub descriptor: DriverDescriptor,
}

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of reason, which stays the same when the text is worded anew.
    pub reason: Reason,
    /// What is wrong and what to do, as one line for people.
    pub text: String,
}

/// The kinds of reasons for which a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is no such file.
    Missing,
    /// It is a directory, a FIFO, a device or a socket.
    NotAFile,
    /// It is a symbolic link that leads to itself.
    LinkLoop,
    /// The system does not let it be read, or copied to where it is opened from.
    Unreadable,
    /// It is larger than any plugin.
    TooLarge,
    /// Everybody may change it, or a directory on the way to it.
    WritableByOthers,
    /// It has no bytes.
    Empty,
    /// It does not begin as a shared library does.
    NotElf,
    /// It ends before what its header tells.
    Truncated,
    /// It is a library for another kind of machine, or a program.
    WrongMachine,
    /// A shared library that it needs is not found.
    MissingLibrary,
    /// A symbol that it needs is in none of its libraries.
    MissingSymbol,
    /// The system's loader refuses it for another reason.
    NotLoadable,
    /// It is a library without a driver.
    NotAPlugin,
    /// Its types cannot be checked.
    NoLayout,
    /// Its types differ from those of this host.
    WrongLayout,
    /// Its root module cannot be made.
    BadModule,
    /// It was built with a `driver-api` before those that this host accepts.
    ApiTooOld,
    /// It was built with a `driver-api` after those that this host accepts.
    ApiTooNew,
    /// The version of its `driver-api` is no version.
    ApiUnknown,
    /// It ended the process that looked at it by a signal.
    Crashed,
    /// It ended the process that looked at it by an exit.
    Exited,
    /// It did not come to an end in time.
    Hung,
    /// A panic in it would end the host.
    AbortsOnPanic,
    /// Its driver panicked when it was made or described.
    Panicked,
    /// Its driver could not be made or described.
    DriverFailed,
    /// Its driver has a name that cannot stand in a configuration.
    BadName,
    /// Its driver has a version that is none.
    BadVersion,
    /// Another file, which is looked at first, has a driver of the same name.
    NameTaken,
    /// The lock file has no entry for it, and the configuration wants one.
    NotLocked,
    /// Its bytes are not those that were locked.
    LockMismatch,
    /// The lock file cannot be used.
    LockUnusable,
    /// It has no signature, and the configuration wants one.
    Unsigned,
    /// Its signature is not that of a trusted key.
    WrongSignature,
    /// It crashed too often while it was in use.
    Quarantined,
    /// It was replaced between being looked at and being loaded.
    Replaced,
    /// The process that looks at it could not be run.
    NotProbed,
}

impl Reason {
    /// Whether the same bytes in the same host are refused again, so that a verdict may be kept. What depends on
    /// the system or on other files may change without them.
    fn follows_from_content(self) -> bool {
        use Reason::{
            AbortsOnPanic, ApiTooNew, ApiTooOld, ApiUnknown, BadModule, BadName, BadVersion,
            Crashed, Exited, Hung, NoLayout, NotAPlugin, Panicked, WrongLayout,
        };
        matches!(
            self,
            AbortsOnPanic
                | ApiTooNew
                | ApiTooOld
                | ApiUnknown
                | BadModule
                | BadName
                | BadVersion
                | Crashed
                | Exited
                | Hung
                | NoLayout
                | NotAPlugin
                | Panicked
                | WrongLayout
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The serialized name is the one in JSON and documents.
        self.serialize(f)
    }
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

impl Verdict {
    /// The descriptor of a usable driver.
    pub fn descriptor(&self) -> Option<&DriverDescriptor> {
        match self {
            Self::Usable(found) => Some(&found.descriptor),
            Self::Refused(_) => None,
        }
    }

    /// Why the file is not used.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Usable(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }

    /// Whether it holds for as long as the bytes and the host stay the same.
    pub(super) fn follows_from_content(&self) -> bool {
        self.refusal()
            .is_none_or(|refusal| refusal.reason.follows_from_content())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_reason_is_the_one_in_json() {
        let refusal = Refusal::new(Reason::ApiTooOld, "no");
        let json = serde_json::to_value(Verdict::Refused(refusal)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"refused": {"reason": "api_too_old", "text": "no"}})
        );
        assert_eq!(Reason::ApiTooOld.to_string(), "api_too_old");
    }

    #[test]
    fn what_the_system_may_mend_is_not_kept() {
        let kept = |reason| Verdict::Refused(Refusal::new(reason, "")).follows_from_content();
        assert!(kept(Reason::Hung) && kept(Reason::WrongLayout));
        assert!(
            !kept(Reason::MissingLibrary) && !kept(Reason::NotProbed) && !kept(Reason::NameTaken)
        );
    }
}
