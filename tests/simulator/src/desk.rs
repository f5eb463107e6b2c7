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
    Flaw,
    disk::{Disk, Entry},
    machine::Chain,
};

/// What a plug says when power has failed; nobody is left to read it.
const DARK: &str = "power failed";

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
    /// The same, authenticated by whoever sealed it.
    pub(crate) envelope: Verified<Envelope>,
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

/// What becomes of the write during which power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastWrite {
    /// Nothing of it reached the log.
    Lost,
    /// It is in the log, and not synced.
    Unsynced,
}

/// Whether the engine can act at all: each plug that it calls is one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    /// It fails after so many more actions, whatever the engine is doing then.
    Failing(u64, LastWrite),
    Off,
}

/// When a write is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syncing {
    /// Before the next action of the same turn.
    AtOnce,
    /// Once [`Notes::sync`] is called; until then, nobody sees anything that the turn did.
    Later,
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
    /// What was sealed last: every packet is sealed right before it is sent.
    sealed: Option<Verified<Envelope>>,
    pub(crate) power: Power,
    pub(crate) syncs: Syncing,
    /// Records were written, and are not synced yet.
    pub(crate) unsynced: bool,
    /// Promises that a crash may have left in the log or not: nobody saw anything of them.
    pub(crate) uncertain: Vec<View>,
    /// What is wrong with it, on purpose.
    flaw: Option<Flaw>,
}

impl Notes {
    /// One more action; says whether there is still power for it.
    fn acts(&mut self) -> bool {
        match self.power {
            Power::On => true,
            Power::Failing(0, _) | Power::Off => {
                self.power = Power::Off;
                false
            }
            Power::Failing(calls, last_write) => {
                self.power = Power::Failing(calls - 1, last_write);
                true
            }
        }
    }

    fn post(&mut self, to: Option<PublicKey>, sealed: &SealedEnvelope) {
        let lit = self.acts();
        if let Some(envelope) = self.sealed.take().filter(|_| lit) {
            self.posted.push_back(Posted { to, sealed: sealed.clone(), envelope });
        }
    }

    /// Everything in the log survives from now on.
    pub(crate) fn sync(&mut self) {
        if self.flaw != Some(Flaw::UnsyncedRecords) {
            self.disk.sync();
        }
        self.unsynced = false;
    }

    /// Records that were written before power failed, in a turn that went on.
    pub(crate) fn sync_pending(&mut self) {
        if self.unsynced {
            self.sync();
        }
    }

    /// Writes during which power fails.
    fn write_in_vain(&mut self, records: &[SafetyRecord]) {
        self.sync();
        for record in records {
            self.disk.write(&Entry::Record(record.clone()));
            self.note_uncertain(record);
        }
    }

    fn note_uncertain(&mut self, record: &SafetyRecord) {
        if let SafetyRecord::Promise(promise) = record {
            self.uncertain.push(promise.view);
        }
    }
}

/// Shared by the plugs of a node and the world. One thread uses it; the lock only satisfies `Send`.
#[derive(Clone, Debug)]
pub(crate) struct Desk(Arc<Mutex<Notes>>);

impl Desk {
    pub(crate) fn new(chain: Chain, flaw: Option<Flaw>) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            posted: VecDeque::new(),
            asked: VecDeque::new(),
            deeds: VecDeque::new(),
            disk: Disk::default(),
            chain,
            durable: SafetyState::default(),
            sealed: None,
            power: Power::On,
            syncs: Syncing::AtOnce,
            unsynced: false,
            uncertain: Vec::new(),
            flaw,
        })))
    }

    fn ask(&self, asked: Asked) {
        let mut notes = self.notes();
        if notes.acts() {
            notes.asked.push_back(asked);
        }
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power is gone; `kept` bytes more than the synced ones survive.
    pub(crate) fn crash(&self, kept: usize) {
        let mut notes = self.notes();
        notes.posted.clear();
        notes.asked.clear();
        for deed in std::mem::take(&mut notes.deeds) {
            if let Deed::Recorded(record) = deed {
                notes.note_uncertain(&record);
            }
        }
        notes.disk.crash(kept);
        if notes.flaw == Some(Flaw::CommitsApart) {
            notes.disk.lose_newest_commit();
        }
        notes.unsynced = false;
        notes.power = Power::On;
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
        self.notes().post(Some(*to), packet);
    }

    fn broadcast(&mut self, packet: &SealedEnvelope) {
        self.notes().post(None, packet);
    }
}

impl SafetyStore for Desk {
    fn append(&mut self, records: &[SafetyRecord]) -> Result<(), StoreFailure> {
        let mut notes = self.notes();
        let before = notes.power;
        if !notes.acts() {
            if let Power::Failing(_, LastWrite::Unsynced) = before {
                notes.write_in_vain(records);
            }
            return Err(StoreFailure { reason: DARK.to_owned() });
        }
        for record in records {
            notes.disk.write(&Entry::Record(record.clone()));
            notes.durable.apply(record.clone());
            notes.deeds.push_back(Deed::Recorded(record.clone()));
        }
        match notes.syncs {
            Syncing::AtOnce => notes.sync(),
            Syncing::Later => notes.unsynced = true,
        }
        Ok(())
    }
}

impl StateMachine for Desk {
    fn build(&mut self, request: BuildRequest) {
        self.ask(Asked::Build(request));
    }

    fn check(&mut self, request: CheckRequest) {
        self.ask(Asked::Check(Box::new(request)));
    }

    fn finalize(&mut self, block: FinalizeBlock) {
        self.ask(Asked::Finalize(Box::new(block)));
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
    /// The first nonce that it offered.
    pub(crate) offered: Option<PublicNonce>,
}

impl WatchedSigner {
    fn acts(&self) -> Result<(), SignerFailure> {
        let lit = self.desk.notes().acts();
        if lit { Ok(()) } else { Err(SignerFailure { reason: DARK.to_owned() }) }
    }

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
        // Its sending is the action.
        if self.desk.notes().power == Power::Off {
            return Err(SignerFailure { reason: DARK.to_owned() });
        }
        let (sealed, verified) = self.signer.seal(envelope)?;
        self.desk.notes().sealed = Some(verified.clone());
        Ok((sealed, verified))
    }

    fn open_nonce(&mut self, ballot: &Ballot) -> Result<Option<PublicNonce>, SignerFailure> {
        self.acts()?;
        let fresh = self.signer.open_nonce(ballot)?;
        self.offered = self.offered.or(fresh);
        let again = self.desk.notes().flaw == Some(Flaw::NonceAgain);
        let nonce = if again { fresh.and(self.offered) } else { fresh };
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
        self.acts()?;
        let signed = self.signer.sign_ballot(request, committee)?;
        if signed.is_some() {
            self.note(|durable| Deed::SignedBallot(*request, Box::new(durable.clone())));
        }
        Ok(signed)
    }

    fn sign_block_vote(&mut self, vote: &CastVote) -> Result<Signature, SignerFailure> {
        self.acts()?;
        self.note(|durable| Deed::Voted(*vote, Box::new(durable.clone())));
        self.signer.sign_block_vote(vote)
    }

    fn sign_proposal(&mut self, view: View, id: &BlockId) -> Result<Signature, SignerFailure> {
        self.acts()?;
        self.note(|_| Deed::Proposed(view, *id));
        self.signer.sign_proposal(view, id)
    }

    fn sign_handover(
        &mut self,
        view: View,
        successor: &PublicKey,
    ) -> Result<Signature, SignerFailure> {
        self.acts()?;
        self.signer.sign_handover(view, successor)
    }
}
