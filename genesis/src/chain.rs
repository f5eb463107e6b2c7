//! A genesis that has been checked, and what follows from it.

use std::collections::BTreeMap;

use alloy_genesis::GenesisAccount;
use alloy_primitives::Address;
use mokka_runtime::{
    ChainSpec, Executed, GenesisError, genesis_block,
    system::{Governance, Permissions, Role, Switch, SystemRules},
};
use mokka_types::{BlockHash, BlockId, ChainHash, CrashModel, Height, Settings, ValidatorSet};

use crate::{Draft, Validator};

/// A genesis file that has been checked. There is no other way to get one than [`Genesis::parse`]
/// and [`Draft::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis(Draft);

/// Block 0 and the name of the chain.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Block 0 with its state.
    pub block: Executed,
    /// Its position and hash.
    pub id: BlockId,
    /// What every signature and handshake of the chain contains (`consensus.md` §3).
    pub chain_hash: ChainHash,
}

impl Genesis {
    /// Two spellings of one thing become one, so that what was written and read again is equal.
    pub(crate) fn of_checked(mut draft: Draft) -> Self {
        for account in draft.alloc.values_mut() {
            account.nonce = account.nonce.filter(|nonce| *nonce != 0);
            account.code = account.code.take().filter(|code| !code.is_empty());
            account.storage = account.storage.take().and_then(|mut storage| {
                storage.retain(|_, value| !value.is_zero());
                (!storage.is_empty()).then_some(storage)
            });
        }
        let Permissions { transactions, contracts, observers } = &mut draft.permissions;
        for roles in [&mut transactions.roles, &mut contracts.roles, &mut observers.roles] {
            roles.retain(|_, role| *role != Role::None);
        }
        Self(draft)
    }

    /// Goes back to a draft, to change something.
    pub fn into_draft(self) -> Draft {
        self.0
    }

    /// The number that transactions name (EIP-155).
    pub const fn chain_id(&self) -> u64 {
        self.0.chain_id
    }

    /// Which failures the chain survives.
    pub const fn crash_model(&self) -> CrashModel {
        self.0.crash_model
    }

    /// The validators in the order of the file, with names and addresses.
    pub fn validators(&self) -> &[Validator] {
        &self.0.validators
    }

    /// The validator set of epoch 0.
    pub fn validator_set(&self) -> ValidatorSet {
        let keys = self.0.validators.iter().map(|validator| validator.public_key);
        // Invariant: the check found at least one validator, not too many, and no key twice.
        ValidatorSet::new(self.0.crash_model, keys).expect("the validators were checked")
    }

    /// Timers and limits of consensus, with the defaults filled in.
    pub const fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// How members decide.
    pub const fn governance(&self) -> &Governance {
        &self.0.governance
    }

    /// Who may do what in block 0.
    pub const fn permissions(&self) -> &Permissions {
        &self.0.permissions
    }

    /// What the system contracts hold in block 0. Names and addresses of validators are not among
    /// it: they may differ between the files of two operators.
    pub fn system_rules(&self) -> SystemRules {
        SystemRules {
            validators: self.validator_set().keys().to_vec(),
            settings: self.0.settings,
            gas_limit: self.0.gas_limit,
            governance: self.0.governance,
            permissions: self.0.permissions.clone(),
        }
    }

    /// Fee per gas of every block.
    pub const fn base_fee(&self) -> u64 {
        self.0.base_fee
    }

    /// Gas of every block.
    pub const fn gas_limit(&self) -> u64 {
        self.0.gas_limit
    }

    /// When the chain begins, in seconds since 1970.
    pub const fn timestamp(&self) -> u64 {
        self.0.timestamp
    }

    /// The accounts of block 0.
    pub const fn alloc(&self) -> &BTreeMap<Address, GenesisAccount> {
        &self.0.alloc
    }

    /// What execution must know of the chain.
    pub const fn chain_spec(&self) -> ChainSpec {
        ChainSpec {
            chain_id: self.0.chain_id,
            gas_limit: self.0.gas_limit,
            base_fee: self.0.base_fee,
            max_block_bytes: self.0.settings.max_block_bytes as usize,
        }
    }

    /// Builds block 0 and names the chain. Two files give one hash iff nodes with them can work
    /// together: names, addresses and spelling do not count.
    ///
    /// # Errors
    /// When `alloc` has code that the machine cannot run.
    pub fn begin(&self) -> Result<Beginning, GenesisError> {
        let block = genesis_block(
            &self.chain_spec(),
            &self.0.alloc,
            Some(&self.system_rules()),
            self.0.timestamp,
        )?;
        let hash = BlockHash::new(block.hash.0);
        let id = BlockId { height: Height::GENESIS, hash };
        let set = self.validator_set();
        let chain_hash =
            mokka_crypto::digest::chain(&hash, self.0.chain_id, &set, &self.0.settings);
        Ok(Beginning { block, id, chain_hash })
    }

    /// What is allowed, but perhaps not meant: for `mokka genesis check` to show.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        let quorum = self.validator_set().quorum();
        let (n, q) = (quorum.validators(), quorum.votes());
        if quorum.crashes() == 0 && n > 1 {
            advice.push(format!(
                "{n} validators under {} need all {q} votes: if one stops, the chain stops",
                self.0.crash_model
            ));
        }
        if self.0.crash_model == CrashModel::Bft && n > 1 && quorum.byzantine() == 0 {
            advice.push(format!(
                "{n} validators under bft tolerate no liar: that takes at least four"
            ));
        }
        if n > 1 && self.0.validators.iter().any(|validator| validator.address.is_none()) {
            advice.push(
                "not every validator has an address: tell nodes with --peer where to connect"
                    .to_owned(),
            );
        }
        if self.0.alloc.values().all(|account| account.balance.is_zero()) {
            advice.push("no account has coins: nobody can pay a fee or send value".to_owned());
        }
        let Permissions { transactions, contracts, .. } = &self.0.permissions;
        for (name, list, what) in [
            ("transactions", transactions, "send transactions, except validators that vote"),
            ("contracts", contracts, "create contracts"),
        ] {
            if list.switch == Switch::On && list.roles.is_empty() {
                advice.push(format!(
                    "permissions.{name} is on with nobody on it: until members vote somebody onto \
                     it, nobody can {what}"
                ));
            }
        }
        advice
    }
}
