//! Who votes, and how many votes are enough.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most validators a set may have: signers fit in one machine word pair.
pub const MAX_VALIDATORS: usize = 128;

/// A compressed secp256k1 public key. That it lies on the curve is checked by `mokka-crypto`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 33]);

impl PublicKey {
    /// Names these 33 bytes; says nothing about the curve.
    pub const fn new(bytes: [u8; 33]) -> Self {
        Self(bytes)
    }

    /// The compressed form.
    pub const fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    /// The x coordinate: what tells two keys apart (§3), since BIP-340 drops the parity.
    pub fn x(&self) -> [u8; 32] {
        let mut x = [0; 32];
        x.copy_from_slice(&self.0[1..]);
        x
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key:{:02x}{:02x}{:02x}", self.0[1], self.0[2], self.0[3])
    }
}

/// The text is no compressed public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 33 bytes as 66 hex digits, beginning with 02 or 03")]
pub struct NotAPublicKey;

impl FromStr for PublicKey {
    type Err = NotAPublicKey;

    fn from_str(text: &str) -> Result<Self, NotAPublicKey> {
        let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
        let mut bytes = [0; 33];
        if digits.len() != 66 {
            return Err(NotAPublicKey);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotAPublicKey)?;
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(NotAPublicKey);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAPublicKey)?;
        }
        if matches!(bytes[0], 2 | 3) { Ok(Self(bytes)) } else { Err(NotAPublicKey) }
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::codec::array::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::codec::array::deserialize(deserializer).map(Self)
    }
}

/// Which failures a validator set tolerates (§2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrashModel {
    /// Validators may stop, but never lie.
    Cft,
    /// Fewer than a third may do anything at all.
    Bft,
}

impl fmt::Display for CrashModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cft => "cft",
            Self::Bft => "bft",
        })
    }
}

/// A validator's place in the set of an epoch, in key order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValidatorIndex(u8);

impl ValidatorIndex {
    /// The place as a number, to address a slice.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// How many votes are enough. Nothing else in this code base counts votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quorum {
    validators: usize,
    byzantine: usize,
    votes: usize,
}

impl Quorum {
    /// The quorum of `validators` under a crash model.
    pub fn new(model: CrashModel, validators: usize) -> Self {
        let byzantine = match model {
            CrashModel::Cft => 0,
            CrashModel::Bft => validators.saturating_sub(1) / 3,
        };
        Self { validators, byzantine, votes: (validators + byzantine + 1).div_ceil(2) }
    }

    /// One vote less than it takes: for tests that others can tell.
    #[doc(hidden)]
    #[must_use]
    pub const fn one_vote_short(self) -> Self {
        Self { votes: self.votes.saturating_sub(1), ..self }
    }

    /// `n`: how many validators there are.
    pub const fn validators(self) -> usize {
        self.validators
    }

    /// `b`: how many of them may lie.
    pub const fn byzantine(self) -> usize {
        self.byzantine
    }

    /// `q = ⌈(n + b + 1) / 2⌉`: two quorums share at least `b + 1` validators.
    pub const fn votes(self) -> usize {
        self.votes
    }

    /// `n − q`: how many may be stopped.
    pub const fn crashes(self) -> usize {
        self.validators - self.votes()
    }

    /// Whether so many votes decide.
    pub const fn is_reached_by(self, votes: usize) -> bool {
        votes >= self.votes()
    }
}

/// A set of validators of one epoch, one bit for each place in key order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signers(u128);

const _: () = assert!(MAX_VALIDATORS <= u128::BITS as usize);

impl Signers {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// With this validator.
    #[must_use]
    pub const fn with(self, index: ValidatorIndex) -> Self {
        Self(self.0 | 1 << index.0)
    }

    /// Without this validator.
    #[must_use]
    pub const fn without(self, index: ValidatorIndex) -> Self {
        Self(self.0 & !(1 << index.0))
    }

    /// Whether this validator is among them.
    pub const fn contains(self, index: ValidatorIndex) -> bool {
        self.0 >> index.0 & 1 == 1
    }

    /// How many they are.
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether every bit names one of `validators`.
    pub const fn fits(self, validators: usize) -> bool {
        validators >= u128::BITS as usize || self.0 >> validators == 0
    }

    /// Them, in key order.
    pub fn iter(self) -> impl Iterator<Item = ValidatorIndex> {
        (0..128u8).filter(move |bit| self.0 >> bit & 1 == 1).map(ValidatorIndex)
    }
}

impl FromIterator<ValidatorIndex> for Signers {
    fn from_iter<I: IntoIterator<Item = ValidatorIndex>>(indices: I) -> Self {
        indices.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ValidatorIndex::get)).finish()
    }
}

/// Why keys are no validator set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSet {
    /// There is nobody to vote.
    #[error("a validator set needs at least one validator")]
    Empty,
    /// More than signatures can name.
    #[error("{0} validators are more than the {MAX_VALIDATORS} that a set may have")]
    TooMany(usize),
    /// Two keys that BIP-340 cannot tell apart.
    #[error("validator {0} is listed twice")]
    Duplicate(PublicKey),
}

/// The validators of one epoch, ordered by compressed public key (§2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSet", into = "UncheckedSet")]
pub struct ValidatorSet {
    model: CrashModel,
    keys: Vec<PublicKey>,
}

#[derive(Serialize, Deserialize)]
struct UncheckedSet {
    model: CrashModel,
    keys: Vec<PublicKey>,
}

impl TryFrom<UncheckedSet> for ValidatorSet {
    type Error = InvalidSet;

    fn try_from(set: UncheckedSet) -> Result<Self, InvalidSet> {
        Self::new(set.model, set.keys)
    }
}

impl From<ValidatorSet> for UncheckedSet {
    fn from(set: ValidatorSet) -> Self {
        Self { model: set.model, keys: set.keys }
    }
}

impl ValidatorSet {
    /// The set of these keys, in any order.
    ///
    /// # Errors
    /// When there are none, too many, or two with one x coordinate.
    pub fn new(
        model: CrashModel,
        keys: impl IntoIterator<Item = PublicKey>,
    ) -> Result<Self, InvalidSet> {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        let mut by_x: Vec<_> = keys.iter().map(|key| (key.x(), *key)).collect();
        by_x.sort_unstable();
        match by_x.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(InvalidSet::Duplicate(pair[1].1)),
            None if keys.is_empty() => Err(InvalidSet::Empty),
            None if keys.len() > MAX_VALIDATORS => Err(InvalidSet::TooMany(keys.len())),
            None => Ok(Self { model, keys }),
        }
    }

    /// Which failures it tolerates.
    pub const fn model(&self) -> CrashModel {
        self.model
    }

    /// How many votes are enough in it.
    pub fn quorum(&self) -> Quorum {
        Quorum::new(self.model, self.keys.len())
    }

    /// The keys, in order.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// How many validators there are; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Everybody's place, in order.
    pub fn indices(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        // Invariant: a set has at most MAX_VALIDATORS = 128 keys.
        (0..u8::try_from(self.keys.len()).expect("at most 128 validators")).map(ValidatorIndex)
    }

    /// The place of a key, compared by its x coordinate (§3).
    pub fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        self.indices().find(|index| self.keys[index.get()].0[1..] == key.0[1..])
    }

    /// The key at a place of this set.
    pub fn key(&self, index: ValidatorIndex) -> Option<&PublicKey> {
        self.keys.get(index.get())
    }

    /// The keys of these signers in set order, or `None` where a bit lies beyond the set.
    pub fn select(&self, signers: Signers) -> Option<Vec<PublicKey>> {
        signers.fits(self.len()).then(|| signers.iter().map(|at| self.keys[at.get()]).collect())
    }
}
