//! Every kind of file that is no usable plugin has a verdict of its own, and none of them harms the host.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::libraries::{
    aborting, compiled, frozen, frozen_with_version, misbehaving, needing_another,
};
use crate::support::sandbox::{Sandbox, plugins_dir};

/// Puts a file of each kind into the directory, under the name that the golden text has for it.
fn fill(directory: &Path) {
    let put =
        |name: &str, bytes: &[u8]| fs::write(directory.join(format!("{name}.so")), bytes).unwrap();
    let at = |name: &str| directory.join(format!("{name}.so"));
    let whole = fs::read(plugins_dir().join("libpanicking_driver.so")).unwrap();
    fs::create_dir(at("a_directory")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(at("a_fifo"))
            .status()
            .unwrap()
            .success()
    );
    symlink(at("a_loop"), at("a_loop")).unwrap();
    symlink(at("nowhere"), at("a_dangling_link")).unwrap();
    put("empty", b"");
    put("text", b"this is text, not a library");
    put("truncated", &whole[..whole.len() / 2]);
    put("only_a_header", &whole[..40]);
    let mut foreign = whole;
    foreign[18] = 243;
    put("for_another_machine", &foreign);
    put("crash_in_constructor", &compiled("crash", &[]));
    put("loop_in_constructor", &compiled("loop", &[]));
    put("missing_symbol", &compiled("missing_symbol", &[]));
    put("missing_library", &needing_another());
    put("no_plugin", &compiled("plain", &[]));
    put("no_layout", &frozen("no_layout"));
    put("moved_field", &frozen("moved_field"));
    put("too_old", &frozen_with_version("0.9.7"));
    put("too_new", &frozen_with_version("1.9.0"));
    put("panic_in_init", &misbehaving("name=a init=panic"));
    put(
        "panic_in_descriptor",
        &misbehaving("name=a descriptor=panic"),
    );
    put("exit_in_init", &misbehaving("name=a init=exit"));
    put("loop_in_init", &misbehaving("name=a init=loop"));
    put("crash_in_init", &misbehaving("name=a init=crash"));
    put("crash_in_drop", &misbehaving("name=a drop=crash"));
    put("panic_aborts", &aborting());
    put("bad_name", &misbehaving("name=My-DB version=1.0.0"));
    put("bad_version", &misbehaving("name=a version=1"));
    put("twice_1", &misbehaving("name=twice version=1.0.0"));
    put("twice_2", &misbehaving("name=twice version=2.0.0"));
    put("writable", &misbehaving("name=writable version=1.0.0"));
    fs::set_permissions(at("writable"), fs::Permissions::from_mode(0o666)).unwrap();
    // Panics where it can be caught: usable, and no obstacle.
    put(
        "usable_panics_in_drop",
        &misbehaving("name=usable version=1.0.0 drop=panic"),
    );
}

#[test]
fn every_broken_file_has_a_verdict_of_its_own_and_the_host_survives_all_of_them() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    fill(&directory);
    let named = directory.to_str().unwrap();
    let listed = sandbox.host(&["drivers", "list", "--json", "--plugins-dir", named]);
    assert_eq!(listed.status, 1, "{}", listed.stderr);
    let golden = golden(&listed.json(), named);
    insta::with_settings!({snapshot_path => "golden", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("verdicts", golden);
    });
    // Verdicts are kept, and the same the second time.
    let again = sandbox.host(&["drivers", "list", "--json", "--plugins-dir", named]);
    assert_eq!(again.json(), listed.json());
    // The good ones are used all the same.
    let answer = sandbox
        .host(&["call", "list_projects", "--json", "--plugins-dir", named])
        .ok();
    assert_eq!(answer.json()["count"], 0);
}

/// `name: reason: text`, without what differs from machine to machine.
fn golden(document: &Value, directory: &str) -> String {
    let drivers = document["drivers"].as_array().unwrap();
    let ours = drivers.iter().filter_map(|entry| {
        let path = entry["path"].as_str().unwrap().strip_prefix(directory)?;
        let name = path.trim_start_matches('/').trim_end_matches(".so");
        let refused = &entry["refused"];
        let text = match refused["text"].as_str() {
            Some(text) => format!("{}: {text}", refused["reason"].as_str().unwrap()),
            None => format!("usable as {}", entry["name"].as_str().unwrap()),
        };
        Some(format!(
            "{name}: {}\n",
            neutral(&text.replace(directory, "DIR"))
        ))
    });
    ours.collect()
}

/// Numbers of bytes and of ELF machines differ.
fn neutral(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let digits = word.trim_end_matches(&[',', ';'][..]);
        let number = digits.len() > 3 && digits.chars().all(|c| c.is_ascii_digit());
        if number {
            word.replace(digits, "N")
        } else {
            word.to_owned()
        }
    });
    let text = words.collect::<Vec<_>>().join(" ");
    text.replace(std::env::consts::ARCH, "ARCH")
}

#[test]
fn a_directory_that_everybody_may_write_to_gives_no_plugin() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path().canonicalize().unwrap().join("plugins");
    fs::create_dir(&directory).unwrap();
    fs::write(
        directory.join("good.so"),
        misbehaving("name=good version=1.0.0"),
    )
    .unwrap();
    let named = directory.to_str().unwrap();
    let list = || sandbox.host(&["drivers", "list", "--json", "--plugins-dir", named]);
    let of = |document: Value| {
        let drivers = document["drivers"].as_array().unwrap().clone();
        drivers
            .into_iter()
            .find(|entry| entry["path"].as_str().unwrap().starts_with(named))
            .unwrap()
    };
    assert_eq!(of(list().json())["name"], "good");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = of(list().json());
    assert_eq!(refused["refused"]["reason"], "writable_by_others");
    let text = refused["refused"]["text"].as_str().unwrap();
    assert!(text.contains(&format!("`chmod o-w {named}`")), "{text}");
}

#[test]
fn a_loaded_plugin_does_not_feel_that_its_file_is_replaced() {
    use std::sync::Arc;

    use code_analysis_host::plugins::loader::Loader;
    use code_analysis_host::plugins::plugin_file::PluginFile;
    use code_analysis_host::plugins::verdict::Reason;
    use driver_api::Driver;

    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x.so");
    let loader = Loader::new(place.path().join("copies"));
    fs::write(&file, misbehaving("name=first version=1.0.0")).unwrap();
    let first = PluginFile::read(&file).unwrap().image;
    let loaded: Arc<dyn Driver> = loader.load(&first).unwrap().driver;
    // In place, as `cp` does it: a library that is mapped from there would end the process.
    fs::write(&file, b"cut off").unwrap();
    assert_eq!(loaded.descriptor().name, "first");
    fs::write(&file, misbehaving("name=second version=1.0.0")).unwrap();
    let second = loader
        .load(&PluginFile::read(&file).unwrap().image)
        .unwrap();
    assert_eq!(second.descriptor.name, "second");
    assert_eq!(loaded.descriptor().name, "first");
    // What was looked at is loaded, or nothing.
    let elsewhere = Loader::new(place.path().join("other_copies"));
    assert_eq!(
        elsewhere.load(&first).err().unwrap().reason,
        Reason::Replaced
    );
}

#[test]
fn a_driver_that_was_built_with_the_frozen_driver_api_is_still_loaded() {
    use code_analysis_host::plugins::loader::Loader;
    use code_analysis_host::plugins::plugin_file::PluginFile;
    use driver_api::{
        BlockReceiver, ErrorClass, Flow, Options, RowBlock, RowBlockRef, RowRef, RowSink,
        TransactionMode, ValueRef, decode_columns,
    };

    #[derive(Default)]
    struct Answer {
        names: Vec<String>,
        numbers: Vec<i64>,
    }

    impl BlockReceiver for Answer {
        fn columns(&mut self, header: &[u8], _: usize) -> Flow {
            self.names = decode_columns(header)
                .unwrap()
                .into_iter()
                .map(|column| column.name)
                .collect();
            Flow::Continue
        }

        fn block(&mut self, block: &[u8]) -> Flow {
            let block = RowBlockRef::parse(block).unwrap();
            self.numbers
                .extend(block.iter().map(|row| row.unwrap().i64(0).unwrap()));
            Flow::Continue
        }
    }

    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x.so");
    fs::write(&file, frozen("frozen_driver")).unwrap();
    let loader = Loader::new(place.path().join("copies"));
    let plugin = loader
        .load(&PluginFile::read(&file).unwrap().image)
        .unwrap();
    assert_eq!(plugin.descriptor.name, "frozen");
    let options = Options::check(&[], &serde_json::Map::new(), Path::new("/")).unwrap();
    let mut connection = plugin.driver.connect(&options).unwrap();
    let mut params = RowBlock::of_params([ValueRef::I64(42)]);
    let (mut block, mut answer) = (RowBlock::default(), Answer::default());
    let mut sink = RowSink::new(&mut block, &mut answer);
    connection
        .query("", params.view().row(0).unwrap(), &mut sink)
        .unwrap();
    assert_eq!(
        (answer.names, answer.numbers),
        (vec!["n".to_owned()], vec![42])
    );
    let done = connection.execute("", RowRef::EMPTY).unwrap();
    assert_eq!((done.rows_affected, done.last_insert_id), (3, Some(7)));
    assert!(connection.describe("").unwrap().read_only);
    assert_eq!(connection.tables().unwrap()[0].name, "t");
    let refused = connection.begin(TransactionMode::ReadOnly).unwrap_err();
    assert_eq!(
        (refused.class(), refused.message()),
        (ErrorClass::Unsupported, "frozen")
    );
    connection.close().unwrap();
}
