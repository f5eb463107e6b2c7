//! What a node of the chain reads from peers and callers: blocks, transactions, calls.

use std::fmt::Debug;

use alloy_consensus::proofs::calculate_transaction_root;
use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::{
    BlockOverrides, Filter, Index, TransactionRequest,
    pubsub::{Params as SubscriptionParams, SubscriptionKind},
    state::StateOverride,
};
use mokka_mempool::{Rules, Transaction};
use mokka_runtime::{
    BlockError, CallInput, CallOutcome, ChainSpec, RecoveredBlock, Stamp, call, check_block,
    check_body, check_fresh, check_transaction, decode_block, encode_block,
    system::{Action, Role, Switch},
};
use mokka_types::Setting;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    Target,
    chain::{self, CHAIN, Chain, PROPOSER},
    council::COUNCIL,
};

pub(crate) const BLOCK: Target = Target { name: "block", check: block, seeds: blocks };
pub(crate) const TRANSACTION: Target = Target {
    name: "transaction",
    check: transaction,
    seeds: || chain::transactions().iter().map(|signed| signed.encoded_2718()).collect(),
};
pub(crate) const PROPOSED_ACTION: Target =
    Target { name: "proposed_action", check: proposed_action, seeds: actions };
pub(crate) const CALL: Target = Target { name: "call", check: eth_call, seeds: calls };

pub(crate) const RPC_PARAMS: Target =
    Target { name: "rpc_params", check: rpc_params, seeds: params };

/// A block has one encoding; and whatever its body, it is refused with a reason, or is the one that
/// its header says.
fn block(bytes: &[u8]) -> Option<()> {
    let Chain { spec, state, head } = &**CHAIN;
    let block = decode_block(spec, bytes).ok()?;
    assert_eq!(*encode_block(&block), *bytes, "one block, two encodings");
    if let Some(stamp) = Stamp::of(&block.header) {
        assert_eq!(stamp.extra_data(), block.header.extra_data);
    }
    let _fresh = check_fresh(&block.header, &CHAIN.plan());
    // What was changed in the body is let through to the rules behind the root.
    let mut fitted = block.clone();
    fitted.header.transactions_root = calculate_transaction_root(&fitted.body.transactions);
    for block in [block, fitted] {
        let Ok(whole) = check_body(spec, block) else { continue };
        let Ok(recovered) = RecoveredBlock::recover(whole) else { continue };
        match check_block(spec, head, recovered, state, state) {
            Err(BlockError::Fatal(fatal)) => panic!("a block damages its node: {fatal}"),
            Err(error) => drop(error.to_string()),
            Ok(executed) => assert_eq!(executed.hash, executed.block.header.hash_slow()),
        }
    }
    Some(())
}

fn blocks() -> Vec<Vec<u8>> {
    let empty = CHAIN.build(Vec::new());
    let full = CHAIN.build(chain::transactions());
    [empty, full].map(|built| encode_block(&built.block).to_vec()).into()
}

/// A transaction has one encoding, by which it is named.
fn transaction(bytes: &[u8]) -> Option<()> {
    let ChainSpec { chain_id, gas_limit, base_fee, .. } = CHAIN.spec;
    let decoded = Transaction::decode(bytes, &Rules::new(chain_id, gas_limit, base_fee)).ok()?;
    assert_eq!(decoded.envelope().encoded_2718(), bytes, "one transaction, two encodings");
    assert_eq!(decoded.encoded_len(), bytes.len());
    assert_eq!(decoded.hash(), alloy_primitives::keccak256(bytes));
    let _costs = (decoded.cost(), decoded.tip(base_fee));
    let _valid = check_transaction(&CHAIN.spec, decoded.envelope());
    Some(())
}

/// An action that a proposal keeps is the same after it was written again.
fn proposed_action(bytes: &[u8]) -> Option<()> {
    let action = Action::decode(bytes)?;
    let again = Action::decode(&action.encode());
    assert_eq!(again.as_ref(), Some(&action), "what is written is read");
    assert!(action.candidate().is_none_or(|key| matches!(key.as_bytes()[0], 2 | 3)));
    Some(())
}

fn actions() -> Vec<Vec<u8>> {
    let key = |at: usize| COUNCIL.secrets[at].public_key();
    let (name, endpoint) = ("Bank 7".to_owned(), "/dns/a.example/tcp/30303".to_owned());
    let account = Address::repeat_byte(7);
    let list = mokka_runtime::system::TRANSACTIONS;
    let peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA".to_owned();
    let actions = [
        Action::AddValidator { key: key(0), name: name.clone(), endpoint: endpoint.clone() },
        Action::RemoveValidator { key: key(0) },
        Action::ReplaceKey { old: key(0), new: key(1) },
        Action::DescribeValidator { key: key(0), name, endpoint },
        Action::ChangeSettings { changes: vec![(Setting::Heartbeat, 300)] },
        Action::SwitchList { list, to: Switch::On },
        Action::SetRole { list, account, role: Role::Enabled },
        Action::SetNode { peer, to: Switch::On },
    ];
    actions.iter().map(|action| action.encode().to_vec()).collect()
}

/// What `eth_call` takes.
type Params = (TransactionRequest, Option<StateOverride>, Option<Box<BlockOverrides>>);

/// A call ends within its gas, whatever account and block are overridden with, or says why not.
fn eth_call(bytes: &[u8]) -> Option<()> {
    /// Enough to reach every precompile, and little enough to end soon.
    const GAS: u64 = 200_000;
    let (request, state_overrides, block_overrides): Params = serde_json::from_slice(bytes).ok()?;
    let input = CallInput {
        request: &request,
        state_overrides: state_overrides.as_ref(),
        block_overrides: block_overrides.as_deref(),
        gas_cap: GAS,
    };
    match call(&CHAIN.spec, &CHAIN.head, &CHAIN.state, input) {
        Ok(outcome) => assert!(CallOutcome::gas_used(&outcome) <= GAS),
        Err(error) => drop(error.to_string()),
    }
    Some(())
}

fn calls() -> Vec<Vec<u8>> {
    let (from, to) = (chain::address(0), Address::repeat_byte(9));
    let code = "0x602a60005260206000f3";
    let calls = [
        json!([{ "from": from, "to": to, "value": "0x1" }, null, null]),
        json!([
            { "to": to, "input": "0x01020304", "gas": "0xffff", "gasPrice": "0x10" },
            { to.to_string(): { "code": code, "balance": "0x5", "nonce": "0x1" } },
            { "number": "0x10", "time": "0x70000000", "baseFeePerGas": "0x7" },
        ]),
        json!([
            {
                "from": from, "to": to, "maxFeePerGas": "0x10", "maxPriorityFeePerGas": "0x1",
                "accessList": [{ "address": to, "storageKeys": [] }], "chainId": "0x539",
            },
            { to.to_string(): { "stateDiff": { format!("0x{:064}", 1): format!("0x{:064}", 2) } } },
            { "feeRecipient": PROPOSER, "gasLimit": "0x1000000", "random": format!("0x{:064}", 3) },
        ]),
        json!([{ "from": from, "input": "0x60006000f3" }, null, null]),
        json!([{ "to": format!("0x{:040}", 1), "input": format!("0x{:0256}", 1) }, null, null]),
    ];
    calls.iter().map(|call| call.to_string().into_bytes()).collect()
}

/// What methods take beside a call, each alone: what is read is written as something that is read
/// as the same.
fn rpc_params(bytes: &[u8]) -> Option<()> {
    let read = [
        again::<BlockId>(bytes),
        again::<BlockNumberOrTag>(bytes),
        again::<Address>(bytes),
        again::<B256>(bytes),
        again::<U256>(bytes),
        again::<Bytes>(bytes),
        again::<Index>(bytes),
        again::<Filter>(bytes),
        again::<SubscriptionKind>(bytes),
        // Only clients write these: alloy writes the `null` that it reads as `[]`.
        serde_json::from_slice::<SubscriptionParams>(bytes).ok().map(drop),
    ];
    read.into_iter().flatten().next()
}

fn again<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<()> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&value).expect("what was read has JSON");
    assert_eq!(serde_json::from_slice::<T>(&written).ok().as_ref(), Some(&value));
    Some(())
}

fn params() -> Vec<Vec<u8>> {
    let hash = B256::repeat_byte(7);
    let params = [
        json!("latest"),
        json!("0x10"),
        json!({ "blockHash": hash, "requireCanonical": true }),
        json!({ "blockNumber": "0x1" }),
        json!(hash),
        json!(Address::repeat_byte(7)),
        json!({
            "fromBlock": "0x1", "toBlock": "latest", "address": [Address::repeat_byte(7)],
            "topics": [hash, null, [hash, hash]],
        }),
        json!({ "blockHash": hash, "address": Address::repeat_byte(7) }),
        json!("newHeads"),
        json!(true),
    ];
    params.iter().map(|param| param.to_string().into_bytes()).collect()
}
