//! The configuration of the program: its types, how a file is read, and what is checked.

pub mod load;
pub mod types;
pub mod validation;
