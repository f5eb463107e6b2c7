//! What the system contracts hold in block 0.

use std::collections::BTreeMap;

use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, LogData, U256};
use mokka_types::Setting;

use super::{
    CONTRACTS, MEMBERS, NODES, SystemRules, TRANSACTIONS, lists,
    seats::{self, Member},
    slots::{Read, Stop, Write},
    terms,
};

/// What lies where code should be: `INVALID`. The contracts are in the node; tools that ask whether
/// a contract is there find one, and EIP-161 does not take its storage for that of nobody.
const CODE: [u8; 1] = [0xfe];

/// Storage in the making.
#[derive(Default)]
struct Draft(BTreeMap<Address, BTreeMap<B256, B256>>);

impl Read for Draft {
    fn get(&mut self, at: Address, slot: U256) -> Result<U256, Stop> {
        let value = self.0.get(&at).and_then(|slots| slots.get(&B256::from(slot)));
        Ok(value.copied().unwrap_or_default().into())
    }
}

impl Write for Draft {
    fn set(&mut self, at: Address, slot: U256, value: U256) -> Result<(), Stop> {
        self.0.entry(at).or_default().insert(slot.into(), value.into());
        Ok(())
    }

    /// Block 0 has no receipts.
    fn log(&mut self, _: Address, _: LogData) -> Result<(), Stop> {
        Ok(())
    }
}

/// The accounts of the system contracts in block 0.
pub(crate) fn accounts(rules: &SystemRules) -> Result<Vec<(Address, GenesisAccount)>, Stop> {
    let mut draft = Draft::default();
    seats::found(&mut draft)?;
    let mut keys = rules.validators.clone();
    // As in the chain hash, the order of the file does not count (§2).
    keys.sort_unstable();
    for key in keys {
        let account = super::action::account_of(&key)?;
        let (name, endpoint) = (String::new(), String::new());
        seats::add(&mut draft, &Member { key, account, name, endpoint, since: 0 })?;
    }
    terms::set_governance(&mut draft, &rules.governance)?;
    for setting in Setting::ALL {
        let value = setting.get(&rules.settings, rules.gas_limit);
        terms::set(&mut draft, setting, value)?;
    }
    let permissions = &rules.permissions;
    for (list, rules) in
        [(TRANSACTIONS, &permissions.transactions), (CONTRACTS, &permissions.contracts)]
    {
        lists::set_switch(&mut draft, list, rules.switch)?;
        for (account, role) in &rules.roles {
            lists::set_role(&mut draft, list, *account, *role)?;
        }
    }
    for (account, role) in &permissions.observers.roles {
        lists::set_role(&mut draft, NODES, *account, *role)?;
    }
    for peer in &permissions.observers.nodes {
        lists::admit(&mut draft, peer)?;
    }
    let account = |address| GenesisAccount {
        nonce: Some(1),
        code: Some(Bytes::from_static(&CODE)),
        storage: draft.0.get(&address).cloned(),
        ..GenesisAccount::default()
    };
    Ok([MEMBERS, TRANSACTIONS, CONTRACTS, NODES].map(|at| (at, account(at))).into())
}
