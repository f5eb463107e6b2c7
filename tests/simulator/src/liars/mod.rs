//! Validators that lie: at most `b = ⌊(n − 1) / 3⌋` of the set of every epoch, in BFT.
//!
//! A liar runs the node's own engine, so that it knows all that an honest node knows. What its
//! engine sends passes through a [`Behaviour`], which says it, something else, or nothing; the
//! behaviour hears every packet that comes, has moments of its own, and signs whatever it likes
//! with its own key by way of its [`Tongue`]. Twins are two nodes with one key and a disk each.
//! ```text
//! Engine ──packet──▶ Behaviour::says ──▶ Tongue ──▶ the network
//! the network ──packet──▶ Behaviour::hears (and the engine)
//! its own pace ─────────▶ Behaviour::acts
//! ```
//! The oracle excuses what a liar signs and sends, and nothing else: a second block at one height,
//! a second proof of one term, a second prepare certificate, or a word of an honest node that
//! breaks a rule is a failure as ever. Liars go on lying after everything is healed (§13).
//!
//! In some worlds they share a mind ([`gang`]). Several share weapons: a [`yes_man`] signs whatever
//! it is asked to, a [`campaign`] is an election on a base and for a term of the
//! liar's choice, a [`reign`] is what it does with the proof, a [`tally`] makes certificates of the
//! votes that its engine does not count.

mod bad_signer;
mod base_liar;
mod campaign;
mod double_voter;
mod equivocator;
mod false_heir;
mod gang;
mod leaper;
mod reign;
mod replayer;
mod silent_signer;
mod spoiler;
mod tally;
mod term_racer;
mod tongue;
mod twins;
mod withholder;
mod yes_man;

use std::{cell::RefCell, fmt, rc::Rc, sync::Arc, time::Duration};

use mokka_crypto::Verified;
use mokka_types::{Envelope, Packet};

use self::gang::Accomplice;
use crate::random::Random;

pub(crate) use gang::Gang;
pub(crate) use tongue::{To, Tongue, Utterance};
pub(crate) use twins::Bonds;

/// How a validator lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lie {
    /// Leads, and proposes two blocks for one term and height.
    Equivocator,
    /// Votes for every block and every candidate that it hears of, and for blocks that nobody
    /// proposed.
    DoubleVoter,
    /// Claims a base that it does not have, and stands and leads on it.
    BaseLiar,
    /// Grants, and never signs.
    SilentSigner,
    /// Answers with shares, nonces and signatures that are none.
    BadSigner,
    /// Sends old packets again, its own and the others'.
    Replayer,
    /// Shows its proofs, certificates or bodies to some, or to nobody.
    Withholder,
    /// Stands again and again for terms that rise and rise, and tells of promises nobody made.
    TermRacer,
    /// Binds one validator alone to the last term that this one takes for possible.
    Leaper,
    /// Elects nobody, and whenever another stands binds one whose signature that one needs.
    Spoiler,
    /// Two copies of one validator, each of which reaches a part of the network.
    Twins,
    /// Hands over to several or to the wrong one and leads on, or claims what nobody handed over.
    FalseHeir,
}

impl Lie {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Equivocator,
        Self::DoubleVoter,
        Self::BaseLiar,
        Self::SilentSigner,
        Self::BadSigner,
        Self::Replayer,
        Self::Withholder,
        Self::TermRacer,
        Self::Leaper,
        Self::Spoiler,
        Self::Twins,
        Self::FalseHeir,
    ];

    /// Whether it does its worst as a leader.
    pub(crate) const fn wants_to_lead(self) -> bool {
        match self {
            Self::Equivocator
            | Self::BaseLiar
            | Self::Withholder
            | Self::TermRacer
            | Self::FalseHeir => true,
            Self::DoubleVoter
            | Self::SilentSigner
            | Self::BadSigner
            | Self::Replayer
            | Self::Leaper
            | Self::Spoiler
            | Self::Twins => false,
        }
    }

    fn behaviour(self, random: &mut Random, bonds: Rc<RefCell<Bonds>>) -> Box<dyn Behaviour> {
        match self {
            Self::Equivocator => Box::<equivocator::Equivocator>::default(),
            Self::DoubleVoter => Box::<double_voter::DoubleVoter>::default(),
            Self::BaseLiar => Box::<base_liar::BaseLiar>::default(),
            Self::SilentSigner => Box::new(silent_signer::SilentSigner),
            Self::BadSigner => Box::new(bad_signer::BadSigner),
            Self::Replayer => Box::<replayer::Replayer>::default(),
            Self::Withholder => Box::new(withholder::Withholder::drawn(random)),
            Self::TermRacer => Box::<term_racer::TermRacer>::default(),
            Self::Leaper => Box::<leaper::Leaper>::default(),
            Self::Spoiler => Box::<spoiler::Spoiler>::default(),
            Self::Twins => Box::new(twins::Twin::new(bonds)),
            Self::FalseHeir => Box::<false_heir::FalseHeir>::default(),
        }
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equivocator => "equivocating leader",
            Self::DoubleVoter => "double voter",
            Self::BaseLiar => "base liar",
            Self::SilentSigner => "silent signer",
            Self::BadSigner => "bad signer",
            Self::Replayer => "replayer",
            Self::Withholder => "withholder",
            Self::TermRacer => "term racer",
            Self::Leaper => "leaper",
            Self::Spoiler => "spoiler",
            Self::Twins => "twins",
            Self::FalseHeir => "false heir",
        })
    }
}

/// One way to lie.
pub(crate) trait Behaviour {
    /// Its engine sends a packet.
    fn says(&mut self, to: To, packet: Packet, tongue: &mut Tongue) {
        tongue.say(to, packet);
    }

    /// A packet came; its engine hears it as well.
    fn hears(&mut self, _envelope: &Arc<Verified<Envelope>>, _tongue: &mut Tongue) {}

    /// A moment of its own, at its own pace.
    fn acts(&mut self, _tongue: &mut Tongue) {}
}

/// A validator that lies.
pub(crate) struct Liar {
    pub(crate) lie: Lie,
    pub(crate) tongue: Tongue,
    pub(crate) behaviour: Box<dyn Behaviour>,
    /// The time between two moments of its own.
    pub(crate) pace: Duration,
}

impl Liar {
    pub(crate) fn new(lie: Lie, mut tongue: Tongue, bonds: Rc<RefCell<Bonds>>) -> Self {
        let behaviour = lie.behaviour(tongue.random(), bonds);
        let pace = tongue.random().millis(40, 600);
        Self { lie, tongue, behaviour, pace }
    }

    /// It helps these, and they help it.
    pub(crate) fn joins(mut self, gang: Rc<RefCell<Gang>>) -> Self {
        let own = self.tongue.own();
        let friends = gang.borrow().members().iter().filter(|key| **key != own).copied().collect();
        self.tongue.friends = friends;
        self.behaviour = Box::new(Accomplice::new(self.behaviour, gang));
        self
    }
}
