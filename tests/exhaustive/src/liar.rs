//! A validator without a core, that says whatever its key and what it heard let it say.
//!
//! Whatever it can say at a moment is on its way from that moment on, and what it does not want to
//! say is never delivered: so to withhold, to delay and to tell different things to different nodes
//! are choices of the network. What it hears reaches it at once. Only to stand is a choice of its
//! own, because each candidacy is a new one.

use std::collections::BTreeMap;

use mokka_consensus::SignBallot;
use mokka_crypto::{Digest, ProofSession, Verified, aggregate_nonces, digest};
use mokka_types::{
    Attempt, Ballot, Base, BlockId, BlockVote, Body, BodyReply, Certificate, CertifiedBase,
    Envelope, Packet, PartialSignature, Phase, Prepared, Proof, Proposal, PublicKey, PublicNonce,
    RunNumber, Sign, Signature, Signed, Signers, ValidatorIndex, View, Vote, Voted, VotedAnswer,
};

use crate::{application, law::Law, node::Flight};

/// It never restarts, and numbers nothing.
const RUN: RunNumber = RunNumber::new(1);

/// On what a liar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Footing {
    /// The highest that it can prove.
    Highest,
    /// The same, without what is prepared above.
    Committed,
    /// Nothing.
    Genesis,
}

/// In which term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Timing {
    /// Above all that it heard of.
    New,
    /// That of its last candidacy, once more.
    Again,
}

/// A way to stand.
pub(crate) type Stance = (Timing, Footing);

/// Every way to stand.
pub(crate) const STANCES: [Stance; 5] = [
    (Timing::New, Footing::Highest),
    (Timing::New, Footing::Committed),
    (Timing::New, Footing::Genesis),
    (Timing::Again, Footing::Highest),
    (Timing::Again, Footing::Genesis),
];

type Slot = (Phase, View, BlockId);

/// What it heard, and what it may make of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Liar {
    highest: View,
    candidacies: Vec<Candidacy>,
    pub(crate) certificates: BTreeMap<Slot, Certificate>,
    bodies: BTreeMap<BlockId, Body>,
    votes: BTreeMap<Slot, BTreeMap<ValidatorIndex, Signature>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Candidacy {
    ballot: Ballot,
    base: CertifiedBase,
    nonces: BTreeMap<ValidatorIndex, PublicNonce>,
    sign: Option<Sign>,
    shares: BTreeMap<ValidatorIndex, PartialSignature>,
    proof: Option<Proof>,
}

/// A liar that hears or does something.
pub(crate) struct Lie<'l> {
    law: &'l Law,
    key: PublicKey,
    me: ValidatorIndex,
    liar: Liar,
    sent: Vec<Flight>,
}

impl Liar {
    /// The proofs that it made.
    pub(crate) fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.candidacies.iter().filter_map(|candidacy| candidacy.proof.as_ref())
    }
}

impl<'l> Lie<'l> {
    pub(crate) fn of(law: &'l Law, liar: Liar) -> Option<Self> {
        let key = law.name(law.liar()?);
        let me = law.committee.set().index_of(&key)?;
        Some(Self { law, key, me, liar, sent: Vec::new() })
    }

    pub(crate) fn end(self) -> (Liar, Vec<Flight>) {
        (self.liar, self.sent)
    }

    /// Hears a packet, and answers it in every way that is of use.
    pub(crate) fn hear(&mut self, packet: &Verified<Envelope>) {
        let from = packet.sender;
        let Some(sender) = self.law.committee.set().index_of(&from) else { return };
        match &packet.packet {
            Packet::Vote(vote) => {
                self.learn_base(vote.ballot.view, &vote.base);
                self.grant(&vote.ballot);
            }
            Packet::Sign(sign) => self.sign(sign),
            Packet::Voted(voted) => match &voted.answer {
                VotedAnswer::Granted(nonce) => self.take_nonce(sender, &voted.ballot, *nonce),
                VotedAnswer::Refused(refused) => self.learn_base(refused.promise, &refused.base),
            },
            Packet::Signed(signed) => self.take_share(sender, signed),
            Packet::Proposal(proposal) => {
                self.liar.highest = self.liar.highest.max(proposal.proof.view);
                self.learn(proposal.parent_certificate.as_ref());
                if let Some(body) = &proposal.body {
                    self.liar.bodies.insert(proposal.id, body.clone());
                }
                self.vote_for(&from, proposal.proof.view, proposal.id);
            }
            Packet::Ack(ack) => {
                self.liar.highest = self.liar.highest.max(ack.proof.view);
                self.learn(ack.certificate.as_ref());
            }
            Packet::PrepareVote(vote) => self.count(sender, Phase::Prepare, vote),
            Packet::CommitVote(vote) => self.count(sender, Phase::Commit, vote),
            Packet::Certified(certificate) => self.learn(Some(certificate)),
            Packet::BodyRequest(request) => {
                if let Some(body) = self.liar.bodies.get(&request.id).cloned() {
                    self.say(&from, Packet::Body(BodyReply { id: request.id, body }));
                }
            }
            Packet::Alive(_)
            | Packet::Handover(_)
            | Packet::BlocksRequest(_)
            | Packet::Blocks(_)
            | Packet::Body(_) => {}
        }
    }

    /// Stands for election; nothing where it has stood so before.
    pub(crate) fn stand(&mut self, (timing, footing): Stance) {
        let last = self.liar.candidacies.last().map(|candidacy| candidacy.ballot.view);
        let view = match timing {
            Timing::New => {
                self.liar.highest.term.next().map(|term| View { term, ..Default::default() })
            }
            Timing::Again => last,
        };
        let Some(view) = view else { return };
        let base = self.base(view, footing);
        let stood = |it: &Candidacy| it.ballot.view == view && it.base == base;
        if self.liar.candidacies.iter().any(stood) {
            return;
        }
        let counter = self.liar.candidacies.len() as u64 + 1;
        let ballot = Ballot {
            view,
            candidate: self.key,
            attempt: Attempt { run: RUN, counter },
            base: digest::base(self.law.chain(), &base.base),
        };
        self.liar.highest = self.liar.highest.max(view);
        self.liar.candidacies.push(Candidacy {
            ballot,
            base: base.clone(),
            nonces: BTreeMap::new(),
            sign: None,
            shares: BTreeMap::new(),
            proof: None,
        });
        let vote = Vote { ballot, promise: view, base, newest_proof: None, handover: None };
        self.say_to_all(&Packet::Vote(Box::new(vote)));
    }

    fn base(&self, view: View, footing: Footing) -> CertifiedBase {
        let known = |phase| self.liar.certificates.values().filter(move |it| it.phase == phase);
        let commit = known(Phase::Commit).max_by_key(|it| it.id.height).cloned();
        let commit = commit.filter(|_| footing != Footing::Genesis);
        let committed = commit.as_ref().map_or(self.law.genesis, |it| it.id);
        let above = known(Phase::Prepare)
            .filter(|it| Some(it.id.height) == committed.height.next() && it.view < view);
        let prepare = above.max_by_key(|it| it.view).cloned();
        let prepare = prepare.filter(|_| footing == Footing::Highest);
        let prepared = prepare.as_ref().map(|it| Prepared { term: it.view.term, id: it.id });
        CertifiedBase { base: Base { committed, prepared }, commit, prepare }
    }

    fn learn_base(&mut self, view: View, base: &CertifiedBase) {
        self.liar.highest = self.liar.highest.max(view);
        self.learn(base.commit.as_ref());
        self.learn(base.prepare.as_ref());
    }

    /// Whatever is certified can be shown to anybody, at any time.
    fn learn(&mut self, certificate: Option<&Certificate>) {
        let Some(certificate) = certificate else { return };
        self.liar.highest = self.liar.highest.max(certificate.view);
        let slot = (certificate.phase, certificate.view, certificate.id);
        if self.liar.certificates.contains_key(&slot) {
            return;
        }
        self.liar.certificates.insert(slot, certificate.clone());
        self.say_to_all(&Packet::Certified(Box::new(certificate.clone())));
    }

    /// Grants everybody everything.
    fn grant(&mut self, ballot: &Ballot) {
        let Some(at) = self.law.liar() else { return };
        if let Some(nonce) = self.law.nonce(at, RUN, ballot) {
            let answer = VotedAnswer::Granted(nonce);
            self.say(&ballot.candidate, Packet::Voted(Voted { ballot: *ballot, answer }));
        }
    }

    /// Signs for everybody, on every base.
    fn sign(&mut self, sign: &Sign) {
        let Some(at) = self.law.liar() else { return };
        let Sign { ballot, signers, nonce } = *sign;
        let request = SignBallot { ballot, signers, nonce };
        if let Some(signed) = self.law.share(at, RUN, &request) {
            self.say(&ballot.candidate, Packet::Signed(signed));
        }
    }

    /// Votes for everything, in both phases.
    fn vote_for(&mut self, leader: &PublicKey, view: View, id: BlockId) {
        for phase in [Phase::Prepare, Phase::Commit] {
            let signature = self.vote_signature(phase, view, &id);
            let next_set = self.law.committee.set_digest();
            let vote = BlockVote { view, id, next_set, signature };
            let packet = match phase {
                Phase::Prepare => Packet::PrepareVote(vote),
                Phase::Commit => Packet::CommitVote(vote),
            };
            self.say(leader, packet);
        }
    }

    fn vote_signature(&self, phase: Phase, view: View, id: &BlockId) -> Signature {
        let next_set = self.law.committee.set_digest();
        let statement = digest::block_vote(self.law.chain(), phase, view, id, &next_set);
        self.secret_signs(statement)
    }

    fn secret_signs(&self, statement: Digest) -> Signature {
        self.law.sign(self.law.liar().unwrap_or_default(), statement)
    }

    /// A grant for a candidacy of its own: with enough of them it asks for signatures.
    fn take_nonce(&mut self, from: ValidatorIndex, ballot: &Ballot, nonce: PublicNonce) {
        let votes = self.law.committee.set().quorum().votes();
        let (law, me) = (self.law, self.me);
        let mut asked = None;
        if let Some(own) = self.liar.candidacies.iter_mut().find(|it| it.ballot == *ballot)
            && own.sign.is_none()
        {
            own.nonces.insert(from, nonce);
            if own.nonces.len() + 1 == votes
                && let Some(place) = law.liar()
                && let Some(mine) = law.nonce(place, RUN, ballot)
            {
                own.nonces.insert(me, mine);
                let list: Vec<_> = own.nonces.values().copied().collect();
                let signers: Signers = own.nonces.keys().copied().collect();
                own.sign = aggregate_nonces(&list).ok().map(|nonce| Sign {
                    ballot: *ballot,
                    signers,
                    nonce,
                });
                asked = own.sign;
            }
        }
        let Some(sign) = asked else { return };
        for index in sign.signers.iter().filter(|index| *index != me) {
            if let Some(to) = law.committee.set().key(index) {
                self.say(to, Packet::Sign(sign));
            }
        }
    }

    /// A share of a proof of its own: with the last one it leads.
    fn take_share(&mut self, from: ValidatorIndex, signed: &Signed) {
        let (law, me) = (self.law, self.me);
        let found = self.liar.candidacies.iter_mut().find(|it| it.ballot == signed.ballot);
        let Some((own, sign)) = found.and_then(|own| own.sign.map(|sign| (own, sign))) else {
            return;
        };
        own.shares.insert(from, signed.partial);
        if own.proof.is_some() || own.shares.len() + 1 < sign.signers.count() {
            return;
        }
        let Sign { ballot, signers, nonce } = sign;
        let request = SignBallot { ballot, signers, nonce };
        let Some(mine) = law.liar().and_then(|at| law.share(at, RUN, &request)) else {
            return;
        };
        own.shares.insert(me, mine.partial);
        let Ok(session) = ProofSession::new(&law.committee, signers, &ballot, nonce) else {
            return;
        };
        let shares: Vec<_> = own.shares.values().copied().collect();
        let (view, candidate) = (ballot.view, ballot.candidate);
        let signature = session.aggregate(&shares);
        let proof = Proof { view, candidate, base: own.base.base, signers, signature };
        if law.committee.check_proof(&proof).is_ok() {
            own.proof = Some(proof.clone());
            let commit = own.base.commit.clone();
            self.propose(&proof, commit.as_ref());
        }
    }

    /// Two blocks on each parent that it can name, the one that it owes among them.
    fn propose(&mut self, proof: &Proof, commit: Option<&Certificate>) {
        let Some(at) = self.law.liar() else { return };
        let on_genesis = (self.law.genesis, None);
        let on_base = (proof.base.committed, commit);
        let parents = match on_genesis.0 == on_base.0 {
            true => vec![on_base],
            false => vec![on_genesis, on_base],
        };
        for (parent, certificate) in parents {
            let fresh = |which| application::block(&parent, at, proof.view, which);
            let owed = proof.base.prepared.filter(|_| parent == proof.base.committed);
            let owed = owed.and_then(|it| Some((it.id, self.liar.bodies.get(&it.id)?.clone())));
            for (id, body) in [fresh(1), owed.or_else(|| fresh(2))].into_iter().flatten() {
                let statement = digest::proposal(self.law.chain(), proof.view, &id);
                let signature = self.secret_signs(statement);
                self.liar.bodies.insert(id, body.clone());
                self.say_to_all(&Packet::Proposal(Box::new(Proposal {
                    proof: proof.clone(),
                    id,
                    parent,
                    parent_certificate: certificate.cloned(),
                    body: Some(body),
                    signature,
                })));
            }
        }
    }

    /// A vote for a block of its own: with enough of them it is certified.
    fn count(&mut self, from: ValidatorIndex, phase: Phase, vote: &BlockVote) {
        let quorum = self.law.committee.set().quorum().votes();
        let BlockVote { view, id, next_set, signature } = *vote;
        let (me, own) = (self.me, self.vote_signature(phase, view, &id));
        let votes = self.liar.votes.entry((phase, view, id)).or_default();
        votes.insert(me, own);
        votes.insert(from, signature);
        if votes.len() != quorum {
            return;
        }
        let signers = votes.keys().copied().collect();
        let signatures = votes.values().copied().collect();
        self.learn(Some(&Certificate { phase, view, id, next_set, signers, signatures }));
    }

    fn say_to_all(&mut self, packet: &Packet) {
        let keys: Vec<_> = self.law.honest().map(|at| self.law.name(at)).collect();
        for key in keys {
            self.say(&key, packet.clone());
        }
    }

    fn say(&mut self, to: &PublicKey, packet: Packet) {
        let Some(at) = self.law.liar() else { return };
        let envelope = Envelope { sender: self.key, run: RUN, counter: 1, packet };
        let packet = self.law.seal(at, envelope);
        if let Some(to) = self.law.place_of(to).filter(|to| *to != at) {
            self.sent.push(Flight { to, packet });
        }
    }
}
