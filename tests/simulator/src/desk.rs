//! The plugs of one simulated node: they take notes, and the world acts on them after the turn.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mokka::StoreFailure;
use mokka::{LocalSigner, RangeLimit, SafetyStore, Signer, SignerFailure, StateMachine, Transport};
use mokka_consensus::{BuildRequest, CastVote, CheckRequest, FinalizeBlock, SignBallot};
use mokka_crypto::{Committee, Verified};
use mokka_types::{
    Ballot, BlockId, Body, Envelope, FinalBlock, Height, PublicKey, PublicNonce, SafetyRecord,
    SafetyState, SealedEnvelope, Signature, Signed, View,
};

use crate::{
    disk::{Disk, Entry},
    machine::Chain,
};

/// What a node asks its application.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Build(BuildRequest),
    Check(Box<CheckRequest>),
    Finalize(Box<FinalizeBlock>),
}

/// A packet that a node sent; to all where nobody is named.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) to: Option<PublicKey>,
    pub(crate) sealed: SealedEnvelope,
}

/// What a node did with its key or its log, in order.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Recorded(SafetyRecord),
    Granted(Ballot, PublicNonce),
    /// With what was durable at that moment.
    SignedBallot(SignBallot, Box<SafetyState>),
    /// With what was durable at that moment.
    Voted(CastVote, Box<SafetyState>),
    Proposed(View, BlockId),
}

/// What lies on the desk of one node.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) posted: VecDeque<Posted>,
    pub(crate) asked: VecDeque<Asked>,
    pub(crate) deeds: VecDeque<Deed>,
    pub(crate) disk: Disk,
    pub(crate) chain: Chain,
    /// The synced records, put together.
    pub(crate) durable: SafetyState,
}

/// Shared by the plugs of a node and the world. One thread uses it; the lock only satisfies `Send`.
#[derive(Clone, Debug)]
pub(crate) struct Desk(Arc<Mutex<Notes>>);

impl Desk {
    pub(crate) fn new(chain: Chain) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            posted: VecDeque::new(),
            asked: VecDeque::new(),
            deeds: VecDeque::new(),
            disk: Disk::default(),
            chain,
            durable: SafetyState::default(),
        })))
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power is gone; `kept` bytes more than the synced ones survive.
    pub(crate) fn crash(&self, kept: usize) {
        let mut notes = self.notes();
        notes.posted.clear();
        notes.asked.clear();
        notes.deeds.clear();
        notes.disk.crash(kept);
    }

    /// Reads the log again: everything in memory is replaced by what it says.
    pub(crate) fn reopen(&self) -> Result<(), String> {
        let mut notes = self.notes();
        let entries = notes.disk.open().map_err(|damaged| format!("{damaged:?}"))?;
        notes.durable = SafetyState::default();
        notes.chain.rewind();
        for entry in entries {
            match entry {
                Entry::Record(record) => notes.durable.apply(record),
                Entry::Commit(block) => drop(notes.chain.extend(block)?),
            }
        }
        Ok(())
    }
}

impl Transport for Desk {
    fn send(&mut self, to: &PublicKey, packet: &SealedEnvelope) {
        self.notes().posted.push_back(Posted { to: Some(*to), sealed: packet.clone() });
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        self.notes().posted.push_back(Posted { to: None, sealed: packet.clone() });
    }
}

impl SafetyStore for Desk {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        let mut notes = self.notes();
        for record in records {
            notes.disk.write(&Entry::Record(record.clone()));
            notes.durable.apply(record.clone());
            notes.deeds.push_back(Deed::Recorded(record.clone()));
        }
        notes.disk.sync();
        Ok(())
    }
}

impl StateMachine for Desk {
    fn build(&mut self, request: BuildRequest) {
        self.notes().asked.push_back(Asked::Build(request));
    }

    fn check(&mut self, request: CheckRequest) {
        self.notes().asked.push_back(Asked::Check(Box::new(request)));
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        self.notes().asked.push_back(Asked::Finalize(Box::new(block)));
    }

    fn blocks(&mut self, from: Height, _limit: RangeLimit) -> Vec<FinalBlock> {
        self.notes().chain.from(from)
    }

    fn body(&mut self, id: &BlockId) -> Option<Body> {
        self.notes().chain.body(id)
    }
}

/// The node's own signer, with somebody who looks over its shoulder.
pub(crate) struct WatchedSigner {
    pub(crate) signer: LocalSigner,
    pub(crate) desk: Desk,
}

impl WatchedSigner {
    fn note(&self, deed: impl FnOnce(&SafetyState) -> Deed) {
        let mut notes = self.desk.notes();
        let deed = deed(&notes.durable);
        notes.deeds.push_back(deed);
    }
}

impl Signer for WatchedSigner {
    fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    fn seal(
        &mut self,
        envelope: Envelope,
    ) -> Result<(SealedEnvelope, Verified<Envelope>), SignerFailure> {
        self.signer.seal(envelope)
    }

    fn open_nonce(&mut self, ballot: &Ballot) -> Result<Option<PublicNonce>, SignerFailure> {
        let nonce = self.signer.open_nonce(ballot)?;
        if let Some(nonce) = nonce {
            self.note(|_| Deed::Granted(*ballot, nonce));
        }
        Ok(nonce)
    }

    fn sign_ballot(
        &mut self,
        request: &SignBallot,
        committee: &Committee,
    ) -> Result<Option<Signed>, SignerFailure> {
        let signed = self.signer.sign_ballot(request, committee)?;
        if signed.is_some() {
            self.note(|durable| Deed::SignedBallot(*request, Box::new(durable.clone())));
        }
        Ok(signed)
    }

    fn sign_block_vote(&mut self, vote: &CastVote) -> Result<Signature, SignerFailure> {
        self.note(|durable| Deed::Voted(*vote, Box::new(durable.clone())));
        self.signer.sign_block_vote(vote)
    }

    fn sign_proposal(&mut self, view: View, id: &BlockId) -> Result<Signature, SignerFailure> {
        self.note(|_| Deed::Proposed(view, *id));
        self.signer.sign_proposal(view, id)
    }

    fn sign_handover(
        &mut self,
        view: View,
        successor: &PublicKey,
    ) -> Result<Signature, SignerFailure> {
        self.signer.sign_handover(view, successor)
    }
}
