//! What every implementation promises. Each story is told to both engines.

use std::thread;

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use mokka_runtime::{Account, StateChanges, TreeChanges, encode_block};
use mokka_types::{
    BlockHash, BlockId, Epoch, Height, Mark, MarkReason, Phase, Promise, Proof, PublicKey,
    RunNumber, SafetyRecord, SafetyState, Signature, Signers,
};

use super::world::{
    CHAIN, Directory, Place, account, address, block, certificate, commit, fresh, id, marked,
    prepared, start, validators, view,
};
use crate::{BlockCommit, MemoryDisk, Store, StoreError, TransactionPlace};

macro_rules! conformance {
    ($($(#[$doc:meta])* $name:ident)*) => {
        mod in_memory {
            $($(#[$doc])* #[test] fn $name() { super::$name::<super::MemoryDisk>(); })*
        }
        mod on_disk {
            $($(#[$doc])* #[test] fn $name() { super::$name::<super::Directory>(); })*
        }
    };
}

conformance! {
    a_committed_block_reads_back_whole_also_after_a_restart
    above_the_head_there_is_nothing
    a_block_that_does_not_extend_the_head_changes_nothing
    a_commit_that_contradicts_itself_changes_nothing
    the_state_after_each_block_stays_readable
    a_reader_of_the_newest_state_does_not_see_later_commits
    readers_never_see_half_of_a_commit
    the_newest_safety_record_of_each_kind_survives_a_restart
    a_mark_stays_until_it_is_lifted
    no_promise_is_written_before_the_commit_that_it_builds_on
    a_new_validator_set_begins_an_epoch
    leader_proofs_and_evidence_are_kept
    blocks_for_sync_come_in_order_and_within_their_limit
    accounts_and_slots_are_listed_page_by_page
    code_is_found_by_its_hash
}

fn a_committed_block_reads_back_whole_also_after_a_restart<P: Place>() {
    let place = P::default();
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    let mut store = start(&place, &genesis).unwrap();
    let first = block(Some(&genesis), 3, StateChanges::default(), TreeChanges::default());
    commit(&store, &first).unwrap();
    for restart in 0..2 {
        assert_eq!(store.head(), id(&first), "restart {restart}");
        assert_eq!(store.chain(), CHAIN);
        let height = Height::new(1);
        let stored = store.block(height).unwrap().unwrap();
        assert_eq!((stored.hash, stored.senders), (first.hash, first.senders.clone()));
        assert_eq!(stored.block, first.block);
        assert_eq!(store.header(height).unwrap(), Some(first.block.header.clone()));
        assert_eq!(store.receipts(height).unwrap(), Some(first.receipts.clone()));
        assert_eq!(store.certificate(height).unwrap(), Some(certificate(&first, 0)));
        assert_eq!(store.hash_at(height).unwrap(), Some(first.hash));
        assert_eq!(store.height_of(first.hash).unwrap(), Some(height));
        assert_eq!(store.height_of(genesis.hash).unwrap(), Some(Height::GENESIS));
        for (index, transaction) in (0..).zip(&first.block.body.transactions) {
            let place = store.transaction_place(*transaction.hash()).unwrap();
            assert_eq!(place, Some(TransactionPlace { height, index }));
        }
        drop(store);
        store = place.open(CHAIN).unwrap();
    }
}

fn above_the_head_there_is_nothing<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    for height in [1, u64::MAX].map(Height::new) {
        assert_eq!(store.block(height).unwrap(), None);
        assert_eq!(store.header(height).unwrap(), None);
        assert_eq!(store.receipts(height).unwrap(), None);
        assert_eq!(store.certificate(height).unwrap(), None);
        assert_eq!(store.hash_at(height).unwrap(), None);
        assert!(store.state_at(height).is_none());
        assert!(store.final_blocks(height, usize::MAX, usize::MAX).unwrap().is_empty());
    }
    assert_eq!(store.height_of(B256::ZERO).unwrap(), None);
    assert_eq!(store.transaction_place(B256::ZERO).unwrap(), None);
    assert_eq!(store.certificate(Height::GENESIS).unwrap(), None);
    let state = store.state_at(Height::GENESIS).unwrap();
    assert_eq!(state.account(address(1)).unwrap(), None);
    assert_eq!(state.block_hash(0).unwrap(), store.hash_at(Height::GENESIS).unwrap());
    assert_eq!(state.block_hash(1).unwrap(), None);
}

fn a_block_that_does_not_extend_the_head_changes_nothing<P: Place>() {
    let place = P::default();
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    let store = start(&place, &genesis).unwrap();
    let first = marked(&genesis);
    let second = marked(&first);
    let other = block(Some(&genesis), 1, StateChanges::default(), TreeChanges::default());
    let mut stranger = marked(&genesis);
    stranger.block.header.parent_hash = B256::repeat_byte(1);
    stranger.hash = stranger.block.header.hash_slow();
    for wrong in [&second, &genesis, &stranger] {
        assert!(matches!(commit(&store, wrong), Err(StoreError::NotNext { .. })));
        assert_eq!(store.head(), id(&genesis));
        assert_eq!(store.latest().state.account(address(1)).unwrap(), None);
    }
    commit(&store, &first).unwrap();
    let again = commit(&store, &other).unwrap_err();
    assert_eq!(
        again,
        StoreError::NotNext { head: id(&first), block: id(&other), parent: id(&genesis).hash }
    );
    assert!(again.to_string().contains("does not extend 1"), "{again}");
}

fn a_commit_that_contradicts_itself_changes_nothing<P: Place>() {
    let place = P::default();
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    let store = start(&place, &genesis).unwrap();
    let good = marked(&genesis);
    let refused = |executed: &_, certificate: &_, why: &str| {
        let commit = BlockCommit { executed, certificate, next_set: None };
        let error = store.commit_block(&commit).unwrap_err();
        assert!(matches!(error, StoreError::Inconsistent { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(store.head(), id(&genesis));
    };
    let proof = certificate(&good, 0);
    refused(&good, &certificate(&genesis, 0), "its certificate proves");
    refused(&good, &certificate(&good, 1), "epoch 1, not 0");
    let mut early = proof.clone();
    early.phase = Phase::Prepare;
    refused(&good, &early, "prepare phase");
    let mut short = good.clone();
    short.receipts.pop();
    refused(&short, &proof, "2 transactions with 1 receipts and 2 senders");
    let mut short = good.clone();
    short.senders.pop();
    refused(&short, &proof, "2 receipts and 1 senders");
    let mut renamed = good.clone();
    renamed.hash = B256::repeat_byte(3);
    refused(&renamed, &certificate(&renamed, 0), "its header has hash");
    commit(&store, &good).unwrap();
}

fn the_state_after_each_block_stays_readable<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let mut tip = block(None, 0, StateChanges::default(), TreeChanges::default());
    for _ in 0..5 {
        tip = marked(&tip);
        commit(&store, &tip).unwrap();
    }
    for height in 0..=5 {
        let state = store.state_at(Height::new(height)).unwrap();
        let expected = (height > 0).then(|| account(height));
        assert_eq!(state.account(address(1)).unwrap(), expected);
        assert_eq!(state.storage(address(1), U256::from(5)).unwrap(), U256::from(height));
        assert_eq!(state.storage(address(1), U256::from(6)).unwrap(), U256::ZERO);
        assert_eq!(state.block_hash(height).unwrap(), store.hash_at(Height::new(height)).unwrap());
        assert_eq!(state.block_hash(height + 1).unwrap(), None);
    }
}

fn a_reader_of_the_newest_state_does_not_see_later_commits<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    let first = marked(&genesis);
    let before = store.latest();
    commit(&store, &first).unwrap();
    let between = store.latest();
    commit(&store, &marked(&first)).unwrap();
    let one = 1u64.to_be_bytes().to_vec();
    assert_eq!(before.id, id(&genesis));
    assert_eq!(before.state.account(address(1)).unwrap(), None);
    assert_eq!(before.tree.node(b"root").unwrap(), None);
    assert_eq!(between.id, id(&first));
    assert_eq!(between.state.account(address(1)).unwrap(), Some(account(1)));
    assert_eq!(between.tree.node(b"root").unwrap(), Some(one));
    let two = 2u64.to_be_bytes().to_vec();
    assert_eq!(store.latest().tree.node(b"root").unwrap(), Some(two));
}

fn readers_never_see_half_of_a_commit<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut tip = block(None, 0, StateChanges::default(), TreeChanges::default());
            for _ in 0..200 {
                tip = marked(&tip);
                commit(&store, &tip).unwrap();
            }
        });
        while !writer.is_finished() {
            let latest = store.latest();
            let height = latest.id.height.get();
            for _ in 0..4 {
                let balance = latest.state.account(address(1)).unwrap().unwrap_or_default().balance;
                let slot = latest.state.storage(address(1), U256::from(5)).unwrap();
                let node = latest.tree.node(b"root").unwrap();
                assert_eq!((balance, slot), (U256::from(height), U256::from(height)));
                assert_eq!(node, (height > 0).then(|| height.to_be_bytes().to_vec()));
            }
        }
    });
    assert_eq!(store.head().height, Height::new(200));
}

fn the_newest_safety_record_of_each_kind_survives_a_restart<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    assert_eq!(store.safety().unwrap(), SafetyState::default());
    let vote = |term| SafetyRecord::PrepareVote {
        view: view(0, term),
        id: BlockId { height: Height::new(1), hash: BlockHash::new([2; 32]) },
    };
    let promise = |term| SafetyRecord::Promise(Promise { view: view(0, term), signed: None });
    let records = [
        SafetyRecord::Run(RunNumber::new(8)),
        promise(1),
        vote(1),
        prepared(1, 0),
        promise(2),
        SafetyRecord::Run(RunNumber::new(9)),
    ];
    store.append_safety(&records[..4]).unwrap();
    store.append_safety(&records[4..]).unwrap();
    let mut expected = SafetyState::default();
    records.into_iter().for_each(|record| expected.apply(record));
    assert_eq!(store.safety().unwrap(), expected);
    drop(store);
    let store = place.open(CHAIN).unwrap();
    assert_eq!(store.safety().unwrap(), expected);
    store.append_safety(&[vote(2)]).unwrap();
    assert_eq!(store.safety().unwrap().prepare_vote.unwrap().0, view(0, 2));
}

/// §8: of lost state, whatever else is written.
fn a_mark_stays_until_it_is_lifted<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let mark = Mark { key: PublicKey::new([2; 33]), reason: MarkReason::Declared };
    store.append_safety(&[SafetyRecord::Mark(Some(mark))]).unwrap();
    drop(store);
    let store = place.open(CHAIN).unwrap();
    store.append_safety(&[SafetyRecord::Run(RunNumber::new(1)), prepared(1, 0)]).unwrap();
    assert_eq!(store.safety().unwrap().mark, Some(mark));
    store.append_safety(&[SafetyRecord::Mark(None)]).unwrap();
    drop(store);
    let store = place.open(CHAIN).unwrap();
    assert_eq!(store.safety().unwrap().mark, None);
    assert!(store.safety().unwrap().prepared.is_some());
}

/// §6.5
fn no_promise_is_written_before_the_commit_that_it_builds_on<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let early = [
        prepared(2, 0),
        prepared(1, 1),
        SafetyRecord::PrepareVote {
            view: view(0, 1),
            id: BlockId { height: Height::new(2), hash: BlockHash::default() },
        },
        SafetyRecord::Promise(Promise { view: view(1, 1), signed: None }),
    ];
    for record in early {
        let error = store.append_safety(&[prepared(1, 0), record]).unwrap_err();
        assert!(matches!(error, StoreError::TooEarly { .. }), "{error}");
        assert_eq!(store.safety().unwrap(), SafetyState::default(), "nothing of it is written");
    }
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    commit(&store, &marked(&genesis)).unwrap();
    store.append_safety(&[prepared(2, 0)]).unwrap();
}

fn a_new_validator_set_begins_an_epoch<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let genesis = block(None, 0, StateChanges::default(), TreeChanges::default());
    let first = marked(&genesis);
    let last = marked(&first);
    commit(&store, &first).unwrap();
    let next_set = Some(&validators(5));
    let proof = certificate(&last, 0);
    store.commit_block(&BlockCommit { executed: &last, certificate: &proof, next_set }).unwrap();
    drop(store);
    let store = place.open(CHAIN).unwrap();
    assert_eq!(store.epoch(), Epoch::new(1));
    let set = |epoch| store.validator_set(Epoch::new(epoch)).unwrap();
    let set_0 = set(0).unwrap();
    assert_eq!((set_0.from, set_0.validators), (Height::GENESIS, validators(4)));
    let set_1 = set(1).unwrap();
    assert_eq!((set_1.from, set_1.validators), (Height::new(3), validators(5)));
    assert_eq!(set(2), None);
    commit(&store, &marked(&last)).unwrap();
    store.append_safety(&[prepared(4, 1)]).unwrap();
}

fn leader_proofs_and_evidence_are_kept<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let proof = |term| Proof {
        view: view(0, term),
        candidate: PublicKey::new([2; 33]),
        base: Default::default(),
        signers: Signers::NONE,
        signature: Signature::new([9; 64]),
    };
    store.put_leader_proof(&proof(1)).unwrap();
    store.put_leader_proof(&proof(300)).unwrap();
    assert_eq!(store.leader_proof(view(0, 300)).unwrap(), Some(proof(300)));
    assert_eq!(store.leader_proof(view(0, 2)).unwrap(), None);
    assert_eq!(store.leader_proof(view(1, 1)).unwrap(), None);
    for evidence in [b"two votes".as_slice(), b"two proposals", b"two votes"] {
        store.put_evidence(evidence).unwrap();
    }
    let mut kept = store.evidence(10).unwrap();
    kept.sort();
    assert_eq!(kept, [b"two proposals".to_vec(), b"two votes".to_vec()]);
    assert_eq!(store.evidence(1).unwrap().len(), 1);
}

fn blocks_for_sync_come_in_order_and_within_their_limit<P: Place>() {
    let place = P::default();
    let store = fresh(&place);
    let mut chain = vec![block(None, 0, StateChanges::default(), TreeChanges::default())];
    for _ in 0..4 {
        let next = marked(chain.last().unwrap());
        commit(&store, &next).unwrap();
        chain.push(next);
    }
    let all = store.final_blocks(Height::GENESIS, usize::MAX, usize::MAX).unwrap();
    assert_eq!(all.len(), 4);
    for (found, expected) in all.iter().zip(&chain[1..]) {
        assert_eq!(found.id, id(expected));
        assert_eq!(found.body.as_bytes(), &encode_block(&expected.block)[..]);
        assert_eq!(found.certificate, certificate(expected, 0));
    }
    let size = all[1].body.as_bytes().len();
    let from = |limit| store.final_blocks(Height::new(2), usize::MAX, limit).unwrap();
    assert_eq!(from(0), all[1..2], "at least one");
    assert_eq!(from(2 * size - 1), all[1..2]);
    assert_eq!(from(2 * size), all[1..3]);
    let most = |count| store.final_blocks(Height::new(2), count, usize::MAX).unwrap();
    assert_eq!(most(0), all[1..2], "at least one");
    assert_eq!(most(2), all[1..3]);
}

fn accounts_and_slots_are_listed_page_by_page<P: Place>() {
    let place = P::default();
    let mut changes = StateChanges::default();
    for number in [0, 3, 7, 0xff] {
        changes.accounts.insert(address(number), Some(account(number.into())));
    }
    for slot in [U256::ZERO, U256::from(9), U256::MAX] {
        changes.storage.insert((address(3), slot), U256::from(1));
        changes.storage.insert((address(4), slot), U256::from(2));
    }
    let genesis = block(None, 0, changes, TreeChanges::default());
    let store = start(&place, &genesis).unwrap();
    let found = |after, limit| {
        let accounts = store.accounts(after, limit).unwrap();
        accounts.into_iter().map(|(address, _)| address).collect::<Vec<_>>()
    };
    assert_eq!(found(None, 2), [address(0), address(3)]);
    assert_eq!(found(Some(address(3)), 2), [address(7), address(0xff)]);
    assert!(found(Some(address(0xff)), 2).is_empty());
    assert_eq!(store.accounts(None, 9).unwrap()[3].1, account(0xff));
    let slots = |after, limit| store.account_storage(address(3), after, limit).unwrap();
    let one = U256::from(1);
    assert_eq!(slots(None, 2), [(U256::ZERO, one), (U256::from(9), one)]);
    assert_eq!(slots(Some(U256::from(9)), 9), [(U256::MAX, one)]);
    assert!(slots(Some(U256::MAX), 9).is_empty());
}

fn code_is_found_by_its_hash<P: Place>() {
    let place = P::default();
    let code = Bytes::from_static(&[0x60, 0x00]);
    let hash = keccak256(&code);
    let mut changes = StateChanges::default();
    changes.code.insert(hash, code.clone());
    let contract = Account { code_hash: hash, ..account(1) };
    changes.accounts.insert(address(1), Some(contract));
    let genesis = block(None, 0, changes, TreeChanges::default());
    let store = start(&place, &genesis).unwrap();
    let state = store.latest().state;
    assert_eq!(state.account(address(1)).unwrap(), Some(contract));
    assert_eq!(state.code(hash).unwrap(), code);
    assert_eq!(state.code(KECCAK256_EMPTY).unwrap(), Bytes::new());
    let error = state.code(B256::ZERO).unwrap_err();
    assert!(error.to_string().contains("column code, key 0x0000"), "{error}");
}
