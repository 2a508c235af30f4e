//! `drivers`: what plugins there are, and whether one does what drivers are to do.

pub(super) mod list;
mod measured;
pub(super) mod test;
