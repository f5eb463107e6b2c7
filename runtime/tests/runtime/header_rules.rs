//! Every field of a header is checked: flip one, and the block is refused with the name of it.

use alloy_consensus::Header;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use mokka_runtime::{
    BlockError, Executed, FreshError, HeaderError, MAX_CLOCK_AHEAD_MS, Plan, Stamp, check_fresh,
    check_header, prev_randao,
};
use mokka_types::Term;

use crate::world::{GENESIS_TIME, Person, World, transfer};

fn block_with(world: &World) -> Executed {
    world.build(vec![Person(0).sign(transfer(0, Person(1).address(), 1))])
}

/// The verdict on a block whose header was changed by `edit`.
fn verdict(edit: impl FnOnce(&mut Header)) -> BlockError {
    let world = World::new();
    let mut block = block_with(&world).block;
    world.check(block.clone()).unwrap();
    edit(&mut block.header);
    world.check(block).unwrap_err()
}

macro_rules! refused {
    ($($name:ident: $edit:expr => is($error:pat);)*) => {
        $(
            #[test]
            fn $name() {
                let error = verdict($edit);
                assert!(matches!(error, $error), "{error}");
            }
        )*
    };
}

use BlockError::Header as Rule;

refused! {
    another_parent: |h| h.parent_hash = B256::ZERO => is(Rule(HeaderError::ParentHash { .. }));
    a_skipped_number: |h| h.number += 1 => is(Rule(HeaderError::Number { found: 2, expected: 1 }));
    extra_data_of_another_length: |h| h.extra_data = Bytes::from_static(b"geth")
        => is(Rule(HeaderError::ExtraData { found: 4 }));
    another_term_than_prev_randao: |h| h.extra_data = Stamp { term: Term::new(4),
        ms: Stamp::of(h).unwrap().ms }.extra_data() => is(Rule(HeaderError::PrevRandao { .. }));
    the_milliseconds_of_the_parent: |h| h.extra_data = Stamp { term: Term::new(3),
        ms: GENESIS_TIME * 1_000 }.extra_data()
        => is(Rule(HeaderError::MillisecondsDoNotGrow { .. }));
    another_second: |h| h.timestamp += 1 => is(Rule(HeaderError::Timestamp { .. }));
    another_prev_randao: |h| h.mix_hash.0[31] ^= 1 => is(Rule(HeaderError::PrevRandao { .. }));
    another_gas_limit: |h| h.gas_limit += 1 => is(Rule(HeaderError::GasLimit { .. }));
    another_base_fee: |h| h.base_fee_per_gas = Some(1) => is(Rule(HeaderError::BaseFee { .. }));
    no_base_fee: |h| h.base_fee_per_gas = None => is(Rule(HeaderError::BaseFee { .. }));
    other_ommers: |h| h.ommers_hash = B256::ZERO => is(Rule(HeaderError::OmmersHash { .. }));
    a_difficulty: |h| h.difficulty = U256::from(1) => is(Rule(HeaderError::Difficulty { .. }));
    a_nonce: |h| h.nonce = B64::with_last_byte(1) => is(Rule(HeaderError::Nonce { .. }));
    withdrawals: |h| h.withdrawals_root = Some(B256::ZERO)
        => is(Rule(HeaderError::WithdrawalsRoot { .. }));
    no_withdrawals_root: |h| h.withdrawals_root = None
        => is(Rule(HeaderError::WithdrawalsRoot { .. }));
    blob_gas: |h| h.blob_gas_used = Some(131_072) => is(Rule(HeaderError::BlobGasUsed { .. }));
    excess_blob_gas: |h| h.excess_blob_gas = Some(1) => is(Rule(HeaderError::ExcessBlobGas { .. }));
    a_beacon_root: |h| h.parent_beacon_block_root = Some(B256::repeat_byte(1))
        => is(Rule(HeaderError::ParentBeaconBlockRoot { .. }));
    requests: |h| h.requests_hash = Some(B256::ZERO) => is(Rule(HeaderError::RequestsHash { .. }));
    a_block_access_list: |h| h.block_access_list_hash = Some(B256::ZERO)
        => is(Rule(HeaderError::UnknownField));
    a_slot_number: |h| h.slot_number = Some(1) => is(Rule(HeaderError::UnknownField));
    another_transactions_root: |h| h.transactions_root.0[0] ^= 1
        => is(BlockError::TransactionsRoot { .. });
    another_receipts_root: |h| h.receipts_root.0[0] ^= 1 => is(BlockError::ReceiptsRoot { .. });
    another_bloom: |h| h.logs_bloom = Bloom::repeat_byte(1) => is(BlockError::LogsBloom { .. });
    other_gas: |h| h.gas_used += 1 => is(BlockError::GasUsed { found: 21_001, computed: 21_000 });
    another_state_root: |h| h.state_root.0[0] ^= 1 => is(BlockError::StateRoot { .. });
    // The tips go elsewhere, so the state is another one.
    another_beneficiary: |h| h.beneficiary = Address::repeat_byte(9)
        => is(BlockError::StateRoot { .. });
}

#[test]
fn a_differing_state_root_shows_what_changed() {
    let BlockError::StateRoot { changes, .. } = verdict(|h| h.state_root.0[0] ^= 1) else {
        panic!("another error");
    };
    assert!(changes.accounts.contains_key(&Person(0).address()));
}

#[test]
fn the_stamp_is_term_and_milliseconds_in_extra_data() {
    let world = World::new();
    let header = block_with(&world).block.header;
    let stamp = Stamp::of(&header).unwrap();
    assert_eq!(stamp, Stamp { term: Term::new(3), ms: GENESIS_TIME * 1_000 + 250 });
    assert_eq!(header.extra_data.len(), 16);
    assert_eq!(header.extra_data[..8], 3u64.to_be_bytes());
    assert_eq!(header.extra_data[8..], stamp.ms.to_be_bytes());
    // Two blocks of one second: the timestamp may equal the parent's.
    assert_eq!(header.timestamp, GENESIS_TIME);
    assert_eq!(header.mix_hash, prev_randao(world.head.hash(), Term::new(3)));
}

#[test]
fn prev_randao_is_pinned() {
    let bytes = [[7u8; 32].as_slice(), &9u64.to_be_bytes()].concat();
    let expected = B256::new(*blake3::hash(&bytes).as_bytes());
    assert_eq!(prev_randao(B256::repeat_byte(7), Term::new(9)), expected);
}

#[test]
fn milliseconds_grow_even_where_the_clock_goes_back() {
    let world = World::new();
    let stamp = Stamp::after(&world.head, Term::new(1), 17);
    assert_eq!(stamp.ms, GENESIS_TIME * 1_000 + 1);
}

#[test]
fn only_a_fresh_proposal_has_the_current_term_and_is_not_ahead() {
    let world = World::new();
    let header = block_with(&world).block.header;
    let ms = Stamp::of(&header).unwrap().ms;
    let beneficiary = header.beneficiary;
    let fresh = |term, ms| {
        check_fresh(&header, &Plan { stamp: Stamp { term: Term::new(term), ms }, beneficiary })
    };
    assert_eq!(fresh(3, ms), Ok(()));
    assert_eq!(fresh(3, ms - MAX_CLOCK_AHEAD_MS), Ok(()));
    assert_eq!(
        fresh(3, ms - MAX_CLOCK_AHEAD_MS - 1),
        Err(FreshError::Ahead { ahead_ms: MAX_CLOCK_AHEAD_MS + 1 })
    );
    assert_eq!(fresh(4, ms), Err(FreshError::Term { built: Term::new(3), current: Term::new(4) }));
    // Late is not wrong: the clock may have moved on while the proposal travelled.
    assert_eq!(fresh(3, ms + 60_000), Ok(()));
    let (stamp, other) = (Stamp::of(&header).unwrap(), Address::repeat_byte(9));
    assert_eq!(
        check_fresh(&header, &Plan { stamp, beneficiary: other }),
        Err(FreshError::Beneficiary { found: beneficiary, proposer: other })
    );
    // A block proposed again is checked without these rules.
    check_header(&world.spec, &world.head, &header).unwrap();
}
