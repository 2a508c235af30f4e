//! Care for a whole database: backups, restoration, checks, repair, and the safe mode of a damaged one.
//!
//! A database that is a file is backed up as that file, through its driver, and restored by putting the file in its
//! place; one on a server as the portable form of [`backup`](crate::code_db::backup), in one transaction.

pub mod backup_file;
pub mod backups;
mod calendar;
pub mod check;
pub mod error;
pub mod make;
mod pieces;
pub mod repair;
pub mod restore;
pub mod safe_mode;
mod salvage;
mod swap;
