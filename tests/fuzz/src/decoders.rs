//! Everything that decodes bytes of another process, with all that a user of its results would touch.

use std::hint::black_box;
use std::io::{self, Read};

use driver_api::wire::frame::{Frame, FrameReader};
use driver_api::wire::message::{Reply, Request};
use driver_api::{RowBlockRef, RowRef, decode_columns};

/// What can be given bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// A stream of frames, as it arrives in pieces, and what is in them.
    Stream,
    /// One request; the first byte is its kind.
    Request,
    /// One reply; the first byte is its kind.
    Reply,
    /// A block of rows.
    Block,
    /// The header of a result.
    Header,
}

impl Decoder {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Stream,
        Self::Request,
        Self::Reply,
        Self::Block,
        Self::Header,
    ];

    /// Decodes; whatever is wrong with the bytes must be an error, which is passed over. `piece` is how many bytes
    /// of a stream arrive at once. Answers how many things were understood.
    pub fn run(self, bytes: &[u8], piece: usize) -> usize {
        match self {
            Self::Stream => stream(bytes, piece),
            Self::Request => split(bytes).map_or(0, request),
            Self::Reply => split(bytes).map_or(0, reply),
            Self::Block => block(bytes),
            Self::Header => usize::from(black_box(decode_columns(bytes)).is_ok()),
        }
    }
}

fn split(bytes: &[u8]) -> Option<Frame<'_>> {
    let (kind, payload) = bytes.split_first()?;
    Some(Frame {
        kind: *kind,
        payload,
    })
}

/// Gives its bytes in pieces.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.max(1).min(self.bytes.len()).min(out.len());
        let (now, later) = self.bytes.split_at(count);
        out[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

fn stream(bytes: &[u8], piece: usize) -> usize {
    let mut reader = FrameReader::new(Pieces { bytes, piece });
    let mut understood = 0;
    while let Ok(Some(frame)) = reader.next_frame() {
        understood += 1 + request(frame) + reply(frame);
    }
    understood
}

fn request(frame: Frame<'_>) -> usize {
    let Ok(request) = Request::read(frame) else {
        return 0;
    };
    let inside = match black_box(request) {
        Request::Query { params, .. } | Request::Execute { params, .. } => {
            RowRef::from_block_bytes(params).map_or(0, cells)
        }
        Request::ExecuteMany { batch, .. } => block(batch),
        _ => 0,
    };
    1 + inside
}

fn reply(frame: Frame<'_>) -> usize {
    let Ok(reply) = Reply::read(frame) else {
        return 0;
    };
    let inside = match black_box(reply) {
        Reply::Header { header, .. } => usize::from(black_box(decode_columns(header)).is_ok()),
        Reply::Block(bytes) => block(bytes),
        _ => 0,
    };
    1 + inside
}

fn block(bytes: &[u8]) -> usize {
    let Ok(block) = RowBlockRef::parse(bytes) else {
        return 0;
    };
    1 + block.iter().flatten().map(cells).sum::<usize>()
}

fn cells(row: RowRef<'_>) -> usize {
    for column in 0..row.len() {
        let _ = black_box((
            row.text(column),
            row.bytes(column),
            row.i64(column),
            row.f64(column),
        ));
    }
    row.iter().filter(|cell| black_box(cell).is_ok()).count()
}
