//! Damaged messages through every decoder: no panic, and no memory beyond what has arrived.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![allow(clippy::print_stdout, reason = "a long run says what it did")]

use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bolero::{check, produce};
use driver_api::wire::frame::MAX_PAYLOAD;
use fuzz::corpus;
use fuzz::damage::{Edit, damage};
use fuzz::decoders::Decoder;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Damaged messages of a run, where the environment does not say another number.
const QUICK: usize = 100_000;

/// Most edits of one message: one that is wrong all over is refused at its first byte.
const EDITS: usize = 6;

/// What decoding may allocate in all, freed or not: room for what a socket gives at once, and columns, names and
/// errors, which are larger in memory than in a message.
const ROOM: usize = 1 << 20;
const ROOM_A_BYTE: usize = 32;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Decodes, and panics where too much memory was taken.
fn decode(decoder: Decoder, bytes: &[u8], piece: usize) -> usize {
    let region = Region::new(ALLOCATOR);
    let understood = decoder.run(bytes, piece);
    let allocated = region.change().bytes_allocated;
    assert!(
        allocated <= ROOM + ROOM_A_BYTE * bytes.len(),
        "{allocated} bytes were allocated for {} that arrived",
        bytes.len()
    );
    understood
}

/// One test, so that no other allocates beside it.
#[test]
fn every_decoder_survives_every_message() {
    the_corpus_is_what_encoders_write();
    let files = read_corpus();
    good_messages_are_understood();
    an_announcement_takes_no_memory();
    damaged_messages_harm_nobody(&files);
}

/// `CORPUS=write cargo test -p fuzz` writes the files anew after the format was changed.
fn the_corpus_is_what_encoders_write() {
    for (name, bytes) in corpus::all() {
        let path = directory().join(name);
        if std::env::var_os("CORPUS").is_some_and(|word| word == "write") {
            fs::write(&path, &bytes).unwrap();
        }
        let file = fs::read(&path).unwrap_or_default();
        assert!(
            file == bytes,
            "{} is not what encoders write now",
            path.display()
        );
    }
}

/// The corpus, with what once made a decoder fail.
fn read_corpus() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn good_messages_are_understood() {
    for (name, bytes) in corpus::requests().into_iter().chain(corpus::replies()) {
        assert!(decode(Decoder::Stream, &bytes, 7) > 1, "{name}");
        let message = &bytes[4..];
        let both = decode(Decoder::Request, message, 1) + decode(Decoder::Reply, message, 1);
        assert!(both > 0, "{name}");
    }
    assert_eq!(decode(Decoder::Block, &corpus::block(), 1), 1 + 3 * 8);
    assert_eq!(decode(Decoder::Header, &corpus::header(), 1), 1);
}

fn an_announcement_takes_no_memory() {
    for announced in [MAX_PAYLOAD as u32, MAX_PAYLOAD as u32 + 1, u32::MAX] {
        let mut bytes = announced.to_le_bytes().to_vec();
        bytes.extend([3, 1, 2, 3]);
        assert_eq!(decode(Decoder::Stream, &bytes, 1), 0);
    }
}

fn damaged_messages_harm_nobody(files: &[Vec<u8>]) {
    let (messages, useful) = (AtomicU64::new(0), AtomicU64::new(0));
    check!()
        .with_iterations(QUICK)
        .with_generator((
            produce::<[u8; 4]>(),
            produce::<Vec<Edit>>().with().len(0..=EDITS),
        ))
        .for_each(|([decoder, piece, first, second], edits)| {
            let mut bytes = files[usize::from(*first) % files.len()].clone();
            let other = &files[usize::from(*second) % files.len()];
            let decoder = Decoder::ALL[usize::from(*decoder) % Decoder::ALL.len()];
            // What follows the length is what the decoders of one message take.
            if matches!(decoder, Decoder::Request | Decoder::Reply) && bytes.len() > 4 {
                bytes.drain(..4);
            }
            damage(&mut bytes, other, edits);
            let understood = decode(decoder, &bytes, usize::from(*piece));
            messages.fetch_add(1, Ordering::Relaxed);
            useful.fetch_add(u64::from(understood > 0), Ordering::Relaxed);
        });
    let (messages, useful) = (messages.into_inner(), useful.into_inner());
    println!("{messages} damaged messages were decoded; of {useful} something was understood");
    // Neither is all refused at the first byte, nor is all as it was.
    assert!(messages >= 1_000 && useful > messages / 20 && useful < messages);
}
