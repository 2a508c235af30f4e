//! The declaration of each version, as the statements that create it: whoever changes one changes the version.

use std::fmt::Write;
use std::path::Path;

use driver_api::Dialect;

use super::*;

fn statements() -> String {
    let mut text = String::new();
    for (name, dialect) in [
        ("SQLite", Dialect::Sqlite),
        ("PostgreSQL", Dialect::Postgres),
        ("MySQL", Dialect::Mysql),
    ] {
        writeln!(text, "-- {name}").unwrap();
        for table in bookkeeping(dialect).chain(tables()) {
            let mut all = emit::create_table(table, dialect);
            if !emit::has_indexes_inline(dialect) {
                let indexes = table.indexes.iter();
                all.extend(indexes.map(|index| emit::create_index(table, index, dialect)));
            }
            writeln!(text, "{};", all.join(";\n")).unwrap();
        }
        let full_text = emit::create_full_text(&FULL_TEXT, dialect);
        writeln!(text, "{};\n", full_text.join(";\n")).unwrap();
    }
    text
}

#[test]
fn a_version_of_the_schema_stays_what_it_is() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/code_db/schema/versions");
    let file = place.join(format!("{VERSION}.sql"));
    if std::env::var_os("UPDATE_EXPECT").is_some() && !file.exists() {
        std::fs::write(&file, statements()).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == statements(),
        "the declared schema is not that of version {VERSION} in {}. A change after a release needs a new version: raise \
         schema::VERSION; UPDATE_EXPECT=1 writes the file of a version that has none. Before the release of version \
         {VERSION}, remove its file and write it anew",
        file.display()
    );
}
