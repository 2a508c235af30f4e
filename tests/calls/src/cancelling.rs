//! A call that another thread wants to stop.

use std::ops::DerefMut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use driver_api::Connection;

use crate::Calls;

/// Runs `call` while another thread asks again and again for its end.
///
/// # Panics
/// When the connection cannot be cancelled, or a request fails.
pub fn while_cancelling<C, D, T>(database: &mut D, call: impl FnOnce(&mut D) -> T) -> T
where
    C: Connection,
    D: DerefMut<Target = Calls<C>>,
{
    let handle = database.connection.cancel_handle().unwrap();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(10));
                handle.cancel().unwrap();
            }
        });
        let result = call(database);
        ended.store(true, Ordering::Relaxed);
        result
    })
}
