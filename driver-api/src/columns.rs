//! The header of a result: its columns' names and types, as bytes that travel ahead of the rows.

use crate::block::BlockError;
use crate::value::ValueKind;

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Column {
    /// The name or alias in the result.
    pub name: String,
    /// The type as the database names it (`VARCHAR(80)`), empty where it has none.
    pub declared_type: String,
    /// The kind that its values have, where that is known before the rows.
    pub kind: Option<ValueKind>,
}

impl Column {
    /// A column of this name, with no declared type.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            declared_type: String::new(),
            kind: None,
        }
    }
}

const UNKNOWN_KIND: u8 = 255;

/// Appends the header of these columns to `bytes`.
///
/// Layout: count u32, then for each column kind u8 (255: not known), name and declared type, each
/// as length u32 and UTF-8.
pub fn encode(columns: &[Column], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(columns.len() as u32).to_le_bytes());
    for column in columns {
        bytes.push(column.kind.map_or(UNKNOWN_KIND, |kind| kind as u8));
        for text in [&column.name, &column.declared_type] {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`BlockError::Damaged`] when the bytes are cut off, too long, or not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<Vec<Column>, BlockError> {
    let mut rest = bytes;
    let count = take_u32(&mut rest)?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let (kind, after) = rest.split_first().ok_or(CUT)?;
        rest = after;
        columns.push(Column {
            kind: ValueKind::from_tag(*kind),
            name: take_text(&mut rest)?,
            declared_type: take_text(&mut rest)?,
        });
    }
    if !rest.is_empty() {
        return Err(BlockError::Damaged("bytes after the last column"));
    }
    Ok(columns)
}

const CUT: BlockError = BlockError::Damaged("a column header is cut off");

fn take_u32(rest: &mut &[u8]) -> Result<u32, BlockError> {
    let (head, tail) = rest.split_first_chunk().ok_or(CUT)?;
    *rest = tail;
    Ok(u32::from_le_bytes(*head))
}

fn take_text(rest: &mut &[u8]) -> Result<String, BlockError> {
    let length = take_u32(rest)? as usize;
    let (head, tail) = rest.split_at_checked(length).ok_or(CUT)?;
    *rest = tail;
    String::from_utf8(head.to_vec()).map_err(|_| BlockError::Damaged("a name is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_round_trip(names in prop::collection::vec((any::<String>(), any::<String>(), 0u8..16), 0..12)) {
            let columns: Vec<Column> = names
                .into_iter()
                .map(|(name, declared_type, tag)| Column { name, declared_type, kind: ValueKind::from_tag(tag) })
                .collect();
            let mut bytes = Vec::new();
            encode(&columns, &mut bytes);
            prop_assert_eq!(decode(&bytes).unwrap(), columns);
            if bytes.len() > 4 {
                prop_assert!(decode(&bytes[..bytes.len() - 1]).is_err());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes);
        }
    }
}
