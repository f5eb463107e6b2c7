//! One test for each reason to refuse, in geth's words where geth has words.

use std::sync::Arc;

use alloy_consensus::{
    SignableTransaction, TxEip2930, TxEip4844, TxEip4844Variant, TxEip7702, TxEnvelope, TxLegacy,
};
use alloy_eips::{
    Encodable2718,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use mokka_mempool::{
    Limits, Origin, Pool, Refusal, RefusalKind, ReplayProtection, Rules, SenderAccount, SenderCode,
    Transaction,
};
use mokka_runtime::{
    TxError,
    system::{Allowance, CONTRACTS, MEMBERS, NotListed, TRANSACTIONS},
};

use crate::drafts::{
    ALICE, BLOCK_GAS, BOB, CHAIN, RICH, account, admit, at, from, pool, pooled, rules,
};

fn refusal(pool: &mut Pool, tx: &Arc<Transaction>) -> Refusal {
    let before = pool.status();
    let refusal = admit(pool, tx).expect_err("must be refused");
    assert_eq!(pool.status(), before, "a refusal changes nothing");
    refusal
}

#[track_caller]
fn refused(tx: &Arc<Transaction>, kind: RefusalKind, reason: &str, words: &str) {
    let refusal = refusal(&mut pool(), tx);
    assert_eq!(refusal.to_string(), words);
    assert_eq!((refusal.kind(), refusal.reason()), (kind, reason));
}

#[track_caller]
fn refused_for(tx: &Arc<Transaction>, account: &SenderAccount, reason: &str, words: &str) {
    let refusal = pool().admit(Arc::clone(tx), Origin::Remote, account, at(0)).unwrap_err();
    assert_eq!(refusal.to_string(), words);
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Account, reason));
}

fn legacy(chain_id: Option<u64>) -> Arc<Transaction> {
    let to = TxKind::Call(Address::ZERO);
    pooled(
        ALICE,
        TxLegacy { chain_id, gas_limit: 21_000, gas_price: 10, to, ..TxLegacy::default() },
    )
}

#[test]
fn the_same_transaction_twice() {
    let (mut pool, tx) = (pool(), from(ALICE, 0).build());
    admit(&mut pool, &tx).unwrap();
    let refusal = refusal(&mut pool, &tx);
    assert_eq!(refusal.to_string(), "already known");
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Pool, "already_known"));
}

#[test]
fn what_is_no_transaction_of_this_chain() {
    let signed = from(ALICE, 0).tx.into_signed(Signature::test_signature());
    let good = TxEnvelope::from(signed).encoded_2718();
    let longer = [good.as_slice(), &[0]].concat();
    let (limited, exact) = (
        Rules { max_transaction_bytes: good.len() - 1, ..rules() },
        Rules { max_transaction_bytes: good.len(), ..rules() },
    );
    for (raw, rules, reason, words) in [
        (&[][..], rules(), "undecodable", "it is empty"),
        (&[0xc0][..], rules(), "undecodable", "failed to decode signed transaction: "),
        (&[0xff, 1, 2][..], rules(), "undecodable", "failed to decode signed transaction: "),
        (&[0x02][..], rules(), "undecodable", "failed to decode signed transaction: "),
        (&[0xb8, 0x02, 0x02, 0xc0][..], rules(), "undecodable", "failed to decode"),
        (&good[..good.len() - 1], rules(), "undecodable", "failed to decode"),
        (&longer[..], rules(), "undecodable", "failed to decode"),
        (
            &[0x00, 0xc0][..],
            rules(),
            "type_not_supported",
            "not supported: type 0; this chain takes",
        ),
        (&[0x03, 0xc0][..], rules(), "type_not_supported", "blob transactions (EIP-4844, type 3)"),
        (&[0x7f, 0xc0][..], rules(), "type_not_supported", "type 127"),
        // Before it is decoded.
        (&[0xff; 200][..], limited, "oversized", "transaction size 200, limit "),
    ] {
        let refusal = Transaction::decode(raw, &rules).unwrap_err();
        assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Invalid, reason), "{raw:x?}");
        assert!(refusal.to_string().contains(words), "{raw:x?}: {refusal}");
    }
    let decoded = Transaction::decode(&good, &exact).expect("the limit itself is allowed");
    assert_eq!(decoded.envelope().encoded_2718(), good);
}

#[test]
fn a_blob_transaction() {
    let tx = TxEip4844 { chain_id: CHAIN, ..TxEip4844::default() };
    let words = "transaction type not supported: blob transactions (EIP-4844, type 3); this chain \
                 takes legacy transactions and types 1, 2 and 4";
    let tx = pooled(ALICE, <TxEip4844Variant>::TxEip4844(tx));
    refused(&tx, RefusalKind::Invalid, "type_not_supported", words);
}

#[test]
fn a_transaction_above_the_size_limit() {
    let tx = from(ALICE, 0).data(128 << 10).build();
    let words = format!("oversized data: transaction size {}, limit 131072", tx.encoded_len());
    refused(&tx, RefusalKind::Invalid, "oversized", &words);
}

#[test]
fn a_creation_with_too_much_code() {
    let create = |bytes| {
        from(ALICE, 0).data(bytes).with(|tx| {
            tx.to = TxKind::Create;
            tx.gas_limit = 10_000_000;
        })
    };
    let words = "max initcode size exceeded: code size 49153, limit 49152";
    refused(&create(49_153).build(), RefusalKind::Invalid, "init_code_too_large", words);
    admit(&mut pool(), &create(49_152).build()).expect("the limit itself is allowed");
}

#[test]
fn more_gas_than_a_transaction_may_have() {
    let with_gas = |gas| from(ALICE, 0).with(|tx| tx.gas_limit = gas).build();
    let words = "transaction gas limit too high (cap: 16777216, tx: 16777217)";
    refused(&with_gas(16_777_217), RefusalKind::Invalid, "gas_limit_too_high", words);
    admit(&mut pool(), &with_gas(16_777_216)).expect("the cap itself is allowed");
}

#[test]
fn more_gas_than_a_block_has() {
    let mut pool = Pool::new(Limits::default(), Rules::new(CHAIN, 1_000_000, 0));
    let refusal = refusal(&mut pool, &from(ALICE, 0).with(|tx| tx.gas_limit = 1_000_001).build());
    let words = "exceeds block gas limit: gas 1000001, block gas limit 1000000";
    assert_eq!(refusal.to_string(), words);
    assert_eq!(refusal.reason(), "exceeds_block_gas_limit");
}

#[test]
fn a_tip_above_the_fee_cap() {
    let tx = from(ALICE, 0).with(|tx| tx.max_priority_fee_per_gas = 11).build();
    let words = "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 11, \
                 maxFeePerGas: 10";
    refused(&tx, RefusalKind::Invalid, "tip_above_fee_cap", words);
}

#[test]
fn a_signature_of_nobody() {
    let tx = TxLegacy { chain_id: Some(CHAIN), ..TxLegacy::default() };
    let high_s = Signature::new(U256::from(1), U256::MAX, false);
    let envelope = TxEnvelope::from(tx.into_signed(high_s));
    let refusal = Transaction::recover(envelope).unwrap_err();
    assert_eq!(refusal.to_string(), "invalid sender: the signature names no account");
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Invalid, "invalid_sender"));
}

#[test]
fn a_transaction_for_another_chain() {
    let words = "invalid sender: invalid chain id for signer: have 1 want 1337";
    let tx = from(ALICE, 0).with(|tx| tx.chain_id = 1).build();
    refused(&tx, RefusalKind::Invalid, "wrong_chain", words);
    refused(&legacy(Some(1)), RefusalKind::Invalid, "wrong_chain", words);
}

#[test]
fn a_transaction_from_before_eip_155_over_rpc() {
    let admit = |policy, origin| {
        let mut pool = Pool::new(Limits::default(), Rules { replay_protection: policy, ..rules() });
        pool.admit(legacy(None), origin, &account(0, RICH), at(0))
    };
    let refusal = admit(ReplayProtection::Required, Origin::Local).unwrap_err();
    let words = "only replay-protected (EIP-155) transactions allowed over RPC";
    assert_eq!(refusal.to_string(), words);
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Pool, "unprotected"));
    admit(ReplayProtection::Required, Origin::Remote).expect("a peer's policy is its own");
    admit(ReplayProtection::Optional, Origin::Local).expect("allowed by policy");
}

#[test]
fn an_account_that_is_on_no_list() {
    let held_back = |allowance| SenderAccount { allowance, ..account(0, RICH) };
    let not_on = |list| Some(NotListed { list, ask: Some(BOB) });
    let (sends, creates) = (not_on(TRANSACTIONS), not_on(CONTRACTS));
    let words = |what: &str, list: Address| {
        format!(
            "{ALICE} may not {what} this chain: it is not on the allow list {list}; \
             ask {BOB}, who manages it, for its setEnabled"
        )
    };
    let (call, create) = (from(ALICE, 0), from(ALICE, 0).with(|tx| tx.to = TxKind::Create));
    let (call, create) = (call.build(), create.with(|tx| tx.gas_limit = 100_000).build());
    let nothing = held_back(Allowance { sends, ..Allowance::default() });
    refused_for(&call, &nothing, "not_listed", &words("send transactions to", TRANSACTIONS));
    let no_contract = held_back(Allowance { creates, ..Allowance::default() });
    refused_for(&create, &no_contract, "not_listed", &words("create contracts on", CONTRACTS));
    pool().admit(call, Origin::Remote, &no_contract, at(0)).expect("sending is another list");
    let vote = from(ALICE, 0).with(|tx| tx.to = TxKind::Call(MEMBERS)).build();
    let member = held_back(Allowance { sends, is_member: true, creates: None });
    pool().admit(vote, Origin::Remote, &member, at(0)).expect("members can always vote");
}

#[test]
fn a_contract_as_sender() {
    let tx = from(ALICE, 0).build();
    let contract = SenderAccount { code: SenderCode::Contract, ..account(0, RICH) };
    let words = format!("sender not an eoa: address {ALICE} has code");
    refused_for(&tx, &contract, "sender_is_contract", &words);
    let delegated = SenderAccount { code: SenderCode::Delegation, ..account(0, RICH) };
    pool().admit(tx, Origin::Remote, &delegated, at(0)).expect("a delegation may send");
}

#[test]
fn the_last_nonce_of_all() {
    let words = "nonce has max value: no transaction could follow it";
    refused(&from(ALICE, u64::MAX).build(), RefusalKind::Invalid, "nonce_max", words);
}

#[test]
fn too_little_gas_to_start() {
    let tx = from(ALICE, 0).with(|tx| tx.gas_limit = 20_000).build();
    let words = "intrinsic gas too low: gas 20000, minimum needed 21000";
    refused(&tx, RefusalKind::Invalid, "intrinsic_gas", words);
}

#[test]
fn intrinsic_gas_counts_data_creation_access_lists_and_authorizations() {
    let data: Bytes = [[0; 3].as_slice(), &[1; 5]].concat().into();
    let needed = |tx: &Arc<Transaction>| match refusal(&mut pool(), tx) {
        Refusal::Rule(TxError::IntrinsicGas { required, .. }) => required,
        other => panic!("{other}"),
    };
    let create = TxLegacy { chain_id: Some(CHAIN), input: data.clone(), ..TxLegacy::default() };
    assert_eq!(needed(&pooled(ALICE, create)), 21_000 + 3 * 4 + 5 * 16 + 32_000 + 2);

    let item = AccessListItem { address: ALICE, storage_keys: vec![B256::ZERO; 3] };
    let access_list = AccessList(vec![item.clone(), item]);
    let to = TxKind::Call(ALICE);
    let listed =
        TxEip2930 { chain_id: CHAIN, access_list, to, input: data, ..TxEip2930::default() };
    let expected = 21_000 + 3 * 4 + 5 * 16 + 2 * 2_400 + 6 * 1_900;
    assert_eq!(needed(&pooled(ALICE, listed)), expected);

    let authorization = alloy_eips::eip7702::Authorization {
        chain_id: U256::from(CHAIN),
        address: ALICE,
        nonce: 0,
    };
    let signed = authorization.into_signed(Signature::new(U256::from(1), U256::from(1), false));
    let authorized = TxEip7702 {
        chain_id: CHAIN,
        authorization_list: vec![signed.clone(), signed],
        ..TxEip7702::default()
    };
    assert_eq!(needed(&pooled(ALICE, authorized)), 21_000 + 2 * 25_000);
}

#[test]
fn too_little_gas_for_the_data() {
    // 100 bytes of data: 1,600 gas to start, but 4,000 at least in the end (EIP-7623).
    let with_gas = |gas| from(ALICE, 0).data(100).with(|tx| tx.gas_limit = gas).build();
    let words = "insufficient gas for floor data gas cost: gas 24999, minimum needed 25000";
    refused(&with_gas(24_999), RefusalKind::Invalid, "floor_gas", words);
    admit(&mut pool(), &with_gas(25_000)).expect("the floor itself is enough");
}

#[test]
fn an_authorization_list_without_authorizations() {
    let tx = TxEip7702 { chain_id: CHAIN, gas_limit: 21_000, ..TxEip7702::default() };
    let words = "set code tx must have at least one authorization tuple";
    refused(&pooled(ALICE, tx), RefusalKind::Invalid, "no_authorization", words);
}

#[test]
fn a_tip_below_what_this_node_asks() {
    let mut pool = Pool::new(Limits::default(), Rules { min_tip: 11, ..rules() });
    let refusal = refusal(&mut pool, &from(ALICE, 0).build());
    let words = "transaction gas price below minimum: gas tip cap 10, minimum needed 11";
    assert_eq!(refusal.to_string(), words);
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Pool, "tip_too_low"));
}

#[test]
fn a_fee_cap_below_the_base_fee() {
    let mut pool = Pool::new(Limits::default(), Rules::new(CHAIN, BLOCK_GAS, 11));
    let refusal = refusal(&mut pool, &from(ALICE, 0).build());
    let words = "max fee per gas less than block base fee: maxFeePerGas: 10, baseFee: 11";
    assert_eq!(refusal.to_string(), words);
    assert_eq!(refusal.reason(), "fee_cap_below_base_fee");
}

#[test]
fn a_used_nonce() {
    let tx = from(ALICE, 3).build();
    let words = "nonce too low: next nonce 5, tx nonce 3";
    refused_for(&tx, &account(5, RICH), "nonce_too_low", words);
}

#[test]
fn a_nonce_further_ahead_over_rpc_than_one_sender_may_have_here() {
    let limits = Limits { per_sender: 3, ..Limits::default() };
    let send = |pool: &mut Pool, nonce, origin| {
        pool.admit(from(ALICE, nonce).build(), origin, &account(5, RICH), at(0))
    };
    let admit = |pool: &mut Pool, nonce| send(pool, nonce, Origin::Local);
    let mut pool = Pool::new(limits, rules());
    send(&mut Pool::new(limits, rules()), 8, Origin::Remote)
        .expect("a peer may know later blocks than we do");
    let refusal = admit(&mut pool, 8).unwrap_err();
    assert_eq!(refusal.to_string(), "nonce too high: next nonce 5, tx nonce 8");
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Account, "nonce_too_high"));
    admit(&mut pool, 7).expect("the two before it have room beside it");
    // In order, the limit of the sender is met first.
    admit(&mut pool, 5).unwrap();
    admit(&mut pool, 6).unwrap();
    assert_eq!(admit(&mut pool, 8).unwrap_err().reason(), "account_limit");
}

#[test]
fn a_transaction_that_its_sender_cannot_pay() {
    let tx = from(ALICE, 0).value(1).build();
    let words = "insufficient funds for gas * price + value: balance 0, tx cost 210001, \
                 overshot 210001";
    refused_for(&tx, &account(0, 0), "insufficient_funds", words);
    pool().admit(tx, Origin::Remote, &account(0, 210_001), at(0)).expect("exactly enough");
}

#[test]
fn a_cost_beyond_all_numbers_is_still_only_unaffordable() {
    let everything = |tx: &mut alloy_consensus::TxEip1559| {
        (tx.value, tx.max_fee_per_gas) = (U256::MAX, u128::MAX);
    };
    let refusal = refusal(&mut pool(), &from(ALICE, 0).with(everything).build());
    assert_eq!(refusal.reason(), "insufficient_funds");
}

#[test]
fn a_transaction_that_its_sender_cannot_pay_beside_those_pending() {
    let mut pool = pool();
    let poor = account(0, 400_000);
    let first = from(ALICE, 0).build();
    pool.admit(first, Origin::Remote, &poor, at(0)).unwrap();
    let second = pool.admit(from(ALICE, 1).build(), Origin::Remote, &poor, at(0)).unwrap_err();
    let words = "insufficient funds for gas * price + value: balance 400000, queued cost 210000, \
                 tx cost 210000, overshot 20000";
    assert_eq!(second.to_string(), words);
    assert_eq!(second.reason(), "insufficient_funds_for_all");
    // A replacement is weighed without the one that it replaces.
    let dearer = from(ALICE, 0).price(19).build();
    pool.admit(dearer, Origin::Remote, &poor, at(0)).expect("399000 is less than 400000");
}

#[test]
fn more_transactions_than_one_sender_may_have() {
    let limits = Limits { per_sender: 2, ..Limits::default() };
    let mut pool = Pool::new(limits, rules());
    for nonce in 0..2 {
        admit(&mut pool, &from(ALICE, nonce).build()).unwrap();
    }
    let refusal = refusal(&mut pool, &from(ALICE, 2).build());
    assert_eq!(refusal.to_string(), "account limit exceeded: pooled 2 txs");
    assert_eq!((refusal.kind(), refusal.reason()), (RefusalKind::Pool, "account_limit"));
}

#[test]
fn a_replacement_that_does_not_pay_a_tenth_more() {
    let mut pool = pool();
    admit(&mut pool, &from(ALICE, 0).price(20).build()).unwrap();
    let refused = refusal(&mut pool, &from(ALICE, 0).price(21).build());
    let words = "replacement transaction underpriced: fee cap 21 and tip 21, \
                 minimum needed 22 and 22";
    assert_eq!(refused.to_string(), words);
    assert_eq!((refused.kind(), refused.reason()), (RefusalKind::Pool, "replacement_underpriced"));
    let low_tip = |tx: &mut alloy_consensus::TxEip1559| tx.max_priority_fee_per_gas = 21;
    let refused = refusal(&mut pool, &from(ALICE, 0).price(22).with(low_tip).build());
    assert_eq!(refused.reason(), "replacement_underpriced", "fee cap and tip must both rise");
    admit(&mut pool, &from(ALICE, 0).price(22).build()).expect("a tenth more");
}

#[test]
fn a_free_transaction_is_replaced_only_by_one_that_pays() {
    let mut pool = pool();
    admit(&mut pool, &from(ALICE, 0).price(0).build()).unwrap();
    let refused = refusal(&mut pool, &from(ALICE, 0).price(0).value(1).build());
    assert_eq!(refused.reason(), "replacement_underpriced");
    admit(&mut pool, &from(ALICE, 0).price(1).build()).expect("1 is more than 0");
}
