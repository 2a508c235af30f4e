//! Reading a message's payload piece by piece, every piece checked.

use serde::Deserialize;

use super::frame::Frame;
use super::message::MessageError;

/// A payload as it is read from its start to its end.
pub(super) struct Payload<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Payload<'a> {
    pub(super) fn new(frame: Frame<'a>) -> Self {
        Self {
            kind: frame.kind,
            rest: frame.payload,
        }
    }

    pub(super) fn wrong(&self, reason: impl Into<String>) -> MessageError {
        MessageError {
            kind: self.kind,
            reason: reason.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let (head, tail) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.wrong("it is cut off"))?;
        self.rest = tail;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, MessageError> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, MessageError> {
        self.chunk().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, MessageError> {
        self.chunk().map(u64::from_le_bytes)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, MessageError> {
        let bytes = self.rest();
        std::str::from_utf8(bytes).map_err(|_| self.wrong("its text is not UTF-8"))
    }

    pub(super) fn sized_text(&mut self) -> Result<&'a str, MessageError> {
        let length = self.u32()? as usize;
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.wrong("it is cut off"))?;
        self.rest = tail;
        std::str::from_utf8(head).map_err(|_| self.wrong("its text is not UTF-8"))
    }

    pub(super) fn json<T: Deserialize<'a>>(&mut self) -> Result<T, MessageError> {
        serde_json::from_slice(self.rest()).map_err(|error| self.wrong(error.to_string()))
    }

    pub(super) fn end(&self) -> Result<(), MessageError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.wrong("bytes follow its end"))
        }
    }
}
