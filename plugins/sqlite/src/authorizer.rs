//! The authorizer: what a client's SQL may not do on connections that clients share.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use driver_api::{DriverError, ErrorClass, Result};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::error::{SQLITE_AUTH, from_sqlite};

/// Pragmas that only read, whatever their argument names.
const READING_PRAGMAS: [&str; 10] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "quick_check",
    "integrity_check",
];

/// Pragmas that only read as long as they are given no value. `data_version` and `page_size` are
/// asked by the full-text modules themselves.
const READABLE_PRAGMAS: [&str; 17] = [
    "application_id",
    "cache_size",
    "collation_list",
    "compile_options",
    "data_version",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "query_only",
    "schema_version",
    "synchronous",
    "user_version",
];

/// Whose SQL the engine is compiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The driver's own: everything is allowed.
    Driver = 0,
    /// A client's statement.
    Client = 1,
    /// What the engine itself compiles while a client's statement runs.
    Running = 2,
}

/// Decides over every action that a statement would take, while it is compiled.
pub(crate) struct Authorizer {
    /// An atomic only because the engine's hook must be `Send`; one thread at a time uses it.
    phase: AtomicU8,
    /// Grows whenever the engine compiles something, also what a change of the schema made stale.
    compilations: AtomicU64,
    /// Why the last action was refused: the engine itself only says "not authorized".
    refusal: Mutex<Option<DriverError>>,
}

impl Authorizer {
    /// Puts a connection under an authorizer, in the driver's own phase.
    pub(crate) fn install(database: &mut rusqlite::Connection) -> Result<Arc<Self>> {
        let authorizer = Arc::new(Self {
            phase: AtomicU8::new(Phase::Driver as u8),
            compilations: AtomicU64::new(0),
            refusal: Mutex::new(None),
        });
        let hook = Arc::clone(&authorizer);
        database
            .authorizer(Some(move |context: AuthContext<'_>| {
                hook.decide(context.action)
            }))
            .map_err(from_sqlite)?;
        Ok(authorizer)
    }

    /// What is compiled from now on belongs to this phase.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// A number that differs once the engine has compiled anything since.
    pub(crate) fn compilations(&self) -> u64 {
        self.compilations.load(Ordering::Relaxed)
    }

    /// Replaces the engine's bare "not authorized" by the reason.
    pub(crate) fn explain(&self, error: DriverError) -> DriverError {
        let refusal = self
            .refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A refused function is a plain error without the code.
        let says_so = error.vendor_code() == Some(SQLITE_AUTH.into())
            || error.message().starts_with("not authorized");
        match refusal {
            Some(refusal) if says_so => refusal,
            _ => error,
        }
    }

    fn decide(&self, action: AuthAction<'_>) -> Authorization {
        self.compilations.fetch_add(1, Ordering::Relaxed);
        let phase = self.phase.load(Ordering::Relaxed);
        if phase == Phase::Driver as u8 {
            return Authorization::Allow;
        }
        match refusal(action, phase == Phase::Running as u8) {
            None => Authorization::Allow,
            Some(error) => {
                let error = error.with_vendor_code(SQLITE_AUTH.into());
                *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Authorization::Deny
            }
        }
    }
}

/// Why an action of a client's statement is refused; `running` once it is past its compilation.
fn refusal(action: AuthAction<'_>, running: bool) -> Option<DriverError> {
    match action {
        // A running VACUUM has a transaction, and attaches a nameless temporary file; VACUUM INTO
        // attaches a named one.
        AuthAction::Attach { filename: "" } | AuthAction::Transaction { .. } if running => None,
        AuthAction::Attach { .. } => Some(refused("ATTACH and VACUUM INTO open other files")),
        AuthAction::Detach { .. } => Some(refused("DETACH takes files away from other clients")),
        AuthAction::Function { function_name }
            if function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Some(refused("load_extension runs foreign code"))
        }
        AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::CreateTempTrigger { .. } => Some(refused(
            "temporary tables, views and triggers hide those of other clients",
        )),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => refused_pragma(pragma_name, pragma_value.is_some()),
        AuthAction::Transaction { .. } => Some(
            DriverError::new(
                ErrorClass::TransactionState,
                "transactions are started and ended by calls, not by SQL",
            )
            .with_sqlstate("25000"),
        ),
        _ => None,
    }
}

fn refused(reason: &str) -> DriverError {
    DriverError::new(ErrorClass::Access, "the statement is not allowed")
        .with_detail(reason)
        .with_sqlstate("42501")
}

fn refused_pragma(name: &str, has_value: bool) -> Option<DriverError> {
    let listed = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if listed(&READING_PRAGMAS) || (!has_value && listed(&READABLE_PRAGMAS)) {
        return None;
    }
    let verb = if has_value { "setting" } else { "running" };
    Some(refused(&format!(
        "{verb} PRAGMA {name} would change the connection for other clients"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[test]
    fn what_would_reach_outside_or_change_the_connection_is_refused() {
        let mut database = TestDatabase::new();
        for (sql, reason) in [
            ("ATTACH '/tmp/other.db' AS other", "ATTACH"),
            ("ATTACH '' AS other", "ATTACH"),
            ("VACUUM INTO '/tmp/copy.db'", "VACUUM INTO"),
            ("DETACH main", "DETACH"),
            ("SELECT load_extension('x')", "load_extension"),
            ("CREATE TEMP TABLE t(a)", "temporary"),
            ("CREATE TEMP VIEW v AS SELECT 1", "temporary"),
            (
                "PRAGMA writable_schema = 1",
                "setting PRAGMA writable_schema",
            ),
            ("PRAGMA journal_mode = OFF", "setting PRAGMA journal_mode"),
            ("PRAGMA user_version = 7", "setting PRAGMA user_version"),
            ("PRAGMA synchronous = OFF", "setting PRAGMA synchronous"),
            ("PRAGMA wal_checkpoint", "running PRAGMA wal_checkpoint"),
            ("PRAGMA optimize", "running PRAGMA optimize"),
        ] {
            let error = database.execute(sql, []).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Access, "{sql}: {error}");
            let detail = error.detail().unwrap_or_default();
            assert!(detail.contains(reason), "{sql}: {error}");
            assert_eq!(
                (error.sqlstate(), error.vendor_code()),
                (Some("42501"), Some(23))
            );
        }
        assert!(!std::path::Path::new("/tmp/copy.db").exists());
    }

    #[test]
    fn transactions_are_not_started_or_ended_by_sql() {
        use driver_api::{Connection as _, TransactionMode};

        let mut database = TestDatabase::new();
        // The driver's own statements were compiled by then, past the authorizer.
        for mode in [TransactionMode::ReadWrite, TransactionMode::ReadOnly] {
            database.connection.begin(mode).unwrap();
            database.connection.commit().unwrap();
            database.connection.begin(mode).unwrap();
            database.connection.rollback().unwrap();
        }
        let refused = |database: &mut TestDatabase| {
            for sql in [
                "BEGIN",
                "BEGIN IMMEDIATE",
                " COMMIT\n",
                "COMMIT;",
                "END",
                "ROLLBACK",
            ] {
                let error = database.execute(sql, []).unwrap_err();
                assert_eq!(
                    error.class(),
                    ErrorClass::TransactionState,
                    "{sql}: {error}"
                );
            }
        };
        refused(&mut database);
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        refused(&mut database);
        assert_eq!(database.connection.rollback(), Ok(()));
    }

    #[test]
    fn reading_pragmas_are_allowed() {
        let mut database = TestDatabase::new();
        database
            .execute("CREATE TABLE t(a INTEGER PRIMARY KEY)", [])
            .unwrap();
        for sql in [
            "PRAGMA table_info(t)",
            "SELECT name FROM pragma_table_xinfo('t')",
            "PRAGMA user_version",
            "PRAGMA page_count",
            "PRAGMA quick_check",
            "PRAGMA integrity_check(10)",
            "PRAGMA compile_options",
        ] {
            assert!(!database.rows(sql, []).is_empty(), "{sql}");
        }
    }

    #[test]
    fn vacuum_and_full_text_search_work_under_the_authorizer() {
        let mut database = TestDatabase::new();
        database
            .execute("CREATE VIRTUAL TABLE f USING fts5(body)", [])
            .unwrap();
        database
            .execute("INSERT INTO f VALUES ('some words')", [])
            .unwrap();
        database.execute("VACUUM", []).unwrap();
        let found = database.rows("SELECT body FROM f WHERE f MATCH 'words'", []);
        assert_eq!(found, [["some words".into()]]);
    }
}
