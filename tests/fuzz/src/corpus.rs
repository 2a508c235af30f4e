//! Good messages of every kind, as the encoders write them; they are kept in files, so that a fuzzer of any kind can
//! begin with them and a change of the format is seen.

use driver_api::wire::message::{CancelKey, Hello, Reply, Request, Welcome};
use driver_api::{
    BackupPhase, BackupProgress, Column, DriverError, ErrorClass, ExecuteResult, RowBlock,
    TransactionMode, ValueKind, ValueRef, encode_columns,
};

/// A name, which is the file's, and the message.
pub type Named = (&'static str, Vec<u8>);

/// A block of rows with a value of every kind, and one that is longer than a cell.
pub fn block() -> Vec<u8> {
    let mut block = RowBlock::new(8);
    let long = "a text that is longer than a slot; ".repeat(4);
    for number in [0, -1, i64::MAX] {
        block.push_row([
            ValueRef::Null,
            ValueRef::Bool(true),
            ValueRef::I64(number),
            ValueRef::F64(0.5),
            ValueRef::Decimal("-12.3400"),
            ValueRef::Text(&long),
            ValueRef::Bytes(&[0, 255, 7]),
            ValueRef::Uuid([9; 16]),
        ]);
    }
    block.as_bytes().to_vec()
}

/// A header of three columns.
pub fn header() -> Vec<u8> {
    let mut bytes = Vec::new();
    let columns = ["id", "name", "größe"].map(|name| Column {
        declared_type: "INTEGER".to_owned(),
        kind: ValueKind::from_tag(2),
        ..Column::new(name)
    });
    encode_columns(&columns, &mut bytes);
    bytes
}

/// Requests of every kind, each a frame.
pub fn requests() -> Vec<Named> {
    let params = RowBlock::of_params([ValueRef::I64(7), ValueRef::Text("x")])
        .as_bytes()
        .to_vec();
    let batch = block();
    let sql = "INSERT INTO t VALUES (?, ?)";
    let hello = Hello {
        protocol: 1,
        client: "c5a1a7a0-7c5e-4b4e-9d51-0d9b1f1f0001".into(),
        pid: 7,
        read_only: false,
    };
    let requests = [
        ("hello", Request::Hello(hello)),
        (
            "query",
            Request::Query {
                sequence: 3,
                sql: "SELECT * FROM t WHERE a = ?",
                params: &params,
            },
        ),
        (
            "execute",
            Request::Execute {
                sequence: 1,
                sql,
                params: &params,
            },
        ),
        (
            "execute-many",
            Request::ExecuteMany {
                sequence: 2,
                sql,
                batch: &batch,
            },
        ),
        ("describe", Request::Describe { sql }),
        ("begin", Request::Begin(TransactionMode::ReadOnly)),
        ("commit", Request::Commit { sequence: u64::MAX }),
        ("rollback", Request::Rollback),
        ("tables", Request::Tables),
        ("columns", Request::Columns { table: "t" }),
        ("ping", Request::Ping),
        (
            "backup",
            Request::Backup {
                target: b"/backups/\xff.db",
            },
        ),
        ("cancel", Request::Cancel(CancelKey { session: 1, key: 2 })),
        ("stop", Request::Stop),
        ("go-on", Request::GoOn),
        ("bye", Request::Bye),
    ];
    requests
        .iter()
        .map(|(name, request)| (*name, framed(|out| request.append_to(out).is_ok())))
        .collect()
}

/// Replies of every kind, each a frame.
pub fn replies() -> Vec<Named> {
    let (block, header) = (block(), header());
    let welcome = Welcome {
        protocol: 1,
        driver: "sqlite".into(),
        pid: 9,
        cancel: CancelKey {
            session: 3,
            key: u64::MAX,
        },
        remembers_writes: true,
    };
    let done = ExecuteResult {
        rows_affected: 3,
        last_insert_id: Some(-4),
    };
    let progress = BackupProgress {
        phase: BackupPhase::Checking,
        done: 1 << 40,
        total: u64::MAX,
    };
    let error = DriverError::new(ErrorClass::Constraint, "UNIQUE constraint failed: t.a")
        .with_sqlstate("23505")
        .with_vendor_code(1555)
        .with_unknown_outcome();
    let replies = [
        ("welcome", Reply::Welcome(welcome)),
        (
            "header",
            Reply::Header {
                count: 3,
                header: &header,
            },
        ),
        ("block", Reply::Block(&block)),
        ("done", Reply::Done(done)),
        ("error", Reply::Error(error)),
        ("json", Reply::Json(b"[{\"name\":\"t\"}]")),
        ("go-away", Reply::GoAway),
        ("progress", Reply::Progress(progress)),
    ];
    replies
        .iter()
        .map(|(name, reply)| (*name, framed(|out| reply.append_to(out).is_ok())))
        .collect()
}

fn framed(append: impl FnOnce(&mut Vec<u8>) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(append(&mut out), "a message of the corpus is too long");
    out
}

/// All messages: those above, and conversations of several frames.
pub fn all() -> Vec<Named> {
    let join = |messages: &[Named]| {
        messages
            .iter()
            .flat_map(|(_, bytes)| bytes.clone())
            .collect()
    };
    let (requests, replies) = (requests(), replies());
    let mut all = vec![
        ("rows", block()),
        ("columns-of-a-result", header()),
        ("client", join(&requests)),
        ("worker", join(&replies)),
    ];
    all.extend(requests);
    all.extend(replies);
    all
}
