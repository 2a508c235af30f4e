//! Messages: there and back again, and damaged.

use proptest::prelude::*;

use super::*;
use crate::error::ErrorClass;
use crate::wire::frame::FrameReader;

fn frame_of(append: impl FnOnce(&mut Vec<u8>) -> Result<(), FrameError>) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    append(&mut out).unwrap();
    let mut reader = FrameReader::new(out.as_slice());
    let frame = reader.next_frame().unwrap().unwrap();
    (frame.kind, frame.payload.to_vec())
}

fn check_request(request: &Request<'_>) {
    let (kind, payload) = frame_of(|out| request.append_to(out));
    let back = Request::read(Frame {
        kind,
        payload: &payload,
    })
    .unwrap();
    assert_eq!(&back, request);
}

fn check_reply(reply: &Reply<'_>) {
    let (kind, payload) = frame_of(|out| reply.append_to(out));
    let back = Reply::read(Frame {
        kind,
        payload: &payload,
    })
    .unwrap();
    assert_eq!(&back, reply);
}

proptest! {
    #[test]
    fn requests_round_trip(sql in any::<String>(), params in any::<Vec<u8>>(), sequence in any::<u64>()) {
        check_request(&Request::Query { sequence, sql: &sql, params: &params });
        check_request(&Request::Execute { sequence, sql: &sql, params: &params });
        check_request(&Request::ExecuteMany { sequence, sql: &sql, batch: &params });
        check_request(&Request::Describe { sql: &sql });
        check_request(&Request::Columns { table: &sql });
        check_request(&Request::Commit { sequence });
        check_request(&Request::Backup { target: &params });
    }

    #[test]
    fn replies_round_trip(bytes in any::<Vec<u8>>(), rows in any::<u64>(), id in any::<Option<i64>>()) {
        check_reply(&Reply::Header { count: 3, header: &bytes });
        check_reply(&Reply::Block(&bytes));
        check_reply(&Reply::Json(&bytes));
        for phase in [BackupPhase::Copying, BackupPhase::Checking] {
            check_reply(&Reply::Progress(BackupProgress { phase, done: rows, total: !rows }));
        }
        check_reply(&Reply::Done(ExecuteResult { rows_affected: rows, last_insert_id: id }));
    }

    #[test]
    fn arbitrary_frames_never_panic(kind in any::<u8>(), payload in any::<Vec<u8>>()) {
        let frame = Frame { kind, payload: &payload };
        let _ = Request::read(frame);
        let _ = Reply::read(frame);
    }
}

#[test]
fn messages_without_free_parts_round_trip() {
    let hello = Hello {
        protocol: 1,
        client: "c".into(),
        pid: 7,
        read_only: true,
    };
    check_request(&Request::Hello(hello));
    check_request(&Request::Begin(TransactionMode::ReadOnly));
    check_request(&Request::Begin(TransactionMode::ReadWrite));
    check_request(&Request::Cancel(CancelKey { session: 1, key: 2 }));
    for request in [
        Request::Rollback,
        Request::Tables,
        Request::Ping,
        Request::Stop,
        Request::GoOn,
        Request::Bye,
    ] {
        check_request(&request);
    }
    let cancel = CancelKey {
        session: 3,
        key: u64::MAX,
    };
    check_reply(&Reply::Welcome(Welcome {
        protocol: 1,
        driver: "d".into(),
        pid: 1,
        cancel,
        remembers_writes: true,
    }));
    check_reply(&Reply::Error(
        DriverError::new(ErrorClass::Busy, "busy").retryable(),
    ));
    check_reply(&Reply::GoAway);
}

#[test]
fn trailing_bytes_and_unknown_kinds_are_refused() {
    let error = Request::read(Frame {
        kind: 11,
        payload: b"x",
    })
    .unwrap_err();
    assert_eq!(error.reason, "bytes follow its end");
    assert!(
        Request::read(Frame {
            kind: 0x81,
            payload: b""
        })
        .is_err()
    );
    assert!(
        Reply::read(Frame {
            kind: 2,
            payload: b""
        })
        .is_err()
    );
}
