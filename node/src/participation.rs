//! Who signs the certificates of the chain, as this node keeps them.
//!
//! A certificate is closed with a quorum, so a healthy validator is missing from some; one that is
//! missing from all for long is down, cut off, or slower than all others.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mokka_storage::{Store, StoreError};
use mokka_types::{Certificate, Epoch, Height, PublicKey, Signers, ValidatorSet};

/// Certificates that are looked at.
const WINDOW: u64 = 1_000;

/// What a validator signed of the last certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Signed {
    /// The newest height with its signature.
    pub(crate) last: Option<Height>,
    /// The part that it signed of those that it could sign; `None` where it could sign none.
    pub(crate) share: Option<f64>,
}

/// The signers of the last certificates: the executor writes, RPC and metrics read.
#[derive(Default)]
pub(crate) struct Participation(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Oldest first. Neighbours share their set.
    certificates: VecDeque<(Arc<ValidatorSet>, Signers)>,
    /// By x coordinate (§3): of the present validators, also where it has left the window.
    last: BTreeMap<[u8; 32], Height>,
}

impl Participation {
    /// Begins with the newest certificates of the store.
    pub(crate) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let participation = Self::default();
        let head = store.head().height.get();
        let mut active: Option<(Epoch, ValidatorSet)> = None;
        for number in head.saturating_sub(WINDOW - 1).max(1)..=head {
            let Some(certificate) = store.certificate(Height::new(number))? else { continue };
            let epoch = certificate.view.epoch;
            if active.as_ref().is_none_or(|(known, _)| *known != epoch) {
                active = store.validator_set(epoch)?.map(|set| (epoch, set.validators));
            }
            if let Some((_, set)) = &active {
                participation.note(&certificate, set);
            }
        }
        Ok(participation)
    }

    /// Takes in the certificate of the next block, signed by validators of `set`.
    pub(crate) fn note(&self, certificate: &Certificate, set: &ValidatorSet) {
        let mut seen = self.seen();
        let shared = match seen.certificates.back() {
            Some((known, _)) if **known == *set => Arc::clone(known),
            _ => {
                seen.last.retain(|x, _| set.keys().iter().any(|key| key.x() == *x));
                Arc::new(set.clone())
            }
        };
        for key in set.select(certificate.signers).unwrap_or_default() {
            seen.last.insert(key.x(), certificate.id.height);
        }
        seen.certificates.push_back((shared, certificate.signers));
        if seen.certificates.len() as u64 > WINDOW {
            seen.certificates.pop_front();
        }
    }

    /// What each of these validators signed, in their order.
    pub(crate) fn of(&self, keys: &[PublicKey]) -> Vec<Signed> {
        let seen = self.seen();
        keys.iter().map(|key| seen.signed_by(key)).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn signed_by(&self, key: &PublicKey) -> Signed {
        let (mut could, mut did) = (0_u32, 0_u32);
        let mut place = None;
        let mut of = None;
        for (set, signers) in &self.certificates {
            if of.is_none_or(|known| !Arc::ptr_eq(known, set)) {
                (of, place) = (Some(set), set.index_of(key));
            }
            let Some(index) = place else { continue };
            could += 1;
            did += u32::from(signers.contains(index));
        }
        Signed {
            last: self.last.get(&key.x()).copied(),
            share: (could > 0).then(|| f64::from(did) / f64::from(could)),
        }
    }
}

#[cfg(test)]
mod tests {
    use mokka_types::{BlockHash, BlockId, CrashModel, Phase, SetDigest, Term, View};

    use super::*;

    fn key(byte: u8) -> PublicKey {
        let mut bytes = [byte; 33];
        bytes[0] = 2;
        PublicKey::new(bytes)
    }

    fn set(keys: &[u8]) -> ValidatorSet {
        let keys = keys.iter().map(|byte| key(*byte));
        ValidatorSet::new(CrashModel::Bft, keys).expect("different keys")
    }

    fn certificate(height: u64, set: &ValidatorSet, signers: &[u8]) -> Certificate {
        let places = signers.iter().map(|byte| set.index_of(&key(*byte)).expect("a member"));
        Certificate {
            phase: Phase::Commit,
            view: View::new(Epoch::new(0), Term::new(1)),
            id: BlockId { height: Height::new(height), hash: BlockHash::new([1; 32]) },
            next_set: SetDigest::new([2; 32]),
            signers: places.collect(),
            signatures: Vec::new(),
        }
    }

    #[test]
    fn a_share_counts_from_when_its_validator_joined() {
        let participation = Participation::default();
        let (one, two) = (set(&[1]), set(&[1, 2]));
        for height in 1..=10 {
            participation.note(&certificate(height, &one, &[1]), &one);
        }
        participation.note(&certificate(11, &two, &[1]), &two);
        participation.note(&certificate(12, &two, &[1, 2]), &two);
        let signed = participation.of(&[key(1), key(2), key(3)]);
        let height = |number| Some(Height::new(number));
        assert_eq!(signed[0], Signed { last: height(12), share: Some(1.0) });
        assert_eq!(signed[1], Signed { last: height(12), share: Some(0.5) });
        assert_eq!(signed[2], Signed { last: None, share: None });
    }

    #[test]
    fn who_stops_signing_fades_but_its_last_height_stays() {
        let participation = Participation::default();
        let two = set(&[1, 2]);
        participation.note(&certificate(1, &two, &[1, 2]), &two);
        for height in 2..=WINDOW + 1 {
            participation.note(&certificate(height, &two, &[1]), &two);
        }
        let signed = participation.of(&[key(2)])[0];
        assert_eq!(signed, Signed { last: Some(Height::new(1)), share: Some(0.0) });
    }

    #[test]
    fn who_left_is_forgotten() {
        let participation = Participation::default();
        let (two, one) = (set(&[1, 2]), set(&[1]));
        participation.note(&certificate(1, &two, &[1, 2]), &two);
        participation.note(&certificate(2, &one, &[1]), &one);
        assert_eq!(participation.of(&[key(2)])[0].last, None);
        assert_eq!(participation.seen().last.len(), 1);
    }
}
