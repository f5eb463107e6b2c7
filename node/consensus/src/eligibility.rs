//! Who had its turn, and who stood in vain: neither is elected at once again (§5.4, §5.5).

use std::{collections::BTreeMap, time::Duration};

use mokka_types::{Monotonic, PublicKey, Term, ValidatorIndex};

use crate::{consensus::Consensus, evidence::Witnessed};

/// How often the time of a penalty doubles (§5.4).
const MOST_DOUBLINGS: u32 = 2;

/// What the validators of this epoch did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Conduct {
    /// The last instant at which a leader lived, as far as we know.
    pub(crate) leader_lived_at: Monotonic,
    pub(crate) past_leaders: PastLeaders,
    pub(crate) penalties: Penalties,
    pub(crate) witnessed: Witnessed,
}

impl Conduct {
    /// Nothing yet.
    pub(crate) fn since(now: Monotonic) -> Self {
        Self {
            leader_lived_at: now,
            past_leaders: PastLeaders::default(),
            penalties: Penalties::default(),
            witnessed: Witnessed::default(),
        }
    }
}

/// The leaders of the last terms of this epoch that had one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PastLeaders(BTreeMap<Term, ValidatorIndex>);

impl PastLeaders {
    /// This term had this leader; of all, the newest `kept` are remembered.
    pub(crate) fn note(&mut self, term: Term, leader: ValidatorIndex, kept: usize) {
        self.0.insert(term, leader);
        while self.0.len() > kept {
            self.0.pop_first();
        }
    }

    fn contains(&self, index: ValidatorIndex) -> bool {
        self.0.values().any(|leader| *leader == index)
    }
}

/// What became of our signatures for one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Trust {
    /// The newest term that we signed for it.
    signed: Term,
    /// We signed for it, and are to see a proof by then.
    owes_proof_by: Option<Monotonic>,
    /// In so many times in a row there was none.
    in_vain: u32,
    /// It is granted nothing before.
    penalty_ends_at: Monotonic,
}

impl Trust {
    /// The same, once a time that has run out is counted.
    fn at(self, now: Monotonic, election_timeout: Duration) -> Self {
        let Some(missed_at) = self.owes_proof_by.filter(|at| now >= *at) else { return self };
        let in_vain = self.in_vain.saturating_add(1);
        let penalty = election_timeout * (1 << in_vain.min(MOST_DOUBLINGS));
        let penalty_ends_at = missed_at.after(penalty);
        Self { owes_proof_by: None, in_vain, penalty_ends_at, ..self }
    }
}

/// The candidates that we signed for, until each shows a proof; one entry for a validator at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Penalties(BTreeMap<ValidatorIndex, Trust>);

impl Penalties {
    /// We sign for a candidate. Where it owes us a proof already, that one's time goes on.
    pub(crate) fn signed(
        &mut self,
        candidate: ValidatorIndex,
        term: Term,
        now: Monotonic,
        election_timeout: Duration,
    ) {
        let trust = self.0.entry(candidate).or_default();
        *trust = Trust { signed: term, ..trust.at(now, election_timeout) };
        trust.owes_proof_by.get_or_insert(now.after(election_timeout));
    }

    /// A proof of this candidate was seen; one of an earlier term proves nothing of the last.
    fn proved(&mut self, candidate: ValidatorIndex, term: Term) {
        if self.0.get(&candidate).is_some_and(|trust| trust.signed <= term) {
            self.0.remove(&candidate);
        }
    }

    fn hold(&self, candidate: ValidatorIndex, now: Monotonic, election_timeout: Duration) -> bool {
        let trust = self.0.get(&candidate).map(|trust| trust.at(now, election_timeout));
        trust.is_some_and(|trust| now < trust.penalty_ends_at)
    }
}

impl Consensus {
    /// A term of this epoch had this leader: a valid proof says so.
    pub(crate) fn note_leader(&mut self, term: Term, candidate: &PublicKey) {
        let Some(index) = self.committee.set().index_of(candidate) else { return };
        self.conduct.past_leaders.note(term, index, self.quorum().votes() - 1);
        self.conduct.penalties.proved(index, term);
    }

    /// §5.5: leaders of the last terms stand back, unless nobody has led for too long. A
    /// preference: a block does not depend on it.
    pub(crate) fn is_eligible(&self, now: Monotonic, candidate: ValidatorIndex) -> bool {
        !self.conduct.past_leaders.contains(candidate) || now >= self.anybody_may_lead_at(now)
    }

    /// §5.4: we signed for it, and saw no proof.
    pub(crate) fn is_in_penalty(&self, now: Monotonic, candidate: ValidatorIndex) -> bool {
        self.conduct.penalties.hold(candidate, now, self.config.settings.election_timeout)
    }

    /// When past leaders are as good as others, unless a leader lives meanwhile (§5.5).
    pub(crate) fn anybody_may_lead_at(&self, now: Monotonic) -> Monotonic {
        let lived_at = if self.leads() { now } else { self.conduct.leader_lived_at };
        let settings = &self.config.settings;
        let last_to_stand = u32::try_from(self.quorum().validators()).unwrap_or(u32::MAX);
        let longest = settings.heartbeat / 2 * last_to_stand.saturating_add(3);
        lived_at.after(longest + settings.election_timeout * 2)
    }
}
