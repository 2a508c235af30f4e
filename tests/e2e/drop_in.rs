//! Drivers that a user drops into a directory: safe to try, clear when refused, easy to write.

mod crashes;
mod files;
mod hot;
mod new_driver;
mod servers;
mod verdicts;
