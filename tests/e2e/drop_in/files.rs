//! `drivers` for files: what is known of one, what start-up would say, how it is installed, locked and removed.

use std::fs;
use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rcgen::SigningKey as _;
use serde_json::{Value, json};

use crate::support::libraries::misbehaving;
use crate::support::sandbox::{Sandbox, plugins_dir};

/// A plugin that lies where no host looks.
fn stray(sandbox: &Sandbox, words: &str) -> PathBuf {
    let directory = sandbox.path().join("downloads");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("libmine.so");
    fs::write(&file, misbehaving(words)).unwrap();
    file
}

fn installed(sandbox: &Sandbox) -> PathBuf {
    sandbox.state().join("plugins/libmine.so")
}

#[test]
fn a_file_is_inspected_installed_locked_and_removed() {
    let sandbox = Sandbox::new();
    let file = stray(&sandbox, "name=mine version=1.2.3");
    let shown = sandbox
        .host(&["drivers", "inspect", file.to_str().unwrap(), "--json"])
        .ok()
        .json();
    assert_eq!(
        (&shown["name"], &shown["version"]),
        (&json!("mine"), &json!("1.2.3"))
    );
    assert_eq!(shown["placement"], "direct");
    assert_eq!(
        shown["driver_api"]["built_with"],
        driver_api::abi::API_VERSION
    );
    let keys: Vec<&str> = shown["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| option["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["panic_at", "hang_at", "abort_at", "crash_at"]);
    // Nothing of that made it known.
    assert_eq!(sandbox.host(&["drivers", "inspect", "mine"]).status, 5);

    let done = sandbox
        .host(&["drivers", "install", file.to_str().unwrap()])
        .ok();
    assert!(
        done.stdout.contains("libmine.so: usable, mine 1.2.3"),
        "{}",
        done.stdout
    );
    assert_eq!(
        fs::read(installed(&sandbox)).unwrap(),
        fs::read(&file).unwrap()
    );
    let lock = fs::read_to_string(sandbox.state().join("plugins.lock")).unwrap();
    assert!(lock.contains("[plugin.\"libmine.so\".sha256]"), "{lock}");
    let text = sandbox.host(&["drivers", "inspect", "mine"]).ok().stdout;
    for part in [
        "usable, mine 1.2.3",
        "locked        true",
        "the method that panics",
    ] {
        assert!(text.contains(part), "{text}");
    }
    sandbox.host(&["drivers", "verify", "mine"]).ok();

    sandbox.host(&["drivers", "remove", "mine"]).ok();
    assert!(!installed(&sandbox).exists());
    let lock = fs::read_to_string(sandbox.state().join("plugins.lock")).unwrap();
    assert!(!lock.contains("libmine"), "{lock}");
    assert_eq!(sandbox.host(&["drivers", "remove", "mine"]).status, 5);
    let bundled = sandbox.host(&["drivers", "remove", "sqlite"]);
    assert_eq!(bundled.status, 1, "{}", bundled.stderr);
    assert!(plugins_dir().join("libdriver_sqlite.so").exists());
}

#[test]
fn other_bytes_than_the_locked_ones_are_refused_with_both_hashes_and_the_remedy() {
    let sandbox = Sandbox::new();
    let file = stray(&sandbox, "name=mine version=1.0.0");
    sandbox
        .host(&["drivers", "install", file.to_str().unwrap()])
        .ok();
    let other = misbehaving("name=mine version=6.6.6");
    fs::write(installed(&sandbox), &other).unwrap();
    let verified = sandbox.host(&["drivers", "verify", "--json"]);
    assert_eq!(verified.status, 1, "{}", verified.stdout);
    let refused = refusal_of(&verified.json(), "libmine.so");
    assert_eq!(refused["reason"], "lock_mismatch");
    let text = refused["text"].as_str().unwrap();
    let (actual, expected) = (sha256sum(&installed(&sandbox)), sha256sum(&file));
    for part in [actual.as_str(), &expected, "drivers install"] {
        assert!(text.contains(part), "{text}");
    }
    // What start-up says is the same.
    let config = sandbox.config(&json!({ "database": { "type": "mine" } }));
    let started = sandbox.host(&["--config", &config, "call", "list_projects"]);
    assert!(started.stderr.contains(text), "{}", started.stderr);
    // Whoever locks the new bytes may use them.
    fs::write(&file, &other).unwrap();
    sandbox
        .host(&["drivers", "install", file.to_str().unwrap()])
        .ok();
    sandbox.host(&["drivers", "verify"]).ok();
}

#[test]
fn where_locks_are_required_only_locked_files_are_used_and_no_flag_changes_that() {
    let sandbox = Sandbox::new();
    let file = stray(&sandbox, "name=mine version=1.0.0");
    let directory = file.parent().unwrap().to_str().unwrap().to_owned();
    let lock = sandbox.path().join("my.lock");
    let config = sandbox.config(&json!({ "plugins": {
        "directories": [directory], "lock_file": lock, "unlocked": "refuse",
    }}));
    let list = |more: &[&str]| {
        let mut arguments = vec!["--config", &config, "drivers", "list", "--json"];
        arguments.extend(more);
        sandbox.host(&arguments).json()
    };
    for more in [&[][..], &["--plugins-dir", &directory]] {
        let refused = refusal_of(&list(more), "libmine.so");
        assert_eq!(refused["reason"], "not_locked");
        assert!(
            refused["text"].as_str().unwrap().contains("my.lock"),
            "{refused}"
        );
    }
    // The drivers of the release lie beside the executable, which is trusted already.
    let answer = sandbox
        .host(&["--config", &config, "call", "list_projects", "--json"])
        .ok();
    assert_eq!(answer.json()["count"], 0);
    sandbox
        .host(&[
            "--config",
            &config,
            "drivers",
            "install",
            file.to_str().unwrap(),
        ])
        .ok();
    assert_eq!(refusal_of(&list(&[]), "libmine.so"), Value::Null);
    fs::write(&lock, "nonsense").unwrap();
    assert_eq!(
        refusal_of(&list(&[]), "libmine.so")["reason"],
        "lock_unusable"
    );
}

#[test]
fn where_keys_are_trusted_a_plugin_without_their_signature_is_refused() {
    let sandbox = Sandbox::new();
    let file = stray(&sandbox, "name=mine version=1.0.0");
    let key = "RWTYFbAX2XZwanVd6pTlL/Fr0ItSQJXhWIutQ/9sNFfMbRnhOJB9YmE3";
    let config = sandbox.config(&json!({ "plugins": {
        "directories": [file.parent().unwrap()], "trusted_keys": [key],
    }}));
    let listed = || {
        sandbox
            .host(&["--config", &config, "drivers", "list", "--json"])
            .json()
    };
    assert_eq!(refusal_of(&listed(), "libmine.so")["reason"], "unsigned");
    fs::write(file.with_extension("so.minisig"), "no signature").unwrap();
    assert_eq!(
        refusal_of(&listed(), "libmine.so")["reason"],
        "wrong_signature"
    );
    let wrong = sandbox.config(&json!({ "plugins": { "trusted_keys": ["short"] } }));
    let refused = sandbox.host(&["--config", &wrong, "drivers", "list"]);
    assert_eq!(refused.status, 3, "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("/code_analysis/plugins/trusted_keys/0"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_signed_plugin_is_used_until_its_bytes_change_or_its_key_is_not_trusted() {
    let sandbox = Sandbox::new();
    let file = stray(&sandbox, "name=mine version=1.0.0");
    let (signer, stranger) = (Signer::new(b"released"), Signer::new(b"stranger"));
    let config = |key: &str| {
        sandbox.config(&json!({
            "database": { "type": "mine" },
            "plugins": { "directories": [file.parent().unwrap()], "trusted_keys": [key] },
        }))
    };
    let listed = |key: &str| {
        let listed = sandbox.host(&["--config", &config(key), "drivers", "list", "--json"]);
        (listed.status, refusal_of(&listed.json(), "libmine.so"))
    };
    fs::write(file.with_extension("so.minisig"), signer.sign(&file)).unwrap();
    assert_eq!(listed(&signer.public_key()), (0, Value::Null));
    // Used, and not only listed: it is loaded to say what it can do, and the command ends where that ends.
    let asked = |key: &str| {
        let config = config(key);
        let answer = sandbox.host(&["--config", &config, "sql", "anything"]);
        answer.stderr
    };
    let told = asked(&signer.public_key());
    assert!(
        told.contains("the driver `mine` has no read-only connections"),
        "{told}"
    );

    let (_, refused) = listed(&stranger.public_key());
    assert_eq!(refused["reason"], "wrong_signature");
    let told = asked(&stranger.public_key());
    assert!(told.contains("no trusted key fits"), "{told}");
    fs::write(&file, misbehaving("name=mine version=6.6.6")).unwrap();
    let (_, refused) = listed(&signer.public_key());
    assert_eq!(refused["reason"], "wrong_signature");
}

/// Signs as `minisign -S` does.
struct Signer {
    key: rcgen::KeyPair,
    id: [u8; 8],
}

impl Signer {
    fn new(id: &[u8; 8]) -> Self {
        Self {
            key: rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
            id: *id,
        }
    }

    fn public_key(&self) -> String {
        BASE64_STANDARD.encode([b"Ed", &self.id[..], self.key.public_key_raw()].concat())
    }

    /// The text of the signature's file.
    fn sign(&self, file: &std::path::Path) -> String {
        let hash = hash_of("b2sum", file);
        let hash: Vec<u8> = (0..hash.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap())
            .collect();
        let signature = self.key.sign(&hash).unwrap();
        let comment = "timestamp:1790000000\tfile:libmine.so\thashed";
        let signed = [&signature[..], comment.as_bytes()].concat();
        let global = BASE64_STANDARD.encode(self.key.sign(&signed).unwrap());
        let signature = BASE64_STANDARD.encode([b"ED", &self.id[..], &signature].concat());
        format!("untrusted comment: by a test\n{signature}\ntrusted comment: {comment}\n{global}\n")
    }
}

#[test]
fn a_broken_file_is_not_installed() {
    let sandbox = Sandbox::new();
    let file = stray(&sandbox, "name=mine init=crash");
    let refused = sandbox.host(&["drivers", "install", file.to_str().unwrap()]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("is not installed: its driver, when it was made and described, ended the process by signal SIGSEGV (11)"), "{}", refused.stderr);
    assert!(!installed(&sandbox).exists() && !sandbox.state().join("plugins.lock").exists());
    let nothing = sandbox.host(&["drivers", "inspect", "/nowhere/libx.so", "--json"]);
    assert_eq!(nothing.json()["refused"]["reason"], "missing");
}

/// The refusal of the file of this name in a list; null when it is used.
fn refusal_of(document: &Value, name: &str) -> Value {
    let drivers = document["drivers"].as_array().unwrap();
    let entry = drivers
        .iter()
        .find(|entry| entry["path"].as_str().unwrap().ends_with(name))
        .unwrap();
    entry["refused"].clone()
}

fn sha256sum(file: &std::path::Path) -> String {
    hash_of("sha256sum", file)
}

fn hash_of(program: &str, file: &std::path::Path) -> String {
    let output = std::process::Command::new(program)
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}
