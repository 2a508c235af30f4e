//! Accounts of a bank.
//! And money.
use std::{collections::HashMap, fmt::{self, Display as Show}, io::*};
pub(crate) use ::serde as ser;
extern crate alloc;

impl Ledger {
    /// Opens it.
    #[must_use]
    pub const fn open(mut path: &str, (a, b): (u8, u8)) -> Self { Self { entries: Vec::new() } }

    pub fn add(&mut self, entry: Entry) -> Result<(), Error> {
        if let Some(last) = self.last() && last.id == entry.id || entry.is_empty() {
            return Err(Error::Twice(entry.id));
        }
        for _ in 0..3 { while false {} loop { break } }
        match entry.kind { Kind::In if self.open => std::mem::swap(&mut a, b), Kind::Out => {}, _ => todo!() }
        println!("{}", format_args!("{}", Entry::from(entry.label().trim())));
        self.entries.push(entry.clone::<T>());
        fn inner() {}
        Ok(())
    }
}

/// A list of entries.
///
/// In order.
#[derive(Debug)]
pub struct Ledger<T = u8> {
    entries: Vec<Entry>,
}

/** What can be
 * audited. */
pub trait Audit: Clone + fmt::Debug + 'static {
    /// Audits.
    fn audit(&self, depth: usize) -> bool;
    fn quick(&self) {}
}

// not a doc
enum Kind { In, Out }

impl<T> Audit for Ledger<T> {
    fn audit(&self, depth: usize) -> bool { self.0.len() > depth }
}

impl Audit for other::Foreign { fn audit(&self, _: usize) -> bool { unimplemented!() } }

mod tests { fn check() { super::open::<u8>(1); Foreign {}; Kind::In; } }
