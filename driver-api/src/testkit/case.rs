//! One conformance case: its name, what it needs, its steps, and what came of running it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::need::Need;
use super::run;
use super::step::Step;
use crate::descriptor::DriverDescriptor;
use crate::driver::Driver;
use crate::options::Options;

/// What a case is about; the first part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Group {
    /// What the driver says of itself.
    Descriptor,
    /// The schema of its options.
    Options,
    /// Connecting, pinging, closing.
    Connection,
    /// Every kind of value and its edges, stored and read back.
    Types,
    /// Placeholders.
    Parameters,
    /// Headers, empty and wide results, counts of changed rows.
    Results,
    /// Long results.
    Streaming,
    /// Long values.
    Large,
    /// `execute_many`.
    Batches,
    /// `describe`.
    Describe,
    /// Transactions and what other connections see of them.
    Transactions,
    /// Savepoints.
    Savepoints,
    /// Errors, their classes, and that the connection goes on.
    Errors,
    /// Cancelling from another thread.
    Cancellation,
    /// Several connections at the same time.
    Concurrency,
    /// `tables` and `columns`.
    Catalog,
    /// Names that have to be quoted.
    Identifiers,
    /// `backup`.
    Backup,
    /// What is left of a connection whose driver panicked.
    Panics,
}

impl Group {
    /// Every group, in the order of reports.
    pub const ALL: [Self; 19] = [
        Self::Descriptor,
        Self::Options,
        Self::Connection,
        Self::Types,
        Self::Parameters,
        Self::Results,
        Self::Streaming,
        Self::Large,
        Self::Batches,
        Self::Describe,
        Self::Transactions,
        Self::Savepoints,
        Self::Errors,
        Self::Cancellation,
        Self::Concurrency,
        Self::Catalog,
        Self::Identifiers,
        Self::Backup,
        Self::Panics,
    ];

    /// The group's name in reports, and the first part of its cases' names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Options => "options",
            Self::Connection => "connection",
            Self::Types => "types",
            Self::Parameters => "parameters",
            Self::Results => "results",
            Self::Streaming => "streaming",
            Self::Large => "large",
            Self::Batches => "batches",
            Self::Describe => "describe",
            Self::Transactions => "transactions",
            Self::Savepoints => "savepoints",
            Self::Errors => "errors",
            Self::Cancellation => "cancellation",
            Self::Concurrency => "concurrency",
            Self::Catalog => "catalog",
            Self::Identifiers => "identifiers",
            Self::Backup => "backup",
            Self::Panics => "panics",
        }
    }
}

/// One conformance case.
pub struct Case {
    name: String,
    group: Group,
    needs: Vec<Need>,
    /// What the case's oddly named table is called, behind what makes it unique.
    pub(super) odd_name: &'static str,
    pub(super) steps: Vec<Step>,
}

impl Case {
    pub(super) fn new(group: Group, name: &str) -> Self {
        Self {
            name: format!("{}.{name}", group.as_str()),
            group,
            needs: Vec::new(),
            odd_name: "",
            steps: Vec::new(),
        }
    }

    pub(super) fn needing(mut self, needs: &[Need]) -> Self {
        self.needs.extend(needs);
        self
    }

    pub(super) fn odd_name(mut self, name: &'static str) -> Self {
        self.odd_name = name;
        self
    }

    pub(super) fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// The unique name, `group.subject.detail`: `types.i64.min`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is about.
    pub fn group(&self) -> Group {
        self.group
    }

    /// What a driver must declare for the case to apply.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// Of what the case needs, that which the driver does not declare; empty where the case applies.
    pub fn undeclared(&self, descriptor: &DriverDescriptor) -> Vec<Need> {
        let met = |need: &Need| need.is_met(descriptor);
        self.needs.iter().filter(|n| !met(n)).copied().collect()
    }

    /// Runs the case on connections that `driver` makes with `options`.
    ///
    /// Blocks for as long as the driver does: a limit of time is the caller's. Prints nothing. A panic of the
    /// driver passes through.
    pub fn run(&self, driver: &dyn Driver, options: &Options) -> Outcome {
        let descriptor = driver.descriptor();
        let undeclared = self.undeclared(&descriptor);
        if !undeclared.is_empty() {
            let needs = undeclared.iter().map(Need::to_string).collect();
            return Outcome::NotDeclared { needs };
        }
        match run::run(self, driver, &descriptor, options) {
            Ok(()) => Outcome::Passed,
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The driver does what the case asks.
    Passed,
    /// The case does not apply: the driver does not declare what it needs.
    NotDeclared {
        /// What is not declared, as [`Need`] displays it.
        needs: Vec<String>,
    },
    /// The driver does something else.
    Failed(Failure),
}

/// Where a case failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The step, with its number from 1 and its SQL.
    pub step: String,
    /// What the driver should have done.
    pub expected: String,
    /// What it did.
    pub found: String,
}

impl Failure {
    /// A failure at this step.
    pub fn new(
        step: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            step: step.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            expected,
            found,
        } = self;
        write!(f, "{step}: expected {expected}, found {found}")
    }
}
