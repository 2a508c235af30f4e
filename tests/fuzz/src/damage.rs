//! How a good message becomes a bad one: by edits that a fuzzer chooses.

/// One edit: what, where, and with which number. Every value of every part means something.
pub type Edit = (u8, u16, u32);

/// Numbers at which decoders tend to be wrong.
const EDGES: [u32; 12] = [
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x0400_0000,
    0x0400_0001,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFE,
    0xFFFF_FFFF,
];

/// Longest message that edits make.
const LONGEST: usize = 1 << 16;

/// Makes the edits one after another; `other` is a message from which pieces may be taken.
pub fn damage(bytes: &mut Vec<u8>, other: &[u8], edits: &[Edit]) {
    for edit in edits {
        make(bytes, other, *edit);
        bytes.truncate(LONGEST);
    }
}

fn make(bytes: &mut Vec<u8>, other: &[u8], (what, at, number): Edit) {
    let at = usize::from(at) % (bytes.len() + 1);
    let length = (number as usize % 64).min(bytes.len() - at);
    match what % 9 {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (number % 8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = number as u8;
            }
        }
        2 => overwrite(bytes, at, &number.to_le_bytes()),
        3 => overwrite(
            bytes,
            at,
            &EDGES[number as usize % EDGES.len()].to_le_bytes(),
        ),
        4 => bytes.truncate(at),
        5 => {
            bytes.drain(at..at + length);
        }
        6 => {
            let piece = bytes[at..at + length].to_vec();
            bytes.splice(at..at, piece);
        }
        7 => {
            let from = number as usize % (other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        // A small change of a number that was right.
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = byte.wrapping_add(if number % 2 == 0 { 1 } else { 255 });
            }
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes[at..].iter_mut().zip(with) {
        *byte = *new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_can_be_made_of_every_message() {
        for what in 0..9 {
            for at in [0, 1, 2, 3, 1000, u16::MAX] {
                for number in EDGES {
                    for bytes in [&b""[..], b"a", b"abc"] {
                        let mut bytes = bytes.to_vec();
                        damage(&mut bytes, b"other", &[(what, at, number)]);
                    }
                }
            }
        }
    }

    #[test]
    fn edits_do_what_they_say() {
        let after = |edit| {
            let mut bytes = b"abcdef".to_vec();
            damage(&mut bytes, b"XYZ", &[edit]);
            bytes
        };
        assert_eq!(after((0, 0, 1)), b"cbcdef");
        assert_eq!(after((1, 2, 0x7A)), b"abzdef");
        assert_eq!(after((2, 1, 0x3130_2F2E)), b"a./01f");
        assert_eq!(after((4, 3, 0)), b"abc");
        assert_eq!(after((5, 1, 2)), b"adef");
        assert_eq!(after((6, 1, 2)), b"abcbcdef");
        assert_eq!(after((7, 2, 1)), b"abYZ");
        assert_eq!(after((8, 0, 0)), b"bbcdef");
    }
}
