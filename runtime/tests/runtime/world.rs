//! A chain in memory, with people who have money on it.

use std::collections::BTreeMap;

use alloy_consensus::{
    Header, SignableTransaction, TxEip1559, TxEnvelope, TxLegacy, crypto::secp256k1,
    transaction::Recovered,
};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, Sealed, Signature, TxKind, U256};
use mokka_runtime::{
    Account, Block, BlockBuilder, BlockError, ChainSpec, Executed, Plan, RecoveredBlock, Skipped,
    Stamp, StateError, StateReader, TreeReader, check_block, check_body, genesis_block,
    recover_sender, system::SystemRules,
};
use mokka_types::{PublicKey, Term};

/// Seconds of block 0.
pub(crate) const GENESIS_TIME: u64 = 1_800_000_000;

/// What everybody has at the beginning.
pub(crate) const WEALTH: u128 = 10_000_000_000_000_000_000_000;

/// Who gets the tips.
pub(crate) const PROPOSER: Address = Address::repeat_byte(0xbe);

/// Somebody with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Person(pub(crate) u8);

impl Person {
    /// The key by which it validates.
    pub(crate) fn key(self) -> PublicKey {
        mokka_crypto::SecretKey::from_bytes(self.secret().0).unwrap().public_key()
    }

    fn secret(self) -> B256 {
        B256::with_last_byte(self.0 + 1)
    }

    pub(crate) fn signature(self, hash: B256) -> Signature {
        secp256k1::sign_message(self.secret(), hash).unwrap()
    }

    pub(crate) fn address(self) -> Address {
        let hash = B256::repeat_byte(1);
        secp256k1::recover_signer(&self.signature(hash), hash).unwrap()
    }

    pub(crate) fn sign<T>(self, transaction: T) -> Recovered<TxEnvelope>
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<alloy_consensus::Signed<T>>,
    {
        let signature = self.signature(transaction.signature_hash());
        let signed = TxEnvelope::from(transaction.into_signed(signature));
        let sender = recover_sender(&signed).unwrap();
        assert_eq!(sender, self.address());
        Recovered::new_unchecked(signed, sender)
    }
}

/// A transfer of type 2 with a tip of one.
pub(crate) fn transfer(nonce: u64, to: Address, value: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: ChainSpec::default().chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::from(value),
        ..TxEip1559::default()
    }
}

/// A legacy transaction with data.
pub(crate) fn legacy(nonce: u64, to: TxKind, gas_limit: u64, input: &[u8]) -> TxLegacy {
    TxLegacy {
        chain_id: Some(ChainSpec::default().chain_id),
        nonce,
        gas_price: 10,
        gas_limit,
        to,
        value: U256::ZERO,
        input: Bytes::copy_from_slice(input),
    }
}

/// State and tree in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) accounts: BTreeMap<Address, Account>,
    pub(crate) storage: BTreeMap<(Address, U256), U256>,
    pub(crate) code: BTreeMap<B256, Bytes>,
    pub(crate) nodes: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) hashes: BTreeMap<u64, B256>,
}

impl Memory {
    pub(crate) fn commit(&mut self, block: &Executed) {
        for (address, account) in &block.changes.accounts {
            match account {
                Some(account) => drop(self.accounts.insert(*address, *account)),
                None => drop(self.accounts.remove(address)),
            }
        }
        for (key, value) in &block.changes.storage {
            self.storage.insert(*key, *value);
        }
        self.code.extend(block.changes.code.clone());
        for (key, node) in &block.tree.0 {
            match node {
                Some(node) => drop(self.nodes.insert(key.clone(), node.clone())),
                None => drop(self.nodes.remove(key)),
            }
        }
        self.hashes.insert(block.number(), block.hash);
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

    fn block_hash(&self, number: u64) -> Result<Option<B256>, StateError> {
        Ok(self.hashes.get(&number).copied())
    }
}

impl TreeReader for Memory {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(key).cloned())
    }
}

/// A chain and its newest block.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) spec: ChainSpec,
    pub(crate) memory: Memory,
    pub(crate) head: Sealed<Header>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ChainSpec::default())
    }

    pub(crate) fn with(spec: ChainSpec) -> Self {
        let rich = GenesisAccount { balance: U256::from(WEALTH), ..GenesisAccount::default() };
        let alloc = (0..8).map(|i| (Person(i).address(), rich.clone())).collect();
        Self::with_alloc(spec, &alloc)
    }

    pub(crate) fn with_alloc(spec: ChainSpec, alloc: &BTreeMap<Address, GenesisAccount>) -> Self {
        Self::begin(spec, alloc, None)
    }

    /// A chain with members, where everybody has money.
    pub(crate) fn governed(rules: &SystemRules) -> Self {
        let rich = GenesisAccount { balance: U256::from(WEALTH), ..GenesisAccount::default() };
        let alloc = (0..16).map(|i| (Person(i).address(), rich.clone())).collect();
        Self::begin(ChainSpec::default(), &alloc, Some(rules))
    }

    fn begin(
        spec: ChainSpec,
        alloc: &BTreeMap<Address, GenesisAccount>,
        rules: Option<&SystemRules>,
    ) -> Self {
        let genesis = genesis_block(&spec, alloc, rules, GENESIS_TIME).unwrap();
        let mut memory = Memory::default();
        memory.commit(&genesis);
        Self { spec, memory, head: genesis.header() }
    }

    pub(crate) fn plan(&self) -> Plan {
        let stamp = Stamp::after(&self.head, Term::new(3), 0);
        Plan { stamp: Stamp { ms: stamp.ms + 249, ..stamp }, beneficiary: PROPOSER }
    }

    pub(crate) fn builder(&self) -> BlockBuilder<'_> {
        BlockBuilder::new(&self.spec, &self.head, self.plan(), &self.memory, &self.memory).unwrap()
    }

    /// Builds a block and says what was left out.
    pub(crate) fn offer(&self, offered: Vec<Recovered<TxEnvelope>>) -> (Executed, Vec<Skipped>) {
        let mut builder = self.builder();
        let skipped = builder.fill(&mut offered.into_iter(), &mut || false).unwrap();
        (builder.finish().unwrap(), skipped)
    }

    /// Builds a block of exactly these transactions.
    pub(crate) fn build(&self, transactions: Vec<Recovered<TxEnvelope>>) -> Executed {
        let (block, skipped) = self.offer(transactions);
        assert_eq!(skipped, []);
        block
    }

    pub(crate) fn recovered(&self, block: Block) -> RecoveredBlock {
        RecoveredBlock::recover(check_body(&self.spec, block).unwrap()).unwrap()
    }

    pub(crate) fn check(&self, block: Block) -> Result<Executed, BlockError> {
        let block = RecoveredBlock::recover(check_body(&self.spec, block)?)?;
        check_block(&self.spec, &self.head, block, &self.memory, &self.memory)
    }

    pub(crate) fn commit(&mut self, block: &Executed) {
        self.memory.commit(block);
        self.head = block.header();
    }

    /// Builds, checks as a follower would, and commits.
    pub(crate) fn advance(&mut self, transactions: Vec<Recovered<TxEnvelope>>) -> Executed {
        let block = self.build(transactions);
        assert_eq!(self.check(block.block.clone()).unwrap(), block);
        self.commit(&block);
        block
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.memory.accounts.get(&address).map_or(U256::ZERO, |account| account.balance)
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.memory.accounts.get(&address).map_or(0, |account| account.nonce)
    }
}
