//! What a liar can say, and sign with its own key; and what it knows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mokka_consensus::{BuildRequest, EmptyBlock, ProposedBlock};
use mokka_crypto::{Committee, Digest, SecretKey, Verified, digest};
use mokka_types::{
    Attempt, Base, BaseDigest, BlockHash, BlockId, BlockVote, Body, CertifiedBase, ChainHash,
    Envelope, FinalBlock, Height, Packet, PacketKind, Phase, Prepared, Proof, Proposal, PublicKey,
    RunNumber, SetDigest, Signature, Term, ValidatorIndex, View,
};

use crate::{desk::Desk, machine, random::Random};

/// How many milliseconds the clocks of others may differ from its own.
const NEAR: u64 = 500;
/// As many terms as there are in the newest turns: what is below is anybody's.
const NEWEST_TURNS: u64 = 6000;

/// Who is to hear something.
#[derive(Clone, Debug)]
pub(crate) enum To {
    All,
    These(Vec<PublicKey>),
}

/// Something said, or said again.
#[derive(Clone, Debug)]
pub(crate) struct Utterance {
    pub(crate) to: To,
    /// How long it waits before it is sent.
    pub(crate) after: Duration,
    pub(crate) envelope: Arc<Verified<Envelope>>,
}

/// A liar's tongue, key and memory of itself.
pub(crate) struct Tongue {
    key: Arc<SecretKey>,
    chain: ChainHash,
    committees: Arc<Vec<Committee>>,
    /// The keys of everybody else.
    others: Vec<PublicKey>,
    /// Those of them that know what it is about.
    pub(crate) friends: Vec<PublicKey>,
    desk: Desk,
    random: Random,
    /// The run of its engine, which it never leaves: in another one it would shut itself out.
    pub(crate) run: RunNumber,
    /// What its wall clock shows.
    pub(crate) wall_clock: Duration,
    counters: BTreeMap<PacketKind, u64>,
    attempts: u64,
    said: Vec<Utterance>,
    told: u64,
    conspired: u64,
}

impl Tongue {
    pub(crate) fn new(
        key: Arc<SecretKey>,
        committees: Arc<Vec<Committee>>,
        everybody: &[PublicKey],
        desk: Desk,
        random: Random,
    ) -> Self {
        let own = key.public_key();
        Self {
            chain: *committees[0].chain(),
            committees,
            others: everybody.iter().filter(|other| **other != own).copied().collect(),
            key,
            desk,
            random,
            run: RunNumber::default(),
            wall_clock: Duration::ZERO,
            counters: BTreeMap::new(),
            attempts: 0,
            said: Vec::new(),
            told: 0,
            friends: Vec::new(),
            conspired: 0,
        }
    }

    /// What it said since this was last asked.
    pub(crate) fn take_said(&mut self) -> Vec<Utterance> {
        std::mem::take(&mut self.said)
    }

    /// How many lies it told.
    pub(crate) const fn told(&self) -> u64 {
        self.told
    }

    pub(crate) const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Says something in its own name.
    pub(crate) fn say(&mut self, to: To, packet: Packet) -> Arc<Verified<Envelope>> {
        let counter = self.counters.entry(packet.kind()).or_default();
        *counter += 1;
        let counter = *counter;
        let (sender, run) = (self.own(), self.run);
        let (_, envelope) = self.key.seal(&self.chain, Envelope { sender, run, counter, packet });
        let envelope = Arc::new(envelope);
        self.said.push(Utterance { to, after: Duration::ZERO, envelope: Arc::clone(&envelope) });
        envelope
    }

    /// Says what is not so.
    pub(crate) fn lie(&mut self, to: To, packet: Packet) {
        self.told += 1;
        self.say(to, packet);
    }

    /// Says what helps another liar, whatever is so.
    pub(crate) fn conspire(&mut self, to: To, packet: Packet) {
        self.conspired += 1;
        self.say(to, packet);
    }

    /// How often it helped another liar.
    pub(crate) const fn conspired(&self) -> u64 {
        self.conspired
    }

    /// Does not say what it should say.
    pub(crate) const fn keep_silent(&mut self) {
        self.told += 1;
    }

    /// Sends an old packet again, whoever made it.
    pub(crate) fn relay(&mut self, to: To, after: Duration, envelope: Arc<Verified<Envelope>>) {
        self.told += 1;
        self.said.push(Utterance { to, after, envelope });
    }

    pub(crate) fn own(&self) -> PublicKey {
        self.key.public_key()
    }

    pub(crate) fn key(&self) -> Arc<SecretKey> {
        Arc::clone(&self.key)
    }

    pub(crate) const fn chain(&self) -> &ChainHash {
        &self.chain
    }

    /// A part of the others, and the rest of them; friends are in both.
    pub(crate) fn halves(&mut self) -> (Vec<PublicKey>, Vec<PublicKey>) {
        let (friends, others) =
            self.others.iter().copied().partition::<Vec<_>, _>(|key| self.friends.contains(key));
        let (some, rest): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|_| self.random.per_mille(500));
        ([some, friends.clone()].concat(), [rest, friends].concat())
    }

    /// One of the others.
    pub(crate) fn anybody(&mut self) -> PublicKey {
        self.others.get(self.random.index(self.others.len())).copied().unwrap_or(self.own())
    }

    /// The validators of the epoch of its next block.
    pub(crate) fn committee(&self) -> Committee {
        let epoch = self.desk.notes().chain.epoch().0;
        let committee = self.committees.iter().find(|committee| committee.epoch() == epoch);
        committee.unwrap_or(&self.committees[0]).clone()
    }

    /// The place of somebody in that set.
    pub(crate) fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        self.committee().set().index_of(key)
    }

    /// The term of its engine's promise.
    pub(crate) fn promise(&self) -> View {
        let view = self.desk.notes().durable.promise.view;
        let epoch = self.committee().epoch();
        if view.epoch == epoch { view } else { View::new(epoch, Default::default()) }
    }

    /// A term near the end of the bound of the others, which depends on their clocks (§5.2 rule 2)
    /// and on whose turn it is.
    pub(crate) fn term_of_the_clock(&mut self) -> Term {
        let shows = u64::try_from(self.wall_clock.as_millis()).unwrap_or(u64::MAX);
        let below = self.random.below(NEAR + NEWEST_TURNS);
        Term::new(shows.saturating_add(NEAR).saturating_sub(below))
    }

    /// Its newest final block.
    pub(crate) fn tip(&self) -> BlockId {
        self.desk.notes().chain.tip()
    }

    /// The final block at a height.
    pub(crate) fn block_at(&self, height: Height) -> Option<FinalBlock> {
        let blocks = self.desk.notes().chain.from(height);
        blocks.into_iter().next().filter(|block| block.id.height == height)
    }

    /// What it really stands on.
    pub(crate) fn base(&self) -> CertifiedBase {
        let committed = self.tip();
        let commit = self.block_at(committed.height).map(|block| block.certificate);
        let epoch = self.committee().epoch();
        let prepared = self.desk.notes().durable.prepared.clone().filter(|prepared| {
            prepared.view.epoch == epoch && Some(prepared.id.height) == committed.height.next()
        });
        let ids = prepared.as_ref().map(|at| Prepared { term: at.view.term, id: at.id });
        let prepare = prepared.and_then(|prepared| prepared.certificate);
        CertifiedBase { base: Base { committed, prepared: ids }, commit, prepare }
    }

    pub(crate) fn digest_of(&self, base: &Base) -> BaseDigest {
        digest::base(&self.chain, base)
    }

    /// A name for a candidacy that it never used.
    pub(crate) const fn attempt(&mut self) -> Attempt {
        self.attempts += 1;
        Attempt { run: self.run, counter: self.attempts }
    }

    pub(crate) fn sign(&self, digest: &Digest) -> Signature {
        self.key.sign(digest)
    }

    /// A new block above its newest final one, where there is work for it.
    pub(crate) fn build(&self, view: View) -> Option<ProposedBlock> {
        let (parent, level, empty) = (self.tip(), Vec::new(), EmptyBlock::NotDue);
        let request = BuildRequest { view, parent, empty, level };
        self.desk.notes().chain.build(request).block
    }

    /// The set after this block, as far as its own chain tells.
    pub(crate) fn next_set_of(&self, body: &Body) -> SetDigest {
        let next_set = self.desk.notes().chain.next_set_of(body);
        next_set.unwrap_or_else(|| self.committee().set_digest())
    }

    /// A vote of its own, for whatever it likes.
    pub(crate) fn vote(
        &self,
        phase: Phase,
        view: View,
        id: BlockId,
        next_set: SetDigest,
    ) -> Packet {
        let signature = self.sign(&digest::block_vote(&self.chain, phase, view, &id, &next_set));
        let vote = BlockVote { view, id, next_set, signature };
        match phase {
            Phase::Prepare => Packet::PrepareVote(vote),
            Phase::Commit => Packet::CommitVote(vote),
        }
    }

    /// A proposal of a block on the final block below it.
    pub(crate) fn proposal(&self, proof: &Proof, id: BlockId, body: Body) -> Option<Proposal> {
        let parent = id.height.previous()?;
        let (parent, parent_certificate) = match self.block_at(parent) {
            Some(block) => (block.id, Some(block.certificate)),
            None => (Some(machine::genesis()).filter(|id| id.height == parent)?, None),
        };
        let signature = self.sign(&digest::proposal(&self.chain, proof.view, &id));
        let (proof, body) = (proof.clone(), Some(body));
        Some(Proposal { proof, id, parent, parent_certificate, body, signature })
    }

    /// A block that is not there.
    pub(crate) fn made_up(&mut self, height: Height) -> BlockId {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.random.below(u64::MAX).to_be_bytes());
        BlockId { height, hash: BlockHash::new(hash) }
    }
}
