//! A chain in memory, with people who have money on it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use alloy_consensus::{
    Header, SignableTransaction, Signed, TxEip1559, TxEip2930, TxEnvelope, TxLegacy,
    crypto::secp256k1, transaction::Recovered,
};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, Sealed, Signature, TxKind, U256};
use mokka_genesis::{Draft, Genesis, Validator};
use mokka_runtime::{
    Account, BlockBuilder, ChainSpec, Executed, Plan, Stamp, StateChanges, StateError, StateReader,
    TreeChanges, TreeReader, recover_sender,
};
use mokka_types::{CrashModel, Term};

use crate::council::COUNCIL;

const CHAIN_ID: u64 = 1_337;
const WEALTH: u64 = 1 << 60;
/// Seconds of block 0.
const BEGINNING: u64 = 1_800_000_000;

/// State and tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    accounts: BTreeMap<Address, Account>,
    storage: BTreeMap<(Address, U256), U256>,
    code: BTreeMap<B256, Bytes>,
    pub(crate) nodes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Memory {
    /// What a block changes.
    pub(crate) fn take(&mut self, changes: &StateChanges, tree: &TreeChanges) {
        for (address, account) in &changes.accounts {
            match account {
                Some(account) => drop(self.accounts.insert(*address, *account)),
                None => drop(self.accounts.remove(address)),
            }
        }
        self.storage.extend(&changes.storage);
        self.code.extend(changes.code.clone());
        for (key, node) in &tree.0 {
            match node {
                Some(node) => drop(self.nodes.insert(key.clone(), node.clone())),
                None => drop(self.nodes.remove(key)),
            }
        }
    }
}

impl StateReader for Memory {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.storage.get(&(address, slot)).copied().unwrap_or_default())
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, StateError> {
        self.code.get(&code_hash).cloned().ok_or_else(|| StateError(format!("no code {code_hash}")))
    }

    fn block_hash(&self, _: u64) -> Result<Option<B256>, StateError> {
        Ok(None)
    }
}

impl TreeReader for Memory {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(key).cloned())
    }
}

/// A chain after block 0.
pub(crate) struct Chain {
    pub(crate) spec: ChainSpec,
    pub(crate) state: Memory,
    pub(crate) head: Sealed<Header>,
}

/// It is always the same.
pub(crate) static CHAIN: LazyLock<Arc<Chain>> = LazyLock::new(|| Arc::new(Chain::new()));

/// Whom everybody pays.
pub(crate) const PROPOSER: Address = Address::repeat_byte(0xbe);

impl Chain {
    fn new() -> Self {
        let genesis = genesis();
        let beginning = genesis.begin().expect("accounts without code");
        let mut state = Memory::default();
        state.take(&beginning.block.changes, &beginning.block.tree);
        Self { spec: genesis.chain_spec(), state, head: beginning.block.header() }
    }

    /// How the next block is planned.
    pub(crate) fn plan(&self) -> Plan {
        let stamp = Stamp::after(&self.head, Term::new(3), 0);
        Plan { stamp: Stamp { ms: stamp.ms + 249, ..stamp }, beneficiary: PROPOSER }
    }

    /// A block of these transactions.
    pub(crate) fn build(&self, transactions: Vec<Recovered<TxEnvelope>>) -> Executed {
        let builder =
            BlockBuilder::new(&self.spec, &self.head, self.plan(), &self.state, &self.state);
        let mut builder = builder.expect("the state can be read");
        let skipped = builder.fill(&mut transactions.into_iter(), &mut || false);
        assert_eq!(skipped.expect("the state can be read"), []);
        builder.finish().expect("the state can be read")
    }
}

/// A genesis file with the council as validators.
pub(crate) fn genesis() -> Genesis {
    let mut draft = Draft::new(CHAIN_ID, CrashModel::Bft);
    let keys = COUNCIL.secrets.iter().map(|secret| secret.public_key());
    draft.validators = keys.map(Validator::new).collect();
    draft.timestamp = BEGINNING;
    let rich = GenesisAccount { balance: U256::from(WEALTH), ..GenesisAccount::default() };
    draft.alloc.extend((0..3).map(|person| (address(person), rich.clone())));
    draft.check().expect("a genesis without mistakes")
}

fn sign_hash(person: u8, hash: B256) -> Signature {
    secp256k1::sign_message(B256::with_last_byte(person + 1), hash).expect("a secret key")
}

pub(crate) fn address(person: u8) -> Address {
    let hash = B256::repeat_byte(1);
    secp256k1::recover_signer(&sign_hash(person, hash), hash).expect("a signature")
}

fn sign<T>(person: u8, transaction: T) -> Recovered<TxEnvelope>
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<Signed<T>>,
{
    let signature = sign_hash(person, transaction.signature_hash());
    let signed = TxEnvelope::from(transaction.into_signed(signature));
    let sender = recover_sender(&signed).expect("a signature");
    Recovered::new_unchecked(signed, sender)
}

/// A transaction of each type that this chain takes, each of another sender, so that one block may
/// hold them all.
pub(crate) fn transactions() -> Vec<Recovered<TxEnvelope>> {
    let (to, value) = (TxKind::Call(Address::repeat_byte(9)), U256::from(5));
    let (max_fee, gas_limit) = (1 << 32, 60_000);
    let input = Bytes::from_static(b"said");
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        gas_price: max_fee,
        gas_limit,
        to,
        value,
        input: input.clone(),
        ..TxLegacy::default()
    };
    let listed = TxEip2930 {
        chain_id: CHAIN_ID,
        gas_price: max_fee,
        gas_limit,
        to: TxKind::Create,
        input: Bytes::from_static(&[0x60, 0, 0x60, 0, 0xf3]),
        ..TxEip2930::default()
    };
    let dynamic = TxEip1559 {
        chain_id: CHAIN_ID,
        max_fee_per_gas: max_fee,
        max_priority_fee_per_gas: 1,
        gas_limit,
        to,
        value,
        input,
        ..TxEip1559::default()
    };
    vec![sign(0, legacy), sign(1, listed), sign(2, dynamic)]
}
