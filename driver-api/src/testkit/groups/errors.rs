//! Errors: their classes, and that the connection goes on after each.

use crate::error::ErrorClass::{
    AlreadyExists, Constraint, InvalidValue, NotFound, ParameterCount, Syntax,
};
use crate::testkit::case::{Case, Group};
use crate::testkit::need::Need;
use crate::testkit::step::{Step, create, create_keyed, execute, insert, query, rows_are};
use crate::value::{Value, ValueKind};

const TABLE: [Need; 3] = [
    Need::Ddl,
    Need::Kind(ValueKind::I64),
    Need::Kind(ValueKind::Text),
];

/// A step that fails, on a table with one row; afterwards the connection and the table are as before.
fn after(name: &str, failing: Step) -> Case {
    Case::new(Group::Errors, name).needing(&TABLE).steps([
        create_keyed_or_not(name),
        insert(1, "one"),
        failing,
        query("SELECT v FROM {t}").gives_value("one"),
        execute("DELETE FROM {t}"),
        rows_are(0),
    ])
}

fn create_keyed_or_not(name: &str) -> Step {
    if name.starts_with("constraint.") {
        create_keyed()
    } else {
        create()
    }
}

fn statements() -> Vec<Case> {
    let many = (0..100).map(|n| query(format!("SELEC {n}")).fails(Syntax));
    vec![
        after("syntax", execute("SELEC id FROM {t}").fails(Syntax)),
        after(
            "syntax_in_query",
            query("SELECT id FRO {t} x y").fails(Syntax),
        ),
        after("unfinished", query("SELECT id FROM").fails(Syntax)),
        after(
            "unfinished_string",
            query("SELECT 'x FROM {t}").fails(Syntax),
        ),
        after(
            "unfinished_comment",
            query("SELECT id FROM {t} (/* x").fails(Syntax),
        ),
        after("empty", execute("").fails(Syntax)),
        after("only_white_space", execute(" \n\t ").fails(Syntax)),
        after("only_a_comment", execute("-- nothing").fails(Syntax)),
        after(
            "nul",
            execute("DELETE FROM {t}\0").fails_with_one_of(&[Syntax, InvalidValue]),
        ),
        after(
            "two_statements",
            execute("DELETE FROM {t}; DELETE FROM {t}").fails(Syntax),
        ),
        after(
            "two_statements_in_query",
            query("SELECT id FROM {t}; SELECT id FROM {t}").fails(Syntax),
        ),
        after(
            "two_statements_with_parameters",
            execute("DELETE FROM {t}; INSERT INTO {t} (id, v) VALUES (?, ?)")
                .with([Value::I64(2), "x".into()])
                .fails_with_one_of(&[Syntax, ParameterCount]),
        ),
        after(
            "second_statement_behind_a_comment",
            execute("DELETE FROM {t} -- ;\n; /* ; */ DELETE FROM {t}").fails(Syntax),
        ),
        Case::new(Group::Errors, "one_statement_with_an_end")
            .needing(&TABLE)
            .steps([
                create(),
                insert(1, "a;b"),
                query("SELECT v FROM {t};").gives_value("a;b"),
                query(" SELECT v FROM {t} ; -- ; the end").gives_value("a;b"),
                query("/* ; */ SELECT v /* ; */ FROM {t}").gives_value("a;b"),
            ]),
        Case::new(Group::Errors, "hundred_errors")
            .needing(&TABLE)
            .steps(std::iter::once(create()).chain(many).chain([rows_are(0)])),
        Case::new(Group::Errors, "long_statement")
            .needing(&TABLE)
            .steps([
                create(),
                query(format!(
                    "SELECT id /* {} */ FROM {{t}}",
                    "long ".repeat(40_000)
                )),
                rows_are(0),
            ]),
    ]
}

fn objects() -> Vec<Case> {
    vec![
        after(
            "missing_table.query",
            query("SELECT id FROM {u}").fails(NotFound),
        ),
        after(
            "missing_table.insert",
            execute("INSERT INTO {u} (id) VALUES (?)")
                .with([1i64])
                .fails(NotFound),
        ),
        after(
            "missing_table.delete",
            execute("DELETE FROM {u}").fails(NotFound),
        ),
        after(
            "missing_table.drop",
            execute("DROP TABLE {u}").fails(NotFound),
        ),
        after(
            "missing_column.query",
            query("SELECT nowhere FROM {t}").fails(NotFound),
        ),
        after(
            "missing_column.insert",
            execute("INSERT INTO {t} (nowhere) VALUES (?)")
                .with([1i64])
                .fails(NotFound),
        ),
        after(
            "missing_column.update",
            execute("UPDATE {t} SET nowhere = 1").fails(NotFound),
        )
        .needing(&[Need::Expressions]),
        after(
            "missing_function",
            query("SELECT no_such_function(id) FROM {t}").fails(NotFound),
        )
        .needing(&[Need::Expressions]),
        after(
            "existing_table",
            execute("CREATE TABLE {t} (id {i64})").fails(AlreadyExists),
        ),
    ]
}

fn constraints() -> Vec<Case> {
    let constrained = |name: &str, columns: &str, failing: Step| {
        let full_name = format!("constraint.{name}");
        Case::new(Group::Errors, &full_name)
            .needing(&TABLE)
            .needing(&[Need::Constraints, Need::Expressions])
            .steps([
                execute(format!("CREATE TABLE {{t}} ({columns})")),
                insert(1, "one"),
                failing.fails(Constraint),
                query("SELECT v FROM {t} WHERE id = ?")
                    .with([1i64])
                    .gives_value("one"),
                rows_are(1),
            ])
    };
    let null = || execute("INSERT INTO {t} (id, v) VALUES (?, ?)").with([2i64.into(), Value::Null]);
    vec![
        after("constraint.primary_key", insert(1, "x").fails(Constraint))
            .needing(&[Need::Constraints]),
        constrained("unique", "id {i64}, v {short} UNIQUE", insert(2, "one")),
        constrained(
            "unique_pair",
            "id {i64}, v {short}, UNIQUE (id, v)",
            insert(1, "one"),
        ),
        constrained("not_null", "id {i64}, v {text} NOT NULL", null()),
        constrained(
            "check",
            "id {i64} CHECK (id < 10), v {text}",
            insert(10, "ten"),
        ),
        constrained(
            "update",
            "id {i64} CHECK (id < 10), v {text}",
            execute("UPDATE {t} SET id = id + 9"),
        ),
        constrained(
            "in_query",
            "id {i64} PRIMARY KEY, v {text}",
            query("INSERT INTO {t} (id, v) VALUES (1, 'x')"),
        ),
    ]
}

fn references() -> Vec<Case> {
    let linked = |name: &str, steps: Vec<Step>| {
        let create = [
            execute("CREATE TABLE {t} (id {i64} NOT NULL PRIMARY KEY, v {text}){end}"),
            execute(
                "CREATE TABLE {u} (parent {i64}, FOREIGN KEY (parent) REFERENCES {t} (id)){end}",
            ),
            insert(1, "parent"),
        ];
        Case::new(Group::Errors, &format!("foreign_key.{name}"))
            .needing(&TABLE)
            .needing(&[Need::ForeignKeys, Need::Constraints, Need::Expressions])
            .steps(create)
            .steps(steps)
    };
    let child = |id: i64| execute("INSERT INTO {u} (parent) VALUES (?)").with([id]);
    vec![
        linked(
            "missing_parent",
            vec![child(2).fails(Constraint), child(1), rows_are(1)],
        ),
        linked(
            "parent_in_use",
            vec![
                child(1),
                execute("DELETE FROM {t}").fails(Constraint),
                rows_are(1),
                execute("DELETE FROM {u}"),
                execute("DELETE FROM {t}"),
                rows_are(0),
            ],
        ),
    ]
}

fn values() -> Vec<Case> {
    let strict = |name: &str, value: Value| {
        let full_name = format!("value.{name}");
        let insert = execute("INSERT INTO {t} (id, v) VALUES (?, ?)").with([value, "x".into()]);
        after(&full_name, insert.fails(InvalidValue)).needing(&[Need::StrictTypes])
    };
    vec![
        strict("text_for_a_number", "not a number".into()),
        strict("number_out_of_range", u64::MAX.into()),
        strict("infinity_for_an_integer", f64::INFINITY.into()),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [
        statements(),
        objects(),
        constraints(),
        references(),
        values(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
