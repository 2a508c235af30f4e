//! What a live table lacks, or has otherwise, beside its declaration.

use driver_api::Dialect;

use super::keys;
use super::live::{LiveColumn, LiveIndex, LiveOwner, LiveTable, fits};
use super::model::{Column, ColumnKind, Index, IndexedRows, Owner, Table};

/// The differences of a table that exists.
#[derive(Debug, Default)]
pub(super) struct Difference<'a> {
    pub(super) missing_columns: Vec<&'static Column>,
    /// With what is wrong, in words.
    pub(super) changed_columns: Vec<(&'static Column, String)>,
    /// Text columns of unique keys whose digest is missing, on MySQL.
    pub(super) missing_digests: Vec<&'static str>,
    /// Numbers of unique keys, from 1.
    pub(super) missing_unique: Vec<usize>,
    /// Unique keys that are not declared, and would refuse rows that are.
    pub(super) extra_unique: Vec<&'a LiveIndex>,
    pub(super) missing_owners: Vec<&'static Owner>,
    /// References of columns that are declared to refer elsewhere, or to go with their owner.
    pub(super) wrong_owners: Vec<&'a LiveOwner>,
    pub(super) missing_indexes: Vec<&'static Index>,
    /// Indexes of a declared name over something else.
    pub(super) wrong_indexes: Vec<&'static Index>,
    /// Whether ids that were given once may be given again.
    pub(super) lacks_counter: bool,
}

impl<'a> Difference<'a> {
    pub(super) fn of(table: &'static Table, live: &'a LiveTable, dialect: Dialect) -> Self {
        let mut difference = Self::default();
        difference.compare_columns(table, live, dialect);
        difference.compare_unique(table, live, dialect);
        difference.compare_owners(table, live);
        difference.compare_indexes(table, live, dialect);
        let is_counted = table
            .columns
            .first()
            .is_some_and(|column| column.kind == ColumnKind::AutoId);
        difference.lacks_counter = dialect == Dialect::Sqlite && is_counted && !live.has_counter;
        difference
    }

    fn compare_columns(&mut self, table: &'static Table, live: &LiveTable, dialect: Dialect) {
        for column in table.columns {
            match live.column(column.name) {
                None => self.missing_columns.push(column),
                Some(found) => {
                    if let Some(wrong) = wrong_with(column, found, dialect) {
                        self.changed_columns.push((column, wrong));
                    }
                }
            }
        }
    }

    fn compare_unique(&mut self, table: &'static Table, live: &'a LiveTable, dialect: Dialect) {
        let declared: Vec<Vec<String>> = table
            .unique
            .iter()
            .map(|columns| shown(&keys::unique_parts(table, columns, dialect)))
            .collect();
        for (number, columns) in (1..).zip(&declared) {
            let found =
                |index: &LiveIndex| index.unique && !index.partial && same(&index.columns, columns);
            if !live.indexes.iter().any(found) {
                self.missing_unique.push(number);
            }
        }
        self.extra_unique = live
            .indexes
            .iter()
            .filter(|index| index.unique && (index.of_constraint || dialect == Dialect::Mysql))
            .filter(|index| !declared.iter().any(|columns| same(&index.columns, columns)))
            .collect();
        if dialect == Dialect::Mysql {
            let digests = keys::digested(table).into_iter();
            self.missing_digests = digests
                .filter(|column| live.column(&keys::digest_name(column)).is_none())
                .collect();
        }
    }

    fn compare_owners(&mut self, table: &'static Table, live: &'a LiveTable) {
        for owner in table.owners {
            let of_column = live
                .owners
                .iter()
                .filter(|found| found.column == owner.column);
            let (right, wrong): (Vec<_>, Vec<_>) =
                of_column.partition(|found| found.table == owner.table && found.cascades);
            if right.is_empty() {
                self.missing_owners.push(owner);
            }
            self.wrong_owners.extend(wrong);
        }
    }

    fn compare_indexes(&mut self, table: &'static Table, live: &LiveTable, dialect: Dialect) {
        for index in table.indexes {
            match live.indexes.iter().find(|found| found.name == index.name) {
                None => self.missing_indexes.push(index),
                Some(found) if !is_index(table, index, found, dialect) => {
                    self.wrong_indexes.push(index);
                }
                Some(_) => {}
            }
        }
    }

    /// Whether SQLite, which can only add what every row may lack, has to write the table anew; and why.
    pub(super) fn needs_rebuild(&self) -> Option<String> {
        let mut reasons: Vec<String> = self
            .changed_columns
            .iter()
            .map(|(column, wrong)| format!("`{}` {wrong}", column.name))
            .collect();
        reasons.extend(
            self.missing_columns
                .iter()
                .filter(|column| !is_added_by_sqlite(column))
                .map(|column| format!("`{}` is missing", column.name)),
        );
        reasons.extend(
            self.missing_owners
                .iter()
                .map(|owner| format!("`{}` does not refer to `{}`", owner.column, owner.table)),
        );
        if !self.missing_unique.is_empty() {
            reasons.push("a unique key is missing".to_owned());
        }
        for index in &self.extra_unique {
            reasons.push(format!("it is unique by {}", index.columns.join(", ")));
        }
        if self.lacks_counter {
            reasons.push("ids may be given twice".to_owned());
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// `ADD COLUMN` of SQLite takes constant defaults only, and no value where null is refused.
pub(super) fn is_added_by_sqlite(column: &Column) -> bool {
    use super::model::DefaultValue::{False, Nothing, Zero};
    !column.not_null && !column.is_primary_key() && matches!(column.default, Nothing | Zero | False)
}

/// What is wrong with a column that may be empty although it is declared otherwise.
pub(super) const TAKES_NULL: &str = "takes null";

/// What is wrong with a column that exists, as in "`line` is TEXT".
fn wrong_with(column: &Column, found: &LiveColumn, dialect: Dialect) -> Option<String> {
    if !fits(dialect, column.kind, &found.type_name) {
        let shown = if found.type_name.is_empty() {
            "without a type"
        } else {
            &found.type_name
        };
        return Some(format!("is {shown}"));
    }
    if !found.is_binary {
        return Some("is compared by the rules of a language".to_owned());
    }
    if column.is_primary_key() {
        return (!found.is_key).then(|| "is not the primary key".to_owned());
    }
    if found.not_null != column.not_null {
        let wrong = if found.not_null {
            "refuses null"
        } else {
            TAKES_NULL
        };
        return Some(wrong.to_owned());
    }
    (!found.has_default(column.default)).then(|| match &found.default {
        Some(default) => format!("has the default {default}"),
        None => "has no default".to_owned(),
    })
}

fn is_index(table: &Table, declared: &Index, found: &LiveIndex, dialect: Dialect) -> bool {
    let partial = declared.rows != IndexedRows::All && dialect != Dialect::Mysql;
    let method = match dialect {
        Dialect::Sqlite => "",
        _ if keys::is_tree_of_text(table, declared, dialect) => "spgist",
        _ => "btree",
    };
    found.columns == shown(&keys::index_parts(table, declared, dialect))
        && found.partial == partial
        && found.method == method
        && !found.unique
}

fn shown(parts: &[keys::Part]) -> Vec<String> {
    parts.iter().map(keys::Part::shown).collect()
}

/// Whether two keys have the same columns: their order does not change what is unique.
fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|column| other.contains(column))
}
