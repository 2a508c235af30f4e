//! Cancelling: a second conversation that names the first.

use driver_api::wire::message::{CancelKey, Reply, Request};
use driver_api::{CancelHandle, Result};

use crate::conversation::Conversation;
use crate::error;
use crate::options::ProxyOptions;

/// Stops the running call of one connection.
pub(crate) struct ProxyCancel {
    pub(crate) options: ProxyOptions,
    pub(crate) client: String,
    pub(crate) key: CancelKey,
}

impl CancelHandle for ProxyCancel {
    fn cancel(&self) -> Result<()> {
        let mut conversation = Conversation::open(&self.options, &self.client)?;
        conversation.send(&Request::Cancel(self.key))?;
        match conversation.receive()? {
            Reply::Done(_) => Ok(()),
            _ => Err(error::out_of_turn("a cancel request")),
        }
    }
}
