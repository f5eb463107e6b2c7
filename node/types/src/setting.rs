//! The settings that members may change while the chain runs.

use std::{fmt, time::Duration};

use crate::Settings;

/// A setting that members may change, by its name in the genesis file. `gasLimit` is among them,
/// though execution keeps it and not [`Settings`]; `maxBlockBytes` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// `heartbeat`
    Heartbeat,
    /// `electionTimeout`
    ElectionTimeout,
    /// `proofLifetime`
    ProofLifetime,
    /// `handoverLead`
    HandoverLead,
    /// `progressTimeout`
    ProgressTimeout,
    /// `isolation`
    Isolation,
    /// `blockInterval`
    BlockInterval,
    /// `emptyBlockInterval`
    EmptyBlockInterval,
    /// `gasLimit`
    GasLimit,
}

impl Setting {
    /// All of them, in the order of the genesis file.
    pub const ALL: [Self; 9] = [
        Self::Heartbeat,
        Self::ElectionTimeout,
        Self::ProofLifetime,
        Self::HandoverLead,
        Self::ProgressTimeout,
        Self::Isolation,
        Self::BlockInterval,
        Self::EmptyBlockInterval,
        Self::GasLimit,
    ];

    /// Its name in the genesis file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::ElectionTimeout => "electionTimeout",
            Self::ProofLifetime => "proofLifetime",
            Self::HandoverLead => "handoverLead",
            Self::ProgressTimeout => "progressTimeout",
            Self::Isolation => "isolation",
            Self::BlockInterval => "blockInterval",
            Self::EmptyBlockInterval => "emptyBlockInterval",
            Self::GasLimit => "gasLimit",
        }
    }

    /// The setting of this name, if members may change it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// Its value as a number: milliseconds (0 for an `emptyBlockInterval` of none), or gas.
    pub fn get(self, settings: &Settings, gas_limit: u64) -> u64 {
        match self {
            Self::GasLimit => gas_limit,
            timer => {
                let time = timer.time(settings).unwrap_or_default();
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
            }
        }
    }

    /// Puts a number as [`Self::get`] gives it where the setting is kept. Check the whole with
    /// [`Settings::broken`] afterwards.
    pub fn set(self, settings: &mut Settings, gas_limit: &mut u64, value: u64) {
        let time = Duration::from_millis(value);
        match self {
            Self::EmptyBlockInterval => {
                settings.empty_block_interval = (value != 0).then_some(time);
            }
            Self::GasLimit => *gas_limit = value,
            timer => timer.time_mut(settings).into_iter().for_each(|place| *place = time),
        }
    }

    /// Its length of time; `None` for `gasLimit`, and for an `emptyBlockInterval` of none.
    pub fn time(self, settings: &Settings) -> Option<Duration> {
        self.time_mut(&mut { *settings }).copied()
    }

    /// Where its length of time is kept; `None` where there is none to change.
    pub const fn time_mut(self, settings: &mut Settings) -> Option<&mut Duration> {
        match self {
            Self::Heartbeat => Some(&mut settings.heartbeat),
            Self::ElectionTimeout => Some(&mut settings.election_timeout),
            Self::ProofLifetime => Some(&mut settings.proof_lifetime),
            Self::HandoverLead => Some(&mut settings.handover_lead),
            Self::ProgressTimeout => Some(&mut settings.progress_timeout),
            Self::Isolation => Some(&mut settings.isolation),
            Self::BlockInterval => Some(&mut settings.block_interval),
            Self::EmptyBlockInterval => settings.empty_block_interval.as_mut(),
            Self::GasLimit => None,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_one_name_and_one_place() {
        let (mut settings, mut gas_limit) = (Settings::default(), 0);
        for (value, setting) in (1..).zip(Setting::ALL) {
            assert_eq!(Setting::parse(setting.name()), Some(setting));
            setting.set(&mut settings, &mut gas_limit, value);
        }
        for (value, setting) in (1..).zip(Setting::ALL) {
            assert_eq!(setting.get(&settings, gas_limit), value, "{setting}");
        }
        assert_eq!(Setting::parse("maxBlockBytes"), None);
        assert_eq!(Setting::parse("Heartbeat"), None);
    }

    #[test]
    fn no_empty_blocks_are_0_milliseconds() {
        let (mut settings, mut gas_limit) = (Settings::default(), 0);
        let setting = Setting::EmptyBlockInterval;
        assert_eq!(setting.get(&settings, gas_limit), 0);
        setting.set(&mut settings, &mut gas_limit, 5);
        assert_eq!(settings.empty_block_interval, Some(Duration::from_millis(5)));
        setting.set(&mut settings, &mut gas_limit, 0);
        assert_eq!(settings.empty_block_interval, None);
    }
}
