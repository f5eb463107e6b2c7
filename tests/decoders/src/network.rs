//! What a node reads off connections with its peers: greetings, addresses, transactions, frames.

use bytes::Bytes;
use mokka_crypto::digest;
use mokka_network::{
    Binding, Hello, PeerRecord, Reason, limits,
    testing::{
        pack_batches, read_answer, read_hello, read_records, read_request, unpack_batch,
        write_answer,
    },
};
use mokka_types::{Height, codec};

use crate::{
    Target,
    council::{CHAIN, secret},
};

pub(crate) const HELLO: Target = Target { name: "hello", check: hello, seeds: hellos };
pub(crate) const RECORDS: Target = Target { name: "records", check: records, seeds: some_records };
pub(crate) const BATCH: Target = Target {
    name: "batch",
    check: batch,
    seeds: || {
        let transactions = [Bytes::from_static(b"one"), Bytes::new(), Bytes::from(vec![3; 300])];
        (0..=3).flat_map(|count| pack_batches(&transactions[..count], 7)).map(Vec::from).collect()
    },
};
pub(crate) const STREAM: Target = Target {
    name: "stream",
    check: stream,
    seeds: || [0, 5, LONGEST].map(|length| message(&vec![7; length])).to_vec(),
};

/// The most that a direct message may hold here.
const LONGEST: usize = 1 << 10;

/// One spelling, and a name that is short enough to be shown; or the answer to it.
fn hello(bytes: &[u8]) -> Option<()> {
    let (hello, answer) = (read_hello(bytes), read_answer(bytes));
    if let Some(hello) = &hello {
        assert_eq!(codec::encode(hello), bytes);
        assert!(hello.agent.chars().count() <= limits::MAX_AGENT_CHARS);
    }
    if let Some(answer) = answer {
        assert_eq!(write_answer(answer), bytes);
    }
    hello.map(drop).or(answer.map(drop))
}

fn hellos() -> Vec<Vec<u8>> {
    let secret = secret(0);
    let signature = secret.sign(&digest::hello(&CHAIN, b"said"));
    let binding = Binding { validator: secret.public_key(), sequence: 2, signature };
    let observer = Hello {
        version: 1,
        chain: CHAIN,
        agent: "mokka".to_owned(),
        session: 9,
        committed: Height::new(300),
        binding: None,
    };
    let validator = Hello { binding: Some(binding), ..observer.clone() };
    let greetings = [observer, validator].map(|hello| codec::encode(&hello));
    let refusals = [
        Reason::WrongVersion { ours: 1, theirs: 300 },
        Reason::Stranger,
        Reason::Superseded { current: 3 },
    ];
    let answers = refusals.map(Err).into_iter().chain([Ok(7)]).map(write_answer);
    greetings.into_iter().chain(answers).collect()
}

/// One spelling, and nothing but addresses that can be dialled.
fn records(bytes: &[u8]) -> Option<()> {
    let records = read_records(bytes)?;
    assert_eq!(codec::encode(&records), bytes);
    assert!(records.iter().all(|record| PeerRecord::check(&record.addresses).is_ok()));
    Some(())
}

fn some_records() -> Vec<Vec<u8>> {
    let record = |validator: u8, addresses: &[&str]| {
        let secret = secret(validator);
        let addresses: Vec<_> = addresses.iter().map(|address| (*address).to_owned()).collect();
        let signature = secret.sign(&PeerRecord::digest(&CHAIN, &addresses, 5));
        PeerRecord { validator: secret.public_key(), sequence: 5, addresses, signature }
    };
    let one = record(0, &["/ip4/1.2.3.4/tcp/5"]);
    let two = record(1, &["/dns/a.example/tcp/30303", "/ip6/::1/tcp/1"]);
    [vec![], vec![one.clone()], vec![one, two]].map(|records| codec::encode(&records)).to_vec()
}

/// The transactions that were packed, in their order.
fn batch(bytes: &[u8]) -> Option<()> {
    let transactions = unpack_batch(&Bytes::copy_from_slice(bytes))?;
    let number = bytes.first_chunk().map(|number| u64::from_le_bytes(*number));
    let packed = pack_batches(&transactions, number.expect("a number was read"));
    assert_eq!(packed.concat(), bytes);
    Some(())
}

/// What its length announces, all of it, and no more than is allowed.
fn stream(bytes: &[u8]) -> Option<()> {
    let announced = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    match read_request(bytes, LONGEST) {
        Ok(Some(read)) => {
            assert_eq!(announced, Some(read.len()));
            assert!(read.len() <= LONGEST && bytes[4..].starts_with(&read));
            Some(())
        }
        Ok(None) => {
            assert!(announced.is_some_and(|length| length > LONGEST));
            None
        }
        Err(_) => {
            assert!(announced.is_none_or(|length| length > bytes.len() - 4));
            None
        }
    }
}

fn message(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a short message");
    [&length.to_le_bytes()[..], content].concat()
}
