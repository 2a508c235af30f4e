//! What becomes of a panic in an author's code: an error that says where it happened.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{DriverError, ErrorClass, Result};

thread_local! {
    /// Where the last panic of this thread happened: the hook knows, the caught payload does not.
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics become errors with their place, so the default hook's print to stderr would be noise.
/// A plugin has its own copy of the standard library, so this is the plugin's own hook.
pub(super) fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PANIC_PLACE.with(|cell| *cell.borrow_mut() = place);
    }));
}

/// Runs an author's code; a panic becomes an error.
pub(super) fn guard<T>(what: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(panic_error(what, payload)))
}

pub(super) fn panic_error(what: &str, payload: Box<dyn Any + Send>) -> DriverError {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a payload that is no text".into());
    // A payload may itself panic when it is dropped.
    std::mem::forget(payload);
    let error = DriverError::new(
        ErrorClass::Panic,
        format!("the driver panicked in {what}: {text}"),
    );
    match PANIC_PLACE.with(|cell| std::mem::take(&mut *cell.borrow_mut())) {
        place if place.is_empty() => error,
        place => error.with_detail(format!("at {place}")),
    }
}
