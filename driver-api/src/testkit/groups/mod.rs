//! Every case, one file a group.

mod backup;
mod batches;
mod cancellation;
mod catalog;
mod concurrency;
mod connection;
mod describe;
mod descriptor;
mod errors;
mod identifiers;
mod large;
mod options;
mod panics;
mod parameters;
mod results;
mod savepoints;
mod streaming;
mod transactions;
mod types;

use std::sync::LazyLock;

use super::case::Case;

/// All cases, by group.
pub fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        [
            descriptor::cases(),
            options::cases(),
            connection::cases(),
            types::cases(),
            parameters::cases(),
            results::cases(),
            streaming::cases(),
            large::cases(),
            batches::cases(),
            describe::cases(),
            transactions::cases(),
            savepoints::cases(),
            errors::cases(),
            cancellation::cases(),
            concurrency::cases(),
            catalog::cases(),
            identifiers::cases(),
            backup::cases(),
            panics::cases(),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    &CASES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::case::Group;
    use super::super::need::Need;
    use super::super::step::Action;
    use super::*;

    #[test]
    fn every_group_has_cases_and_every_case_a_name_of_its_own() {
        let cases = cases();
        assert!(cases.len() >= 150, "{}", cases.len());
        let names: BTreeSet<&str> = cases.iter().map(Case::name).collect();
        assert_eq!(names.len(), cases.len());
        let groups: Vec<Group> = cases.iter().map(Case::group).collect();
        assert!(groups.is_sorted());
        for group in Group::ALL {
            assert!(groups.contains(&group), "{}", group.as_str());
        }
        for case in cases {
            let allowed =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(case.name().chars().all(allowed), "{}", case.name());
            let group = case.name().split('.').next();
            assert_eq!(group, Some(case.group().as_str()));
            assert!(!case.steps.is_empty(), "{}", case.name());
        }
    }

    /// The templates of a step's SQL.
    fn templates(action: &Action) -> Vec<&str> {
        match action {
            Action::Execute { sql, .. }
            | Action::Query { sql, .. }
            | Action::QueryUntil { sql, .. }
            | Action::Batch { sql, .. }
            | Action::Describe(sql)
            | Action::CancelledAtRows(sql) => vec![sql],
            Action::Cancelled(action) => templates(action),
            Action::Store(_) => vec!["{t}"],
            _ => Vec::new(),
        }
    }

    /// What a step shows that its case needs.
    fn shown_needs(action: &Action) -> Vec<Need> {
        let mut needs = Vec::new();
        for sql in templates(action) {
            let signs = [
                ("{t}", Need::Ddl),
                ("CREATE ", Need::Ddl),
                ("{odd}", Need::QuotedIdentifiers),
                ("{q:", Need::QuotedIdentifiers),
                (" WHERE ", Need::Expressions),
                ("UPDATE ", Need::Expressions),
                (" ORDER BY ", Need::Expressions),
                ("SAVEPOINT ", Need::Savepoints),
                ("REFERENCES ", Need::ForeignKeys),
                ("PRIMARY KEY", Need::Constraints),
                ("UNIQUE", Need::Constraints),
                ("{generated}", Need::GeneratedKeys),
            ];
            needs.extend(
                signs
                    .iter()
                    .filter(|(sign, _)| sql.contains(sign))
                    .map(|(_, need)| *need),
            );
        }
        match action {
            Action::Begin(_) => needs.push(Need::Transactions),
            Action::Describe(_) => needs.push(Need::Describe),
            Action::Tables | Action::Columns(_) => needs.push(Need::Catalog),
            Action::Cancel | Action::Cancelled(_) | Action::CancelledAtRows(_) => {
                needs.push(Need::Cancel);
            }
            Action::Backup(_) | Action::BackupStopped(_) => needs.push(Need::Backup),
            Action::CreateDatabase => needs.push(Need::CreateDatabase),
            _ => {}
        }
        needs
    }

    #[test]
    fn a_case_declares_what_its_steps_need() {
        for case in cases() {
            // A step that only shows that a closed or poisoned connection refuses needs nothing of the driver.
            if case.group() == Group::Panics || case.name().contains("after_close") {
                continue;
            }
            for step in &case.steps {
                for need in shown_needs(&step.action) {
                    assert!(case.needs().contains(&need), "{}: {need}", case.name());
                }
                let second = step.on > 0 && !case.name().starts_with("transactions.dropped");
                if second && case.needs().contains(&Need::Ddl) {
                    assert!(case.needs().contains(&Need::SharedData), "{}", case.name());
                }
            }
        }
    }
}
