//! Random blocks: what is built is valid, and what `revm` does on its own database is the same.

use alloy_consensus::{TxEnvelope, transaction::Recovered};
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::SYSTEM_ADDRESS};
use alloy_evm::{EthEvmFactory, Evm, EvmEnv, EvmFactory, FromRecoveredTx};
use alloy_primitives::{Address, TxKind, U256};
use mokka_runtime::{ChainSpec, Executed, TX_GAS_LIMIT_CAP, decode_block, encode_block};
use proptest::prelude::*;
use revm::{
    Database, DatabaseCommit,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode},
};

use crate::{
    contracts::{BLOCKHASH, COUNTER, ENDLESS, STORE_AND_DESTROY, init_code},
    world::{Memory, Person, World, legacy, transfer},
};

#[derive(Clone, Debug)]
enum Deed {
    Transfer { to: u8, value: u64 },
    Deploy { what: usize },
    DestroyAtOnce,
    Call { creator: u8, nonce: u64, data: Vec<u8> },
    WrongNonce,
    BadGas,
}

fn deeds() -> impl Strategy<Value = Vec<(u8, Deed)>> {
    let deed = prop_oneof![
        4 => (0..10u8, 0..1_000u64).prop_map(|(to, value)| Deed::Transfer { to, value }),
        2 => (0..4usize).prop_map(|what| Deed::Deploy { what }),
        1 => Just(Deed::DestroyAtOnce),
        4 => (0..4u8, 0..6u64, prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(creator, nonce, data)| Deed::Call { creator, nonce, data }),
        1 => Just(Deed::WrongNonce),
        1 => Just(Deed::BadGas),
    ];
    prop::collection::vec((0..4u8, deed), 0..25)
}

fn transactions(world: &World, deeds: &[(u8, Deed)]) -> Vec<Recovered<TxEnvelope>> {
    let mut nonces: Vec<u64> = (0..4).map(|i| world.nonce(Person(i).address())).collect();
    let mut signed = Vec::new();
    for (who, deed) in deeds {
        let (person, nonce) = (Person(*who), nonces[usize::from(*who)]);
        nonces[usize::from(*who)] += u64::from(!matches!(deed, Deed::WrongNonce | Deed::BadGas));
        signed.push(match deed {
            Deed::Transfer { to, value } => {
                person.sign(transfer(nonce, Person(*to).address(), *value))
            }
            Deed::Deploy { what } => {
                let code = [COUNTER, BLOCKHASH, STORE_AND_DESTROY, ENDLESS][*what];
                person.sign(legacy(nonce, TxKind::Create, 300_000, &init_code(code)))
            }
            Deed::DestroyAtOnce => {
                person.sign(legacy(nonce, TxKind::Create, 300_000, STORE_AND_DESTROY))
            }
            Deed::Call { creator, nonce: at, data } => {
                let to = TxKind::Call(Person(*creator).address().create(*at));
                person.sign(legacy(nonce, to, 90_000, data))
            }
            Deed::WrongNonce => person.sign(transfer(nonce + 7, person.address(), 1)),
            Deed::BadGas => person.sign(legacy(nonce, TxKind::Create, 21_001, &[1])),
        });
    }
    signed
}

/// `revm` on its own database, with the state of `memory`.
fn oracle_database(memory: &Memory) -> CacheDB<EmptyDB> {
    let mut database = CacheDB::new(EmptyDB::default());
    for (address, account) in &memory.accounts {
        let code = memory.code.get(&account.code_hash).cloned().unwrap_or_default();
        let code = Bytecode::new_raw_checked(code).unwrap();
        database.insert_account_info(
            *address,
            AccountInfo {
                balance: account.balance,
                nonce: account.nonce,
                code_hash: account.code_hash,
                code: Some(code),
                account_id: None,
            },
        );
    }
    for ((address, slot), value) in &memory.storage {
        database.insert_account_storage(*address, *slot, *value).unwrap();
    }
    for (number, hash) in &memory.hashes {
        database.cache.block_hashes.insert(U256::from(*number), *hash);
    }
    database
}

fn oracle(spec: &ChainSpec, before: &Memory, block: &Executed) -> CacheDB<EmptyDB> {
    let header = &block.block.header;
    let mut rules = CfgEnv::new_with_spec(SpecId::OSAKA).with_chain_id(spec.chain_id);
    rules.tx_gas_limit_cap = Some(TX_GAS_LIMIT_CAP);
    let environment = EvmEnv::new(
        rules,
        BlockEnv {
            number: U256::from(header.number),
            beneficiary: header.beneficiary,
            timestamp: U256::from(header.timestamp),
            gas_limit: header.gas_limit,
            basefee: spec.base_fee,
            difficulty: U256::ZERO,
            prevrandao: Some(header.mix_hash),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new_with_spec(0, SpecId::OSAKA)),
            slot_num: 0,
        },
    );
    let mut evm = EthEvmFactory::default().create_evm(oracle_database(before), environment);
    let data = header.parent_hash.0.into();
    let call = evm.transact_system_call(SYSTEM_ADDRESS, HISTORY_STORAGE_ADDRESS, data).unwrap();
    evm.db_mut().commit(call.state);
    for (tx, sender) in block.block.body.transactions.iter().zip(&block.senders) {
        evm.transact_commit(TxEnv::from_recovered_tx(tx, *sender)).unwrap();
    }
    evm.into_db()
}

/// Everything `memory` holds is what the oracle holds, and the other way round.
fn assert_same_state(memory: &Memory, mut oracle: CacheDB<EmptyDB>) {
    let addresses: Vec<Address> =
        oracle.cache.accounts.keys().chain(memory.accounts.keys()).copied().collect();
    for address in addresses {
        let theirs = oracle.basic(address).unwrap().filter(|info| !info.is_empty());
        let theirs = theirs.map(|info| (info.nonce, info.balance, info.code_hash));
        let ours = memory.accounts.get(&address).copied();
        let ours = ours.map(|account| (account.nonce, account.balance, account.code_hash));
        assert_eq!(ours, theirs, "{address}");
    }
    let slots: Vec<(Address, U256)> = oracle
        .cache
        .accounts
        .iter()
        .flat_map(|(address, account)| account.storage.keys().map(|slot| (*address, *slot)))
        .chain(memory.storage.keys().copied())
        .collect();
    for (address, slot) in slots {
        let ours = memory.storage.get(&(address, slot)).copied().unwrap_or_default();
        assert_eq!(ours, oracle.storage(address, slot).unwrap(), "{address} {slot}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_built_is_valid_and_what_revm_does_alone(
        blocks in prop::collection::vec(deeds(), 1..4),
    ) {
        let mut world = World::with(ChainSpec { base_fee: 3, ..ChainSpec::default() });
        for deeds in blocks {
            let (built, skipped) = world.offer(transactions(&world, &deeds));
            prop_assert_eq!(built.receipts.len() + skipped.len(), deeds.len());
            let bytes = encode_block(&built.block);
            let received = decode_block(&world.spec, &bytes).unwrap();
            let checked = world.check(received).unwrap();
            prop_assert_eq!(&checked, &built);
            let oracle = oracle(&world.spec, &world.memory, &built);
            world.commit(&built);
            assert_same_state(&world.memory, oracle);
        }
    }
}
