//! The form of a shared library as its header tells it, so that a broken file is told for what it is.
//!
//! Field offsets are those of the ELF specification (gABI 4.1) for 64-bit files.

use super::verdict::{Reason, Refusal};

const MAGIC: &[u8] = b"\x7fELF";
/// Bytes of a 64-bit header.
const HEADER: usize = 64;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
/// `e_type` of a shared library.
const DYNAMIC: u16 = 3;
/// Bytes of an entry of the program header table, and `p_type` of what is mapped.
const SEGMENT: u64 = 56;
const LOAD: u32 = 1;

/// `e_machine` of the machines that this program is built for.
const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// Looks at the header and at what it says of the rest.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.is_empty() {
        let text = "it is empty: was a copy broken off? Copy it again";
        return Err(Refusal::new(Reason::Empty, text));
    }
    if !bytes.starts_with(MAGIC) {
        return Err(not_elf(bytes));
    }
    let header = Header::read(bytes).ok_or_else(|| cut_off(HEADER as u64, bytes))?;
    header.require_this_machine()?;
    let needed = header.bytes_needed(bytes);
    if needed > bytes.len() as u64 {
        return Err(cut_off(needed, bytes));
    }
    Ok(())
}

fn not_elf(bytes: &[u8]) -> Refusal {
    let start = bytes[..bytes.len().min(8)].escape_ascii();
    let text = format!("it is no shared library: it begins with \"{start}\", not as an ELF file");
    Refusal::new(Reason::NotElf, text)
}

fn cut_off(needed: u64, bytes: &[u8]) -> Refusal {
    let has = bytes.len();
    let text = format!(
        "it is cut off: its header tells of {needed} bytes, and it has {has}; copy it again"
    );
    Refusal::new(Reason::Truncated, text)
}

struct Header {
    class: u8,
    order: u8,
    kind: u16,
    machine: u16,
    /// Where the program header table begins, and how many entries it has.
    segments_at: u64,
    segments: u16,
    /// The end of the section header table, which is the last thing in most files.
    end_of_sections: u64,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        Some(Self {
            class: header[4],
            order: header[5],
            kind: u16_at(header, 16)?,
            machine: u16_at(header, 18)?,
            segments_at: u64_at(header, 32)?,
            segments: u16_at(header, 56)?,
            end_of_sections: {
                let table = u64::from(u16_at(header, 58)?) * u64::from(u16_at(header, 60)?);
                u64_at(header, 40)?.saturating_add(table)
            },
        })
    }

    fn require_this_machine(&self) -> Result<(), Refusal> {
        let fits = (self.class, self.order) == (CLASS_64, LITTLE_ENDIAN)
            && MACHINE.is_none_or(|machine| machine == self.machine);
        let wrong = |text: String| Err(Refusal::new(Reason::WrongMachine, text));
        if !fits {
            return wrong(format!(
                "it is built for another machine (ELF machine {}, class {}); this host runs on {}: build it for that",
                self.machine,
                self.class,
                std::env::consts::ARCH
            ));
        }
        if self.kind != DYNAMIC {
            return wrong(format!(
                "it is no shared library (ELF type {}): build it with `crate-type = [\"cdylib\"]`",
                self.kind
            ));
        }
        Ok(())
    }

    /// The end of the last of its parts that is mapped, or of a table that tells of its parts.
    fn bytes_needed(&self, bytes: &[u8]) -> u64 {
        let table = u64::from(self.segments) * SEGMENT;
        let end_of_table = self.segments_at.saturating_add(table);
        let segments = (0..u64::from(self.segments)).filter_map(|index| {
            let at = usize::try_from(self.segments_at.checked_add(index * SEGMENT)?).ok()?;
            let entry = bytes.get(at..)?;
            (u32_at(entry, 0)? == LOAD)
                .then(|| Some(u64_at(entry, 8)?.saturating_add(u64_at(entry, 32)?)))
                .flatten()
        });
        segments
            .chain([end_of_table, self.end_of_sections])
            .max()
            .unwrap_or_default()
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A library with one mapped part of `size` bytes from its beginning.
    fn library(size: u64) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + SEGMENT as usize];
        bytes[..4].copy_from_slice(MAGIC);
        (bytes[4], bytes[5]) = (CLASS_64, LITTLE_ENDIAN);
        bytes[16..18].copy_from_slice(&DYNAMIC.to_le_bytes());
        bytes[18..20].copy_from_slice(&MACHINE.unwrap_or(62).to_le_bytes());
        bytes[32..40].copy_from_slice(&(HEADER as u64).to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes[HEADER..HEADER + 4].copy_from_slice(&LOAD.to_le_bytes());
        bytes[HEADER + 32..HEADER + 40].copy_from_slice(&size.to_le_bytes());
        bytes
    }

    fn reason(bytes: &[u8]) -> Option<Reason> {
        check(bytes).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn a_whole_library_passes_and_a_part_of_it_does_not() {
        let whole = library(120);
        assert_eq!((whole.len(), reason(&whole)), (120, None));
        assert_eq!(reason(&whole[..119]), Some(Reason::Truncated));
        assert_eq!(reason(&whole[..63]), Some(Reason::Truncated));
        assert_eq!(reason(&library(121)), Some(Reason::Truncated));
        assert_eq!(reason(&library(u64::MAX)), Some(Reason::Truncated));
        let mut with_sections = whole;
        with_sections[40..48].copy_from_slice(&100_u64.to_le_bytes());
        with_sections[58..60].copy_from_slice(&10_u16.to_le_bytes());
        with_sections[60..62].copy_from_slice(&2_u16.to_le_bytes());
        assert_eq!(reason(&with_sections), None);
        with_sections[60..62].copy_from_slice(&3_u16.to_le_bytes());
        assert_eq!(reason(&with_sections), Some(Reason::Truncated));
    }

    #[test]
    fn other_files_are_told_apart() {
        let changed = |at: usize, byte| {
            let mut bytes = library(120);
            bytes[at] = byte;
            reason(&bytes)
        };
        assert_eq!(reason(b""), Some(Reason::Empty));
        assert_eq!(reason(b"#!/bin/sh"), Some(Reason::NotElf));
        assert_eq!(changed(18, 3), Some(Reason::WrongMachine));
        assert_eq!(changed(4, 1), Some(Reason::WrongMachine));
        assert_eq!(changed(16, 2), Some(Reason::WrongMachine));
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), kept in 0..24_usize) {
            let known = library(120);
            let kept = kept.min(bytes.len());
            bytes[..kept].copy_from_slice(&known[..kept]);
            let _ = check(&bytes);
        }
    }
}
