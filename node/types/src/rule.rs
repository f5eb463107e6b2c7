//! What the settings of a chain must be to each other, at its beginning and whenever members change
//! them.

use std::{fmt, time::Duration};

use crate::{Setting, Settings, words::Words};

/// Below this a contract of ordinary size cannot be deployed.
pub const MIN_GAS_LIMIT: u64 = 1_000_000;
/// No timer needs more. The progress timeout doubles up to sixteenfold, far from any overflow.
pub const MAX_TIMER: Duration = Duration::from_secs(24 * 60 * 60);
/// How often followers show themselves to their leader (`consensus.md` §3, `Alive`).
pub const ALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// The gas that any machine is assumed to execute in a second, even of the worst transactions. From
/// it follows how long a full block may take (`consensus.md` §4).
pub const WORST_GAS_PER_SECOND: u64 = 250_000_000;

/// A rule that settings break. [`Self::text`] says how: it is about [`Self::setting`], and reads
/// `is 2s, but must be …; raise it or lower heartbeat`.
///
/// A refused transaction may return the text, so it is part of what nodes agree on: changing it is
/// a change of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenRule {
    /// Hardly a contract could be deployed.
    GasLimitTooSmall {
        /// The gas limit.
        value: u64,
    },
    /// Only `blockInterval` may be 0.
    TimerZero {
        /// Which one.
        setting: Setting,
    },
    /// Empty blocks without end.
    EmptyIntervalZero,
    /// Finer than a millisecond.
    TimerTooFine {
        /// Which one.
        setting: Setting,
        /// Its value.
        value: Duration,
    },
    /// Above [`MAX_TIMER`].
    TimerTooLong {
        /// Which one.
        setting: Setting,
        /// Its value.
        value: Duration,
    },
    /// Followers do not show themselves so often.
    IsolationTooShort {
        /// Its value.
        value: Duration,
    },
    /// Two settings do not fit together.
    Relation {
        /// How they should.
        relation: Relation,
        /// The value of the setting.
        value: Duration,
        /// The value of the other: for `gasLimit`, how long a full block may take.
        other: Duration,
        /// The gas limit.
        gas_limit: u64,
    },
}

/// How two settings must be to each other (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `electionTimeout` > `heartbeat`
    ElectionAboveHeartbeat,
    /// `proofLifetime` > 3 × `electionTimeout`
    ProofAboveElections,
    /// `handoverLead` ≥ `electionTimeout`
    HandoverAboveElection,
    /// `handoverLead` < `proofLifetime` / 2
    HandoverBelowProof,
    /// `emptyBlockInterval` ≥ `blockInterval`
    EmptyAboveBlockInterval,
    /// `progressTimeout` > 4 × the execution of a full block
    ProgressAboveExecution,
    /// `progressTimeout` > 4 × `heartbeat`
    ProgressAboveHeartbeats,
    /// `progressTimeout` < `proofLifetime`
    ProgressBelowProof,
    /// `isolation` > 2 × `heartbeat`
    IsolationAboveHeartbeats,
    /// `isolation` < `proofLifetime`
    IsolationBelowProof,
}

impl Relation {
    const ALL: [Self; 10] = [
        Self::ElectionAboveHeartbeat,
        Self::ProofAboveElections,
        Self::HandoverAboveElection,
        Self::HandoverBelowProof,
        Self::EmptyAboveBlockInterval,
        Self::ProgressAboveExecution,
        Self::ProgressAboveHeartbeats,
        Self::ProgressBelowProof,
        Self::IsolationAboveHeartbeats,
        Self::IsolationBelowProof,
    ];

    /// The setting that the text is about, and the other one.
    const fn settings(self) -> (Setting, Setting) {
        use Setting::*;
        match self {
            Self::ElectionAboveHeartbeat => (ElectionTimeout, Heartbeat),
            Self::ProofAboveElections => (ProofLifetime, ElectionTimeout),
            Self::HandoverAboveElection => (HandoverLead, ElectionTimeout),
            Self::HandoverBelowProof => (HandoverLead, ProofLifetime),
            Self::EmptyAboveBlockInterval => (EmptyBlockInterval, BlockInterval),
            Self::ProgressAboveExecution => (ProgressTimeout, GasLimit),
            Self::ProgressAboveHeartbeats => (ProgressTimeout, Heartbeat),
            Self::ProgressBelowProof => (ProgressTimeout, ProofLifetime),
            Self::IsolationAboveHeartbeats => (Isolation, Heartbeat),
            Self::IsolationBelowProof => (Isolation, ProofLifetime),
        }
    }

    /// Whether the value of the one fits to that of the other.
    fn holds(self, value: Duration, other: Duration) -> bool {
        match self {
            Self::ElectionAboveHeartbeat => value > other,
            Self::ProofAboveElections => value > other.saturating_mul(3),
            Self::HandoverAboveElection | Self::EmptyAboveBlockInterval => value >= other,
            Self::HandoverBelowProof => value.saturating_mul(2) < other,
            Self::ProgressAboveExecution | Self::ProgressAboveHeartbeats => {
                value > other.saturating_mul(4)
            }
            Self::ProgressBelowProof | Self::IsolationBelowProof => value < other,
            Self::IsolationAboveHeartbeats => value > other.saturating_mul(2),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::ElectionAboveHeartbeat => {
                "is {value}, but must be longer than a heartbeat ({other}), or no election ends \
                 before the next begins; raise it or lower {name}"
            }
            Self::ProofAboveElections => {
                "is {value}, but must be more than three election timeouts ({other} each), or \
                 leaders end while their successors are elected; raise it or lower {name}"
            }
            Self::HandoverAboveElection => {
                "is {value}, but must be at least one election timeout ({other}), or a handover \
                 has no time to succeed; raise it or lower {name}"
            }
            Self::HandoverBelowProof => {
                "is {value}, but must be less than half the proof lifetime ({other}), or leaders \
                 hand over more than they lead; lower it or raise {name}"
            }
            Self::EmptyAboveBlockInterval => {
                "is {value}, less than the least time between two blocks ({other}); raise it or \
                 lower {name}"
            }
            Self::ProgressAboveExecution => {
                "is {value}, but must be more than four times what a full block of {gas} gas may \
                 take to execute ({other}), or honest leaders are deposed; raise it or lower {name}"
            }
            Self::ProgressAboveHeartbeats => {
                "is {value}, but must be more than four heartbeats ({other} each), or a lost \
                 packet deposes a leader; raise it or lower {name}"
            }
            Self::ProgressBelowProof | Self::IsolationBelowProof => {
                "is {value}, but must be less than the proof lifetime ({other}), or it never ends \
                 a leader; lower it or raise {name}"
            }
            Self::IsolationAboveHeartbeats => {
                "is {value}, but must be more than twice the heartbeat ({other}), or a lost packet \
                 isolates a leader; raise it or lower {name}"
            }
        }
    }

    /// Broken, if both values are there and do not fit.
    fn check(self, settings: &Settings, gas_limit: u64) -> Option<BrokenRule> {
        let (setting, other) = self.settings();
        let value = setting.time(settings)?;
        let other = match other {
            Setting::GasLimit => worst_execution(gas_limit),
            timer => timer.time(settings)?,
        };
        let broken = BrokenRule::Relation { relation: self, value, other, gas_limit };
        (!self.holds(value, other)).then_some(broken)
    }
}

/// How long a full block may take at the speed that any machine is assumed to have.
const fn worst_execution(gas_limit: u64) -> Duration {
    Duration::from_millis(gas_limit / (WORST_GAS_PER_SECOND / 1_000))
}

impl Settings {
    /// Every rule that these settings break together with this gas limit; none if a chain can run
    /// with them. A value that is wrong by itself is not compared with others.
    ///
    /// [`Self::max_block_bytes`] is not looked at: only genesis sets it, and has bounds for it.
    pub fn broken(&self, gas_limit: u64) -> Vec<BrokenRule> {
        let alone = |setting: Setting| setting.alone(self, gas_limit);
        let mut broken: Vec<_> = Setting::ALL.into_iter().filter_map(alone).collect();
        let wrong: Vec<_> = broken.iter().map(|rule| rule.setting()).collect();
        let is_wrong = |setting: Setting| wrong.contains(&setting);
        let related = Relation::ALL.into_iter().filter_map(|one| one.check(self, gas_limit));
        broken.extend(
            related.filter(|rule| !is_wrong(rule.setting()) && !rule.other().is_some_and(is_wrong)),
        );
        broken
    }
}

impl Setting {
    /// The rule that its value breaks by itself.
    fn alone(self, settings: &Settings, gas_limit: u64) -> Option<BrokenRule> {
        let Some(value) = self.time(settings) else {
            let is_small = self == Self::GasLimit && gas_limit < MIN_GAS_LIMIT;
            return is_small.then_some(BrokenRule::GasLimitTooSmall { value: gas_limit });
        };
        match self {
            // Blocks may follow each other without a pause; every other timer needs time.
            Self::BlockInterval if value.is_zero() => None,
            Self::EmptyBlockInterval if value.is_zero() => Some(BrokenRule::EmptyIntervalZero),
            setting if value.is_zero() => Some(BrokenRule::TimerZero { setting }),
            setting if !value.subsec_nanos().is_multiple_of(1_000_000) => {
                Some(BrokenRule::TimerTooFine { setting, value })
            }
            setting if value > MAX_TIMER => Some(BrokenRule::TimerTooLong { setting, value }),
            Self::Isolation if value <= ALIVE_INTERVAL.saturating_mul(2) => {
                Some(BrokenRule::IsolationTooShort { value })
            }
            _ => None,
        }
    }
}

impl BrokenRule {
    /// The setting whose value is wrong.
    pub const fn setting(self) -> Setting {
        match self {
            Self::GasLimitTooSmall { .. } => Setting::GasLimit,
            Self::TimerZero { setting }
            | Self::TimerTooFine { setting, .. }
            | Self::TimerTooLong { setting, .. } => setting,
            Self::EmptyIntervalZero => Setting::EmptyBlockInterval,
            Self::IsolationTooShort { .. } => Setting::Isolation,
            Self::Relation { relation, .. } => relation.settings().0,
        }
    }

    /// The setting with which it does not fit, if it is wrong only beside that.
    pub const fn other(self) -> Option<Setting> {
        match self {
            Self::Relation { relation, .. } => Some(relation.settings().1),
            Self::GasLimitTooSmall { .. }
            | Self::TimerZero { .. }
            | Self::EmptyIntervalZero
            | Self::TimerTooFine { .. }
            | Self::TimerTooLong { .. }
            | Self::IsolationTooShort { .. } => None,
        }
    }

    /// What is wrong with the value and what to do, with the other setting called as `name` says.
    pub fn text(self, name: impl Fn(Setting) -> String) -> String {
        match self {
            Self::GasLimitTooSmall { value } => format!(
                "is {value}, in which hardly a contract can be deployed; write {MIN_GAS_LIMIT} at \
                 least"
            ),
            Self::TimerZero { .. } => "is 0; write a length of time like \"200ms\"".to_owned(),
            Self::EmptyIntervalZero => {
                "is 0, which would make empty blocks without end; remove it to make none".to_owned()
            }
            Self::TimerTooFine { value, .. } => {
                let value = Words(value);
                format!("is {value}, but is counted in whole milliseconds; write it like \"200ms\"")
            }
            Self::TimerTooLong { value, .. } => {
                format!("is {}, but can be {} at most; write less", Words(value), Words(MAX_TIMER))
            }
            Self::IsolationTooShort { value } => format!(
                "is {}, but followers show themselves about once in {}: write more than twice that",
                Words(value),
                Words(ALIVE_INTERVAL)
            ),
            Self::Relation { relation, value, other, gas_limit } => {
                let text = relation.text().replace("{value}", &Words(value).to_string());
                let text = text.replace("{other}", &Words(other).to_string());
                let text = text.replace("{gas}", &gas_limit.to_string());
                text.replace("{name}", &name(relation.settings().1))
            }
        }
    }
}

/// The text, with the other setting called as in the genesis file.
impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(|setting| setting.name().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAS: u64 = 100_000_000;

    fn broken(changes: &[(Setting, u64)]) -> Vec<String> {
        let (mut settings, mut gas_limit) = (Settings::default(), GAS);
        changes.iter().for_each(|(setting, value)| {
            setting.set(&mut settings, &mut gas_limit, *value);
        });
        let named = |rule: BrokenRule| format!("{} {rule}", rule.setting());
        settings.broken(gas_limit).into_iter().map(named).collect()
    }

    #[test]
    fn the_defaults_break_no_rule() {
        assert_eq!(Settings::default().broken(GAS), []);
    }

    #[test]
    fn a_relation_names_both_settings_and_their_values() {
        assert_eq!(
            broken(&[(Setting::Heartbeat, 400)]),
            ["electionTimeout is 400ms, but must be longer than a heartbeat (400ms), or no \
                 election ends before the next begins; raise it or lower heartbeat"]
        );
        assert_eq!(
            broken(&[(Setting::GasLimit, 125_000_000)]),
            ["progressTimeout is 2s, but must be more than four times what a full block of \
                 125000000 gas may take to execute (500ms), or honest leaders are deposed; raise \
                 it or lower gasLimit"]
        );
    }

    #[test]
    fn what_is_wrong_by_itself_is_not_compared() {
        assert_eq!(
            broken(&[(Setting::ProofLifetime, 0), (Setting::GasLimit, 5)]),
            [
                "proofLifetime is 0; write a length of time like \"200ms\"",
                "gasLimit is 5, in which hardly a contract can be deployed; write 1000000 at least"
            ]
        );
    }

    #[test]
    fn no_number_is_too_large_to_be_judged() {
        for setting in Setting::ALL {
            assert!(!broken(&[(setting, u64::MAX)]).is_empty(), "{setting}");
        }
        assert!(!broken(&Setting::ALL.map(|setting| (setting, u64::MAX))).is_empty());
    }
}
