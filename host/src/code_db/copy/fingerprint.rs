//! A hash of a table's content that is the same on every engine and in every order of the rows.
//!
//! Each row is hashed by itself, and the hashes are added up: engines sort text keys differently, and rows with
//! a key of their own cannot cancel each other out.

use super::cell::Cell;

/// What a table holds: the number of its rows and the sum of their hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::code_db) struct Fingerprint {
    pub(in crate::code_db) rows: u64,
    sum: [u64; 4],
}

impl Fingerprint {
    /// 64 hexadecimal digits.
    pub(in crate::code_db) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.rows.to_le_bytes());
        for word in self.sum {
            hasher.update(&word.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// As much of the hash as people compare.
    pub(in crate::code_db) fn short_hash(&self) -> String {
        let mut hash = self.hash();
        hash.truncate(12);
        hash
    }
}

/// Adds rows to a fingerprint, cell by cell.
#[derive(Default)]
pub(in crate::code_db) struct Fingerprinter {
    print: Fingerprint,
    /// The cells of the row so far, each with its kind and length, so that no two rows have one encoding.
    row: Vec<u8>,
}

impl Fingerprinter {
    /// The next cell of the row.
    pub(in crate::code_db) fn cell(&mut self, cell: Cell<'_>) {
        let (tag, bytes): (u8, &[u8]) = match &cell {
            Cell::Null => (0, &[]),
            Cell::Bool(v) => (1, if *v { &[1] } else { &[0] }),
            Cell::Integer(v) => (2, &v.to_le_bytes()),
            Cell::Real(v) => (3, &v.to_bits().to_le_bytes()),
            Cell::Text(v) => (4, v.as_bytes()),
            Cell::Bytes(v) => (5, v),
        };
        self.row.push(tag);
        self.row
            .extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.row.extend_from_slice(bytes);
    }

    /// The row is complete.
    pub(in crate::code_db) fn end_row(&mut self) {
        let hash = blake3::hash(&self.row);
        for (word, part) in self
            .print
            .sum
            .iter_mut()
            .zip(hash.as_bytes().as_chunks::<8>().0)
        {
            *word = word.wrapping_add(u64::from_le_bytes(*part));
        }
        self.print.rows += 1;
        self.row.clear();
    }

    /// What the complete rows come to.
    pub(in crate::code_db) fn finish(self) -> Fingerprint {
        self.print
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn print(rows: &[&[Cell<'_>]]) -> Fingerprint {
        let mut printer = Fingerprinter::default();
        for row in rows {
            row.iter().for_each(|cell| printer.cell(*cell));
            printer.end_row();
        }
        printer.finish()
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_that_of_cells_does() {
        let (one, other): (&[_], &[_]) = (
            &[Cell::Integer(1), Cell::Text("a")],
            &[Cell::Integer(2), Cell::Null],
        );
        assert_eq!(print(&[one, other]), print(&[other, one]));
        let turned: &[_] = &[Cell::Text("a"), Cell::Integer(1)];
        assert_ne!(print(&[one]), print(&[turned]));
    }

    #[test]
    fn values_that_look_alike_differ() {
        let cells = [
            Cell::Null,
            Cell::Bool(false),
            Cell::Integer(0),
            Cell::Real(0.0),
            Cell::Real(-0.0),
            Cell::Text(""),
            Cell::Text("\0"),
            Cell::Text("0"),
            Cell::Bytes(b""),
            Cell::Bytes(b"0"),
        ];
        for (at, one) in cells.iter().enumerate() {
            for other in &cells[at + 1..] {
                assert_ne!(print(&[&[*one]]), print(&[&[*other]]), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn text_does_not_run_into_the_next_cell() {
        let split: &[_] = &[Cell::Text("ab"), Cell::Text("c")];
        let otherwise: &[_] = &[Cell::Text("a"), Cell::Text("bc")];
        assert_ne!(print(&[split]), print(&[otherwise]));
    }

    #[test]
    fn a_row_that_is_there_twice_or_not_at_all_shows() {
        let row: &[_] = &[Cell::Integer(1)];
        assert_ne!(print(&[row]), print(&[row, row]));
        assert_ne!(print(&[row]).hash(), print(&[]).hash());
        assert_eq!(print(&[row]).short_hash().len(), 12);
        assert!(
            print(&[row])
                .hash()
                .starts_with(&print(&[row]).short_hash())
        );
    }

    proptest! {
        #[test]
        fn any_change_of_any_cell_shows(
            mut numbers in prop::collection::vec(any::<i64>(), 1..50),
            at in any::<prop::sample::Index>(),
            change in 1i64..,
        ) {
            let of = |numbers: &[i64]| {
                let mut printer = Fingerprinter::default();
                for (key, number) in numbers.iter().enumerate() {
                    printer.cell(Cell::Integer(key as i64));
                    printer.cell(Cell::Integer(*number));
                    printer.end_row();
                }
                printer.finish()
            };
            let before = of(&numbers);
            let at = at.index(numbers.len());
            numbers[at] = numbers[at].wrapping_add(change);
            prop_assert_ne!(before, of(&numbers));
        }
    }
}
