//! Whatever bytes a peer sends: they are refused, or read as what they say and nothing else.

use bytes::Bytes;
use mokka_crypto::{SecretKey, digest};
use mokka_network::{
    Binding, Hello, PeerRecord, Reason, limits,
    testing::{
        pack_batches, read_answer, read_hello, read_records, read_request, unpack_batch,
        write_answer,
    },
};
use mokka_types::{ChainHash, Height, codec};
use proptest::{collection::vec, prelude::*, sample::Index};

const CHAIN: ChainHash = ChainHash::new([7; 32]);

fn secret() -> SecretKey {
    SecretKey::from_bytes([1; 32]).expect("a secret key")
}

fn hello() -> Hello {
    let secret = secret();
    let signature = secret.sign(&digest::hello(&CHAIN, b"said"));
    Hello {
        version: 1,
        chain: CHAIN,
        agent: "test".to_owned(),
        session: 9,
        committed: Height::new(300),
        binding: Some(Binding { validator: secret.public_key(), sequence: 2, signature }),
    }
}

fn record(addresses: Vec<String>) -> PeerRecord {
    let secret = secret();
    let signature = secret.sign(&PeerRecord::digest(&CHAIN, &addresses, 5));
    PeerRecord { validator: secret.public_key(), sequence: 5, addresses, signature }
}

/// Genuine bytes with some replaced, cut off, or put behind; or any bytes at all.
fn damaged(genuine: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<Index>(), any::<u8>()), 0..4);
    let changed = (changes, any::<Index>(), vec(any::<u8>(), 0..4)).prop_map(
        move |(changes, cut, behind)| {
            let mut bytes = genuine.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if behind.len() == 3 {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes.extend(behind);
            bytes
        },
    );
    prop_oneof![3 => changed, 1 => vec(any::<u8>(), 0..300)]
}

#[test]
fn what_is_genuine_is_read() {
    let (hello, record) = (hello(), record(vec!["/dns/a.example/tcp/30303".to_owned()]));
    assert_eq!(read_hello(&codec::encode(&hello)).as_ref(), Some(&hello));
    let records = vec![record];
    assert_eq!(read_records(&codec::encode(&records)).as_ref(), Some(&records));
    for answer in [Ok(7), Err(Reason::Stranger), Err(Reason::Superseded { current: 3 })] {
        assert_eq!(read_answer(&write_answer(answer)), Some(answer));
    }
}

proptest! {
    #[test]
    fn a_hello_has_one_spelling_and_a_short_name(bytes in damaged(codec::encode(&hello()))) {
        if let Some(hello) = read_hello(&bytes) {
            prop_assert_eq!(codec::encode(&hello), bytes);
            prop_assert!(hello.agent.chars().count() <= limits::MAX_AGENT_CHARS);
        }
    }

    #[test]
    fn an_answer_has_one_spelling(
        bytes in damaged(write_answer(Err(Reason::WrongVersion { ours: 1, theirs: 300 }))),
    ) {
        if let Some(answer) = read_answer(&bytes) {
            prop_assert_eq!(write_answer(answer), bytes);
        }
    }

    #[test]
    fn records_have_one_spelling_and_addresses_to_dial(
        bytes in damaged(codec::encode(&vec![record(vec!["/ip4/1.2.3.4/tcp/5".to_owned()])])),
    ) {
        if let Some(records) = read_records(&bytes) {
            prop_assert_eq!(codec::encode(&records), bytes);
            prop_assert!(records.iter().all(|one| PeerRecord::check(&one.addresses).is_ok()));
        }
    }

    #[test]
    fn a_batch_holds_its_transactions_in_order(
        bytes in damaged(pack_batches(&[Bytes::from_static(b"one"), Bytes::new()], 7).concat()),
    ) {
        if let Some(transactions) = unpack_batch(&Bytes::from(bytes.clone())) {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[..8]);
            let packed = pack_batches(&transactions, u64::from_le_bytes(number));
            prop_assert_eq!(packed.concat(), bytes);
        }
    }

    #[test]
    fn a_stream_is_read_up_to_what_it_announces(
        bytes in damaged([&5u32.to_le_bytes()[..], b"hello"].concat()),
        max in 0..600usize,
    ) {
        let announced = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
        match read_request(&bytes, max) {
            Ok(Some(read)) => {
                prop_assert_eq!(announced, Some(read.len()));
                prop_assert!(read.len() <= max && bytes[4..].starts_with(&read));
            }
            Ok(None) => prop_assert!(announced.is_some_and(|length| length > max)),
            Err(_) => prop_assert!(announced.is_none_or(|length| length > bytes.len() - 4)),
        }
    }
}
