//! The other validators of an election that the node under test wants to win.

use std::collections::BTreeMap;

use mokka_crypto::NonceBook;
use mokka_types::{Ballot, Packet, Proof, Sign, Vote, Voted, VotedAnswer};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    node::{Node, sign_with},
    world::{CHAIN, World},
};

/// Their nonces.
pub(crate) struct Voters<'w> {
    world: &'w World,
    books: BTreeMap<usize, NonceBook>,
    rng: StdRng,
}

impl<'w> Voters<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, books: BTreeMap::new(), rng: StdRng::seed_from_u64(11) }
    }

    pub(crate) fn grant(&mut self, at: usize, ballot: &Ballot) -> Packet {
        self.try_grant(at, ballot).expect("a nonce")
    }

    /// Nothing where the ballot is old, or signed already.
    pub(crate) fn try_grant(&mut self, at: usize, ballot: &Ballot) -> Option<Packet> {
        let book = self.books.entry(at).or_default();
        let key = &self.world.secrets[at];
        let nonce = book.open(key, &CHAIN, ballot, &mut self.rng)?;
        Some(Packet::Voted(Voted { ballot: *ballot, answer: VotedAnswer::Granted(nonce) }))
    }

    pub(crate) fn sign(&mut self, at: usize, sign: &Sign) -> Packet {
        self.try_sign(at, sign).expect("a share")
    }

    /// Nothing where no nonce is open for it.
    pub(crate) fn try_sign(&mut self, at: usize, sign: &Sign) -> Option<Packet> {
        let book = self.books.entry(at).or_default();
        sign_with(self.world, at, book, sign).map(Packet::Signed)
    }

    /// All who are named grant, until the node sends `Sign`; returns it.
    pub(crate) fn all_grant(&mut self, node: &mut Node<'_>, places: &[usize]) -> Sign {
        let ballot = newest_vote(node).expect("standing").ballot;
        for at in places {
            if newest_sign(node).is_none_or(|sign| sign.ballot != ballot) {
                let packet = self.grant(*at, &ballot);
                node.hears(*at, packet);
            }
        }
        newest_sign(node).expect("round two")
    }

    /// All whom it names sign.
    pub(crate) fn all_sign(&mut self, node: &mut Node<'_>, sign: &Sign) {
        let me = node.me;
        for index in sign.signers.iter().filter(|index| index.get() != me) {
            let packet = self.sign(index.get(), sign);
            node.hears(index.get(), packet);
        }
    }

    /// The node stands and wins with the first others of the set; returns its proof.
    pub(crate) fn elect(&mut self, node: &mut Node<'_>) -> Proof {
        node.sent.clear();
        node.until("stands", |node| newest_vote(node).is_some());
        let others: Vec<_> =
            (0..self.world.secrets.len()).filter(|other| *other != node.me).collect();
        let sign = self.all_grant(node, &others);
        self.all_sign(node, &sign);
        node.status().proof.filter(|proof| proof.candidate == self.world.key(node.me)).expect("won")
    }
}

pub(crate) fn newest_vote(node: &Node<'_>) -> Option<Vote> {
    node.said(|packet| match packet {
        Packet::Vote(vote) => Some((**vote).clone()),
        _ => None,
    })
    .pop()
}

pub(crate) fn newest_sign(node: &Node<'_>) -> Option<Sign> {
    node.said(|packet| match packet {
        Packet::Sign(sign) => Some(*sign),
        _ => None,
    })
    .pop()
}
