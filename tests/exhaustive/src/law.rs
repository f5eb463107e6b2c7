//! What does not change in a world: who its members are, and what may happen to them.

use std::time::Duration;

use mokka_consensus::Config;
use mokka_crypto::{Committee, SecretKey, digest};
use mokka_types::{
    BlockHash, BlockId, ChainHash, CrashModel, Epoch, Height, PacketKind, PublicKey, Settings,
    ValidatorSet,
};

use crate::{desk::Desk, judge::Milestone};

/// A validator by its place in the set.
pub type Place = u8;

/// How often each kind of event may happen in one history. Packets may always be late, overtake
/// each other, or be lost: a lost packet is one that is never delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The next timer of a node fires.
    pub ticks: u8,
    /// A node pauses for so long that whatever can run out has run out.
    pub leaps: u8,
    /// A node loses its memory and comes back with what is durable.
    pub crashes: u8,
    /// A packet arrives, and will arrive again.
    pub duplicates: u8,
    /// The liar stands for election.
    pub lies: u8,
}

/// What a crash leaves of the records; all but the first break a rule on purpose (§8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disk {
    /// Everything that was written.
    Keeps,
    /// No promise: the node may sign again in a term in which it has signed.
    ForgetsPromises,
    /// No prepared block: the node may sign for a base that leaves out what it accepted.
    ForgetsPrepared,
}

/// A small world: what is searched.
#[derive(Clone, Debug)]
pub struct World {
    /// What the report calls it.
    pub name: &'static str,
    /// Which failures its validators tolerate.
    pub model: CrashModel,
    /// How many validators it has. In BFT the last one lies.
    pub validators: u8,
    /// How often what may happen.
    pub budget: Budget,
    /// What a crash leaves.
    pub disk: Disk,
    /// No application has work for a block above this one.
    pub blocks: u64,
    /// Packets that the network always loses, so that the rest can be searched deeper.
    pub lost: &'static [PacketKind],
    /// What has happened when the search begins, in parts.
    pub opening: &'static [&'static [Step]],
    /// What the search has to meet on its way.
    pub meets: &'static [Milestone],
}

/// One step of an opening: whatever is named happens, and must be able to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This node pauses for long.
    Leap(Place),
    /// The newest packet of this kind on its way from one to the other arrives.
    Deliver(PacketKind, Place, Place),
    /// Whatever is on its way is lost.
    LoseAll,
}

/// A world with its keys.
pub(crate) struct Law {
    pub(crate) world: World,
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) committee: Committee,
    pub(crate) genesis: BlockId,
    pub(crate) desk: Desk,
}

impl Law {
    pub(crate) fn new(world: World) -> Self {
        // Invariant: small numbers are secret keys, and their public keys are a set.
        let key = |seed: u8| SecretKey::from_bytes([seed; 32]).expect("a secret key");
        let mut keys: Vec<_> = (1..=world.validators).map(key).collect();
        keys.sort_unstable_by_key(SecretKey::public_key);
        let set = ValidatorSet::new(world.model, keys.iter().map(SecretKey::public_key));
        // Invariant: as above.
        let set = set.expect("different keys");
        let genesis = BlockId { height: Height::GENESIS, hash: BlockHash::new([7; 32]) };
        let chain: ChainHash = digest::chain(&genesis.hash, 1, &set, &Settings::default());
        // Invariant: as above.
        let committee = Committee::new(chain, Epoch::default(), set).expect("points of the curve");
        Self { world, keys, committee, genesis, desk: Desk::new() }
    }

    pub(crate) fn name(&self, at: Place) -> PublicKey {
        self.keys[usize::from(at)].public_key()
    }

    pub(crate) fn chain(&self) -> &ChainHash {
        self.committee.chain()
    }

    pub(crate) fn place_of(&self, key: &PublicKey) -> Option<Place> {
        let index = self.committee.set().index_of(key)?;
        u8::try_from(index.get()).ok()
    }

    /// Who lies, where somebody does.
    pub(crate) fn liar(&self) -> Option<Place> {
        (self.world.model == CrashModel::Bft).then(|| self.world.validators - 1)
    }

    pub(crate) fn honest(&self) -> std::ops::Range<Place> {
        0..self.liar().unwrap_or(self.world.validators)
    }

    pub(crate) fn others(&self, than: Place) -> impl Iterator<Item = Place> + use<> {
        (0..self.world.validators).filter(move |at| *at != than)
    }

    pub(crate) fn loses(&self, kind: PacketKind) -> bool {
        self.world.lost.contains(&kind)
    }

    pub(crate) fn config(&self, at: Place) -> Config {
        Config {
            chain: *self.chain(),
            genesis: self.genesis,
            key: self.name(at),
            settings: Settings::default(),
            seed: u64::from(at),
            // Far above all terms of so short a life; after a leap it is the liar's turn. An honest
            // node would be refused there, as the clocks of the others have not leapt.
            wall_clock: Duration::from_secs((1 << 30) + 4),
        }
    }
}
