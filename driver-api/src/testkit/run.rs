//! Runs the steps of a case one by one, and takes back what they made.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use super::action;
use super::case::{Case, Failure};
use super::found::{Found, shortened};
use super::names::Names;
use super::scratch::Scratch;
use super::step::{Action, Step, Way};
use crate::descriptor::DriverDescriptor;
use crate::driver::{Connection, Driver};
use crate::error::{DriverError, ErrorClass, Result};
use crate::options::Options;
use crate::row::RowRef;

/// How often a table is tried to be dropped that somebody still uses, and the pause between.
const DROP_ATTEMPTS: u32 = 20;
const DROP_PAUSE: Duration = Duration::from_millis(100);

/// What was expected, and what was found instead.
pub(super) type Mismatch = (String, String);

/// What the steps of a running case work on.
pub(super) struct Bench<'a> {
    pub(super) driver: &'a dyn Driver,
    pub(super) descriptor: &'a DriverDescriptor,
    pub(super) options: &'a Options,
    pub(super) names: Names<'a>,
    /// Where copies of the database go.
    pub(super) scratch: Scratch,
    /// What was created, to be dropped in the end: `TABLE name`, `VIEW name`.
    created: RefCell<Vec<String>>,
}

impl Bench<'_> {
    /// A new connection.
    pub(super) fn connect(&self, way: Way) -> Result<Box<dyn Connection>> {
        let mut values = self.options.to_json();
        match way {
            Way::Plain => {}
            Way::ReadOnly => {
                values.insert("read_only".into(), Json::Bool(true));
            }
            Way::PanicAt(method) => {
                values.insert("panic_at".into(), method.into());
            }
            Way::Copy(name) => {
                let path = self.scratch.file(name)?;
                values.insert("path".into(), path.to_string_lossy().into());
            }
        }
        let options = Options::check(&self.descriptor.options, &values, Path::new("/"));
        let options = options.map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            DriverError::new(ErrorClass::Options, lines.join("; "))
        })?;
        self.driver.connect(&options)
    }

    /// Remembers what a template creates.
    pub(super) fn note_created(&self, template: &str) {
        let mut words = template.split_whitespace();
        if words.next() == Some("CREATE")
            && let (Some(what @ ("TABLE" | "VIEW")), Some(name)) = (words.next(), words.next())
        {
            let object = format!("{what} {}", self.names.fill(name));
            self.created.borrow_mut().push(object);
        }
    }

    /// Drops what was created, the last first.
    fn clean_up(&self) -> Result<()> {
        let created = self.created.take();
        if created.is_empty() {
            return Ok(());
        }
        let mut connection = self.connect(Way::Plain)?;
        for object in created.iter().rev() {
            drop_object(&mut *connection, object)?;
        }
        connection.close()
    }
}

fn drop_object(connection: &mut dyn Connection, object: &str) -> Result<()> {
    let sql = format!("DROP {object}");
    let mut attempt = 0;
    loop {
        attempt += 1;
        match connection.execute(&sql, RowRef::EMPTY) {
            // A rollback, or the case itself, was there before.
            Err(error) if error.class() == ErrorClass::NotFound => return Ok(()),
            Err(error) if error.is_retryable() && attempt < DROP_ATTEMPTS => {
                std::thread::sleep(DROP_PAUSE);
            }
            dropped => return dropped.map(|_| ()),
        }
    }
}

/// Runs a case whose needs are met.
pub(super) fn run(
    case: &Case,
    driver: &dyn Driver,
    descriptor: &DriverDescriptor,
    options: &Options,
) -> std::result::Result<(), Failure> {
    let bench = Bench {
        driver,
        descriptor,
        options,
        names: Names::new(descriptor, case.name(), case.odd_name),
        scratch: Scratch::default(),
        created: RefCell::default(),
    };
    // Options that make the driver panic in it would spoil every case alike.
    if descriptor.capabilities.create_database {
        let created = driver.create_database(options);
        created.map_err(|error| failed("create_database", "success", &Found::Error(error)))?;
    }
    let mut connections = Vec::new();
    let ran = case.steps.iter().enumerate().try_for_each(|(index, step)| {
        let found = action::perform(&bench, &mut connections, step.on, &step.action);
        judge(&bench, index, step, &found)
    });
    // The connections go first: they may hold locks on what is dropped.
    drop(connections);
    let cleaned = bench.clean_up();
    ran?;
    cleaned.map_err(|error| failed("clean up", "success", &Found::Error(error)))
}

fn judge(
    bench: &Bench<'_>,
    index: usize,
    step: &Step,
    found: &Found,
) -> std::result::Result<(), Failure> {
    let dialect = bench.descriptor.dialect;
    let expected = match (found, &step.action) {
        (Found::Mismatch { expected, .. }, _) => expected.clone(),
        (Found::Done, Action::Check(_)) => return Ok(()),
        _ if step.expect.is_met(found, &bench.names, dialect) => return Ok(()),
        _ => step.expect.to_string(),
    };
    let mut place = format!(
        "{}: {}",
        index + 1,
        bench.names.fill(&step.action.to_string())
    );
    if step.on > 0 {
        place.push_str(&format!(" on connection {}", step.on + 1));
    }
    Err(failed(&place, &expected, found))
}

fn failed(step: &str, expected: &str, found: &Found) -> Failure {
    Failure::new(shortened(step), shortened(expected), found.to_string())
}
