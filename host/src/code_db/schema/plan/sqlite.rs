//! The plan for SQLite, whose `ALTER TABLE` can do little: tables that differ are written anew, in the one
//! transaction of the whole plan.
//!
//! The procedure is that of <https://www.sqlite.org/lang_altertable.html>, section 7, with a difference. There,
//! foreign keys are switched off, which a connection that others share must not do. Here, a table is written anew
//! together with all that refer to it, under other names that refer to each other; the old ones go when nothing
//! refers to them any more, so that no row goes with its owner; then the new ones get their names.

mod rebuild;

use std::collections::BTreeSet;

use driver_api::Dialect;

use super::super::difference::{Difference, is_added_by_sqlite};
use super::super::live::{Dependent, LiveSchema};
use super::super::model::Table;
use super::{Action, Step, Work, all_tables, emit, full_text_step};

const DIALECT: Dialect = Dialect::Sqlite;

pub(super) fn steps(live: &LiveSchema) -> Vec<Step> {
    let mut plan = Plan::new(live);
    plan.drop_dependents();
    plan.create_missing();
    plan.add_columns();
    plan.write_anew();
    plan.fill_datasets_of_kept_tables();
    plan.swap();
    plan.create_indexes();
    plan.steps.extend(full_text_step(live, DIALECT));
    plan.restore_dependents();
    plan.steps
}

struct Plan<'a> {
    live: &'a LiveSchema,
    /// Tables that are written anew, with those that are created under such a name because they refer to one.
    anew: BTreeSet<&'static str>,
    /// Tables that are not ours and refer to one of these: their rows step aside meanwhile.
    aside: Vec<&'a str>,
    steps: Vec<Step>,
}

impl<'a> Plan<'a> {
    fn new(live: &'a LiveSchema) -> Self {
        let mut plan = Self {
            live,
            anew: BTreeSet::new(),
            aside: Vec::new(),
            steps: Vec::new(),
        };
        for table in all_tables(DIALECT) {
            let refers = table
                .owners
                .iter()
                .any(|owner| owner.table != table.name && plan.anew.contains(owner.table));
            let differs = plan
                .difference(table)
                .is_some_and(|difference| difference.needs_rebuild().is_some());
            if refers || differs {
                plan.anew.insert(table.name);
            }
        }
        plan.aside = strangers(live, &plan.anew);
        plan
    }

    fn difference(&self, table: &'static Table) -> Option<Difference<'a>> {
        let live = self.live.table(table.name)?;
        Some(Difference::of(table, live, DIALECT))
    }

    /// What a table is called until the new ones have their names.
    fn name(&self, table: &str) -> String {
        match self.anew.contains(table) {
            true => format!("{table}_anew"),
            false => table.to_owned(),
        }
    }

    fn tables_anew(&self) -> Vec<&'static Table> {
        all_tables(DIALECT)
            .filter(|table| self.anew.contains(table.name))
            .collect()
    }

    fn create_missing(&mut self) {
        for table in all_tables(DIALECT) {
            if self.live.table(table.name).is_none() && !self.anew.contains(table.name) {
                let create = emit::create_table(table, DIALECT);
                self.steps
                    .push(Step::new(Action::CreateTable, table.name, create));
            }
        }
    }

    fn add_columns(&mut self) {
        for table in all_tables(DIALECT).filter(|table| !self.anew.contains(table.name)) {
            let Some(difference) = self.difference(table) else {
                continue;
            };
            for column in difference.missing_columns {
                debug_assert!(is_added_by_sqlite(column), "{}", column.name);
                let add = emit::add_column(table, column, DIALECT);
                let step = Step::new(Action::AddColumn, table.name, [add]).object(column.name);
                self.steps.push(step);
            }
        }
    }

    /// Writes the new tables beside the old ones, owners first.
    fn write_anew(&mut self) {
        for table in self.tables_anew() {
            let step = match self.live.table(table.name) {
                Some(live) => self.rebuild(table, live),
                None => Step::new(Action::CreateTable, table.name, [self.create(table, &[])]),
            };
            self.steps.push(step);
            if table.name == "datasets" {
                self.fill_datasets();
            }
        }
    }

    /// Where only the files are written anew, their projects get their datasets before.
    fn fill_datasets_of_kept_tables(&mut self) {
        if self.anew.contains("datasets") || !self.lacks_dataset() {
            return;
        }
        self.fill_datasets();
        // The step belongs before the files, which refer to datasets.
        if let (Some(step), Some(files)) = (
            self.steps.pop(),
            self.steps
                .iter()
                .position(|step| step.action == Action::RebuildTable && step.table == "files"),
        ) {
            self.steps.insert(files, step);
        }
    }

    /// Whether files have to be told their dataset.
    fn lacks_dataset(&self) -> bool {
        let files = self.live.table("files");
        files.is_some_and(|files| {
            files
                .column("dataset_id")
                .is_none_or(|found| !found.not_null)
        })
    }

    fn fill_datasets(&mut self) {
        if !self.lacks_dataset() {
            return;
        }
        let mut step = Step::new(Action::FillDatasets, "datasets", []);
        step.work.push(Work::FillDatasets {
            projects: self.name("projects"),
            datasets: self.name("datasets"),
        });
        self.steps.push(step);
    }

    /// The old tables go, those first that refer to others, and the new ones get their names.
    fn swap(&mut self) {
        let tables = self.tables_anew();
        if tables.is_empty() {
            return;
        }
        let mut work = Vec::new();
        for stranger in self.aside.iter() {
            work.push(format!(
                "CREATE TABLE {} AS SELECT * FROM {}",
                held(stranger),
                quoted(stranger)
            ));
        }
        for stranger in self.aside.iter().rev() {
            work.push(format!("DELETE FROM {}", quoted(stranger)));
        }
        for table in tables.iter().rev() {
            if self.live.table(table.name).is_some() {
                work.push(format!("DROP TABLE {}", quoted(table.name)));
            }
        }
        for table in &tables {
            let (new, name) = (quoted(&self.name(table.name)), quoted(table.name));
            work.push(format!("ALTER TABLE {new} RENAME TO {name}"));
        }
        for stranger in self.aside.iter() {
            work.push(format!(
                "INSERT INTO {} SELECT * FROM {}",
                quoted(stranger),
                held(stranger)
            ));
            work.push(format!("DROP TABLE {}", held(stranger)));
        }
        // A table that is new may refer to one that is written anew, and comes after it.
        let makes_anew = |step: &Step| {
            let makes = matches!(step.action, Action::RebuildTable | Action::CreateTable);
            makes && self.anew.contains(step.table.as_str())
        };
        let last = self.steps.iter().rposition(makes_anew);
        if let Some(last) = last.and_then(|last| self.steps.get_mut(last)) {
            last.work
                .extend(work.into_iter().map(|sql| Work::Sql { sql }));
        }
    }

    fn create_indexes(&mut self) {
        for table in all_tables(DIALECT) {
            let difference = self.difference(table);
            let is_fresh = difference.is_none() || self.anew.contains(table.name);
            for index in table.indexes {
                let named = |indexes: &[&'static super::super::model::Index]| {
                    indexes.iter().any(|other| other.name == index.name)
                };
                let create = emit::create_index(table, index, DIALECT);
                let wrong = difference
                    .as_ref()
                    .is_some_and(|found| named(&found.wrong_indexes));
                let missing = difference
                    .as_ref()
                    .is_none_or(|found| named(&found.missing_indexes));
                let step = if wrong {
                    let drop = format!("DROP INDEX {}", quoted(index.name));
                    let drop = (!is_fresh).then_some(drop);
                    Step::new(
                        Action::ReplaceIndex,
                        table.name,
                        drop.into_iter().chain([create]),
                    )
                } else if missing || is_fresh {
                    Step::new(Action::CreateIndex, table.name, [create])
                } else {
                    continue;
                };
                self.steps.push(step.object(index.name));
            }
        }
    }

    /// Triggers and views stand in the way of renaming tables.
    fn drop_dependents(&mut self) {
        if self.anew.is_empty() {
            return;
        }
        for dependent in self.dependents(&["trigger", "view"]) {
            let (kind, name) = (dependent.kind.to_ascii_uppercase(), quoted(&dependent.name));
            let step = Step::new(
                Action::SetAside,
                &dependent.table,
                [format!("DROP {kind} {name}")],
            );
            self.steps.push(step.object(&dependent.name));
        }
    }

    /// What is not ours and went with the old tables comes back.
    fn restore_dependents(&mut self) {
        if self.anew.is_empty() {
            return;
        }
        let declared: BTreeSet<&str> = all_tables(DIALECT)
            .flat_map(|table| table.indexes.iter().map(|index| index.name))
            .collect();
        for dependent in self.dependents(&["index", "view", "trigger"]) {
            let is_index = dependent.kind == "index";
            let stayed = is_index && !self.anew.contains(dependent.table.as_str());
            if stayed || declared.contains(dependent.name.as_str()) {
                continue;
            }
            let step = Step::new(Action::Restore, &dependent.table, [dependent.sql.clone()]);
            self.steps.push(step.object(&dependent.name));
        }
    }

    /// What depends on tables, of these kinds and in their order.
    fn dependents(&self, kinds: &[&str]) -> Vec<&'a Dependent> {
        let of_kind = |kind: &&str| {
            let kind = (*kind).to_owned();
            self.live
                .dependents
                .iter()
                .filter(move |found| found.kind == kind)
        };
        kinds.iter().flat_map(of_kind).collect()
    }
}

/// Tables that are not declared and refer to one of these, or to one that does.
fn strangers<'a>(live: &'a LiveSchema, anew: &BTreeSet<&'static str>) -> Vec<&'a str> {
    let declared: BTreeSet<&str> = all_tables(DIALECT).map(|table| table.name).collect();
    let mut found: Vec<&str> = Vec::new();
    loop {
        let next = live.tables.iter().find(|(name, table)| {
            let refers = table.owners.iter().any(|owner| {
                anew.contains(owner.table.as_str()) || found.contains(&owner.table.as_str())
            });
            refers && !declared.contains(name.as_str()) && !found.contains(&name.as_str())
        });
        match next {
            Some((name, _)) => found.push(name),
            None => return found,
        }
    }
}

fn held(table: &str) -> String {
    quoted(&format!("{table}_held"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
