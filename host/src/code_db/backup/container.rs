//! The form of a portable backup: a mark, compressed frames, a checksum over everything before it.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MARK`] |
//! | 4 | the form, `FORM`, little-endian |
//! | any | a gzip stream of frames: a kind (1 byte), a length (4 bytes, little-endian), so many bytes |
//! | 32 | BLAKE3 of all bytes before |

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::error::{BackupError, Result};

/// What every backup begins with.
pub const MARK: &[u8; 8] = b"CAHBACK\n";

/// The form that is written, and the greatest that is read.
const FORM: u32 = 1;

/// Bytes of the checksum.
const CHECKSUM: u64 = 32;

/// Bytes of a frame, at most: far more than a page of rows has, and little enough to be allocated.
const LONGEST_FRAME: u32 = 256 << 20;

/// Writes frames.
pub(super) struct FrameWriter<W: Write> {
    frames: GzEncoder<Hashing<W>>,
}

struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(inner: W) -> io::Result<Self> {
        let mut hashing = Hashing {
            inner,
            hasher: blake3::Hasher::new(),
        };
        hashing.write_all(MARK)?;
        hashing.write_all(&FORM.to_le_bytes())?;
        Ok(Self {
            frames: GzEncoder::new(hashing, Compression::fast()),
        })
    }

    pub(super) fn frame(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|length| *length <= LONGEST_FRAME)
            .ok_or_else(|| io::Error::other("a row is larger than a backup can hold"))?;
        self.frames.write_all(&[kind])?;
        self.frames.write_all(&length.to_le_bytes())?;
        self.frames.write_all(bytes)
    }

    /// Writes the checksum; the file is complete then.
    pub(super) fn finish(self) -> io::Result<W> {
        let Hashing { mut inner, hasher } = self.frames.finish()?;
        inner.write_all(hasher.finalize().as_bytes())?;
        inner.flush()?;
        Ok(inner)
    }
}

/// Reads frames, and at the end of them the checksum.
pub(super) struct FrameReader<R: Read> {
    frames: GzDecoder<HashingPart<R>>,
}

/// The part of a file before its checksum.
struct HashingPart<R> {
    inner: io::Take<R>,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for HashingPart<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or(&[]));
        Ok(read)
    }
}

impl<R: Read> FrameReader<R> {
    /// Reads a file of so many bytes.
    pub(super) fn new(inner: R, bytes: u64) -> Result<Self> {
        let mut part = HashingPart {
            inner: inner.take(bytes.saturating_sub(CHECKSUM)),
            hasher: blake3::Hasher::new(),
        };
        let mut mark = [0; 8];
        if part.read_exact(&mut mark).is_err() || &mark != MARK {
            return Err(BackupError::NotABackup);
        }
        let mut form = [0; 4];
        part.read_exact(&mut form).map_err(cut_off)?;
        let found = u32::from_le_bytes(form);
        if found > FORM {
            return Err(BackupError::NewerForm { found, known: FORM });
        }
        Ok(Self {
            frames: GzDecoder::new(part),
        })
    }

    /// The next frame into `bytes`, and its kind.
    pub(super) fn next(&mut self, bytes: &mut Vec<u8>) -> Result<u8> {
        let mut head = [0; 5];
        self.frames.read_exact(&mut head).map_err(cut_off)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        if length > LONGEST_FRAME {
            return Err(BackupError::Damaged(format!(
                "a frame claims {length} bytes"
            )));
        }
        bytes.clear();
        let read = self.frames.by_ref().take(length.into()).read_to_end(bytes);
        match read.map_err(cut_off)? == length as usize {
            true => Ok(kind),
            false => Err(BackupError::Damaged("it is cut off".to_owned())),
        }
    }

    /// Makes sure that nothing follows and that the checksum is right.
    pub(super) fn finish(mut self) -> Result<()> {
        let mut rest = Vec::new();
        self.frames.read_to_end(&mut rest).map_err(cut_off)?;
        let mut part = self.frames.into_inner();
        part.read_to_end(&mut rest)?;
        if !rest.is_empty() {
            return Err(BackupError::Damaged("something follows its end".to_owned()));
        }
        let HashingPart { inner, hasher } = part;
        let mut found = [0; CHECKSUM as usize];
        inner.into_inner().read_exact(&mut found).map_err(cut_off)?;
        match hasher.finalize() == blake3::Hash::from_bytes(found) {
            true => Ok(()),
            false => Err(BackupError::Damaged("its checksum is wrong".to_owned())),
        }
    }
}

/// What the decoder says of bytes that are not what was written.
fn cut_off(error: io::Error) -> BackupError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        UnexpectedEof => BackupError::Damaged("it is cut off".to_owned()),
        InvalidData | InvalidInput => BackupError::Damaged(error.to_string()),
        _ => BackupError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new()).unwrap();
        for (kind, bytes) in frames {
            writer.frame(*kind, bytes).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(file: &[u8], frames: usize) -> Result<Vec<(u8, Vec<u8>)>> {
        let mut reader = FrameReader::new(file, file.len() as u64)?;
        let mut found = Vec::new();
        for _ in 0..frames {
            let mut bytes = Vec::new();
            let kind = reader.next(&mut bytes)?;
            found.push((kind, bytes));
        }
        reader.finish()?;
        Ok(found)
    }

    #[test]
    fn what_is_no_backup_or_a_later_one_is_told_apart() {
        assert!(matches!(
            read(b"SQLite format 3\0 and so on, for long enough", 0),
            Err(BackupError::NotABackup)
        ));
        assert!(matches!(read(b"", 0), Err(BackupError::NotABackup)));
        let mut later = written(&[]);
        later[8] = 9;
        assert!(matches!(
            read(&later, 0),
            Err(BackupError::NewerForm { found: 9, known: 1 })
        ));
    }

    proptest! {
        #[test]
        fn frames_come_back(frames in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..8)) {
            prop_assert_eq!(read(&written(&frames), frames.len()).unwrap(), frames);
        }

        #[test]
        fn any_damage_is_noticed(
            frames in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 1..8),
            at in any::<prop::sample::Index>(),
            bit in 0..8,
        ) {
            let mut file = written(&frames);
            let at = at.index(file.len());
            file[at] ^= 1_u8 << bit;
            prop_assert!(read(&file, frames.len()).is_err());
            file[at] ^= 1_u8 << bit;
            file.truncate(at);
            prop_assert!(read(&file, frames.len()).is_err());
        }
    }
}
