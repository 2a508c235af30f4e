//! What is known of one file: usable with this descriptor, or refused for this reason.

use driver_api::DriverDescriptor;
use serde::{Deserialize, Serialize};

/// The one record that start-up, commands and error texts go by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The file holds a driver that this host can use.
    Usable(DriverDescriptor),
    /// It is not used, for this reason: one line for people.
    Refused(String),
}

impl Verdict {
    /// The descriptor of a usable driver.
    pub fn descriptor(&self) -> Option<&DriverDescriptor> {
        match self {
            Self::Usable(descriptor) => Some(descriptor),
            Self::Refused(_) => None,
        }
    }
}
