//! How members decide, and the settings in force.
//!
//! ```text
//! slot 6         rule (8 bits: 0 majority, 1 two thirds, 2 admin), admin (160)
//! slot 7         voting period (64), acceptance period (64), in seconds
//! slot 16 + i    the i-th of `Setting::ALL`: milliseconds, or gas
//! ```

use std::time::Duration;

use alloy_primitives::{Address, U256};
use mokka_types::{Setting, Settings};

use super::{
    Governance, MEMBERS, Threshold, seats,
    slots::{Read, Stop, Write, address, number, part, word_of},
};

const RULE: u64 = 6;
const PERIODS: u64 = 7;
const FIRST_SETTING: u64 = 16;

pub(crate) fn governance(state: &mut dyn Read) -> Result<Governance, Stop> {
    let rule = state.get(MEMBERS, U256::from(RULE))?;
    let periods = state.get(MEMBERS, U256::from(PERIODS))?;
    Ok(Governance {
        threshold: match part(rule, 0, 8).saturating_to::<u8>() {
            0 => Threshold::Majority,
            1 => Threshold::TwoThirds,
            _ => Threshold::Admin(address(rule, 8)),
        },
        voting_period: Duration::from_secs(number(periods, 0)),
        acceptance_period: Duration::from_secs(number(periods, 64)),
    })
}

pub(crate) fn set_governance(state: &mut dyn Write, rules: &Governance) -> Result<(), Stop> {
    let rule = match rules.threshold {
        Threshold::Majority => U256::ZERO,
        Threshold::TwoThirds => U256::from(1),
        Threshold::Admin(admin) => U256::from(2) | (word_of(admin) << 8),
    };
    let voting = U256::from(rules.voting_period.as_secs());
    let periods = voting | (U256::from(rules.acceptance_period.as_secs()) << 64);
    state.set(MEMBERS, U256::from(RULE), rule)?;
    state.set(MEMBERS, U256::from(PERIODS), periods)
}

/// How many votes carry a proposal now.
pub(crate) fn needed(state: &mut dyn Read) -> Result<u64, Stop> {
    let validators = seats::count(state)?;
    Ok(match governance(state)?.threshold {
        Threshold::Majority => validators / 2 + 1,
        Threshold::TwoThirds => (validators * 2).div_ceil(3),
        Threshold::Admin(_) => 1,
    })
}

/// Whether an account may vote now.
pub(crate) fn may_vote(state: &mut dyn Read, account: Address) -> Result<bool, Stop> {
    match governance(state)?.threshold {
        Threshold::Majority | Threshold::TwoThirds => seats::is_member(state, account),
        Threshold::Admin(admin) => Ok(account == admin),
    }
}

fn slot(index: usize) -> U256 {
    U256::from(FIRST_SETTING) + U256::from(index)
}

/// The values in force, in the order of [`Setting::ALL`].
pub(crate) fn values(state: &mut dyn Read) -> Result<Vec<u64>, Stop> {
    let slots = (0..Setting::ALL.len()).map(slot);
    slots.map(|slot| Ok(state.get(MEMBERS, slot)?.saturating_to())).collect()
}

/// The settings in force; what members cannot change comes from `genesis`.
pub(crate) fn settings(state: &mut dyn Read, genesis: &Settings) -> Result<(Settings, u64), Stop> {
    let (mut settings, mut gas_limit) = (*genesis, 0);
    for (setting, value) in Setting::ALL.into_iter().zip(values(state)?) {
        setting.set(&mut settings, &mut gas_limit, value);
    }
    Ok((settings, gas_limit))
}

/// The gas limit in force; 0 on a chain without members.
pub(crate) fn gas_limit(state: &mut dyn Read) -> Result<u64, Stop> {
    let index = Setting::ALL.iter().position(|setting| *setting == Setting::GasLimit);
    Ok(state.get(MEMBERS, slot(index.unwrap_or_default()))?.saturating_to())
}

pub(crate) fn set(state: &mut dyn Write, setting: Setting, value: u64) -> Result<(), Stop> {
    match Setting::ALL.iter().position(|known| *known == setting) {
        Some(index) => state.set(MEMBERS, slot(index), U256::from(value)),
        None => Ok(()),
    }
}
