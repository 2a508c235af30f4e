//! What is done to the processes, and how a round of it is run and checked.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::Signal;

use crate::failure::Result;
use crate::history::{Operation, read_all};
use crate::ledger;
use crate::list_append;
use crate::place::{Client, Host, Place, signal};
use crate::report::Tally;
use crate::workload::read_file;

/// Faults of one round. Then clients stop, everything is checked, and the next round has a new database.
const FAULTS_A_ROUND: u64 = 250;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL to the DB worker.
    WorkerKilled,
    /// SIGSTOP to the DB worker, SIGCONT a moment later.
    WorkerPaused,
    /// SIGSTOP to the DB worker until its host kills it for want of heartbeats.
    WorkerHung,
    /// SIGTERM to the DB worker.
    WorkerTerminated,
    /// SIGKILL to a client, whatever it is in the middle of; another takes its place.
    ClientKilled,
    /// SIGKILL to the host; it is started again.
    HostKilled,
    /// SIGTERM to the host; it is started again.
    HostEnded,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::WorkerKilled => "worker killed",
            Self::WorkerPaused => "worker paused",
            Self::WorkerHung => "worker hung",
            Self::WorkerTerminated => "worker terminated",
            Self::ClientKilled => "client killed",
            Self::HostKilled => "host killed",
            Self::HostEnded => "host ended",
        }
    }

    /// Any of them; a hang takes the 15 s of the watchdog, so it is rare.
    pub(crate) fn any(random: &mut Rng) -> Self {
        match random.u32(0..1000) {
            0..600 => Self::WorkerKilled,
            600..720 => Self::WorkerPaused,
            720..780 => Self::WorkerTerminated,
            780..900 => Self::ClientKilled,
            900..960 => Self::HostKilled,
            960..995 => Self::HostEnded,
            _ => Self::WorkerHung,
        }
    }
}

/// How a run is set up.
pub(crate) struct Setup<'a> {
    /// The program under torture.
    pub(crate) program: &'a Path,
    /// Client processes.
    pub(crate) clients: u64,
    /// Where rounds take place; each has a directory of its own.
    pub(crate) directory: &'a Path,
    /// Longest pause between two calls of a client's thread, in microseconds.
    pub(crate) pause_us: u64,
}

/// When a run ends.
pub(crate) struct Until {
    /// So many faults.
    pub(crate) faults: u64,
    /// This time has come.
    pub(crate) deadline: Option<Instant>,
}

/// Runs rounds until the end, or until promises were broken.
///
/// # Errors
/// When the program cannot go on: the host does not start, or no worker comes back.
pub(crate) fn run(
    setup: &Setup<'_>,
    seed: u64,
    until: &Until,
    choose: fn(&mut Rng) -> Fault,
    tally: &mut Tally,
) -> Result<()> {
    let mut left = until.faults;
    let mut round = 0;
    let over = || {
        until
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    };
    while left > 0 && !over() && tally.count_broken() == 0 {
        let faults = left.min(FAULTS_A_ROUND);
        left -= faults;
        round += 1;
        let directory = setup.directory.join(format!("round-{round}"));
        let place = Place::new(&directory, &directory.join("t.db"), setup.program, "full")?;
        let mut round_random = Rng::with_seed(seed.wrapping_add(round));
        Round::start(setup, &place, &mut round_random, tally)?.torture(faults, over, choose)?;
        check(&place, tally)?;
        if tally.count_broken() == 0 {
            std::fs::remove_dir_all(&directory)?;
        }
    }
    Ok(())
}

/// One database with its host and its clients.
struct Round<'r> {
    setup: &'r Setup<'r>,
    place: &'r Place,
    random: &'r mut Rng,
    tally: &'r mut Tally,
    host: Option<Host>,
    clients: Vec<Client>,
    next_client: u64,
}

impl<'r> Round<'r> {
    fn start(
        setup: &'r Setup<'_>,
        place: &'r Place,
        random: &'r mut Rng,
        tally: &'r mut Tally,
    ) -> Result<Self> {
        let mut round = Self {
            setup,
            place,
            random,
            tally,
            host: Some(place.start_host()?),
            clients: Vec::new(),
            next_client: 0,
        };
        place.make_tables()?;
        for _ in 0..setup.clients {
            round.add_client()?;
        }
        Ok(round)
    }

    fn add_client(&mut self) -> Result<()> {
        self.next_client += 1;
        let seed = self.random.u64(..);
        let client = self
            .place
            .start_client(self.next_client, seed, self.setup.pause_us)?;
        self.clients.push(client);
        Ok(())
    }

    fn torture(
        mut self,
        faults: u64,
        over: impl Fn() -> bool,
        choose: fn(&mut Rng) -> Fault,
    ) -> Result<()> {
        for _ in 0..faults {
            if over() {
                break;
            }
            // Often at once, so that a worker dies while it starts to work; sometimes in full swing.
            let wait = self.random.u64(0..100);
            thread::sleep(Duration::from_millis(wait * wait / 100));
            let fault = choose(self.random);
            self.tally.fault(fault.name());
            self.bring_about(fault)?;
        }
        for client in self.clients.drain(..) {
            client.end()?;
        }
        if let Some(host) = self.host.take() {
            let zombies = host.zombies();
            if zombies > 0 {
                let text = format!("the host has left {zombies} dead workers unburied");
                self.tally.broken(vec![text]);
            }
            host.end()?;
        }
        Ok(())
    }

    fn bring_about(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::WorkerKilled => self.end_worker(Signal::KILL),
            Fault::WorkerTerminated => self.end_worker(Signal::TERM),
            Fault::WorkerHung => self.end_worker(Signal::STOP),
            Fault::WorkerPaused => {
                let worker = self.place.worker(None)?;
                signal(worker, Signal::STOP);
                thread::sleep(Duration::from_millis(self.random.u64(1..400)));
                signal(worker, Signal::CONT);
                Ok(())
            }
            Fault::ClientKilled => {
                let index = self.random.usize(0..self.clients.len());
                self.clients.swap_remove(index).kill()?;
                self.add_client()
            }
            Fault::HostKilled => self.replace_host(Host::kill),
            Fault::HostEnded => self.replace_host(Host::end),
        }
    }

    /// Ends the worker by a signal, and waits for the next.
    fn end_worker(&mut self, by: Signal) -> Result<()> {
        let worker = self.place.worker(None)?;
        let began = Instant::now();
        signal(worker, by);
        self.place.worker(Some(worker))?;
        if by == Signal::KILL {
            self.tally.back_after(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(())
    }

    fn replace_host(&mut self, end: fn(Host) -> Result<()>) -> Result<()> {
        if let Some(host) = self.host.take() {
            end(host)?;
        }
        self.host = Some(self.place.start_host()?);
        Ok(())
    }
}

/// Holds what is in the file against what clients were told.
fn check(place: &Place, tally: &mut Tally) -> Result<()> {
    let operations = read_all(&place.histories())?;
    tally.operations(&operations);
    tally.broken(broken_promises(&operations, place.database()));
    Ok(())
}

/// What a database file, which nobody else has open, lacks or has too much.
pub(crate) fn broken_promises(operations: &[Operation], database: &Path) -> Vec<String> {
    match read_file(database) {
        Ok((tables, lists)) => {
            let mut wrong = ledger::check(operations, &tables);
            wrong.extend(list_append::check(operations, &lists));
            wrong
        }
        Err(damage) => vec![damage.to_string()],
    }
}
