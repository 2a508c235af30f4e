//! Frames: a length, a kind and a payload; limited before anything is allocated for them.
//!
//! `length u32 (of the payload), kind u8, payload`, numbers little-endian.

use std::io::{self, ErrorKind, Read};

/// The largest payload; a longer one ends the conversation.
pub const MAX_PAYLOAD: usize = 64 * 1024 * 1024;

const HEADER: usize = 5;
/// Bytes asked of the socket at once, until more came at once: an idle conversation costs no more.
const FIRST_STEP: usize = 4 * 1024;
/// Bytes asked of the socket at once after that: a block with its header fits.
const READ_STEP: usize = 128 * 1024;
/// A reader that had to grow beyond this for one frame shrinks again after it.
const KEEP: usize = 1024 * 1024;

/// Why no further frame can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The other side sent a frame that is longer than allowed.
    #[error("a frame of {length} bytes was announced; {MAX_PAYLOAD} are allowed")]
    TooLong {
        /// What was announced.
        length: usize,
    },
    /// The conversation ended in the middle of a frame.
    #[error("the conversation ended in the middle of a frame")]
    CutOff,
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One frame; the payload lies in the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the payload is; see [`message`](super::message).
    pub kind: u8,
    /// The payload.
    pub payload: &'a [u8],
}

/// Where a frame lies in its reader's buffer; see [`FrameReader::next_place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePlace {
    kind: u8,
    start: usize,
    end: usize,
}

/// Appends a frame to `out`, its payload written by `write`.
///
/// # Errors
/// [`FrameError::TooLong`]; `out` is then as it was before.
pub fn append(
    out: &mut Vec<u8>,
    kind: u8,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    append_head(out, kind, 0, write)
}

/// As [`append`], for a payload of which the last `rest` bytes are to be sent behind `out`.
///
/// # Errors
/// As [`append`].
pub fn append_head(
    out: &mut Vec<u8>,
    kind: u8,
    rest: usize,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind]);
    write(out);
    let length = (out.len() - start - HEADER).saturating_add(rest);
    if length > MAX_PAYLOAD {
        out.truncate(start);
        return Err(FrameError::TooLong { length });
    }
    out[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

/// Reads frames from a stream with few calls: what arrives together is read together.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    buffer: Vec<u8>,
    /// Bytes to ask for at once.
    step: usize,
    /// Bytes of `buffer` that were handed out already.
    start: usize,
    /// Bytes of `buffer` that hold data.
    end: usize,
}

impl<R: Read> FrameReader<R> {
    /// A reader of this stream.
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            step: FIRST_STEP,
            start: 0,
            end: 0,
        }
    }

    /// The stream.
    pub fn stream(&self) -> &R {
        &self.stream
    }

    /// Whether bytes have arrived that were not handed out yet.
    pub fn has_buffered(&self) -> bool {
        self.end > self.start
    }

    /// The next frame; `None` when the other side ended the conversation between frames.
    ///
    /// # Errors
    /// See [`FrameError`]. A time-out of the stream is [`FrameError::Io`] and loses nothing: the
    /// next call goes on where this one stopped.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let place = self.next_place()?;
        Ok(place.map(|place| self.frame(place)))
    }

    /// The frame at a place. Any other than the last place that [`next_place`](Self::next_place) gave has an empty
    /// payload, or one of other bytes.
    pub fn frame(&self, place: FramePlace) -> Frame<'_> {
        Frame {
            kind: place.kind,
            payload: self.buffer.get(place.start..place.end).unwrap_or_default(),
        }
    }

    /// As [`next_frame`](Self::next_frame), for whoever comes back to the frame later.
    ///
    /// # Errors
    /// As [`next_frame`](Self::next_frame).
    pub fn next_place(&mut self) -> Result<Option<FramePlace>, FrameError> {
        if !self.fill(HEADER)? {
            return Ok(None);
        }
        let header = &self.buffer[self.start..self.start + HEADER];
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = header[4];
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong { length });
        }
        self.fill(HEADER + length)?;
        let start = self.start + HEADER;
        let end = start + length;
        self.start = end;
        Ok(Some(FramePlace { kind, start, end }))
    }

    /// Reads until `wanted` bytes lie in the buffer; false at a clean end before the first of them.
    fn fill(&mut self, wanted: usize) -> Result<bool, FrameError> {
        if self.end - self.start < wanted {
            self.make_room();
        }
        while self.end - self.start < wanted {
            // The buffer grows with what has arrived, not with what was announced.
            let target = (self.start + wanted)
                .min(self.end + READ_STEP)
                .max(self.step);
            if self.buffer.len() < target {
                self.buffer.resize(target, 0);
            }
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) if self.end == self.start => return Ok(false),
                Ok(0) => return Err(FrameError::CutOff),
                Ok(count) => {
                    self.end += count;
                    if self.end == self.buffer.len() {
                        self.step = READ_STEP;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() > KEEP && self.end < KEEP {
            self.buffer.truncate(KEEP);
            self.buffer.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes in pieces of these sizes, over and over.
    struct Pieces<'a> {
        bytes: &'a [u8],
        sizes: Vec<usize>,
        turn: usize,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let size = self.sizes[self.turn % self.sizes.len()];
            self.turn += 1;
            let count = size.min(self.bytes.len()).min(out.len());
            out[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    fn encode(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, payload) in frames {
            append(&mut out, *kind, |out| out.extend_from_slice(payload)).unwrap();
        }
        out
    }

    proptest! {
        #[test]
        fn frames_come_back_however_the_stream_is_cut(
            frames in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..12),
            sizes in prop::collection::vec(1usize..200, 1..8),
        ) {
            let bytes = encode(&frames);
            let mut reader = FrameReader::new(Pieces { bytes: &bytes, sizes, turn: 0 });
            for (kind, payload) in &frames {
                let frame = reader.next_frame().unwrap().unwrap();
                prop_assert_eq!((frame.kind, frame.payload), (*kind, payload.as_slice()));
            }
            prop_assert!(reader.next_frame().unwrap().is_none());
        }

        #[test]
        fn a_stream_cut_inside_a_frame_is_an_error(cut in 1usize..24) {
            let bytes = encode(&[(7, vec![1; 20])]);
            let mut reader = FrameReader::new(&bytes[..cut]);
            prop_assert!(matches!(reader.next_frame(), Err(FrameError::CutOff)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
            let mut reader = FrameReader::new(bytes.as_slice());
            while let Ok(Some(_)) = reader.next_frame() {}
        }
    }

    #[test]
    fn a_frame_is_read_at_its_place_until_the_next_is_read() {
        let bytes = encode(&[(7, vec![1, 2]), (8, vec![3])]);
        let mut reader = FrameReader::new(bytes.as_slice());
        let place = reader.next_place().unwrap().unwrap();
        for _ in 0..2 {
            let frame = reader.frame(place);
            assert_eq!((frame.kind, frame.payload), (7, &[1, 2][..]));
        }
        assert_eq!(reader.next_frame().unwrap().unwrap().payload, [3]);
        let nowhere = FramePlace {
            kind: 7,
            start: 10_000,
            end: 20_000,
        };
        assert!(reader.frame(nowhere).payload.is_empty());
    }

    #[test]
    fn what_is_sent_behind_a_head_counts_as_its_payload() {
        let mut out = Vec::new();
        append_head(&mut out, 7, 3, |out| out.push(1)).unwrap();
        out.extend_from_slice(&[2, 3, 4]);
        assert_eq!(out, encode(&[(7, vec![1, 2, 3, 4])]));
        let before = out.clone();
        let error = append_head(&mut out, 7, usize::MAX, |out| out.push(1)).unwrap_err();
        assert!(matches!(error, FrameError::TooLong { .. }));
        assert_eq!(out, before);
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_before_anything_is_allocated() {
        for announced in [MAX_PAYLOAD as u32 + 1, u32::MAX] {
            let mut bytes = announced.to_le_bytes().to_vec();
            bytes.push(1);
            let mut reader = FrameReader::new(bytes.as_slice());
            let error = reader.next_frame().unwrap_err();
            assert!(
                matches!(error, FrameError::TooLong { length } if length == announced as usize)
            );
            assert!(reader.buffer.capacity() <= READ_STEP);
        }
    }

    #[test]
    fn an_announced_but_absent_payload_allocates_only_what_arrived() {
        let mut bytes = (MAX_PAYLOAD as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&[1, 2, 3]);
        let mut reader = FrameReader::new(bytes.as_slice());
        assert!(matches!(reader.next_frame(), Err(FrameError::CutOff)));
        assert!(
            reader.buffer.len() <= 2 * READ_STEP,
            "{}",
            reader.buffer.len()
        );
    }
}
