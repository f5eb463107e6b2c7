//! A genesis file in the making.

use std::collections::BTreeMap;

use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, U256};
use mokka_runtime::system::{Governance, Permissions};
use mokka_types::{CrashModel, Settings};

use crate::{
    Genesis, Mistakes, Validator,
    check::{self, Listed},
    defaults, predeploys,
    reader::Notes,
};

/// Everything that a genesis file says, not yet checked. [`Draft::check`] makes a [`Genesis`] of
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The number that transactions name (EIP-155).
    pub chain_id: u64,
    /// Which failures the chain survives.
    pub crash_model: CrashModel,
    /// Who votes from the first block on.
    pub validators: Vec<Validator>,
    /// Timers and limits of consensus.
    pub settings: Settings,
    /// How members decide.
    pub governance: Governance,
    /// Who may do what.
    pub permissions: Permissions,
    /// Fee per gas of every block.
    pub base_fee: u64,
    /// Gas of every block.
    pub gas_limit: u64,
    /// When the chain begins, in seconds since 1970.
    pub timestamp: u64,
    /// The accounts of block 0.
    pub alloc: BTreeMap<Address, GenesisAccount>,
}

impl Draft {
    /// A chain with the [`defaults`], and nobody in it yet.
    pub fn new(chain_id: u64, crash_model: CrashModel) -> Self {
        Self {
            chain_id,
            crash_model,
            validators: Vec::new(),
            settings: Settings::default(),
            governance: Governance::default(),
            permissions: Permissions::default(),
            base_fee: defaults::BASE_FEE,
            gas_limit: defaults::GAS_LIMIT,
            timestamp: 0,
            alloc: BTreeMap::new(),
        }
    }

    /// With one more validator.
    #[must_use]
    pub fn validator(mut self, validator: Validator) -> Self {
        self.validators.push(validator);
        self
    }

    /// With coins in an account, in their smallest unit; they replace what it had.
    #[must_use]
    pub fn fund(mut self, address: Address, balance: U256) -> Self {
        self.alloc.entry(address).or_default().balance = balance;
        self
    }

    /// With the contracts that tools expect on every chain ([`predeploys`]).
    #[must_use]
    pub fn predeployed(mut self) -> Self {
        self.alloc.extend(predeploys::accounts());
        self
    }

    /// The finished genesis.
    ///
    /// # Errors
    /// All that does not fit, with the paths that the fields will have in the file.
    pub fn check(self) -> Result<Genesis, Mistakes> {
        let mut notes = Notes::default();
        check::check(&self, &Listed::all(&self), &mut notes);
        notes.finish()?;
        Ok(Genesis::of_checked(self))
    }
}
