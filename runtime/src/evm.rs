//! `revm`, set up for this chain.

use alloy_consensus::{Header, TxEnvelope};
use alloy_evm::{
    EthEvm, Evm, EvmEnv, FromRecoveredTx, eth::EthEvmBuilder, precompiles::PrecompilesMap,
};
use alloy_primitives::{Address, U256};
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
};

use crate::{
    creation::Creation,
    spec::{ChainSpec, TX_GAS_LIMIT_CAP},
    system,
    working::Working,
};

/// The fork whose rules hold for every block.
pub(crate) const FORK: SpecId = SpecId::OSAKA;

/// The machine, on top of state that it changes.
pub(crate) type Machine<'a> = EthEvm<Working<'a>, Creation, PrecompilesMap>;

/// The rules of the chain, and the block in which code finds itself.
pub(crate) fn environment(spec: &ChainSpec, header: &Header) -> EvmEnv {
    let mut rules = CfgEnv::new_with_spec(FORK).with_chain_id(spec.chain_id);
    rules.tx_gas_limit_cap = Some(TX_GAS_LIMIT_CAP);
    let block = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        // No block has blobs, so their fee never leaves its minimum.
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: 1,
        }),
        slot_num: 0,
    };
    EvmEnv::new(rules, block)
}

/// A machine on `state`, with the system contracts; contracts may be created.
pub(crate) fn machine(state: Working<'_>, environment: EvmEnv) -> Machine<'_> {
    let mut machine = EthEvmBuilder::new(state, environment).inspector(Creation).build();
    system::install(machine.precompiles_mut());
    machine
}

/// A signed transaction as the machine takes it. Recovers the authorities of an EIP-7702 list.
pub(crate) fn tx_env(transaction: &TxEnvelope, sender: Address) -> TxEnv {
    TxEnv::from_recovered_tx(transaction, sender)
}
