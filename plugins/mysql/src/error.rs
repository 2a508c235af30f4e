//! From the server's error numbers and the client library's failures to the classes that callers act on.

use driver_api::{DriverError, ErrorClass, Result};
use mysql::{DriverError as ClientError, MySqlError};
use mysql_common::proto::codec::error::PacketCodecError;

use ErrorClass::{
    Access, AlreadyExists, Busy, Cancelled, Conflict, ConnectionLost, Constraint, Corrupt,
    DiskFull, Internal, InvalidValue, Io, LimitExceeded, NotFound, ParameterCount, Protocol,
    ReadOnly, Syntax, Timeout, TransactionState, Unavailable, Unsupported,
};

/// `ER_UNSUPPORTED_PS`: the statement is known, but not as a prepared one.
pub(crate) const NOT_PREPARABLE: u16 = 1295;
/// `ER_DB_CREATE_EXISTS`.
pub(crate) const DATABASE_EXISTS: u16 = 1007;
/// `ER_BAD_DB_ERROR`.
pub(crate) const UNKNOWN_DATABASE: u16 = 1049;
/// `ER_LOCK_WAIT_TIMEOUT`.
const LOCK_WAIT: u16 = 1205;
/// `ER_LOCK_TABLE_FULL`.
const LOCK_TABLE_FULL: u16 = 1206;

/// The error of a call that takes one statement and was given more.
pub(crate) fn several_statements() -> DriverError {
    syntax("a call takes one statement, this is more than one")
}

/// The error of SQL that is refused before the server sees it.
pub(crate) fn syntax(message: &str) -> DriverError {
    DriverError::new(Syntax, message).with_sqlstate("42601")
}

/// The error of a value that has no counterpart on the other side.
pub(crate) fn invalid_value(message: String, sqlstate: &str) -> DriverError {
    DriverError::new(InvalidValue, message).with_sqlstate(sqlstate)
}

/// The error of a call on a connection that broke.
pub(crate) fn lost(detail: &str) -> DriverError {
    DriverError::new(ConnectionLost, "the connection to the server broke")
        .with_detail(detail)
        .with_sqlstate("08S01")
}

/// An error that breaks the connection as what it is to callers: what the server says unasked, before it ends the
/// connection, is no answer that the client library understands.
pub(crate) fn as_lost(error: DriverError) -> DriverError {
    match error.class() {
        ConnectionLost => error,
        _ => lost(&error.to_string()),
    }
}

/// Whether the server ended the whole transaction with this error, not only the statement.
pub(crate) fn ends_transaction(error: &DriverError, rolls_back_on_timeout: bool) -> bool {
    error.class() == Conflict
        || error.vendor_code() == Some(LOCK_TABLE_FULL.into())
        || (rolls_back_on_timeout && error.vendor_code() == Some(LOCK_WAIT.into()))
}

/// Turns the client library's result into the driver's.
pub(crate) trait IntoDriverResult<T> {
    /// As [`from_client`] for the error.
    fn driver_result(self) -> Result<T>;
}

impl<T> IntoDriverResult<T> for mysql::Result<T> {
    #[inline]
    fn driver_result(self) -> Result<T> {
        self.map_err(from_client)
    }
}

/// The error of a call that the server or the way to it failed.
pub(crate) fn from_client(error: mysql::Error) -> DriverError {
    match error {
        mysql::Error::MySqlError(error) => from_server(error),
        mysql::Error::IoError(error) => from_io(&error),
        mysql::Error::DriverError(ClientError::PacketTooLarge) => too_large(),
        mysql::Error::CodecError(error) if error.to_string().contains("max_allowed_packet") => {
            too_large()
        }
        mysql::Error::CodecError(PacketCodecError::Io(error)) => from_io(&error),
        mysql::Error::CodecError(error) => {
            DriverError::new(Protocol, "the server's answer cannot be read")
                .with_detail(error.to_string())
        }
        mysql::Error::DriverError(ClientError::UnexpectedPacket | ClientError::PacketOutOfSync) => {
            DriverError::new(
                Protocol,
                "the server's answer is not what the protocol says",
            )
        }
        other => DriverError::new(Internal, other.to_string()),
    }
}

/// The error of a statement that the server would not take.
pub(crate) fn too_large() -> DriverError {
    DriverError::new(
        LimitExceeded,
        "the statement with its parameters is too large",
    )
    .with_detail("the server's `max_allowed_packet` limits it")
    .with_sqlstate("08S01")
    .with_vendor_code(1153)
}

fn from_io(error: &std::io::Error) -> DriverError {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    match error.kind() {
        WouldBlock | TimedOut => lost("the server did not answer in time (`network_timeout_ms`)"),
        _ => lost(&error.to_string()),
    }
}

fn from_server(error: MySqlError) -> DriverError {
    let class = classify(&error);
    let driver_error = DriverError::new(class, error.message)
        .with_sqlstate(error.state)
        .with_vendor_code(error.code.into());
    let driver_error = match detail(class, error.code) {
        Some(detail) => driver_error.with_detail(detail),
        None => driver_error,
    };
    if matches!(class, Conflict | Busy | Unavailable) {
        driver_error.retryable()
    } else {
        driver_error
    }
}

fn detail(class: ErrorClass, code: u16) -> Option<&'static str> {
    Some(match (class, code) {
        (ReadOnly, 1290 | 1836) => {
            "the server is read only, as a replica is: give the primary as `host`"
        }
        (Unavailable, 1040 | 1203) => {
            "the server takes no more connections: lower `pool_size`, or raise the server's \
             `max_connections` or the user's limit"
        }
        _ => return None,
    })
}

fn classify(error: &MySqlError) -> ErrorClass {
    by_message(error)
        .or_else(|| by_code(error.code))
        .unwrap_or_else(|| by_sqlstate(&error.state))
}

/// Numbers that mean several things.
fn by_message(error: &MySqlError) -> Option<ErrorClass> {
    let contains = |part: &str| error.message.contains(part);
    Some(match error.code {
        1290 if contains("read-only") || contains("read_only") => ReadOnly,
        1290 => Access,
        1305 if error.message.starts_with("SAVEPOINT") => TransactionState,
        1028 | 1030 if contains("interrupted") => Cancelled,
        1030 if contains("No space left") || contains("error 28") => DiskFull,
        1030 if contains("Read only") => ReadOnly,
        _ => return None,
    })
}

/// The numbers of `ER_*` in the servers' sources. What is not here is classified by its SQLSTATE.
fn by_code(code: u16) -> Option<ErrorClass> {
    Some(match code {
        1042 | 1043 | 1047 | 1040 | 1129 | 1203 => Unavailable,
        1053 | 1077..=1080 | 1152 | 1158..=1161 | 1184 | 1927 | 4031 => ConnectionLost,
        1044 | 1045 | 1095 | 1130 | 1131 | 1132 | 1133 | 1142 | 1143 | 1227 | 1251 | 1370
        | 1396 | 1410 | 1419 | 1449 | 1524 | 1698 | 1820 | 1862 | 3118 | 3159 | 4151 => Access,
        UNKNOWN_DATABASE | 1008 | 1051 | 1054 | 1072 | 1091 | 1109 | 1115 | 1128 | 1146 | 1176
        | 1193 | 1273 | 1305 | 1360 | 1477 | 1539 | 1630 | 4091 | 4092 => NotFound,
        DATABASE_EXISTS | 1050 | 1060 | 1061 | 1304 | 1359 | 1537 | 1826 | 3822 => AlreadyExists,
        1022 | 1048 | 1062 | 1169 | 1216 | 1217 | 1364 | 1451 | 1452 | 1557 | 1586 | 1644
        | 1761 | 1762 | 1859 | 3819 | 4025 => Constraint,
        1264
        | 1265
        | 1292
        | 1300
        | 1365
        | 1366
        | 1367
        | 1406
        | 1411
        | 1416
        | 1425
        | 1426
        | 1427
        | 1439
        | 1441
        | 1525
        | 1690
        | 1292..=1294
        | 3140..=3157
        | 3854
        | 4037..=4042 => InvalidValue,
        1172 | 1242 => InvalidValue,
        1058 | 1136 | 1222 | 1241 => Syntax,
        1059 | 1069 | 1070 | 1071 | 1074 | 1102 | 1103 | 1117 | 1118 | 1153 | 1162 | 1390
        | 1436 | 1437 | 1038 | 1037 | 1041 | 1135 | LOCK_TABLE_FULL | 1226 | 1461 | 1516 | 3170 => {
            LimitExceeded
        }
        1205 | 1099 | 1100 | 1192 | 1223 | 3058 | 3572 => Busy,
        1213 | 1020 | 1614 | 3101 => Conflict,
        1317 | 1028 => Cancelled,
        1969 | 3024 => Timeout,
        1568 | 1179 | 1399 | 1400 | 1401 => TransactionState,
        1792 | 1836 | 1036 | 3098 => ReadOnly,
        1021 | 1114 => DiskFull,
        1016 | 1017 | 1019 | 1023..=1027 | 1030 | 1180 | 1181 => Io,
        1034 | 1035 | 1033 | 1194 | 1195 | 1459 | 1712 | 1877 => Corrupt,
        NOT_PREPARABLE | 1178 | 1214 | 1221 | 1235 | 1286 | 1289 | 1701 | 1845 | 1846 | 1901 => {
            Unsupported
        }
        1210 => ParameterCount,
        _ => return None,
    })
}

fn by_sqlstate(state: &str) -> ErrorClass {
    match state.get(..2).unwrap_or_default() {
        "08" => ConnectionLost,
        "0A" => Unsupported,
        "22" => InvalidValue,
        "23" => Constraint,
        "25" => TransactionState,
        "28" => Access,
        "40" => Conflict,
        "42" => Syntax,
        // A trigger's own SIGNAL.
        "45" => Constraint,
        _ => Internal,
    }
}

#[cfg(test)]
mod tests;
