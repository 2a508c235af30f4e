//! Files that are indexed: names and bytes that are no text, links in circles, what is no file at all, files without end,
//! changes that nobody heard of, and texts that nobody would write.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{TryRecvError, channel};

use rustix::fs::{CWD, FileType, Mode, makedev, mkfifoat, mknodat};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{am_root, skipped};
use crate::support::processes::kill;
use crate::support::sandbox::{Sandbox, finish};
use crate::support::server::{Server, eventually};

/// A user who owns nothing.
const NOBODY: u32 = 65_534;

/// A tree that is watched and scanned once; what is written from now on is known from notifications alone.
pub(super) struct Watched {
    pub(super) sandbox: Sandbox,
    pub(super) server: Server,
    pub(super) root: PathBuf,
}

impl Watched {
    /// The tree holds `good.py` with a function `good`, and what `prepare` makes.
    pub(super) fn new(prepare: impl FnOnce(&Path)) -> Self {
        let sandbox = Sandbox::new();
        let root = sandbox.work().join("tree");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("good.py"), "def good():\n    return 1\n").unwrap();
        prepare(&root);
        let config =
            sandbox.config(&json!({ "workers": { "file_watcher": { "scan_interval": 100_000 } } }));
        let server = sandbox.serve(&["--config", &config, "--watch", root.to_str().unwrap()]);
        let watched = Self {
            sandbox,
            server,
            root,
        };
        watched.until_there("good");
        eventually("the first scan is over", || {
            (watched.watcher()["heartbeat"]["activity"] == "watching").then_some(())
        });
        watched
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.root.join(name), text).unwrap();
    }

    fn functions(&self) -> Vec<String> {
        let parameters = json!({ "entity_type": "function", "limit": 10_000 });
        let answer = self.server.rpc("list_code_entities", &parameters);
        let entities = answer["entities"].as_array().unwrap().iter();
        entities
            .map(|entity| entity["name"].as_str().unwrap().to_owned())
            .collect()
    }

    fn is_there(&self, function: &str) -> bool {
        self.functions().iter().any(|name| name == function)
    }

    pub(super) fn until_there(&self, function: &str) {
        eventually(function, || self.is_there(function).then_some(()));
    }

    fn until_gone(&self, function: &str) {
        eventually(function, || (!self.is_there(function)).then_some(()));
    }

    pub(super) fn watcher(&self) -> Value {
        let parameters = json!({ "worker_type": "file_watcher" });
        self.server.rpc("get_worker_status", &parameters)["processes"][0].clone()
    }

    fn watcher_pid(&self) -> u32 {
        u32::try_from(self.watcher()["pid"].as_u64().unwrap()).unwrap()
    }

    /// The watcher was never started again, and still follows changes.
    fn assert_well(&self) {
        self.write("afterwards.py", "def afterwards(): pass\n");
        self.until_there("afterwards");
        let watcher = self.watcher();
        assert_eq!(watcher["restarts"], 0, "{watcher}");
    }

    /// What `update_indexes` complains of: kinds and names of files.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let parameters = json!({ "root_dir": self.root });
        let answer = self.server.rpc("update_indexes", &parameters);
        let mut problems: Vec<(String, String)> = answer["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| {
                let path = Path::new(problem["path"].as_str().unwrap());
                let name = path.file_name().unwrap().to_str().unwrap();
                (
                    problem["kind"].as_str().unwrap().to_owned(),
                    name.to_owned(),
                )
            })
            .collect();
        problems.sort();
        problems
    }
}

pub(super) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(kind, name): &(&str, &str)| ((*kind).to_owned(), (*name).to_owned());
    expected.iter().map(owned).collect()
}

fn peak_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

#[test]
fn names_and_bytes_that_are_not_utf8_are_reported_and_the_rest_is_followed() {
    let odd = |root: &Path, number: u8| {
        let directory = root.join(OsStr::from_bytes(&[b'd', 0xff, b'0' + number]));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("in_odd.py"), "def in_odd(): pass\n").unwrap();
        let name = [b"caf\xe9".as_slice(), &[b'0' + number], b".py"].concat();
        fs::write(root.join(OsStr::from_bytes(&name)), "def caf(): pass\n").unwrap();
        let latin = format!("latin_{number}");
        let text = [b"# caf\xe9\ndef ", latin.as_bytes(), b"(): pass\n"].concat();
        fs::write(root.join(format!("{latin}.py")), text).unwrap();
        let wide: Vec<u8> = "def wide(): pass\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        fs::write(root.join(format!("wide_{number}.py")), wide).unwrap();
    };
    let watched = Watched::new(|root| odd(root, 1));
    odd(&watched.root, 2);
    for latin in ["latin_1", "latin_2"] {
        watched.until_there(latin);
    }
    watched.assert_well();
    let problems = watched.problems();
    let count = |kind: &str| problems.iter().filter(|(found, _)| found == kind).count();
    assert_eq!(
        (count("name_not_utf8"), count("binary")),
        (4, 2),
        "{problems:?}"
    );
    let mut functions = watched.functions();
    functions.sort();
    assert_eq!(functions, ["afterwards", "good", "latin_1", "latin_2"]);
}

#[test]
fn links_in_circles_are_not_followed() {
    let loops = |root: &Path, name: &str| {
        symlink(root, root.join(format!("{name}_up"))).unwrap();
        symlink(
            root.join(format!("{name}_self.py")),
            root.join(format!("{name}_self.py")),
        )
        .unwrap();
        let (one, two) = (
            root.join(format!("{name}_a")),
            root.join(format!("{name}_b")),
        );
        symlink(&one, &two).unwrap();
        symlink(&two, &one).unwrap();
        symlink(root.join("good.py"), root.join(format!("{name}_good.py"))).unwrap();
    };
    let watched = Watched::new(|root| loops(root, "before"));
    loops(&watched.root, "after");
    watched.assert_well();
    assert_eq!(watched.problems(), []);
    let files = watched.server.rpc("list_project_files", &json!({}));
    assert_eq!(files["total"], 2, "{files}");
}

#[test]
fn a_sparse_file_of_a_terabyte_takes_no_time_and_no_memory() {
    const TERABYTE: u64 = 1 << 40;
    let grow = |path: &Path| {
        let file = fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.set_len(TERABYTE).unwrap();
    };
    let watched = Watched::new(|root| grow(&root.join("huge_1.py")));
    grow(&watched.root.join("huge_2.py"));
    // One that is known grows as well: what it held is no longer answered.
    watched.write("grows.py", "def grows(): pass\n");
    watched.until_there("grows");
    grow(&watched.root.join("grows.py"));
    watched.until_gone("grows");
    watched.assert_well();
    let expected = ["grows.py", "huge_1.py", "huge_2.py"].map(|name| ("too_large", name));
    assert_eq!(watched.problems(), pairs(&expected));
    let peak = peak_mib(watched.watcher_pid()).max(peak_mib(watched.server.pid()));
    assert!(peak < 300, "{peak} MiB");
}

#[test]
fn pipes_devices_and_sockets_are_not_opened() {
    let odd = |root: &Path, name: &str| {
        let mode = Mode::RUSR | Mode::WUSR;
        mkfifoat(CWD, root.join(format!("{name}_pipe.py")), mode).unwrap();
        // Reading it would never end. Making one needs root, and a system that lets root.
        let zero = root.join(format!("{name}_zero.py"));
        if mknodat(CWD, zero, FileType::CharacterDevice, mode, makedev(1, 5)).is_err() {
            skipped("a device cannot be made here");
        }
        UnixListener::bind(root.join(format!("{name}_socket.py"))).unwrap()
    };
    let mut sockets = Vec::new();
    let watched = Watched::new(|root| sockets.push(odd(root, "before")));
    sockets.push(odd(&watched.root, "after"));
    // What was a file is a pipe now, and has no text any more.
    watched.write("becomes.py", "def becomes(): pass\n");
    watched.until_there("becomes");
    let becomes = watched.root.join("becomes.py");
    fs::remove_file(&becomes).unwrap();
    mkfifoat(CWD, &becomes, Mode::RUSR | Mode::WUSR).unwrap();
    watched.until_gone("becomes");
    watched.assert_well();
    assert_eq!(watched.problems(), []);
}

#[test]
fn when_notifications_were_lost_everything_is_looked_at_again() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    if limit > 200_000 && !skipped("the queue of notifications is too long to fill") {
        return;
    }
    let watched = Watched::new(|root| fs::write(root.join("moves.txt"), "").unwrap());
    let pid = watched.watcher_pid();
    kill(pid, Signal::STOP);
    let (one, two) = (
        watched.root.join("moves.txt"),
        watched.root.join("moved.txt"),
    );
    // Each renaming is two events; there and back again, so that no two in a row are the same.
    for _ in 0..limit / 4 + 100 {
        fs::rename(&one, &two).unwrap();
        fs::rename(&two, &one).unwrap();
    }
    watched.write("unheard.py", "def unheard(): pass\n");
    fs::remove_file(watched.root.join("good.py")).unwrap();
    kill(pid, Signal::CONT);
    watched.until_there("unheard");
    watched.until_gone("good");
    assert_eq!(watched.watcher_pid(), pid);
    watched.assert_well();
}

#[test]
fn a_file_that_changes_while_it_is_read_ends_as_it_is_in_the_end() {
    let watched = Watched::new(|_| {});
    let path = watched.root.join("restless.py");
    let (go_on, gone) = channel::<()>();
    std::thread::scope(|scope| {
        // Dropped when the test fails, too.
        let (go_on, path) = (go_on, &path);
        scope.spawn(move || {
            let mut version = 0_u32;
            while gone.try_recv() == Err(TryRecvError::Empty) {
                version += 1;
                // Long enough to be seen half written: it is truncated first, then written.
                let body = format!("def version_{version}(): pass\n").repeat(2_000);
                fs::write(path, body).unwrap();
            }
        });
        for _ in 0..20 {
            let parameters = json!({ "root_dir": watched.root });
            let answer = watched.server.rpc("update_indexes", &parameters);
            assert_eq!(answer["errors"], 0, "{answer}");
        }
        drop(go_on);
    });
    fs::write(&path, "def at_last(): pass\n").unwrap();
    eventually("the last version", || {
        (watched.functions() == ["good", "at_last"]).then_some(())
    });
    watched.assert_well();
    let sound = eventually("it settles", || {
        let checked = watched.server.rpc("check_drift", &json!({}));
        (checked["ok"] == true).then_some(checked)
    });
    assert_eq!(sound["files_checked"], 3, "{sound}");
}

/// Gives everything below `path` to nobody.
fn give_away(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

/// Root reads everything, so that the program runs as nobody.
#[test]
fn an_unreadable_directory_is_reported_and_what_is_known_of_it_stays() {
    if !am_root() {
        return;
    }
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("tree");
    for directory in ["open", "closed"] {
        fs::create_dir_all(root.join(directory)).unwrap();
        let text = format!("def in_{directory}(): pass\n");
        fs::write(root.join(directory).join("module.py"), text).unwrap();
    }
    give_away(sandbox.path());
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        finish(command.uid(NOBODY).gid(NOBODY))
    };
    let index = || run(&["index", root.to_str().unwrap(), "--json"]);
    let first = index();
    if first.status == 126 && !skipped("the program cannot be started as another user here") {
        return;
    }
    assert_eq!(first.ok().json()["files_processed"], 2);
    let closed = root.join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    fs::write(root.join("open/module.py"), "def changed(): pass\n").unwrap();
    let summary = index().json();
    assert_eq!(
        (&summary["files_processed"], &summary["files_deleted"]),
        (&json!(1), &json!(0)),
        "{summary}"
    );
    assert_eq!(summary["problems"][0]["kind"], "unreadable", "{summary}");
    let entities = run(&["call", "list_code_entities", "--json"]).ok().json();
    let names: Vec<&str> = entities["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["in_closed", "changed"]);
}

#[test]
fn deep_nesting_long_lines_and_bundles_are_indexed_as_far_as_they_go() {
    let watched = Watched::new(|root| {
        let nested = format!(
            "x = {}1{}\n\ndef after_nesting(): pass\n",
            "(".repeat(20_000),
            ")".repeat(20_000)
        );
        fs::write(root.join("nested.py"), nested).unwrap();
        let braces = format!(
            "function outer() {{{}{}}}\n",
            "{".repeat(20_000),
            "}".repeat(20_000)
        );
        fs::write(root.join("braces.js"), braces).unwrap();
        let long = format!(
            "long_line = \"{}\"\n\ndef after_long(): pass\n",
            "x".repeat(1 << 20)
        );
        fs::write(root.join("long.py"), long).unwrap();
        let unit = "function a(b,c){return b?c(a(b-1,c)):[b,c,{d:b,e:function(f){return f+1}}]}";
        let bundle: String = (0..2_000)
            .map(|number| unit.replacen('a', &format!("a{number}"), 1))
            .collect();
        fs::write(root.join("bundle.min.js"), bundle).unwrap();
    });
    for function in ["after_long", "a0", "a1999", "outer"] {
        watched.until_there(function);
    }
    watched.assert_well();
    let indexed = watched.server.rpc("list_project_files", &json!({}));
    assert_eq!(indexed["total"], 6, "{indexed}");
    assert!(watched.sandbox.database().exists());
}
