//! What came of a run: every case, and the counts of each group.

use std::path::PathBuf;
use std::time::Duration;

use driver_api::DriverDescriptor;
use driver_api::testkit::{Case, Group, Outcome};
use serde_json::{Map, Value, json};

/// A case that was run, or found not to apply.
pub struct CaseReport {
    /// The case.
    pub case: &'static Case,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took, the start of its process included.
    pub took: Duration,
}

/// A run.
pub struct Report {
    /// What the driver says of itself.
    pub descriptor: DriverDescriptor,
    /// The plugin's file.
    pub library: PathBuf,
    /// The cases, in their order.
    pub cases: Vec<CaseReport>,
}

/// Numbers of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that passed.
    pub passed: usize,
    /// Those that need what the driver does not declare.
    pub not_declared: usize,
    /// Those that failed.
    pub failed: usize,
}

impl Report {
    /// The counts of all cases.
    pub fn counts(&self) -> Counts {
        count(self.cases.iter())
    }

    /// The counts of each group that has cases in this run.
    pub fn by_group(&self) -> Vec<(Group, Counts)> {
        let of = |group: Group| self.cases.iter().filter(move |c| c.case.group() == group);
        let groups = Group::ALL
            .into_iter()
            .map(|group| (group, count(of(group))));
        groups
            .filter(|(_, counts)| *counts != Counts::default())
            .collect()
    }

    /// What cases need and the driver does not declare, each with the number of these cases.
    pub fn undeclared(&self) -> Vec<(&str, usize)> {
        let mut undeclared: Vec<(&str, usize)> = Vec::new();
        for report in &self.cases {
            let Outcome::NotDeclared { needs } = &report.outcome else {
                continue;
            };
            for need in needs {
                match undeclared.iter_mut().find(|(known, _)| known == need) {
                    Some((_, cases)) => *cases += 1,
                    None => undeclared.push((need, 1)),
                }
            }
        }
        undeclared
    }

    /// The document that `--json` prints.
    pub fn to_json(&self) -> Value {
        let groups: Vec<Value> = self
            .by_group()
            .into_iter()
            .map(|(group, counts)| {
                let mut entry = Map::new();
                entry.insert("group".into(), group.as_str().into());
                entry.extend(counts.to_json());
                entry.into()
            })
            .collect();
        let driver = json!({
            "name": self.descriptor.name,
            "version": self.descriptor.version,
            "dialect": self.descriptor.dialect,
            "placement": self.descriptor.placement,
            "library": self.library,
        });
        let mut document = Map::new();
        document.insert("driver".into(), driver);
        document.extend(self.counts().to_json());
        document.insert("groups".into(), groups.into());
        let undeclared = self.undeclared().into_iter();
        let undeclared = undeclared.map(|(needs, cases)| json!({"needs": needs, "cases": cases}));
        document.insert("undeclared".into(), undeclared.collect());
        document.insert(
            "cases".into(),
            self.cases.iter().map(CaseReport::to_json).collect(),
        );
        document.into()
    }
}

impl CaseReport {
    fn to_json(&self) -> Value {
        let mut entry = json!({
            "name": self.case.name(),
            "group": self.case.group().as_str(),
            "milliseconds": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        if let (Some(entry), Ok(Value::Object(outcome))) =
            (entry.as_object_mut(), serde_json::to_value(&self.outcome))
        {
            entry.extend(outcome);
        }
        entry
    }
}

impl Counts {
    fn to_json(self) -> Map<String, Value> {
        let mut counts = Map::new();
        counts.insert("passed".into(), self.passed.into());
        counts.insert("not_declared".into(), self.not_declared.into());
        counts.insert("failed".into(), self.failed.into());
        counts
    }
}

fn count<'r>(reports: impl Iterator<Item = &'r CaseReport>) -> Counts {
    let mut counts = Counts::default();
    for report in reports {
        match &report.outcome {
            Outcome::Passed => counts.passed += 1,
            Outcome::NotDeclared { .. } => counts.not_declared += 1,
            // An outcome that this version does not know is no success.
            _ => counts.failed += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use driver_api::testkit::{self, Failure};
    use driver_api::{Dialect, Placement};

    use super::*;

    fn report() -> Report {
        let cases = testkit::cases();
        let find = |name: &str| cases.iter().find(|case| case.name() == name).unwrap();
        let of = |name: &str, outcome| CaseReport {
            case: find(name),
            outcome,
            took: Duration::from_millis(7),
        };
        let needs = vec!["ddl".to_owned(), "catalog".to_owned()];
        Report {
            descriptor: DriverDescriptor::new("x", "1.0.0", Placement::Direct, Dialect::Generic),
            library: "/p/x.so".into(),
            cases: vec![
                of("connection.ping", Outcome::Passed),
                of(
                    "connection.close",
                    Outcome::Failed(Failure::new("1: close", "success", "no")),
                ),
                of("catalog.table", Outcome::NotDeclared { needs }),
            ],
        }
    }

    #[test]
    fn cases_are_counted_by_group() {
        let report = report();
        let counts = |passed, not_declared, failed| Counts {
            passed,
            not_declared,
            failed,
        };
        assert_eq!(report.counts(), counts(1, 1, 1));
        assert_eq!(
            report.by_group(),
            [
                (Group::Connection, counts(1, 0, 1)),
                (Group::Catalog, counts(0, 1, 0))
            ]
        );
        assert_eq!(report.undeclared(), [("ddl", 1), ("catalog", 1)]);
    }

    #[test]
    fn the_document_has_every_case_with_its_outcome() {
        let document = report().to_json();
        assert_eq!(
            document["cases"][1],
            json!({"name": "connection.close", "group": "connection", "milliseconds": 7,
                "outcome": "failed", "step": "1: close", "expected": "success", "found": "no"})
        );
        assert_eq!(
            document["groups"][1],
            json!({"group": "catalog", "passed": 0, "not_declared": 1, "failed": 0})
        );
        assert_eq!(document["driver"]["name"], "x");
    }
}
