//! The descriptor: names, versions and capabilities that hosts and people can rely on.

use std::collections::BTreeSet;

use crate::descriptor::Dialect;
use crate::testkit::case::{Case, Group};
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{Action, step};

/// A rule, and what it says about the driver.
type Rule = (&'static str, fn(&Bench<'_>) -> Result<(), Mismatch>);

const RULES: [Rule; 10] = [
    ("name", name),
    ("aliases", aliases),
    ("version", version),
    ("summary", summary),
    ("stays_the_same", stays_the_same),
    ("savepoints_need_transactions", savepoints),
    ("foreign_keys_need_constraints", foreign_keys),
    ("read_only_needs_its_option", read_only),
    ("constraints_need_ddl", constraints),
    ("generic_dialect_names_its_types", column_types),
];

pub(super) fn cases() -> Vec<Case> {
    let case = |(name, rule): &Rule| {
        Case::new(Group::Descriptor, name).steps([step(Action::Check(*rule))])
    };
    RULES.iter().map(case).collect()
}

/// `Ok` where the rule holds.
pub(super) fn hold(holds: bool, expected: &str, found: impl Into<String>) -> Result<(), Mismatch> {
    match holds {
        true => Ok(()),
        false => Err((expected.to_owned(), found.into())),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed)
}

fn name(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let name = &bench.descriptor.name;
    let expected = "a name of lower-case letters, digits, `-` and `_` that begins with a letter";
    hold(is_name(name), expected, format!("{name:?}"))
}

fn aliases(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let descriptor = bench.descriptor;
    let names: Vec<&String> = descriptor
        .aliases
        .iter()
        .chain([&descriptor.name])
        .collect();
    let different: BTreeSet<&String> = names.iter().copied().collect();
    let fine = names.iter().all(|name| is_name(name)) && different.len() == names.len();
    hold(
        fine,
        "names that differ and follow the rule of names",
        format!("{names:?}"),
    )
}

fn version(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let version = &bench.descriptor.version;
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| {
        part.parse::<u64>()
            .is_ok_and(|number| number.to_string() == part)
    };
    let fine = core.split('.').count() == 3 && core.split('.').all(is_number);
    hold(fine, "a version of the form 1.2.3", format!("{version:?}"))
}

fn summary(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let summary = &bench.descriptor.summary;
    let fine = !summary.trim().is_empty() && summary.lines().count() == 1;
    hold(
        fine,
        "one line that says what the driver is for",
        format!("{summary:?}"),
    )
}

fn stays_the_same(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let again = bench.driver.descriptor();
    let same = again == *bench.descriptor;
    hold(
        same,
        "the same descriptor at every call",
        format!("{again:?}"),
    )
}

fn savepoints(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let has = bench.descriptor.capabilities;
    let fine = has.transactions || !has.savepoints;
    hold(
        fine,
        "`transactions` beside `savepoints`",
        "savepoints alone",
    )
}

fn foreign_keys(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let has = bench.descriptor.capabilities;
    let fine = has.constraints || !has.foreign_keys;
    hold(
        fine,
        "`constraints` beside `foreign_keys`",
        "foreign keys alone",
    )
}

fn read_only(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let has_option = bench
        .descriptor
        .options
        .iter()
        .any(|spec| spec.key == "read_only");
    let fine = has_option || !bench.descriptor.capabilities.read_only;
    hold(
        fine,
        "an option `read_only`, as the capability says",
        "none",
    )
}

fn constraints(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let has = bench.descriptor.capabilities;
    let fine = has.ddl || !(has.constraints || has.strict_types || has.generated_keys);
    hold(fine, "`ddl` beside what is said of tables", "no `ddl`")
}

fn column_types(bench: &Bench<'_>) -> Result<(), Mismatch> {
    let descriptor = bench.descriptor;
    let generic_tables = descriptor.dialect == Dialect::Generic && descriptor.capabilities.ddl;
    let fine = !generic_tables || !descriptor.column_types.is_empty();
    hold(fine, "column types beside `ddl`", "none")
}
