//! What the RPC shows of consensus and the network.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use alloy_consensus::{Header, Sealed};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_rpc_types_eth::{SyncInfo, SyncStatus};
use mokka_consensus::{RoleName, Status};
use mokka_genesis::Genesis;
use mokka_network::{Direction, NetworkHandle, PeerInfo};
use mokka_rpc::{
    api::types::{
        BaseView, BlockRef, CertificateView, CrashModelView, DirectionView, EvidenceView,
        LeaderView, NodeStatus, PeerView, PhaseView, PreparedView, ProofView, RoleView,
        SignatureView, SyncView, TransactionProofView, ValidatorRef, ValidatorView,
    },
    seams::{ConsensusView, ReadError, TransactionPlace},
};
use mokka_runtime::Stamp;
use mokka_storage::Store;
use mokka_types::{
    BlockId, ChainHash, CrashModel, Epoch, Evidence, Height, PublicKey, Signers, Term,
    ValidatorSet, View, codec,
};
use tokio::sync::watch;

use crate::{
    chain::unreadable,
    evidence,
    members::{self, Members, Membership},
    metrics::Council,
    participation::Participation,
    pool::PoolHandle,
    proofs,
};

/// What an operator hears, wherever they look, when our state is not the others'.
pub(crate) const DIVERGED: &str = "this node's state differs from the others': a certified block \
    is invalid here, so it votes and commits no more, and reads end at the block before; send \
    clients to another node, keep this data directory, and compare the accounts that its log names \
    with another node's";

/// Answers from memory, except for certificates and proofs.
pub(crate) struct Overview {
    pub(crate) genesis: Genesis,
    pub(crate) chain: ChainHash,
    pub(crate) block_0: BlockId,
    pub(crate) members: Members,
    pub(crate) key: Option<PublicKey>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) status: watch::Receiver<Option<Status>>,
    pub(crate) head: watch::Receiver<Sealed<Header>>,
    pub(crate) pool: PoolHandle,
    pub(crate) network: Option<NetworkHandle>,
    pub(crate) participation: Arc<Participation>,
    pub(crate) diverged: Arc<AtomicBool>,
    pub(crate) started: Instant,
    pub(crate) client_version: String,
}

/// The account of a validator: the beneficiary of its blocks.
pub fn address_of(key: &PublicKey) -> Option<Address> {
    let point = mokka_crypto::uncompressed(key)?;
    Some(Address::from_slice(&keccak256(&point[1..])[12..]))
}

fn hash(bytes: &[u8; 32]) -> B256 {
    B256::new(*bytes)
}

pub(crate) fn block_ref(id: &BlockId) -> BlockRef {
    BlockRef { number: id.height.get(), hash: hash(id.hash.as_bytes()) }
}

impl Overview {
    fn membership(&self) -> Arc<Membership> {
        self.members.borrow().clone()
    }

    /// What the genesis file says of a validator.
    pub(crate) fn listed(&self, key: &PublicKey) -> Option<&mokka_genesis::Validator> {
        self.genesis.validators().iter().find(|one| one.public_key.x() == key.x())
    }

    /// As members call it, else as the genesis file does.
    fn name_of(&self, key: &PublicKey) -> Option<String> {
        let members = self.membership();
        let decided = members.member(key).map(|member| member.name.clone());
        let listed = || self.listed(key).and_then(|validator| validator.name.clone());
        decided.filter(|name| !name.is_empty()).or_else(listed)
    }

    pub(crate) fn validator(&self, key: &PublicKey) -> ValidatorRef {
        self.validator_of(&self.membership().set, key)
    }

    /// A validator by its place in a set, which need not be the one that is active.
    pub(crate) fn validator_of(&self, set: &ValidatorSet, key: &PublicKey) -> ValidatorRef {
        let index = set.index_of(key).map_or(0, |index| index.get());
        ValidatorRef {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            public_key: Bytes::copy_from_slice(key.as_bytes()),
            name: self.name_of(key),
        }
    }

    fn signers(&self, set: &ValidatorSet, signers: Signers) -> Vec<ValidatorRef> {
        let keys = set.select(signers).unwrap_or_default();
        keys.iter().map(|key| self.validator_of(set, key)).collect()
    }

    pub(crate) fn peers_now(&self) -> Arc<[PeerInfo]> {
        self.network.as_ref().map(NetworkHandle::peers).unwrap_or_default()
    }

    pub(crate) fn now(&self) -> Option<Status> {
        self.status.borrow().clone()
    }

    /// How far behind this node is, as far as it knows.
    fn behind(&self) -> Option<SyncView> {
        let status = self.now()?;
        let (current, highest) = (status.committed.height.get(), status.highest_claimed.get());
        // One block more than ours is on its way, not missed.
        (highest > current + 1).then_some(SyncView { current, highest })
    }

    /// What an operator should look at.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.diverged.load(Ordering::Relaxed) {
            warnings.push(DIVERGED.to_owned());
        }
        warnings.extend(self.now().and_then(|status| status.mark).map(|mark| {
            format!(
                "the key of this node is marked ({}): it signs nothing more and only follows; let \
                 members replace it with `mokka validators replace`",
                mark.reason
            )
        }));
        let set = &self.membership().set;
        let quorum = set.quorum();
        let peers = self.peers_now();
        let of_set =
            |peer: &&PeerInfo| peer.validator.is_some_and(|key| set.index_of(&key).is_some());
        let connected = peers.iter().filter(of_set).count();
        let reachable = connected + usize::from(self.is_validator());
        if !self.is_validator() {
            let alone = "no validator is connected: this node hears of no block";
            warnings.extend((connected == 0).then(|| alone.to_owned()));
        } else if !quorum.is_reached_by(reachable) {
            warnings.push(format!(
                "{reachable} of {} validators are connected and {} are needed: no block can become \
                 final",
                quorum.validators(),
                quorum.votes()
            ));
        }
        warnings.extend(self.warning_of_standing(connected));
        warnings
    }

    /// What to do where others do not let this node take part, or not at all. An observer needs one
    /// that lets it in.
    fn warning_of_standing(&self, connected: usize) -> Option<String> {
        let network = self.network.as_ref()?;
        let id = network.peer_id();
        let refusals = network.refusals();
        let needs_all = self.is_validator() || connected == 0;
        if let Some((peer, reason)) = refusals.first().filter(|_| needs_all) {
            return Some(format!(
                "{} nodes refuse this node ({id}); one of them, {peer}, says: {reason}",
                refusals.len()
            ));
        }
        let key = self.key.filter(|_| !self.is_validator())?;
        Some(format!(
            "{key} is no validator, or no longer: this node follows as an observer; ask the \
             members to approve its key, or to go on admitting its peer id {id} as an observer"
        ))
    }

    fn is_validator(&self) -> bool {
        self.key.is_some_and(|key| self.membership().set.index_of(&key).is_some())
    }

    /// What the metrics show of the members.
    pub(crate) fn council(&self) -> Council {
        let now = members::now();
        let pending = &self.membership().pending;
        Council {
            epoch: self.store.epoch().get(),
            validators: self.validators(),
            proposals: pending.iter().filter(|expires_at| now <= **expires_at).count(),
            is_marked: self.now().is_some_and(|status| status.mark.is_some()),
        }
    }

    /// Whether this node's state agrees with the others'.
    pub(crate) fn is_healthy(&self) -> Result<(), String> {
        match self.diverged.load(Ordering::Relaxed) {
            true => Err(DIVERGED.to_owned()),
            false => Ok(()),
        }
    }

    /// Whether this node can serve clients: it follows the chain and somebody leads.
    pub(crate) fn is_ready(&self) -> Result<(), String> {
        self.is_healthy()?;
        if let Some(SyncView { current, highest }) = self.behind() {
            return Err(format!("catching up: block {current} of {highest}"));
        }
        match self.now().and_then(|status| status.leader) {
            Some(_) => Ok(()),
            None => Err("no leader yet".to_owned()),
        }
    }
}

impl ConsensusView for Overview {
    fn status(&self) -> NodeStatus {
        let head = self.head.borrow().clone();
        let status = self.now();
        let role = match (&status, self.is_validator()) {
            (Some(status), true) => match status.role {
                RoleName::Follower => RoleView::Follower,
                RoleName::Candidate => RoleView::Candidate,
                RoleName::Leader => RoleView::Leader,
            },
            (None, true) => RoleView::Follower,
            (_, false) => RoleView::Observer,
        };
        let promise = status.as_ref().map(|status| status.promise).unwrap_or_default();
        let set = self.membership().set.clone();
        let quorum = set.quorum();
        NodeStatus {
            client_version: self.client_version.clone(),
            chain_id: self.genesis.chain_id(),
            chain_hash: hash(self.chain.as_bytes()),
            genesis_hash: hash(self.block_0.hash.as_bytes()),
            crash_model: match set.model() {
                CrashModel::Bft => CrashModelView::Bft,
                CrashModel::Cft => CrashModelView::Cft,
            },
            protocol_version: 1,
            validator: self.key.filter(|_| self.is_validator()).map(|key| self.validator(&key)),
            address: self.key.as_ref().and_then(address_of),
            peer_id: self.network.as_ref().map(|network| network.peer_id().to_string()),
            role,
            epoch: promise.epoch.get(),
            term: promise.term.get(),
            leader: self.leader(),
            head: BlockRef { number: head.number, hash: head.hash() },
            head_timestamp_ms: Stamp::of(&head).map_or(head.timestamp * 1000, |stamp| stamp.ms),
            validators: u32::try_from(quorum.validators()).unwrap_or(u32::MAX),
            quorum: u32::try_from(quorum.votes()).unwrap_or(u32::MAX),
            peers: u32::try_from(self.peers_now().len()).unwrap_or(u32::MAX),
            pending_transactions: self.pool.waiting() as u64,
            sync: self.behind(),
            uptime_seconds: self.started.elapsed().as_secs(),
            warnings: self.warnings(),
        }
    }

    fn validators(&self) -> Vec<ValidatorView> {
        let members = self.membership();
        self.views(&members.set, &members.system.validators)
    }

    fn leader(&self) -> Option<LeaderView> {
        let status = self.now()?;
        let leader = status.leader?;
        Some(LeaderView {
            validator: self.validator(&leader),
            epoch: status.promise.epoch.get(),
            term: status.promise.term.get(),
        })
    }

    fn certificate(&self, number: u64) -> Result<Option<CertificateView>, ReadError> {
        let found = self.store.certificate(Height::new(number));
        let Some(certificate) = found.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        let set = proofs::set_of(&*self.store, certificate.view.epoch)?;
        let signers = self.signers(&set, certificate.signers);
        let signatures = signers.into_iter().zip(&certificate.signatures);
        Ok(Some(CertificateView {
            phase: match certificate.phase {
                mokka_types::Phase::Prepare => PhaseView::Prepare,
                mokka_types::Phase::Commit => PhaseView::Commit,
            },
            epoch: certificate.view.epoch.get(),
            term: certificate.view.term.get(),
            block: block_ref(&certificate.id),
            next_set: hash(certificate.next_set.as_bytes()),
            signatures: signatures
                .map(|(validator, signature)| SignatureView {
                    validator,
                    signature: Bytes::copy_from_slice(signature.as_bytes()),
                })
                .collect(),
            encoded: codec::encode(&certificate).into(),
            proof: None,
        }))
    }

    fn finality_proof(&self, number: u64) -> Result<Option<Bytes>, ReadError> {
        let proof = proofs::finality(&*self.store, Height::new(number))?;
        Ok(proof.map(|proof| proof.encode().into()))
    }

    fn transaction_proof(
        &self,
        place: TransactionPlace,
    ) -> Result<Option<TransactionProofView>, ReadError> {
        proofs::transaction(&*self.store, place)
    }

    fn proof(&self, epoch: Option<u64>, term: u64) -> Result<Option<ProofView>, ReadError> {
        let epoch = epoch.map_or_else(|| self.store.epoch(), Epoch::new);
        let found = self.store.leader_proof(View::new(epoch, Term::new(term)));
        let Some(proof) = found.map_err(|error| unreadable(&error))? else { return Ok(None) };
        let set = proofs::set_of(&*self.store, proof.view.epoch)?;
        Ok(Some(ProofView {
            epoch: proof.view.epoch.get(),
            term: proof.view.term.get(),
            candidate: self.validator_of(&set, &proof.candidate),
            base: BaseView {
                committed: block_ref(&proof.base.committed),
                prepared: proof.base.prepared.map(|prepared| PreparedView {
                    term: prepared.term.get(),
                    block: block_ref(&prepared.id),
                }),
            },
            signers: self.signers(&set, proof.signers),
            signature: Bytes::copy_from_slice(proof.signature.as_bytes()),
            encoded: codec::encode(&proof).into(),
        }))
    }

    fn evidence(&self) -> Result<Vec<EvidenceView>, ReadError> {
        let kept = evidence::kept(&*self.store).map_err(|error| unreadable(&error))?;
        let of_epoch = |piece: &Evidence| {
            let set = proofs::set_of(&*self.store, piece.view().epoch)?;
            Ok(evidence::view(piece, |key| self.validator_of(&set, key)))
        };
        kept.iter().map(of_epoch).collect()
    }

    fn peers(&self) -> Vec<PeerView> {
        let peers = self.peers_now();
        let views = peers.iter().map(|peer| PeerView {
            peer_id: peer.peer.to_string(),
            validator: peer.validator.as_ref().map(|key| self.validator(key)),
            address: peer.address.to_string(),
            direction: match peer.direction {
                Direction::Inbound => DirectionView::Inbound,
                Direction::Outbound => DirectionView::Outbound,
            },
            connected_seconds: peer.connected_for.as_secs(),
            round_trip_ms: peer
                .latency
                .map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
            height: Some(peer.committed.get()),
        });
        views.collect()
    }

    fn sync(&self) -> SyncStatus {
        match self.behind() {
            None => SyncStatus::None,
            Some(SyncView { current, highest }) => SyncStatus::Info(Box::new(SyncInfo {
                current_block: alloy_primitives::U256::from(current),
                highest_block: alloy_primitives::U256::from(highest),
                ..SyncInfo::default()
            })),
        }
    }
}
