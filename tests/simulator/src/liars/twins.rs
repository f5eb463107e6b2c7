//! Two machines with one key (§8), each honest for itself: each has its own disk, hears its own
//! part of the network, and signs what the other one has not signed.

use std::{cell::RefCell, rc::Rc};

use mokka_types::{
    Ballot, BlockHash, Height, Packet, Phase, PublicKey, PublicNonce, View, Voted, VotedAnswer,
};

use super::{Behaviour, To, Tongue};

/// What one key said, as far as an honest node says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// Names one attempt of one candidate.
    Grant(Ballot, PublicNonce),
    Candidate(PublicKey),
    Vote(Phase, Height, BlockHash),
    Proposal(Height, BlockHash),
}

impl Bond {
    /// Whether both can be signed by one honest node in one term.
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Candidate(one), Self::Candidate(other)) => one == other,
            (Self::Vote(phase, at, one), Self::Vote(other_phase, other_at, other)) => {
                (phase, at) != (other_phase, other_at) || one == other
            }
            (Self::Proposal(at, one), Self::Proposal(other_at, other)) => {
                at != other_at || one == other
            }
            (Self::Grant(ballot, one), Self::Grant(other_ballot, other)) => {
                ballot != other_ballot || one == other
            }
            (Self::Grant(..) | Self::Candidate(_) | Self::Vote(..) | Self::Proposal(..), _) => true,
        }
    }
}

/// What both have said in the highest term of theirs: only to know when they contradict each
/// other.
#[derive(Debug, Default)]
pub(crate) struct Bonds {
    view: View,
    bonds: Vec<Bond>,
}

impl Bonds {
    /// Takes note; says whether it can be the word of one honest node.
    fn bind(&mut self, view: View, bond: Bond) -> bool {
        if view < self.view {
            return false;
        }
        if view > self.view {
            self.view = view;
            self.bonds.clear();
        }
        let agrees = self.bonds.iter().all(|before| before.agrees(&bond));
        if !self.bonds.contains(&bond) {
            self.bonds.push(bond);
        }
        agrees
    }
}

/// One of the two.
pub(super) struct Twin(Rc<RefCell<Bonds>>);

impl Twin {
    pub(super) const fn new(bonds: Rc<RefCell<Bonds>>) -> Self {
        Self(bonds)
    }
}

impl Behaviour for Twin {
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        let bond = match &packet {
            Packet::Voted(Voted { ballot, answer: VotedAnswer::Granted(nonce) }) => {
                Some((ballot.view, Bond::Grant(*ballot, *nonce)))
            }
            Packet::Signed(signed) => {
                Some((signed.ballot.view, Bond::Candidate(signed.ballot.candidate)))
            }
            Packet::PrepareVote(vote) => {
                Some((vote.view, Bond::Vote(Phase::Prepare, vote.id.height, vote.id.hash)))
            }
            Packet::CommitVote(vote) => {
                Some((vote.view, Bond::Vote(Phase::Commit, vote.id.height, vote.id.hash)))
            }
            Packet::Proposal(proposal) => {
                let id = proposal.id;
                Some((proposal.proof.view, Bond::Proposal(id.height, id.hash)))
            }
            _ => None,
        };
        let honest = bond.is_none_or(|(view, bond)| self.0.borrow_mut().bind(view, bond));
        match honest {
            true => drop(tongue.say(to, packet)),
            false => tongue.lie(to, packet),
        }
    }
}
