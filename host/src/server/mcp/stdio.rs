//! The door for agents that start this program themselves: messages come and go as lines on standard input and output.

use std::io;
use std::sync::Arc;

use rmcp::ServiceExt;

use super::backend::Backend;
use super::door::McpDoor;
use super::toolset::Toolset;

/// Answers what comes on standard input until it ends.
///
/// # Errors
/// The system's, and a client that does not speak the protocol.
pub async fn serve(backend: Arc<dyn Backend>, toolset: Toolset) -> io::Result<()> {
    let door = McpDoor::new(backend, toolset);
    let running = match door.serve(rmcp::transport::stdio()).await {
        Ok(running) => running,
        // Whoever hangs up before a word has not done wrong.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let ended = running.waiting().await.map_err(io::Error::other)?;
    tracing::debug!(?ended, "standard input ended");
    Ok(())
}
