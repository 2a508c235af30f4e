//! Power cuts: the disk under the database stops in mid-write, everything dies, and what was acknowledged must be there.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::Signal;

use crate::disk::Disk;
use crate::failure::Result;
use crate::faults::{Setup, broken_promises};
use crate::history::{Operation, now, read_all};
use crate::place::{Place, signal};
use crate::report::Tally;

/// Cuts that one database lives through; its whole history is checked after each.
const CUTS_A_DATABASE: u64 = 20;

/// Cuts the power so often, until promises were broken. `synchronous` is the option of the database.
///
/// # Errors
/// When the program cannot go on.
pub(crate) fn run(
    setup: &Setup<'_>,
    seed: u64,
    cuts: u64,
    synchronous: &str,
    tally: &mut Tally,
) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let mut left = cuts;
    while left > 0 && tally.count_broken() == 0 {
        let here = left.min(CUTS_A_DATABASE);
        left -= here;
        let directory = setup.directory.join(format!("{synchronous}-{left}"));
        fs::create_dir_all(&directory)?;
        let disk = Disk::new(&directory)?;
        let database = disk.path().join("t.db");
        let place = Place::new(&directory, &database, setup.program, synchronous)?;
        let mut outages = Outages::default();
        for cut in 0..here {
            let first = cut * setup.clients + 1;
            one_cut(
                setup,
                &place,
                &disk,
                first,
                &mut random,
                &mut outages,
                tally,
            )?;
            let operations = outages.forget_what_was_told(read_all(&place.histories())?);
            let copy = place.histories().join("copy.db");
            let broken = broken_promises(&operations, &copy);
            let last = !broken.is_empty() || cut + 1 == here;
            tally.broken(broken);
            if last {
                tally.operations(&operations);
                break;
            }
        }
        disk.unmount()?;
        drop(disk);
        fs::remove_dir_all(&directory)?;
    }
    Ok(())
}

/// From each cut of the power until nobody was alive any more.
#[derive(Default)]
struct Outages(Vec<(u64, u64)>);

impl Outages {
    /// Nobody lives to hear what is told after a real cut. Here a `fsync` that is under way may even succeed although
    /// nothing of it reaches the disk: the kernel looks for the cut only when it begins.
    fn forget_what_was_told(&self, mut operations: Vec<Operation>) -> Vec<Operation> {
        for operation in &mut operations {
            let during = |at: u64| {
                self.0
                    .iter()
                    .any(|(cut, dead)| (*cut..=*dead).contains(&at))
            };
            operation.told.take_if(|(at, _)| during(*at));
        }
        operations
    }
}

/// Cuts the power once, and leaves a copy of the database beside the histories.
fn one_cut(
    setup: &Setup<'_>,
    place: &Place,
    disk: &Disk,
    first_client: u64,
    random: &mut Rng,
    outages: &mut Outages,
    tally: &mut Tally,
) -> Result<()> {
    let host = place.start_host()?;
    place.make_tables()?;
    let clients: Vec<_> = (first_client..first_client + setup.clients)
        .map(|number| place.start_client(number, random.u64(..), setup.pause_us))
        .collect::<Result<_>>()?;
    let cutter = disk.arm()?;
    let worker = place.worker(None)?;
    thread::sleep(Duration::from_millis(random.u64(150..700)));
    tally.fault("power cut");
    let began = now();
    cutter.cut()?;
    for client in clients {
        client.kill()?;
    }
    host.kill()?;
    signal(worker, Signal::KILL);
    outages.0.push((began, now()));
    disk.unmount()?;
    disk.mount()?;
    copy_database(place.database(), &place.histories().join("copy.db"))
}

/// Copies the file with its log, so that the worker itself has to mend the one on the disk.
fn copy_database(database: &Path, copy: &Path) -> Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let with = |path: &Path| {
            let mut path = path.to_owned().into_os_string();
            path.push(ending);
            path
        };
        let _ = fs::remove_file(with(copy));
        // The index of the log is made anew from the log.
        if ending != "-shm" && Path::new(&with(database)).exists() {
            fs::copy(with(database), with(copy))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Call, Told};

    #[test]
    fn what_is_told_while_the_power_is_off_is_no_promise() {
        let told = |at: u64| Operation {
            call: Call::Insert { value: 1 },
            asked: at - 1,
            told: Some((at, Told::Done)),
        };
        let outages = Outages(vec![(10, 20), (30, 40)]);
        let kept = outages.forget_what_was_told([9, 10, 20, 21, 35].map(told).to_vec());
        let acknowledged: Vec<bool> = kept.iter().map(Operation::is_acknowledged).collect();
        assert_eq!(acknowledged, [true, false, false, true, false]);
    }
}
