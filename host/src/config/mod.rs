//! The configuration of the program: its types, how a file is read, and what is checked.

mod complete;
pub mod current;
pub mod embedding;
pub mod environment;
pub mod examine;
pub mod legacy;
pub mod load;
pub mod origins;
pub mod reference;
pub mod reload;
pub mod server_types;
pub mod types;
pub mod validation;
