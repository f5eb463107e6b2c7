//! The state, and the one function that changes it.

use std::{collections::BTreeMap, time::Duration};

use mokka_crypto::{Committee, KeyNotOnCurve, digest};
use mokka_types::{
    Base, BaseDigest, BlockId, Certificate, CertifiedBase, ChainHash, CrashModel, Envelope, Epoch,
    HandoverToken, Height, Mark, Monotonic, Prepared, PreparedRecord, Promise, Proof, PublicKey,
    Quorum, RunNumber, SafetyState, Settings, Signers, Term, ValidatorIndex, ValidatorSet, View,
    Vote,
};

use crate::{
    at_height::AtHeight,
    catchup::Catchup,
    clock::WallClock,
    eligibility::Conduct,
    epochs::Guest,
    faults::{self, Rule},
    invariants,
    io::{
        Action, Consent, EmptyBlock, EndOfTerm, Event, Fatal, Input, Output, RoleName, WorkWaiting,
    },
    peers::Peers,
    random::Jitter,
    role::{AskedToSign, Followed, Granted, Life, Role},
};

/// What a node is told once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The chain and its rules; in every digest.
    pub chain: ChainHash,
    /// Block 0.
    pub genesis: BlockId,
    /// Our own key.
    pub key: PublicKey,
    /// Timers and limits in force at the committed block, checked against each other.
    pub settings: Settings,
    /// Draws jitter and backoff; should differ between validators.
    pub seed: u64,
    /// What the wall clock shows, since 1970.
    pub wall_clock: Duration,
}

/// What a node remembers when it starts (§8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Restored {
    /// Its records; `run` is already that of this start, and durable.
    pub safety: SafetyState,
    /// Its newest committed block.
    pub committed: BlockId,
    /// Proves that block; none for genesis.
    pub certificate: Option<Certificate>,
    /// The epoch of the next block.
    pub epoch: Epoch,
    /// The validators of that epoch.
    pub set: ValidatorSet,
    /// The block that ended the epoch before; genesis in the first.
    pub began: BlockId,
}

/// What can be told about a node at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// Its role.
    pub role: RoleName,
    /// The term of its promise.
    pub promise: View,
    /// The leader that it follows, or itself; none where the last one has ended, or was silent for
    /// the isolation time.
    pub leader: Option<PublicKey>,
    /// The newest proof that it saw.
    pub proof: Option<Proof>,
    /// Its newest committed block.
    pub committed: BlockId,
    /// The highest committed height that b + 1 others claim, or ours: what we are to reach.
    pub highest_claimed: Height,
    /// Why its key signs nothing, until members replace it (§8).
    pub mark: Option<Mark>,
    /// Its place among the validators; an observer has none.
    pub place: Option<ValidatorIndex>,
}

/// A node whose records are empty listens before it speaks (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Knowledge {
    /// Has not heard enough others; says so again at this instant.
    Listening { asks_at: Monotonic },
    /// May grant, stand and vote.
    Enough,
}

impl Knowledge {
    fn at_start(listens: bool, now: Monotonic) -> Self {
        if listens { Self::Listening { asks_at: now } } else { Self::Enough }
    }
}

/// Whether the operator wants this node to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Running,
    Stopping,
}

/// A vote whose answer waits for a sign of the leader's life (§5.2, rule 6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) vote: Vote,
    pub(crate) until: Monotonic,
}

/// A validator's, or an observer's, part in the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Consensus {
    pub(crate) config: Config,
    pub(crate) committee: Committee,
    /// The block that ended the epoch before, or genesis.
    pub(crate) began: BlockId,
    /// Approved to become validators (§9); the application bounds how many.
    pub(crate) guests: BTreeMap<PublicKey, Guest>,
    /// When the end of the last epoch is shown again, and how often it was (§9).
    pub(crate) farewell_at: Option<Monotonic>,
    pub(crate) farewells: u32,
    /// When we last told somebody who is no validator any more how far we are.
    pub(crate) former_told_at: Option<Monotonic>,
    /// Our place; an observer has none, and neither has a key that must not sign.
    pub(crate) me: Option<ValidatorIndex>,
    /// Our key signed what our records do not reach (§8).
    pub(crate) mark: Option<Mark>,
    pub(crate) run: RunNumber,
    pub(crate) jitter: Jitter,
    pub(crate) clock: WallClock,
    pub(crate) attempts: u64,
    pub(crate) tickets: u64,

    pub(crate) promise: Promise,
    /// We lead no term up to this one (§5.6).
    pub(crate) loaded_promise: View,
    /// The newest term that we stopped leading.
    pub(crate) last_led: View,
    pub(crate) prepare_vote: Option<(View, BlockId)>,
    pub(crate) prepared: Option<PreparedRecord>,
    pub(crate) committed: BlockId,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) committed_at: Monotonic,

    pub(crate) role: Role,
    pub(crate) leader: Option<Followed>,
    pub(crate) newest_proof: Option<Proof>,
    /// The highest term of a valid proof or certificate.
    pub(crate) highest_seen: View,
    pub(crate) peers: Peers,

    pub(crate) stand_at: Monotonic,
    pub(crate) last_vote_at: Option<Monotonic>,
    pub(crate) rival_at: Option<Monotonic>,
    pub(crate) conduct: Conduct,
    /// The committed height that refused our lower base: there we stand again (§5.4).
    pub(crate) stand_from: Option<Height>,
    /// Did not sign when they were asked (§5.4).
    pub(crate) silent: Signers,
    pub(crate) asked_to_sign: Option<AskedToSign>,
    pub(crate) granted: BTreeMap<ValidatorIndex, Granted>,
    pub(crate) held: BTreeMap<ValidatorIndex, Held>,
    pub(crate) signed_at: Option<Monotonic>,
    /// A leader wants us to lead next (§5.7).
    pub(crate) handover: Option<HandoverToken>,

    pub(crate) next: AtHeight,
    pub(crate) stashed: Option<Box<Envelope>>,
    /// A certificate of the first phase for a block whose parent is being stored; who showed it.
    pub(crate) stashed_prepare: Option<(PublicKey, Certificate)>,
    pub(crate) catchup: Catchup,

    pub(crate) work: WorkWaiting,
    /// Since when the followed leader owes a block.
    pub(crate) owed_since: Option<Monotonic>,
    /// By how much the progress timeout is stretched (§4).
    pub(crate) patience: u32,
    pub(crate) alive_at: Monotonic,
    pub(crate) knowledge: Knowledge,
    pub(crate) operation: Operation,
    /// The rule that a test has left out.
    pub(crate) without: Option<Rule>,
}

impl Consensus {
    /// A node that has just started.
    ///
    /// # Errors
    /// When a key of the validator set is no point of the curve.
    pub fn start(
        config: Config,
        restored: Restored,
        now: Monotonic,
    ) -> Result<(Self, Output), KeyNotOnCurve> {
        Self::start_without(config, restored, now, None)
    }

    /// A node that lacks a rule, for tests of tests only.
    ///
    /// # Errors
    /// As for [`Consensus::start`].
    #[doc(hidden)]
    pub fn start_without(
        config: Config,
        restored: Restored,
        now: Monotonic,
        without: Option<Rule>,
    ) -> Result<(Self, Output), KeyNotOnCurve> {
        let Restored { safety, committed, certificate, epoch, set, began } = restored;
        let (empty, alone) = (remembers_no_signature(&safety), set.len() == 1);
        let committee = faults::committee(Committee::new(config.chain, epoch, set)?, without);
        let mark = safety.mark_of(&config.key);
        let me = committee.set().index_of(&config.key).filter(|_| faults::signs(mark, without));
        let promise = promise_in(epoch, &safety, without);
        let shown = certificate.as_ref().map(|at| at.view).unwrap_or_default();
        let mut node = Self {
            jitter: Jitter::new(config.seed),
            clock: WallClock::told(now, config.wall_clock),
            me,
            mark,
            run: safety.run,
            attempts: 0,
            tickets: 0,
            promise,
            loaded_promise: promise.view,
            last_led: View::default(),
            prepare_vote: safety.prepare_vote,
            prepared: safety.prepared.filter(|prepared| prepared.id.height > committed.height),
            committed,
            certificate,
            committed_at: now,
            role: Role::Follower,
            leader: None,
            newest_proof: None,
            highest_seen: shown.max(View::new(epoch, Term::default())),
            peers: Peers::default(),
            stand_at: now,
            last_vote_at: None,
            rival_at: None,
            conduct: Conduct::since(now),
            stand_from: None,
            silent: Signers::NONE,
            asked_to_sign: None,
            granted: BTreeMap::new(),
            held: BTreeMap::new(),
            signed_at: None,
            handover: None,
            next: AtHeight::default(),
            stashed: None,
            stashed_prepare: None,
            catchup: Catchup::default(),
            work: WorkWaiting::No,
            owed_since: None,
            patience: 1,
            alive_at: now,
            knowledge: Knowledge::at_start(empty && !(alone && me.is_some()), now),
            operation: Operation::Running,
            without,
            config,
            committee,
            began,
            guests: BTreeMap::new(),
            farewell_at: None,
            farewells: 0,
            former_told_at: None,
        };
        node.restart_leader_timeout(now);
        node.resume_farewell(now);
        let mut out = node.step(now, Input::DeadlineReached);
        out.events.extend(mark.map(Event::Marked));
        Ok((node, out))
    }

    /// Takes in what happened. Write `records` and sync them, then perform `actions` in order.
    pub fn step(&mut self, now: Monotonic, input: Input) -> Output {
        let mut out = Output::default();
        match input {
            Input::Packet(envelope) => {
                self.on_packet(now, (*envelope).into_inner(), Consent::Given, &mut out);
            }
            Input::Vetoed(envelope) => {
                self.on_packet(now, (*envelope).into_inner(), Consent::Refused, &mut out);
            }
            Input::Echo(envelope) => self.on_echo(now, &envelope.packet, &mut out),
            Input::DeadlineReached => {}
            Input::WorkWaiting(work) => self.work = work,
            Input::Built(built) => self.on_built(now, built, &mut out),
            Input::Checked(checked) => self.on_checked(checked, &mut out),
            Input::Finalized(finalized) => self.on_finalized(now, finalized, &mut out),
            Input::Approved(keys) => self.on_approved(keys),
            Input::WallClock(since_1970) => self.look_at_clock(now, since_1970, &mut out),
            Input::Stop => self.on_stop(now, &mut out),
        }
        self.tick(now, &mut out);
        self.advance(now, &mut out);
        invariants::check(self);
        out
    }

    /// What this node is, for people and metrics.
    pub fn status(&self, now: Monotonic) -> Status {
        let followed = self.leader.as_ref().filter(|leader| {
            let heard = now.since(leader.news_at) < self.config.settings.isolation;
            let counts = heard && leader.life != Life::CountedDead;
            self.leads() || counts && self.proof_holds(now, leader)
        });
        Status {
            role: match &self.role {
                Role::Follower => RoleName::Follower,
                Role::Candidate(_) => RoleName::Candidate,
                Role::Leader(_) => RoleName::Leader,
            },
            promise: self.promise.view,
            leader: followed.map(|leader| leader.proof.candidate),
            proof: self.newest_proof.clone(),
            committed: self.committed,
            highest_claimed: self.peers.credible_height(self.quorum()).max(self.committed.height),
            mark: self.mark,
            place: self.me,
        }
    }

    /// The validators of the present epoch.
    pub const fn committee(&self) -> &Committee {
        &self.committee
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.committee.epoch()
    }

    pub(crate) fn quorum(&self) -> Quorum {
        self.committee.quorum()
    }

    pub(crate) fn is_bft(&self) -> bool {
        self.committee.set().model() == CrashModel::Bft
    }

    pub(crate) fn leads(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// May this node grant, stand and vote at all?
    pub(crate) fn takes_part(&self) -> Option<ValidatorIndex> {
        self.me.filter(|_| self.knowledge == Knowledge::Enough)
    }

    pub(crate) fn key_of(&self, index: ValidatorIndex) -> PublicKey {
        // Invariant: indices come from this very set.
        *self.committee.set().key(index).expect("an index of the set")
    }

    /// The height above the committed one.
    pub(crate) fn next_height(&self, out: &mut Output) -> Option<Height> {
        let next = self.committed.height.next();
        if next.is_none() {
            self.halt(Fatal::NumbersExhausted, out);
        }
        next
    }

    pub(crate) fn halt(&self, fatal: Fatal, out: &mut Output) {
        out.act(Action::Halt(fatal));
    }

    /// The block above the committed one that we have bound ourselves to.
    pub(crate) fn prepared_here(&self) -> Option<&PreparedRecord> {
        let epoch = self.epoch();
        self.prepared.as_ref().filter(|prepared| {
            prepared.view.epoch == epoch && Some(prepared.id.height) == self.committed.height.next()
        })
    }

    pub(crate) fn base(&self) -> Base {
        let prepared = self
            .prepared_here()
            .map(|prepared| Prepared { term: prepared.view.term, id: prepared.id });
        Base { committed: self.committed, prepared }
    }

    pub(crate) fn certified_base(&self) -> CertifiedBase {
        CertifiedBase {
            base: self.base(),
            commit: self.certificate.clone(),
            prepare: self.prepared_here().and_then(|prepared| prepared.certificate.clone()),
        }
    }

    pub(crate) fn digest_of(&self, base: &Base) -> BaseDigest {
        digest::base(&self.config.chain, base)
    }

    /// Something is to be put into a block, and it is time for one (§6.6).
    pub(crate) fn block_is_due(&self, now: Monotonic) -> bool {
        self.block_due_at().is_some_and(|at| now >= at)
    }

    pub(crate) fn block_due_at(&self) -> Option<Monotonic> {
        match self.work {
            WorkWaiting::Yes => Some(self.committed_at.after(self.config.settings.block_interval)),
            WorkWaiting::No => self.empty_block_due_at(),
        }
    }

    fn empty_block_due_at(&self) -> Option<Monotonic> {
        let interval = self.config.settings.empty_block_interval?;
        Some(self.committed_at.after(interval))
    }

    pub(crate) fn empty_block(&self, now: Monotonic) -> EmptyBlock {
        match self.empty_block_due_at() {
            Some(at) if now >= at => EmptyBlock::Due,
            Some(_) | None => EmptyBlock::NotDue,
        }
    }

    /// A leader hands over first (§5.7), unless it is told again.
    fn on_stop(&mut self, now: Monotonic, out: &mut Output) {
        let again = std::mem::replace(&mut self.operation, Operation::Stopping);
        match &self.role {
            Role::Leader(_) if again == Operation::Stopping => {
                self.resign(now, EndOfTerm::Stopped, out);
            }
            Role::Candidate(_) => self.become_follower(now, out),
            Role::Leader(_) | Role::Follower => {}
        }
    }
}

/// What still binds a node in this epoch after a start (§8, §9).
fn promise_in(epoch: Epoch, safety: &SafetyState, without: Option<Rule>) -> Promise {
    match safety.promise.view.epoch == epoch && without != Some(Rule::PromiseLoaded) {
        true => safety.promise,
        false => Promise { view: View::new(epoch, Term::default()), signed: None },
    }
}

/// Whether a node may have signed what it does not know of (§8): what it only adopted says nothing
/// of that.
fn remembers_no_signature(safety: &SafetyState) -> bool {
    safety.promise.signed.is_none() && safety.prepare_vote.is_none() && safety.prepared.is_none()
}
