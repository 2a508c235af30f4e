//! The plan for servers, which change tables in place: references give way, columns change, keys come back.

use driver_api::Dialect;

use super::super::NEAR_VECTORS;
use super::super::difference::{Difference, TAKES_NULL};
use super::super::keys;
use super::super::live::{LiveOwner, LiveSchema};
use super::super::model::{Column, DefaultValue, Table};
use super::{Action, Step, Work, all_tables, collated, emit, fill, full_text_step};

pub(super) fn steps(live: &LiveSchema, dialect: Dialect) -> Vec<Step> {
    let differences: Vec<(&'static Table, Difference<'_>)> = all_tables(dialect)
        .filter_map(|table| {
            Some((
                table,
                Difference::of(table, live.table(table.name)?, dialect),
            ))
        })
        .collect();
    let mut plan = Plan {
        live,
        dialect,
        differences,
        steps: Vec::new(),
    };
    let gone = plan.drop_owners();
    plan.drop_unique();
    plan.change_types();
    plan.create_tables();
    plan.add_columns();
    plan.refuse_null();
    plan.add_unique();
    plan.add_owners(&gone);
    plan.create_indexes();
    plan.steps.extend(full_text_step(live, dialect));
    plan.steps.extend(near_vectors_step(live));
    plan.steps
}

/// The step that gives PostgreSQL a table for vectors that it compares itself.
fn near_vectors_step(live: &LiveSchema) -> Option<Step> {
    let found = live.table(NEAR_VECTORS);
    // An extension that was removed took its column along.
    if !live.has_pgvector || found.is_some_and(|table| table.column("embedding").is_some()) {
        return None;
    }
    let create = [
        format!("DROP TABLE IF EXISTS {NEAR_VECTORS}"),
        format!(
            "CREATE TABLE {NEAR_VECTORS} (\
             vector_id bigint PRIMARY KEY REFERENCES chunk_vectors (id) ON DELETE CASCADE, chunk_id bigint NOT NULL, \
             project_id text COLLATE \"C\" NOT NULL, model text COLLATE \"C\" NOT NULL, dimensions integer NOT NULL, \
             embedding vector)"
        ),
        format!(
            "CREATE INDEX {NEAR_VECTORS}_project ON {NEAR_VECTORS} (project_id, model, vector_id)"
        ),
    ];
    let step = Step::new(Action::CreateTable, NEAR_VECTORS, create);
    Some(step.because("pgvector is installed"))
}

struct Plan<'a> {
    live: &'a LiveSchema,
    dialect: Dialect,
    /// Of the tables that exist.
    differences: Vec<(&'static Table, Difference<'a>)>,
    steps: Vec<Step>,
}

impl<'a> Plan<'a> {
    /// References that are wrong, or between columns whose types change, go; answers those that have to come back.
    fn drop_owners(&mut self) -> Vec<(&'static Table, &'a LiveOwner)> {
        let changes = |table: &str, column: &str| {
            self.differences.iter().any(|(changed, difference)| {
                let is_changed = |(other, _): &(&Column, String)| other.name == column;
                changed.name == table && difference.changed_columns.iter().any(is_changed)
            })
        };
        let mut gone = Vec::new();
        let mut steps = Vec::new();
        for (table, difference) in &self.differences {
            let owners = self
                .live
                .table(table.name)
                .into_iter()
                .flat_map(|found| &found.owners);
            for owner in owners {
                let is_wrong = difference.wrong_owners.contains(&owner);
                let is_moved = changes(table.name, &owner.column) || changes(&owner.table, "id");
                if !is_wrong && !is_moved {
                    continue;
                }
                let constraint = owner.constraint.as_deref().unwrap_or_default();
                let sql = match self.dialect {
                    Dialect::Mysql => format!(
                        "ALTER TABLE `{}` DROP FOREIGN KEY `{constraint}`",
                        table.name
                    ),
                    _ => format!(
                        "ALTER TABLE \"{}\" DROP CONSTRAINT \"{constraint}\"",
                        table.name
                    ),
                };
                let step = Step::new(Action::DropConstraint, table.name, [sql]).object(constraint);
                steps.push(match is_wrong {
                    true => step.because(format!(
                        "`{}` refers to `{}` otherwise than declared",
                        owner.column, owner.table
                    )),
                    false => step.because("a column that it is about changes its type"),
                });
                if !is_wrong {
                    gone.push((*table, owner));
                }
            }
        }
        self.steps.append(&mut steps);
        gone
    }

    fn drop_unique(&mut self) {
        for (table, difference) in &self.differences {
            for index in &difference.extra_unique {
                let sql = match self.dialect {
                    Dialect::Mysql => {
                        format!("ALTER TABLE `{}` DROP INDEX `{}`", table.name, index.name)
                    }
                    _ => format!(
                        "ALTER TABLE \"{}\" DROP CONSTRAINT \"{}\"",
                        table.name, index.name
                    ),
                };
                let reason = format!("rows may have the same {}", index.columns.join(", "));
                let step = Step::new(Action::DropConstraint, table.name, [sql]);
                self.steps.push(step.object(&index.name).because(reason));
            }
        }
    }

    fn change_types(&mut self) {
        let mut steps = Vec::new();
        for (table, difference) in &self.differences {
            if difference
                .changed_columns
                .iter()
                .any(|(_, wrong)| wrong.contains("language"))
            {
                steps.extend(self.convert(table));
            }
            for (column, wrong) in difference
                .changed_columns
                .iter()
                .filter(|(_, wrong)| wrong != TAKES_NULL)
            {
                let change = emit::change_column(table, column, self.dialect);
                let step = Step::new(Action::ChangeColumn, table.name, change);
                steps.push(step.object(column.name).because(wrong));
            }
        }
        self.steps.append(&mut steps);
    }

    /// Columns that are there but may be empty are filled first: so it looks where a server went away between the
    /// two, too.
    fn refuse_null(&mut self) {
        let mut steps = Vec::new();
        for (table, difference) in &self.differences {
            for (column, wrong) in difference
                .changed_columns
                .iter()
                .filter(|(_, wrong)| wrong == TAKES_NULL)
            {
                if column.name == "dataset_id" {
                    steps.push(fill_datasets());
                }
                let mut work: Vec<String> = self.fill(table, column).into_iter().collect();
                work.extend(emit::change_column(table, column, self.dialect));
                let step = Step::new(Action::ChangeColumn, table.name, work);
                steps.push(step.object(column.name).because(wrong));
            }
        }
        self.steps.append(&mut steps);
    }

    /// MySQL's columns take the collation of their table.
    fn convert(&self, table: &Table) -> Option<Step> {
        let collation = self.live.collation?;
        let sql = format!(
            "ALTER TABLE `{}` CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}",
            table.name
        );
        Some(
            Step::new(Action::ChangeColumn, table.name, [sql])
                .object("*")
                .because("text is compared by the rules of a language"),
        )
    }

    fn create_tables(&mut self) {
        for table in all_tables(self.dialect) {
            if self.live.table(table.name).is_none() {
                let create = emit::create_table(table, self.dialect);
                let create = create
                    .into_iter()
                    .map(|sql| collated(sql, self.live.collation));
                self.steps
                    .push(Step::new(Action::CreateTable, table.name, create));
            }
        }
    }

    fn add_columns(&mut self) {
        let mut steps = Vec::new();
        for (table, difference) in &self.differences {
            for column in &difference.missing_columns {
                if column.name == "dataset_id" {
                    steps.push(fill_datasets());
                }
                let mut work = vec![emit::add_column(table, column, self.dialect)];
                work.extend(self.fill(table, column));
                if column.not_null {
                    work.extend(emit::change_column(table, column, self.dialect));
                }
                steps.push(Step::new(Action::AddColumn, table.name, work).object(column.name));
            }
            for column in keys::digest_columns(table) {
                let name = column.get_column_name();
                let of = difference.missing_digests.iter();
                if of.clone().any(|missing| keys::digest_name(missing) == name) {
                    let add = emit::add_digest_column(table, column);
                    steps.push(Step::new(Action::AddColumn, table.name, [add]).object(name));
                }
            }
        }
        self.steps.append(&mut steps);
    }

    /// Gives rows without a value of the column the one that follows from the others.
    fn fill(&self, table: &Table, column: &Column) -> Option<String> {
        let value = fill(
            table,
            column.name,
            self.live,
            &str::to_owned,
            "t.project_id",
        )?;
        let quote = if self.dialect == Dialect::Mysql {
            '`'
        } else {
            '"'
        };
        Some(format!(
            "UPDATE {quote}{}{quote} t SET {quote}{name}{quote} = {value} WHERE {filled}",
            table.name,
            name = column.name,
            // A column with a default has one in every row already.
            filled = match column.default {
                DefaultValue::Nothing => format!("t.{quote}{}{quote} IS NULL", column.name),
                _ => "1 = 1".to_owned(),
            },
        ))
    }

    fn add_unique(&mut self) {
        for (table, difference) in &self.differences {
            for number in &difference.missing_unique {
                let create = emit::create_unique(table, *number, self.dialect);
                let step = Step::new(Action::AddConstraint, table.name, [create]);
                self.steps
                    .push(step.object(format!("{}_unique_{number}", table.name)));
            }
        }
    }

    /// References that are missing, and those that gave way.
    fn add_owners(&mut self, gone: &[(&'static Table, &LiveOwner)]) {
        for (table, difference) in &self.differences {
            for owner in table.owners {
                let is_missing = difference
                    .missing_owners
                    .iter()
                    .any(|other| other.column == owner.column);
                let gave_way = gone
                    .iter()
                    .any(|(other, found)| other.name == table.name && found.column == owner.column);
                if is_missing || gave_way {
                    let add = emit::add_owner(table, owner, self.dialect);
                    let step = Step::new(Action::AddConstraint, table.name, [add]);
                    self.steps
                        .push(step.object(format!("{} -> {}", owner.column, owner.table)));
                }
            }
        }
    }

    fn create_indexes(&mut self) {
        for table in all_tables(self.dialect) {
            let difference = self
                .differences
                .iter()
                .find(|(other, _)| other.name == table.name);
            let Some((_, difference)) = difference else {
                let indexes = if emit::has_indexes_inline(self.dialect) {
                    &[]
                } else {
                    table.indexes
                };
                for index in indexes {
                    let create = emit::create_index(table, index, self.dialect);
                    let step = Step::new(Action::CreateIndex, table.name, [create]);
                    self.steps.push(step.object(index.name));
                }
                continue;
            };
            for index in &difference.missing_indexes {
                let create = emit::create_index(table, index, self.dialect);
                let step = Step::new(Action::CreateIndex, table.name, [create]);
                self.steps.push(step.object(index.name));
            }
            for index in &difference.wrong_indexes {
                let create = emit::create_index(table, index, self.dialect);
                let work = match self.dialect {
                    // A reference needs an index at any time: the new one is there before the old one goes.
                    Dialect::Mysql => vec![
                        format!(
                            "ALTER TABLE `{}` RENAME INDEX `{name}` TO `{name}_old`",
                            table.name,
                            name = index.name
                        ),
                        create,
                        format!(
                            "ALTER TABLE `{}` DROP INDEX `{}_old`",
                            table.name, index.name
                        ),
                    ],
                    _ => vec![format!("DROP INDEX \"{}\"", index.name), create],
                };
                let step = Step::new(Action::ReplaceIndex, table.name, work);
                self.steps.push(step.object(index.name));
            }
        }
    }
}

fn fill_datasets() -> Step {
    let mut step = Step::new(Action::FillDatasets, "datasets", []);
    step.work.push(Work::FillDatasets {
        projects: "projects".to_owned(),
        datasets: "datasets".to_owned(),
    });
    step
}
