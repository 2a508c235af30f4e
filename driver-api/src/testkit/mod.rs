//! The conformance cases that every driver is measured by, as data, and what runs one of them on a driver.
//!
//! # How to run it on your driver
//! Build your driver and give its `.so` to the host, with the options of a database that the cases may use:
//!
//! ```text
//! code-analysis-host drivers test target/debug/libmydriver.so --option path=/tmp/test.db
//! code-analysis-host drivers test mydriver --case 'types.*' --json
//! ```
//!
//! Every case runs in a process of its own, so that a crash or an endless loop is one failed case. The table
//! that is printed counts, for each group, the cases that passed, failed, and those that need something that
//! your descriptor does not declare. The exit code is not 0 when a case failed.
//!
//! In a test of your own crate, which sees the driver before it is a plugin, take the cases one by one:
//!
//! ```
//! use driver_api::testkit::{self, Outcome};
//! use driver_api::{Driver, Options};
//!
//! fn check(driver: &dyn Driver, options: &Options) {
//!     for case in testkit::cases() {
//!         if let Outcome::Failed(failure) = case.run(driver, options) {
//!             panic!("{}: {failure}", case.name());
//!         }
//!     }
//! }
//! ```
//!
//! There, what the plugin boundary does is missing: a panic ends the test, and a closed connection is yours to
//! refuse.
//!
//! # What is asked of a driver
//! Nothing but what it declares. [`Capabilities`](crate::Capabilities) starts with everything absent; each
//! capability that you set makes the cases apply that [need](Case::needs) it, and all that apply must pass. A
//! driver cannot choose to fail softly: an operation that is declared and answers
//! [`Unsupported`](crate::ErrorClass::Unsupported) is a failed case.
//!
//! The least that rows can be tested with is `ddl` and column types for [`I64`](crate::ValueKind::I64) and
//! [`Text`](crate::ValueKind::Text). With [`Dialect::Generic`](crate::Dialect::Generic) you name them with
//! [`DriverDescriptor::column_type`](crate::DriverDescriptor::column_type); the cases of every other kind apply
//! once you name a column type that keeps it. A driver with `ddl` alone sees only the plain statements that the
//! capability lists, in just this form, with parameters for all values and every name unquoted.
//!
//! # What a case leaves
//! Nothing: tables have names that begin with `ct_`, hold the name of the case and are unique, and are dropped
//! when the case ends, however it ends. Only a process that is killed leaves its tables. A database with data in
//! it is not harmed, but a load is put on it. Where `create_database` is declared, the database is made first.
//!
//! # What a value must be like when it comes back
//! The same, in the same kind. Where a dialect has no type for a kind (SQLite stores dates as text), the known
//! weaker form is accepted for that dialect. Values at the edge of what databases can store (NaN, the year
//! 200,000, text with the character NUL) may be refused with
//! [`InvalidValue`](crate::ErrorClass::InvalidValue), but never come back as something else.
//!
//! # Panics
//! Only a driver that panics on demand can show what its panics do: the cases of the group `panics` need the
//! option `panic_at`, which takes the name of the method that is to panic.

mod action;
mod case;
mod dialect;
mod expect;
mod found;
mod groups;
mod names;
mod need;
mod run;
mod scratch;
mod step;

pub use case::{Case, Failure, Group, Outcome};
pub use groups::cases;
pub use need::Need;
