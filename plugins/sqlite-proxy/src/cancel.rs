//! Cancelling: a second conversation that names the first.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use driver_api::wire::message::{CancelKey, Reply, Request};
use driver_api::{CancelHandle, Result};

use crate::conversation::{Conversation, Failure};
use crate::error;
use crate::options::ProxyOptions;

/// Where a connection's calls run at the moment: it changes when the connection is made anew.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) socket: PathBuf,
    pub(crate) key: CancelKey,
}

/// Stops the running call of one connection.
pub(crate) struct ProxyCancel {
    pub(crate) options: ProxyOptions,
    pub(crate) client: String,
    pub(crate) target: Arc<Mutex<Target>>,
}

impl CancelHandle for ProxyCancel {
    fn cancel(&self) -> Result<()> {
        let target = {
            let target = self.target.lock();
            target.unwrap_or_else(PoisonError::into_inner).clone()
        };
        let mut conversation = Conversation::open(&target.socket, &self.options, &self.client)?;
        ask(&mut conversation, target.key).map_err(Failure::into_error)
    }
}

fn ask(conversation: &mut Conversation, key: CancelKey) -> std::result::Result<(), Failure> {
    conversation.send(&Request::Cancel(key))?;
    match conversation.receive()? {
        Reply::Done(_) => Ok(()),
        _ => Err(error::out_of_turn("a cancel request")),
    }
}
