//! How a worker tells its host that it is there, and from then on how it does.

use std::time::Duration;

use serde_json::Value;

use crate::foundation::control_channel::ControlChannel;

/// How often the host hears from a worker.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What a worker does at present. Clones show the same.
pub(super) trait Reported: Clone + Send + 'static {
    /// As heartbeats carry it.
    fn to_json(&self) -> Value;
}

/// Says that the worker is ready, and from now on how it does; answers whether anybody hears it: without a host there is
/// nobody to work for.
pub(super) fn announce(control: &ControlChannel, status: &impl Reported, ready: &Value) -> bool {
    let shown = status.clone();
    let heartbeats = control.spawn_heartbeats(HEARTBEAT, move || shown.to_json());
    let announced = heartbeats.and_then(|()| control.ready(ready));
    if let Err(error) = &announced {
        tracing::error!(%error, "the host is gone");
    }
    announced.is_ok()
}
