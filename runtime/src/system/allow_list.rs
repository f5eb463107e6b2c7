//! The allow lists as contracts: who sends transactions, who creates contracts.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolInterface};

use super::{
    Role, Switch,
    abi::IAllowList::{self, IAllowListCalls as Calls},
    action::give_role,
    contract::{Call, unknown},
    lists,
    slots::{Read, Stop, refuse},
};

/// Entries of one answer.
pub(crate) const MOST_LISTED: u64 = 256;

/// Answers a call.
pub(crate) fn answer(call: &mut Call<'_>, list: Address) -> Result<Vec<u8>, Stop> {
    let asked = match Calls::abi_decode(&call.data()) {
        Ok(asked) => asked,
        Err(error) => return unknown(&error),
    };
    match asked {
        Calls::setAdmin(asked) => change(call, list, asked.account, Role::Admin),
        Calls::setManager(asked) => change(call, list, asked.account, Role::Manager),
        Calls::setEnabled(asked) => change(call, list, asked.account, Role::Enabled),
        Calls::setNone(asked) => change(call, list, asked.account, Role::None),
        Calls::readAllowList(asked) => {
            let role = U256::from(lists::role(call, list, asked.account)? as u8);
            Ok(IAllowList::readAllowListCall::abi_encode_returns(&role))
        }
        Calls::isOn(_) => {
            let is_on = lists::switch(call, list)? == Switch::On;
            Ok(IAllowList::isOnCall::abi_encode_returns(&is_on))
        }
        Calls::accounts(asked) => accounts(call, list, asked.from, asked.most),
    }
}

/// Gives a role, if that of the caller allows it.
pub(crate) fn change(
    call: &mut Call<'_>,
    list: Address,
    account: Address,
    role: Role,
) -> Result<Vec<u8>, Stop> {
    call.writes()?;
    let caller = call.caller();
    let (own, before) = (lists::role(call, list, caller)?, lists::role(call, list, account)?);
    if !own.may_change(before, role) {
        let role = U256::from(own as u8);
        return refuse(IAllowList::NotAuthorized { caller, role });
    }
    give_role(call, list, account, role, caller)?;
    Ok(Vec::new())
}

/// Some of the accounts with a role, with their roles.
pub(crate) fn accounts(
    state: &mut dyn Read,
    list: Address,
    from: U256,
    most: U256,
) -> Result<Vec<u8>, Stop> {
    let most = most.saturating_to::<u64>().min(MOST_LISTED);
    let (found, total) = lists::listed(state, list, from.saturating_to(), most)?;
    let (listed, roles) =
        found.into_iter().map(|(account, role)| (account, U256::from(role as u8))).unzip();
    let total = U256::from(total);
    Ok(IAllowList::accountsCall::abi_encode_returns(&IAllowList::accountsReturn {
        listed,
        roles,
        total,
    }))
}
