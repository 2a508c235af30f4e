//! What stands in the frames of a portable backup: a head, then for each table its name, its rows, its sums.

use std::io::{Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::container::{FrameReader, FrameWriter};
use super::error::{BackupError, Result};

const HEAD: u8 = 1;
const TABLE: u8 = 2;
const ROWS: u8 = 3;
const SUMS: u8 = 4;
const END: u8 = 5;

/// The first record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The program and its version.
    pub(super) program: String,
    /// The version of the declared schema.
    pub(super) schema_version: i64,
    /// The dialect of the database that it was made of.
    pub(super) dialect: String,
}

/// The beginning of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableHead {
    pub(super) name: String,
    /// The columns of its rows.
    pub(super) columns: Vec<String>,
}

/// The end of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) rows: u64,
    /// The hash of the content, the same on every engine.
    pub(super) hash: String,
    /// The greatest id that was ever given.
    pub(super) greatest_id: i64,
}

/// The last record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) rows: u64,
}

/// A record.
#[derive(Debug)]
pub(super) enum Record {
    Head(Head),
    Table(TableHead),
    /// Some rows, as the bytes of a block; they are in the buffer that was given.
    Rows,
    Sums(Sums),
    End(End),
}

pub(super) fn write<W: Write>(writer: &mut FrameWriter<W>, record: &Record) -> Result<()> {
    let (kind, json) = match record {
        Record::Head(head) => (HEAD, json(head)?),
        Record::Table(table) => (TABLE, json(table)?),
        Record::Sums(sums) => (SUMS, json(sums)?),
        Record::End(end) => (END, json(end)?),
        Record::Rows => (ROWS, Vec::new()),
    };
    Ok(writer.frame(kind, &json)?)
}

pub(super) fn write_rows<W: Write>(writer: &mut FrameWriter<W>, block: &[u8]) -> Result<()> {
    Ok(writer.frame(ROWS, block)?)
}

pub(super) fn read<R: Read>(reader: &mut FrameReader<R>, bytes: &mut Vec<u8>) -> Result<Record> {
    Ok(match reader.next(bytes)? {
        HEAD => Record::Head(parse(bytes)?),
        TABLE => Record::Table(parse(bytes)?),
        ROWS => Record::Rows,
        SUMS => Record::Sums(parse(bytes)?),
        END => Record::End(parse(bytes)?),
        kind => {
            return Err(BackupError::Damaged(format!(
                "a record has the kind {kind}"
            )));
        }
    })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| BackupError::Io(error.into()))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| BackupError::Damaged(format!("a record cannot be read: {error}")))
}
