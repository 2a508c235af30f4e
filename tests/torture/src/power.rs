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
use crate::history::read_all;
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
        for cut in 0..here {
            let first = cut * setup.clients + 1;
            let last = one_cut(setup, &place, &disk, first, &mut random, tally)?;
            if last || cut + 1 == here {
                tally.operations(&read_all(&place.histories())?);
                break;
            }
        }
        disk.unmount()?;
        drop(disk);
        fs::remove_dir_all(&directory)?;
    }
    Ok(())
}

/// Whether promises were broken.
fn one_cut(
    setup: &Setup<'_>,
    place: &Place,
    disk: &Disk,
    first_client: u64,
    random: &mut Rng,
    tally: &mut Tally,
) -> Result<bool> {
    let host = place.start_host()?;
    place.make_tables()?;
    let clients: Vec<_> = (first_client..first_client + setup.clients)
        .map(|number| place.start_client(number, random.u64(..), setup.pause_us))
        .collect::<Result<_>>()?;
    let cutter = disk.arm()?;
    let worker = place.worker(None)?;
    thread::sleep(Duration::from_millis(random.u64(150..700)));
    tally.fault("power cut");
    cutter.cut()?;
    for client in clients {
        client.kill()?;
    }
    host.kill()?;
    signal(worker, Signal::KILL);
    disk.unmount()?;
    disk.mount()?;
    let copy = place.histories().join("copy.db");
    copy_database(place.database(), &copy)?;
    let broken = broken_promises(&read_all(&place.histories())?, &copy);
    let any = !broken.is_empty();
    tally.broken(broken);
    Ok(any)
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
