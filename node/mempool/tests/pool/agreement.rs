//! The pool takes exactly what a block can hold: its rules and those of the runtime agree.

use std::sync::Arc;

use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{B256, Bytes, Signature, TxKind, U256};
use mokka_mempool::{Limits, Origin, Pool, Rules, SenderAccount, Transaction};
use mokka_runtime::{ChainSpec, check_transaction};
use proptest::prelude::*;

use crate::drafts::{ALICE, BLOCK_GAS, BOB, CHAIN, at, pooled};

#[derive(Clone, Debug)]
struct Any {
    kind: u8,
    chain_id: u64,
    gas_limit: u64,
    fee_cap: u128,
    tip: u128,
    to: TxKind,
    zeros: usize,
    others: usize,
    keys: Vec<usize>,
    authorizations: usize,
}

fn any_transaction() -> impl Strategy<Value = Any> {
    let gas = prop_oneof![
        8 => 20_000..80_000_u64,
        4 => 80_000..4_000_000_u64,
        1 => 16_777_210..16_777_220_u64,
    ];
    let fees = (0..4_u128, 0..4_u128);
    let to = prop_oneof![2 => Just(TxKind::Call(BOB)), 1 => Just(TxKind::Create)];
    let zeros = prop_oneof![4 => 0..600_usize, 1 => 49_000..49_300_usize];
    let lists = (prop::collection::vec(0..3_usize, 0..4), 0..3_usize);
    let chain_id = prop_oneof![9 => Just(CHAIN), 1 => Just(CHAIN + 1)];
    (0..4_u8, chain_id, gas, fees, to, zeros, 0..600_usize, lists).prop_map(
        |(kind, chain_id, gas_limit, (fee_cap, tip), to, zeros, others, lists)| {
            let (keys, authorizations) = lists;
            Any { kind, chain_id, gas_limit, fee_cap, tip, to, zeros, others, keys, authorizations }
        },
    )
}

fn authorization() -> SignedAuthorization {
    let authorization = Authorization { chain_id: U256::from(CHAIN), address: BOB, nonce: 0 };
    authorization.into_signed(Signature::new(U256::from(1), U256::from(1), false))
}

impl Any {
    fn build(self) -> Arc<Transaction> {
        let input: Bytes = [vec![0; self.zeros], vec![1; self.others]].concat().into();
        let item =
            |keys: &usize| AccessListItem { address: BOB, storage_keys: vec![B256::ZERO; *keys] };
        let access_list = AccessList(self.keys.iter().map(item).collect());
        let Self { chain_id, gas_limit, fee_cap, tip, to, .. } = self;
        match self.kind {
            0 => pooled(
                ALICE,
                TxLegacy {
                    chain_id: Some(chain_id),
                    gas_limit,
                    gas_price: fee_cap,
                    to,
                    input,
                    ..TxLegacy::default()
                },
            ),
            1 => pooled(
                ALICE,
                TxEip2930 {
                    chain_id,
                    gas_limit,
                    gas_price: fee_cap,
                    to,
                    input,
                    access_list,
                    ..TxEip2930::default()
                },
            ),
            2 => pooled(
                ALICE,
                TxEip1559 {
                    chain_id,
                    gas_limit,
                    max_fee_per_gas: fee_cap,
                    max_priority_fee_per_gas: tip,
                    to,
                    input,
                    access_list,
                    ..TxEip1559::default()
                },
            ),
            _ => pooled(
                ALICE,
                TxEip7702 {
                    chain_id,
                    gas_limit,
                    max_fee_per_gas: fee_cap,
                    max_priority_fee_per_gas: tip,
                    to: BOB,
                    input,
                    access_list,
                    authorization_list: vec![authorization(); self.authorizations],
                    ..TxEip7702::default()
                },
            ),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_pool_and_the_runtime_have_the_same_rules(
        any in any_transaction(),
        base_fee in 0..3_u64,
    ) {
        let tx = any.build();
        let defaults = ChainSpec::default();
        let spec = ChainSpec { chain_id: CHAIN, gas_limit: BLOCK_GAS, base_fee, ..defaults };
        let valid = check_transaction(&spec, tx.envelope());
        let mut pool = Pool::new(Limits::default(), Rules::new(CHAIN, BLOCK_GAS, base_fee));
        let account = SenderAccount { balance: U256::MAX, ..SenderAccount::default() };
        let admitted = pool.admit(tx, Origin::Remote, &account, at(0));
        prop_assert_eq!(admitted.is_ok(), valid.is_ok(), "{:?} but {:?}", admitted, valid);
    }
}
