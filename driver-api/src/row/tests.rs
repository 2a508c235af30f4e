//! Rows: what is read, what is refused, what damage does.

use proptest::prelude::*;

use super::*;
use crate::block::RowBlock;

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        // Compared by `==` below, which NaN never passes; NaN has a test of its own.
        any::<f64>()
            .prop_filter("not NaN", |v| !v.is_nan())
            .prop_map(Value::F64),
        "-?[0-9]{1,30}\\.[0-9]{0,9}".prop_map(Value::Decimal),
        any::<String>().prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<i32>().prop_map(Value::Date),
        any::<i64>().prop_map(Value::Time),
        any::<i64>().prop_map(Value::Timestamp),
        any::<i64>().prop_map(Value::TimestampTz),
        any::<[u8; 16]>().prop_map(Value::Uuid),
        Just(Value::Json("{\"a\":[1,2]}".into())),
    ]
}

fn any_rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
    (0usize..6).prop_flat_map(|columns| {
        prop::collection::vec(prop::collection::vec(any_value(), columns), 0..20)
    })
}

fn block_of(rows: &[Vec<Value>]) -> RowBlock {
    let mut block = RowBlock::new(rows.first().map_or(3, Vec::len));
    for row in rows {
        block.push_row(row.iter().map(Value::as_ref));
    }
    block
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were_written(rows in any_rows()) {
        let mut block = block_of(&rows);
        let view = RowBlockRef::parse(block.as_bytes()).unwrap();
        let back: Vec<_> = view.iter().map(|row| row.unwrap().to_values().unwrap()).collect();
        prop_assert_eq!(back, rows);
    }

    #[test]
    fn damaged_blocks_give_errors_and_never_panic(
        rows in any_rows(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in 0usize..9,
    ) {
        let mut bytes = block_of(&rows).as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        if let Ok(view) = RowBlockRef::parse(&bytes) {
            for row in view.iter().take(1000).flatten() {
                for value in row.iter() {
                    let _ = value;
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        if let Ok(view) = RowBlockRef::parse(&bytes) {
            for row in view.iter().take(1000).flatten() {
                let _ = row.to_values();
            }
        }
    }
}

#[test]
fn nan_keeps_its_bits() {
    let odd = f64::from_bits(0x7ff8_0000_dead_beef);
    let mut block = RowBlock::of_params([ValueRef::F64(odd)]);
    let back = block.view().row(0).unwrap().f64(0).unwrap();
    assert_eq!(back.to_bits(), odd.to_bits());
}

#[test]
fn an_unfinished_row_is_taken_back() {
    let mut block = RowBlock::new(2);
    block.push_row([ValueRef::I64(1), ValueRef::Text("kept")]);
    let before = block.len();
    let mut row = block.row();
    row.push("lost");
    drop(row);
    assert_eq!((block.rows(), block.len()), (1, before));
}

#[test]
fn rows_can_be_added_after_the_bytes_were_read() {
    let mut block = RowBlock::new(1);
    block.push_row([ValueRef::I64(1)]);
    assert_eq!(block.view().rows(), 1);
    block.push_row([ValueRef::I64(2)]);
    let view = block.view();
    assert_eq!(view.row(0).unwrap().i64(0), Ok(1));
    assert_eq!(view.row(1).unwrap().i64(0), Ok(2));
}

#[test]
fn missing_cells_are_null_and_surplus_cells_are_ignored() {
    let mut block = RowBlock::new(2);
    block.push_row([ValueRef::I64(1)]);
    block.push_row([1, 2, 3].map(ValueRef::I64));
    let view = block.view();
    assert_eq!(view.row(0).unwrap().get(1), Ok(ValueRef::Null));
    assert_eq!(view.row(1).unwrap().to_values().unwrap().len(), 2);
}

#[test]
fn getters_name_column_and_kinds() {
    let mut block = RowBlock::of_params([ValueRef::Text("x"), ValueRef::Null]);
    let row = block.view().row(0).unwrap();
    assert_eq!(
        row.i64(0).unwrap_err().to_string(),
        "column 0 holds text, not i64"
    );
    assert_eq!(row.opt(1, RowRef::i64), Ok(None));
    assert_eq!(
        row.get(2).unwrap_err().to_string(),
        "there is no column 2: the block has 2"
    );
}
