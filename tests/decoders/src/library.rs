//! What the library `mokka` reads: connections, messages, its log on disk and the blocks in it.

use mokka::{log, tcp};
use mokka_types::{Body, FinalBlock, Phase, RunNumber, SafetyRecord, codec};

use crate::{
    Target,
    council::{CHAIN, COUNCIL, block, secret},
};

pub(crate) const TCP_FRAMES: Target = Target {
    name: "tcp_frames",
    check: tcp_frames,
    seeds: || {
        let frames = [frame(0, b"hello"), frame(1, b"packet"), vec![0; 4], frame(2, b"message")];
        let all = frames.concat();
        frames.into_iter().chain([all]).collect()
    },
};
pub(crate) const GREETING: Target = Target { name: "greeting", check: greeting, seeds: greetings };
pub(crate) const MESSAGE: Target = Target {
    name: "message",
    check: message,
    seeds: || vec![tcp::testing::seal_message(&secret(0), &CHAIN, b"said to all")],
};
pub(crate) const LOG_FILE: Target = Target { name: "log_file", check: log_file, seeds: log_files };
pub(crate) const LOG_BLOCK: Target = Target {
    name: "log_block",
    check: log_block,
    seeds: || {
        let write = |entries: &[&[u8]]| log::testing::write_block(&secret(0), &CHAIN, entries);
        vec![write(&[]), write(&[b"one"]), write(&[b"one", b"two", b""])]
    },
};

/// The most that a frame may hold here; as on a chain with small blocks.
const FRAME_LIMIT: usize = 1 << 16;

fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 1).expect("a short frame");
    [&length.to_be_bytes()[..], &[kind], content].concat()
}

/// Frames are what was written, and none is longer than allowed.
fn tcp_frames(bytes: &[u8]) -> Option<()> {
    let (mut rest, mut written) = (bytes, Vec::new());
    while let Ok(frame) = tcp::testing::take_frame(&mut rest, FRAME_LIMIT) {
        let content = frame.unwrap_or_default();
        assert!(content.len() <= FRAME_LIMIT + 1);
        let length = u32::try_from(content.len()).expect("a short frame");
        written.extend(length.to_be_bytes());
        written.extend(content);
    }
    assert!(bytes.starts_with(&written));
    (!written.is_empty()).then_some(())
}

/// Nobody is let in by what was known before, and whoever speaks hears no more than a greeting.
fn greeting(bytes: &[u8]) -> Option<()> {
    const LONGEST: usize = 1024;
    let hello = tcp::testing::take_hello(bytes);
    let answer = tcp::testing::take_answer(bytes);
    for written in [&hello, &answer].into_iter().flatten() {
        assert!(bytes.starts_with(written), "one greeting, two spellings");
    }
    let (greeted, told) = tcp::testing::greet(&secret(9), CHAIN, bytes);
    assert_eq!(greeted, None, "a challenge was guessed");
    assert!(told.len() <= LONGEST);
    hello.or(answer).map(drop)
}

fn greetings() -> Vec<Vec<u8>> {
    let (_, hello) = tcp::testing::greet(&secret(0), CHAIN, &[]);
    // What answers a hello: a proof, or a refusal with its reason.
    let proof = frame(0, &[&[0][..], &[5; 64]].concat());
    let refusal = frame(0, &[1, 2]);
    let talk = [hello.clone(), proof.clone()].concat();
    let farewell = [hello.clone(), refusal.clone()].concat();
    vec![hello, proof, refusal, talk, farewell]
}

/// A message is believed only if its sender sealed it.
fn message(bytes: &[u8]) -> Option<()> {
    let (from, ours) = (secret(0).public_key(), secret(1).public_key());
    let said = tcp::testing::open_message(&CHAIN, &from, &ours, bytes)?;
    assert!(bytes.starts_with(&said), "what was sealed is what was said");
    let other = tcp::testing::open_message(&CHAIN, &ours, &from, bytes);
    assert_eq!(other, None, "one message, two senders");
    Some(())
}

const SALT: [u8; 32] = [3; 32];

/// A piece of a log: the payload of a frame, or bytes as they are.
type Piece = (bool, Body);

/// Reading a log shows the records up to the first break, and reading what is left shows the same.
fn log_file(bytes: &[u8]) -> Option<()> {
    let pieces: Vec<Piece> = codec::decode(bytes).ok()?;
    let (mut file, mut whole, mut is_whole) = (Vec::new(), Vec::new(), true);
    for (is_frame, piece) in &pieces {
        let payload = piece.as_bytes();
        if *is_frame {
            file.extend(log::testing::frame(SALT, file.len() as u64, payload));
            is_whole &= is_record(payload);
            whole.extend(is_whole.then(|| payload.to_vec()));
        } else {
            file.extend(payload);
            is_whole &= payload.is_empty();
        }
    }
    let held = log::testing::scan(SALT, &file);
    assert_eq!(held.records, whole, "exactly what was written before the break");
    let end = usize::try_from(held.end).expect("within the file");
    let again = log::testing::scan(SALT, &file[..end]);
    assert_eq!(again, log::testing::Held { is_damaged: false, ..held });
    (!again.records.is_empty()).then_some(())
}

/// Whether the log takes this payload for a record.
fn is_record(payload: &[u8]) -> bool {
    match payload.split_first() {
        Some((0, record)) => codec::decode::<SafetyRecord>(record).is_ok(),
        Some((1, block)) => codec::decode::<FinalBlock>(block).is_ok(),
        Some(_) | None => false,
    }
}

fn log_files() -> Vec<Vec<u8>> {
    let tagged = |tag: u8, value: Vec<u8>| Body::new([&[tag][..], &value].concat());
    let run = tagged(0, codec::encode(&SafetyRecord::Run(RunNumber::new(300))));
    let (id, body) = block(1, b"one");
    let certificate = COUNCIL.certificate(Phase::Commit, 1, id);
    let commit = tagged(1, codec::encode(&FinalBlock { id, body, certificate }));
    let torn = Body::new(*b"torn");
    let write = |pieces: &[Piece]| codec::encode(&pieces.to_vec());
    vec![
        write(&[(true, run.clone())]),
        write(&[(true, run.clone()), (true, commit.clone()), (false, torn.clone())]),
        write(&[(true, run.clone()), (false, torn), (true, run), (true, commit)]),
    ]
}

/// A block of the log has its canonical bytes, and entries that their authors signed.
fn log_block(bytes: &[u8]) -> Option<()> {
    let (authentic, written) = log::testing::read_block(&CHAIN, &Body::new(bytes))?;
    assert_eq!(written, bytes);
    for entry in authentic {
        assert_eq!(entry.author(), secret(0).public_key(), "nobody else signs here");
    }
    Some(())
}
