//! Tests of what a server refuses at the start of a session, and of the database that is made for it.

use std::thread;
use std::time::{Duration, Instant};

use driver_api::{Connection as _, Driver as _, DriverError, ErrorClass, TransactionMode};
use serde_json::{Map, Value as Json, json};
use test_needs::needs;
use test_servers::postgres::PostgresServer;

use crate::driver::PostgresDriver;
use crate::testing::{TestDatabase, checked, open, options};

fn changed(options: &Map<String, Json>, change: Json) -> Map<String, Json> {
    let mut options = options.clone();
    options.extend(change.as_object().unwrap().clone());
    options
}

pub(crate) fn refusal(options: &Map<String, Json>, change: Json) -> DriverError {
    let error = open(&changed(options, change)).err().unwrap();
    // One line, and without the password.
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
    error
}

#[needs(postgresql)]
#[test]
fn what_is_refused_at_the_start_names_the_option_to_change() {
    let database = TestDatabase::new();
    let options = &database.options;
    for (change, class, sqlstate, option) in [
        (
            json!({"password": "canary wrong"}),
            ErrorClass::Access,
            "28P01",
            "`password`",
        ),
        (
            json!({"password": null}),
            ErrorClass::Access,
            "28P01",
            "`password_file`",
        ),
        (
            json!({"user": "nobody"}),
            ErrorClass::Access,
            "28P01",
            "`user`",
        ),
        (
            json!({"database": "absent"}),
            ErrorClass::NotFound,
            "3D000",
            "`database`",
        ),
        (
            json!({"port": 1}),
            ErrorClass::Unavailable,
            "08001",
            "`port`",
        ),
        (
            json!({"host": null, "socket": "/nowhere"}),
            ErrorClass::Unavailable,
            "08001",
            "`socket`",
        ),
        (
            json!({"tls": "require"}),
            ErrorClass::Options,
            "08001",
            "`tls` to `disable`",
        ),
    ] {
        let error = refusal(options, change.clone());
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (class, Some(sqlstate)), "{change}: {error}");
        assert!(
            error.detail().unwrap().contains(option),
            "{change}: {error}"
        );
    }
}

#[needs(postgresql)]
#[test]
fn too_many_connections_is_said_so() {
    let settings = [
        ("max_connections", "4"),
        ("superuser_reserved_connections", "0"),
    ];
    let server = PostgresServer::with_settings(&settings);
    let options = options(&server, "postgres");
    let mut open_ones = Vec::new();
    let error = loop {
        match open(&options) {
            Ok(connection) => open_ones.push(connection),
            Err(error) => break error,
        }
    };
    assert_eq!(open_ones.len(), 4);
    let found = (error.class(), error.sqlstate(), error.is_retryable());
    assert_eq!(found, (ErrorClass::Unavailable, Some("53300"), true));
    assert!(error.detail().unwrap().contains("`pool_size`"), "{error}");
    // A closed one makes room at once.
    open_ones.pop().unwrap().close().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while open(&options).is_err() {
        assert!(Instant::now() < deadline);
    }
}

#[needs(postgresql)]
#[test]
fn certificates_are_checked_as_the_mode_says() {
    let server = PostgresServer::with_tls(&[]);
    let other = PostgresServer::with_tls(&[]);
    let plain = options(&server, "postgres");
    let full = json!({"tls": "verify-full", "ca_file": server.ca_file()});
    let mut connection = open(&changed(&plain, full)).unwrap();
    assert_eq!(connection.ping(), Ok(()));
    let handle = connection.cancel_handle().unwrap();
    handle.cancel().unwrap();
    assert_eq!(connection.ping(), Ok(()));

    let wrong_ca = json!({"tls": "verify-full", "ca_file": other.ca_file()});
    let error = refusal(&plain, wrong_ca);
    assert_eq!(error.class(), ErrorClass::Options, "{error}");
    assert!(
        error
            .message()
            .ends_with("is not signed by a trusted authority"),
        "{error}"
    );
    assert!(error.detail().unwrap().contains("`ca_file`"), "{error}");

    let host = server.unnamed_host();
    let wrong_name = json!({"host": host, "tls": "verify-full", "ca_file": server.ca_file()});
    let error = refusal(&plain, wrong_name);
    assert!(error.message().ends_with("is for another name"), "{error}");
    assert!(error.detail().unwrap().contains("set `host`"), "{error}");

    let any_name = json!({"host": host, "tls": "verify-ca", "ca_file": server.ca_file()});
    assert_eq!(open(&changed(&plain, any_name)).unwrap().ping(), Ok(()));
    let wrong_ca = json!({"tls": "verify-ca", "ca_file": other.ca_file()});
    assert_eq!(refusal(&plain, wrong_ca).class(), ErrorClass::Options);
    assert_eq!(
        open(&changed(&plain, json!({"tls": "require"})))
            .unwrap()
            .ping(),
        Ok(())
    );
}

#[needs(postgresql)]
#[test]
fn a_standby_is_recognised() {
    let primary = PostgresServer::start();
    let standby = primary.standby();
    let to_standby = options(&standby, "postgres");
    let error = refusal(&to_standby, json!({}));
    let found = (error.class(), error.sqlstate());
    assert_eq!(found, (ErrorClass::ReadOnly, Some("25006")));
    assert!(
        error.message().ends_with("is a read-only standby"),
        "{error}"
    );
    let mut reader = open(&changed(&to_standby, json!({"read_only": true}))).unwrap();
    assert_eq!(reader.ping(), Ok(()));
    let error = reader.begin(TransactionMode::ReadWrite).unwrap_err();
    assert_eq!(error.class(), ErrorClass::ReadOnly);
}

#[needs(postgresql)]
#[test]
fn creating_says_whether_it_created_and_two_at_once_agree() {
    let database = TestDatabase::new();
    let name = json!({"database": "fresh \"name\""});
    let fresh = checked(&changed(&database.options, name.clone()));
    let mut created: Vec<bool> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| PostgresDriver.create_database(&fresh).unwrap()))
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    created.sort_unstable();
    assert_eq!(created, [false, false, true]);
    let mut connection = database.connect(name);
    assert_eq!(connection.value("SHOW server_encoding", []), "UTF8".into());
    let order = "SELECT string_agg(v, '' ORDER BY v) FROM (VALUES ('a'), ('B'), ('é')) AS x(v)";
    assert_eq!(connection.value(order, []), "Baé".into());
}
