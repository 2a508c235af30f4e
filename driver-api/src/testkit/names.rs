//! The names of a case's tables, and SQL templates in which they and the dialect's fragments stand in braces.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::dialect;
use crate::descriptor::DriverDescriptor;
use crate::value::ValueKind;

/// Longest part of a table's name that tells its case: PostgreSQL's names have 63 bytes.
const LONGEST_PART: usize = 30;

/// Fills templates for one run of one case.
///
/// | template | becomes |
/// |---|---|
/// | `{t}`, `{u}` | the names of two tables, unquoted |
/// | `{odd}` | the quoted name of the case's oddly named table |
/// | `{i64}`, `{text}`, ... | the column type of a kind |
/// | `{short}` | the type of a text that can be a key |
/// | `{generated}` | type and constraint of a column with generated keys |
/// | `{end}` | what a `CREATE TABLE` with references ends with |
/// | `{long}` | a statement that takes a minute |
/// | `{own_quotes}`, `{own_comment}` | see [`dialect`] |
/// | `{q:text}` | the text, quoted as a name |
pub(super) struct Names<'a> {
    descriptor: &'a DriverDescriptor,
    stem: String,
    odd: String,
}

impl<'a> Names<'a> {
    /// Names that nobody else has.
    pub(super) fn new(descriptor: &'a DriverDescriptor, case: &str, odd: &str) -> Self {
        let unique = RandomState::new().build_hasher().finish() as u32;
        let part: String = case.replace('.', "_").chars().take(LONGEST_PART).collect();
        Self {
            descriptor,
            stem: format!("ct_{part}_{unique:08x}"),
            odd: format!("ct_{unique:08x}_{odd}"),
        }
    }

    /// The name of a table or view, as the catalog tells it.
    pub(super) fn plain(&self, key: &str) -> String {
        match key {
            "odd" => self.odd.clone(),
            _ => format!("{}_{key}", self.stem),
        }
    }

    /// Fills a template. What stands in braces and is no key stays.
    pub(super) fn fill(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let found = after
                .split_once('}')
                .and_then(|(key, tail)| Some((self.fragment(key)?, tail)));
            match found {
                Some((fragment, tail)) => {
                    filled.push_str(&fragment);
                    rest = tail;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    fn fragment(&self, key: &str) -> Option<String> {
        let dialect = self.descriptor.dialect;
        if let Some(name) = key.strip_prefix("q:") {
            return Some(dialect::quoted(dialect, name));
        }
        let fixed = match key {
            "t" | "u" | "view" => return Some(self.plain(key)),
            "odd" => return Some(dialect::quoted(dialect, &self.odd)),
            "long" => return Some(self.fill(dialect::long_statement(dialect))),
            "short" => dialect::short_text(self.descriptor)?,
            "generated" => dialect::generated_key(dialect),
            "end" => dialect::table_end(dialect),
            "own_quotes" => dialect::own_quotes(dialect),
            "own_comment" => dialect::own_comment(dialect),
            kind => dialect::column_type(self.descriptor, kind_named(kind)?)?,
        };
        Some(fixed.to_owned())
    }
}

fn kind_named(name: &str) -> Option<ValueKind> {
    (0..=u8::MAX)
        .map_while(ValueKind::from_tag)
        .find(|kind| kind.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{Dialect, Placement};

    fn descriptor(dialect: Dialect) -> DriverDescriptor {
        DriverDescriptor::new("x", "1.0.0", Placement::Direct, dialect)
    }

    #[test]
    fn templates_become_the_dialects_sql() {
        let descriptor = descriptor(Dialect::Mysql);
        let names = Names::new(&descriptor, "types.i64.min", "a`b");
        let table = names.plain("t");
        assert!(table.starts_with("ct_types_i64_min_") && table.ends_with("_t"));
        assert_eq!(
            names.fill("CREATE TABLE {t} (v {timestamp}, {q:or`der} {text}) {x} {"),
            format!("CREATE TABLE {table} (v DATETIME(6), `or``der` LONGTEXT) {{x}} {{")
        );
        let odd = names.plain("odd").replace('`', "``");
        assert_eq!(names.fill("{odd}"), format!("`{odd}`"));
    }

    #[test]
    fn names_are_short_and_never_the_same() {
        let descriptor = descriptor(Dialect::Postgres);
        let long = "transactions.a_very_long_name_of_a_case_that_says_everything";
        let names = [(); 2].map(|()| Names::new(&descriptor, long, "").plain("view"));
        assert_ne!(names[0], names[1]);
        assert!(names[0].len() <= 63, "{}", names[0]);
    }

    #[test]
    fn a_declared_column_type_goes_before_the_dialects() {
        let generic = descriptor(Dialect::Generic).column_type(ValueKind::I64, "NUMBER");
        let names = Names::new(&generic, "x", "");
        assert_eq!(names.fill("{i64} {date}"), "NUMBER {date}");
    }
}
