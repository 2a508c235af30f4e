//! One table that is written anew: under another name, with the same rows, and without those that have no owner.

use sea_query::{ColumnDef, Expr};

use super::{DIALECT, Plan, quoted};
use crate::code_db::schema::emit;
use crate::code_db::schema::live::{LiveColumn, LiveTable};
use crate::code_db::schema::model::{Column, ColumnKind, Table};
use crate::code_db::schema::plan::{Action, Step, Work, fill};

impl Plan<'_> {
    pub(super) fn create(&self, table: &Table, more: &[&LiveColumn]) -> String {
        let more = more.iter().map(|column| undeclared(column)).collect();
        emit::create_table_as(table, DIALECT, &|name| self.name(name), more)
    }

    pub(super) fn rebuild(&self, table: &'static Table, live: &LiveTable) -> Step {
        let more: Vec<&LiveColumn> = live
            .columns
            .iter()
            .filter(|found| !table.columns.iter().any(|column| column.name == found.name))
            .collect();
        let (mut into, mut from) = (Vec::new(), Vec::new());
        for column in table.columns {
            if let Some(value) = self.value(table, live, column) {
                into.push(quoted(column.name));
                from.push(value);
            }
        }
        for column in &more {
            into.push(quoted(&column.name));
            from.push(format!("t.{}", quoted(&column.name)));
        }
        let (old, new) = (quoted(table.name), quoted(&self.name(table.name)));
        let owned = self.owned(table, live);
        let copy = format!(
            "INSERT INTO {new} ({}) SELECT {} FROM {old} t{}",
            into.join(", "),
            from.join(", "),
            if owned.is_empty() {
                String::new()
            } else {
                format!(" WHERE {owned}")
            },
        );
        let mut step = Step::new(
            Action::RebuildTable,
            table.name,
            [self.create(table, &more), copy],
        );
        if !owned.is_empty() {
            step.work.push(Work::KeepOrphans {
                count: format!("SELECT count(*) FROM {old} t WHERE NOT ({owned})"),
                keep: format!(
                    "CREATE TABLE \"{}_without_owner\" AS SELECT * FROM {old} t WHERE NOT ({owned})",
                    table.name
                ),
            });
        }
        let counter = has_counter(table).then(|| {
            // The counter goes on behind the greatest id that was ever given.
            [
                format!("DELETE FROM sqlite_sequence WHERE name = '{}'", self.name(table.name)),
                format!(
                    "INSERT INTO sqlite_sequence(name, seq) SELECT '{}', seq FROM sqlite_sequence WHERE name = '{}'",
                    self.name(table.name),
                    table.name
                ),
            ]
        });
        let with_counter = counter.filter(|_| live.has_counter).into_iter().flatten();
        step.work.extend(with_counter.map(|sql| Work::Sql { sql }));
        let own = self
            .difference(table)
            .and_then(|found| found.needs_rebuild());
        step.because(own.unwrap_or_else(|| "it refers to a table that is written anew".to_owned()))
    }

    /// What a column of the new table gets from the row `t` of the old one; none where its default is right.
    fn value(&self, table: &Table, live: &LiveTable, column: &Column) -> Option<String> {
        let derived = fill(
            table,
            column.name,
            self.live,
            &|name| quoted(&self.name(name)),
            "CAST(t.project_id AS TEXT)",
        );
        let Some(found) = live.column(column.name) else {
            return derived;
        };
        let own = format!("t.{}", quoted(column.name));
        Some(match derived {
            Some(derived) if column.not_null && !found.not_null => {
                format!("COALESCE({own}, {derived})")
            }
            _ => own,
        })
    }

    /// The condition on rows `t` that the new tables have their owners; empty where nothing is to be asked.
    fn owned(&self, table: &'static Table, live: &LiveTable) -> String {
        let conditions = table
            .owners
            .iter()
            .filter(|owner| live.column(owner.column).is_some())
            .map(|owner| {
                let column = format!("t.{}", quoted(owner.column));
                let is_word = table.columns.iter().any(|declared| {
                    declared.name == owner.column && declared.kind == ColumnKind::Word
                });
                // As the new column has it, so that the owner's key is looked up.
                let key = if is_word {
                    format!("CAST({column} AS TEXT)")
                } else {
                    column.clone()
                };
                let declared = table
                    .columns
                    .iter()
                    .find(|declared| declared.name == owner.column);
                let may_be_null = declared.is_some_and(|declared| !declared.not_null)
                    || fill(
                        table,
                        owner.column,
                        self.live,
                        &str::to_owned,
                        "t.project_id",
                    )
                    .is_some();
                let owned = format!(
                    "EXISTS (SELECT 1 FROM {} o WHERE o.id = {key})",
                    quoted(&self.name(owner.table))
                );
                match may_be_null {
                    true => format!("({column} IS NULL OR {owned})"),
                    false => owned,
                }
            });
        conditions.collect::<Vec<_>>().join(" AND ")
    }
}

fn has_counter(table: &Table) -> bool {
    table
        .columns
        .first()
        .is_some_and(|column| column.kind == ColumnKind::AutoId)
}

/// A column that is not declared keeps its type and default; that it refuses null would refuse our rows.
fn undeclared(column: &LiveColumn) -> ColumnDef {
    let mut definition = ColumnDef::new(column.name.clone());
    definition.custom(column.type_name.clone());
    if let Some(default) = &column.default {
        definition.default(Expr::cust(default.clone()));
    }
    definition
}
