//! What must hold (§13), said as plainly as possible and without any code of the core.
//!
//! The oracle sees everything: every packet, every signature that a node makes, every record, every
//! final block. It remembers what it saw and compares.

use std::collections::{BTreeMap, BTreeSet};

use mokka_crypto::{Committee, digest};
use mokka_types::{
    AggregatedNonce, Ballot, Base, BaseDigest, BlockHash, BlockId, Certificate, ChainHash,
    CrashModel, Epoch, Evidence, FinalBlock, Height, Packet, Phase, Proof, PublicKey, SafetyRecord,
    SafetyState, Signers, View, codec,
};
use serde::Serialize;

use crate::desk::Deed;

/// A node by its place in the world.
type Place = usize;

/// What was seen so far.
pub(crate) struct Oracle {
    chain: ChainHash,
    /// Of each epoch that there may ever be.
    committees: Vec<Committee>,
    /// The keys of the nodes, by their place.
    keys: Vec<PublicKey>,
    /// The epoch in which each height was certified.
    epochs: BTreeMap<Height, Epoch>,
    model: CrashModel,
    /// The one final block of each height.
    finals: BTreeMap<Height, BlockHash>,
    /// Certificates whose signatures make these blocks final, counted by hand.
    counted: BTreeSet<(BlockId, [u8; 32])>,
    /// The committed block of each node.
    committed: BTreeMap<Place, BlockId>,
    /// The promise of each node.
    promises: BTreeMap<Place, View>,
    /// The one candidate and base of each proved term.
    proved: BTreeMap<View, (PublicKey, Base)>,
    /// Who stood in which term because its leader wanted it to.
    heirs: BTreeSet<(View, PublicKey)>,
    /// Proofs that were verified before, by the hash of their bytes.
    known_proofs: BTreeSet<[u8; 32]>,
    /// The one block that a node voted for, in each phase, term and height.
    votes: BTreeMap<(Place, Phase, View, Height), BlockHash>,
    /// The one proposal of a node in each term and height.
    proposals: BTreeMap<(Place, View, Height), BlockHash>,
    /// The one candidate and base that a node signed for in each term.
    ballots: BTreeMap<(Place, View), (PublicKey, BaseDigest)>,
    /// The one ballot that each nonce was opened for.
    nonces: BTreeMap<[u8; 66], (Place, Vec<u8>)>,
    /// The newest nonce that a node opened for a ballot.
    opened: BTreeMap<(Place, Vec<u8>), [u8; 66]>,
    /// What each nonce signed.
    signed: BTreeMap<[u8; 66], (Signers, AggregatedNonce)>,
    /// Whose disk was replaced by an old copy of it.
    restored: BTreeSet<Place>,
    /// Whose key must sign nothing any more (§8).
    marked: BTreeSet<Place>,
    /// Who lies: what these sign is their own affair.
    liars: BTreeSet<Place>,
    /// The one block that was certified in each phase, term and height.
    certified: BTreeMap<(Phase, View, Height), BlockHash>,
    /// The one block that can be shown to be final at each height.
    provable: BTreeMap<Height, BlockHash>,
    /// Certificates that were verified before, by the hash of their bytes.
    known_certificates: BTreeSet<[u8; 32]>,
}

fn fingerprint<T: Serialize>(value: &T) -> [u8; 32] {
    *blake3::hash(&codec::encode(value)).as_bytes()
}

/// Says what is wrong where it is.
fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Oracle {
    pub(crate) fn new(committees: Vec<Committee>, keys: Vec<PublicKey>, genesis: BlockId) -> Self {
        Self {
            chain: *committees[0].chain(),
            model: committees[0].set().model(),
            committees,
            keys,
            epochs: BTreeMap::new(),
            finals: BTreeMap::from([(genesis.height, genesis.hash)]),
            counted: BTreeSet::new(),
            committed: BTreeMap::new(),
            promises: BTreeMap::new(),
            proved: BTreeMap::new(),
            heirs: BTreeSet::new(),
            known_proofs: BTreeSet::new(),
            votes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            ballots: BTreeMap::new(),
            nonces: BTreeMap::new(),
            opened: BTreeMap::new(),
            signed: BTreeMap::new(),
            restored: BTreeSet::new(),
            marked: BTreeSet::new(),
            liars: BTreeSet::new(),
            certified: BTreeMap::new(),
            provable: BTreeMap::new(),
            known_certificates: BTreeSet::new(),
        }
    }

    /// This node lies.
    pub(crate) fn excuse(&mut self, liar: Place) {
        self.liars.insert(liar);
    }

    /// One more node, with the key of another.
    pub(crate) fn has_twin(&mut self, key: PublicKey) {
        self.keys.push(key);
    }

    /// How many terms had a leader.
    pub(crate) fn elections(&self) -> usize {
        self.proved.len()
    }

    /// How many of them were handed over.
    pub(crate) fn handovers(&self) -> u64 {
        let led = self.proved.iter().map(|(view, (leader, _))| (*view, *leader));
        let handed = led.filter(|term| self.heirs.contains(term)).count();
        u64::try_from(handed).unwrap_or(u64::MAX)
    }

    /// The newest epoch in which a block was certified.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epochs.last_key_value().map(|(_, epoch)| *epoch).unwrap_or_default()
    }

    /// The highest final block.
    pub(crate) fn height(&self) -> Height {
        self.finals.last_key_value().map(|(height, _)| *height).unwrap_or_default()
    }

    /// A block is final at a node.
    pub(crate) fn block_is_final(&mut self, at: Place, block: &FinalBlock) -> Result<(), String> {
        let id = block.id;
        let first = *self.finals.entry(id.height).or_insert(id.hash);
        demand(first == id.hash, || {
            format!("FORK at height {}: node {at} has {:?}, others {first:?}", id.height, id.hash)
        })?;
        let before = self.committed.insert(at, id).unwrap_or_default();
        demand(before.height.next() == Some(id.height), || {
            format!("node {at} went from height {} to {}", before.height, id.height)
        })?;
        self.certificate_proves(id, &block.certificate)
            .map_err(|why| format!("node {at} committed {id:?} with a bad certificate: {why}"))?;
        self.certificate(at, &block.certificate)
    }

    /// A certificate is `q` signatures of different validators over one digest; counted by hand.
    fn certificate_proves(&mut self, id: BlockId, certificate: &Certificate) -> Result<(), String> {
        let epoch = certificate.view.epoch;
        let first = *self.epochs.entry(id.height).or_insert(epoch);
        demand(first == epoch, || format!("of epoch {epoch}, another is of epoch {first}"))?;
        let before = id.height.previous().and_then(|height| self.epochs.get(&height)).copied();
        demand(before.is_none_or(|before| before <= epoch), || "the epoch goes back".into())?;
        let committee = self.committee(epoch).ok_or_else(|| format!("no epoch {epoch}"))?;
        let keys = committee.set().keys();
        let name = fingerprint(certificate);
        if self.counted.contains(&(id, name)) {
            return Ok(());
        }
        let Certificate { phase, view, id: named, next_set, signers, signatures } = certificate;
        demand(*named == id && *phase == Phase::Commit, || format!("{phase:?} of {named:?}"))?;
        let statement = digest::block_vote(&self.chain, *phase, *view, named, next_set);
        let good = signers
            .iter()
            .zip(signatures)
            .filter(|(signer, signature)| {
                let key = keys.get(signer.get());
                key.is_some_and(|key| mokka_crypto::verify(key, &statement, signature))
            })
            .count();
        let enough = self.is_quorum(good, keys.len()) && good == signatures.len();
        demand(enough, || format!("{good} good signatures of {}", keys.len()))?;
        self.counted.insert((id, name));
        Ok(())
    }

    /// §2: two of so many have one more in common than may lie.
    fn is_quorum(&self, votes: usize, validators: usize) -> bool {
        let byzantine = match self.model {
            CrashModel::Cft => 0,
            CrashModel::Bft => (validators - 1) / 3,
        };
        2 * votes > validators + byzantine
    }

    fn demand_quorum(&self, view: View, signers: Signers) -> Result<(), String> {
        let validators = self.committee(view.epoch).map_or(0, |at| at.set().keys().len());
        let votes = signers.iter().count();
        let enough = self.is_quorum(votes, validators);
        demand(enough, || format!("{votes} of {validators} are a quorum in {view}"))
    }

    fn demand_liar(&self, at: Place, what: impl FnOnce() -> String) -> Result<(), String> {
        let lies = self.liars.contains(&at);
        demand(lies, || format!("node {at} shows {} that proves nothing", what()))
    }

    fn committee(&self, epoch: Epoch) -> Option<&Committee> {
        self.committees.iter().find(|committee| committee.epoch() == epoch)
    }

    /// §9: only members of an epoch sign anything in it.
    fn demand_member(&self, at: Place, view: View) -> Result<(), String> {
        let set = self.committee(view.epoch).map(Committee::set);
        let member = set.is_some_and(|set| set.index_of(&self.keys[at]).is_some());
        demand(member, || format!("node {at} signed in {view}, where it is no validator"))
    }

    /// A node came back with this block and these records. Promises that it was about to write when
    /// power failed may be among them or not.
    pub(crate) fn restarted(
        &mut self,
        at: Place,
        committed: BlockId,
        durable: &SafetyState,
        uncertain: &[View],
    ) -> Result<(), String> {
        let before = self.committed.insert(at, committed).unwrap_or_default();
        demand(committed.height <= before.height, || {
            format!("node {at} crashed at {} and came back at {}", before.height, committed.height)
        })?;
        let prepared = durable.prepared.as_ref().map(|prepared| prepared.id);
        let voted = durable.prepare_vote.map(|(_, id)| id);
        for id in prepared.into_iter().chain(voted) {
            demand(committed.height.next() >= Some(id.height), || {
                format!(
                    "node {at} came back at height {}, below the parent of {}, of which it has a \
                     record",
                    committed.height, id.height
                )
            })?;
        }
        if durable.mark.is_some() && !self.liars.contains(&at) {
            self.marks(at)?;
        }
        let remembered = durable.promise.view;
        let promise = self.promises.insert(at, remembered).unwrap_or_default();
        demand(remembered == promise || uncertain.contains(&remembered), || {
            format!("node {at} promised {promise}, and remembers {remembered}")
        })
    }

    fn marks(&mut self, at: Place) -> Result<(), String> {
        self.marked.insert(at);
        let lost = self.restored.contains(&at);
        demand(lost, || format!("node {at} was marked, and has lost nothing"))
    }

    /// A node's disk was replaced: what it forgot, nobody expects of it any more.
    pub(crate) fn restored(&mut self, at: Place, committed: BlockId, durable: &SafetyState) {
        self.restored.insert(at);
        self.committed.insert(at, committed);
        self.promises.insert(at, durable.promise.view);
        if durable.mark.is_some() {
            self.marked.insert(at);
        }
    }

    /// Whether this node's key must sign nothing any more (§8).
    pub(crate) fn is_marked(&self, at: Place) -> bool {
        self.marked.contains(&at)
    }

    /// §8: who is marked has lost its state, and signs nothing.
    fn marks_are_obeyed(&mut self, at: Place, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::Recorded(SafetyRecord::Mark(_)) => self.marks(at),
            Deed::Recorded(_) => Ok(()),
            Deed::Granted(..) | Deed::SignedBallot(..) | Deed::Voted(..) | Deed::Proposed(..) => {
                let free = !self.is_marked(at);
                demand(free, || format!("node {at} is marked, and signed all the same"))
            }
        }
    }

    /// A packet is on the wire. Nobody but a liar shows a proof or certificate that proves nothing.
    pub(crate) fn sent(&mut self, from: Place, packet: &Packet) -> Result<(), String> {
        let proofs: Vec<&Proof> = match packet {
            Packet::Vote(vote) => vote.newest_proof.iter().collect(),
            Packet::Voted(voted) => match &voted.answer {
                mokka_types::VotedAnswer::Granted(_) => Vec::new(),
                mokka_types::VotedAnswer::Refused(refused) => refused.newest_proof.iter().collect(),
            },
            Packet::Ack(ack) => vec![&ack.proof],
            Packet::Proposal(proposal) => vec![&proposal.proof],
            _ => Vec::new(),
        };
        proofs.into_iter().try_for_each(|proof| self.proof(from, proof))?;
        if let Packet::Vote(vote) = packet
            && vote.handover.is_some()
        {
            self.heirs.insert((vote.ballot.view, vote.ballot.candidate));
        }
        let base = match packet {
            Packet::Vote(vote) => Some(&vote.base),
            Packet::Voted(voted) => match &voted.answer {
                mokka_types::VotedAnswer::Granted(_) => None,
                mokka_types::VotedAnswer::Refused(refused) => Some(&refused.base),
            },
            _ => None,
        };
        let certificates: Vec<&Certificate> = match packet {
            Packet::Certified(certificate) => vec![certificate],
            Packet::Ack(ack) => ack.certificate.iter().collect(),
            Packet::Proposal(proposal) => proposal.parent_certificate.iter().collect(),
            _ => base.iter().flat_map(|base| base.commit.iter().chain(&base.prepare)).collect(),
        };
        certificates.into_iter().try_for_each(|certificate| self.certificate(from, certificate))
    }

    /// One block in each phase, term and height (§11); one final block at each height.
    fn certificate(&mut self, from: Place, certificate: &Certificate) -> Result<(), String> {
        let name = fingerprint(certificate);
        if self.known_certificates.contains(&name) {
            return Ok(());
        }
        let Certificate { phase, view, id, .. } = certificate;
        let committee = self.committee(view.epoch);
        if committee.is_none_or(|committee| committee.check_certificate(certificate).is_err()) {
            return self.demand_liar(from, || format!("a certificate of {view} for {id:?}"));
        }
        self.demand_quorum(certificate.view, certificate.signers)?;
        self.known_certificates.insert(name);
        let first = *self.certified.entry((*phase, *view, id.height)).or_insert(id.hash);
        demand(first == id.hash, || {
            format!("two {phase:?} certificates of {view}: {first:?}, {id:?}")
        })?;
        if *phase == Phase::Prepare {
            return Ok(());
        }
        let first = *self.provable.entry(id.height).or_insert(id.hash);
        demand(first == id.hash, || format!("FORK: certificates make {first:?} and {id:?} final"))
    }

    /// §10: a node has evidence: genuine, and against none that is honest.
    pub(crate) fn evidence(&self, at: Place, evidence: &Evidence) -> Result<(), String> {
        let committee = self.committee(evidence.view().epoch);
        let genuine = committee.is_some_and(|committee| committee.check_evidence(evidence));
        demand(genuine, || format!("node {at} has evidence that proves nothing: {evidence:?}"))?;
        let lies = |place: &Place| self.keys[*place].x() == evidence.culprit.x();
        demand(self.liars.iter().any(lies), || {
            format!("node {at} has evidence against an honest one: {evidence:?}")
        })
    }

    fn proof(&mut self, from: Place, proof: &Proof) -> Result<(), String> {
        let name = fingerprint(proof);
        if self.known_proofs.contains(&name) {
            return Ok(());
        }
        let committee = self.committee(proof.view.epoch);
        if committee.is_none_or(|committee| committee.check_proof(proof).is_err()) {
            return self.demand_liar(from, || format!("a proof of {}", proof.view));
        }
        self.demand_quorum(proof.view, proof.signers)?;
        self.known_proofs.insert(name);
        let claim = (proof.candidate, proof.base);
        let first = *self.proved.entry(proof.view).or_insert(claim);
        demand(first == claim, || {
            format!("two leaders or bases of term {}: {first:?} and {claim:?}", proof.view)
        })
    }

    /// A node wrote or signed something.
    pub(crate) fn did(&mut self, at: Place, deed: &Deed) -> Result<(), String> {
        let lies = self.liars.contains(&at);
        if lies && !matches!(deed, Deed::Recorded(SafetyRecord::Promise(_))) {
            return Ok(());
        }
        self.marks_are_obeyed(at, deed)?;
        match deed {
            Deed::Recorded(SafetyRecord::Promise(promise)) => {
                let before = self.promises.insert(at, promise.view).unwrap_or_default();
                demand(promise.view >= before, || {
                    format!("node {at} promised {before}, then {}", promise.view)
                })
            }
            Deed::Recorded(_) => Ok(()),
            Deed::Granted(ballot, nonce) => self.granted(at, ballot, nonce.0),
            Deed::SignedBallot(request, durable) => {
                let seen = self.signed.len();
                self.nonce_used(at, &request.ballot, request.signers, request.nonce)?;
                match self.signed.len() > seen {
                    true => self.bound(at, &request.ballot, durable),
                    // An identical repeat of what was durable when it was first signed.
                    false => Ok(()),
                }
            }
            Deed::Voted(vote, durable) => {
                let (phase, view, id) = (vote.phase, vote.view, vote.id);
                self.demand_member(at, view)?;
                let key = (at, phase, view, id.height);
                let first = *self.votes.entry(key).or_insert(id.hash);
                demand(first == id.hash, || {
                    format!(
                        "node {at} cast two {phase:?} votes in {view}: {first:?}, {:?}",
                        id.hash
                    )
                })?;
                demand(self.is_recorded(phase, view, id, durable), || {
                    format!("node {at} cast a {phase:?} vote for {id:?} in {view} without a record")
                })
            }
            Deed::Proposed(view, id) => {
                let first = *self.proposals.entry((at, *view, id.height)).or_insert(id.hash);
                demand(first == id.hash, || {
                    format!("node {at} proposed two blocks in {view}: {first:?}, {:?}", id.hash)
                })
            }
        }
    }

    /// §8: the record of a vote is durable before the vote is signed.
    fn is_recorded(&self, phase: Phase, view: View, id: BlockId, durable: &SafetyState) -> bool {
        let prepared = durable.prepared.as_ref().is_some_and(|at| at.view == view && at.id == id);
        match (phase, self.model) {
            (Phase::Prepare, CrashModel::Bft) => durable.prepare_vote == Some((view, id)),
            (Phase::Commit, CrashModel::Bft | CrashModel::Cft) => prepared,
            (Phase::Prepare, CrashModel::Cft) => false,
        }
    }

    fn granted(&mut self, at: Place, ballot: &Ballot, nonce: [u8; 66]) -> Result<(), String> {
        let ballot = (at, codec::encode(ballot));
        let first = self.nonces.entry(nonce).or_insert_with(|| ballot.clone());
        demand(*first == ballot, || format!("node {at} offered one nonce for two ballots"))?;
        demand(!self.signed.contains_key(&nonce), || format!("node {at} offered a used nonce"))?;
        self.opened.insert(ballot, nonce);
        Ok(())
    }

    fn bound(&mut self, at: Place, ballot: &Ballot, durable: &SafetyState) -> Result<(), String> {
        self.demand_member(at, ballot.view)?;
        let claim = (ballot.candidate, ballot.base);
        let first = *self.ballots.entry((at, ballot.view)).or_insert(claim);
        demand(first == claim, || format!("node {at} signed twice in {}", ballot.view))?;
        let promise = durable.promise;
        let same = promise.signed.is_some_and(|signed| (signed.candidate, signed.base) == claim);
        demand(promise.view == ballot.view && same, || {
            format!("node {at} signed for {}, its disk promises {}", ballot.view, promise.view)
        })
    }

    fn nonce_used(
        &mut self,
        at: Place,
        ballot: &Ballot,
        signers: Signers,
        aggregated: AggregatedNonce,
    ) -> Result<(), String> {
        let Some(nonce) = self.opened.get(&(at, codec::encode(ballot))) else {
            return Err(format!("node {at} signed for {} without a nonce", ballot.view));
        };
        let first = *self.signed.entry(*nonce).or_insert((signers, aggregated));
        demand(first == (signers, aggregated), || {
            format!("node {at} signed twice with one nonce, in {}", ballot.view)
        })
    }
}
