//! This node says itself that it is there: the transaction by which a new key becomes a validator.
//!
//! Members approve a key; the chain waits for nobody until the node of that key, connected and
//! level, accepts from its own account. No operator has to do anything.

use std::{sync::Arc, time::Duration};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use mokka::Handle;
use mokka_consensus::Status;
use mokka_crypto::SecretKey;
use mokka_network::NetworkHandle;
use mokka_rpc::seams::TxPool;
use mokka_runtime::system::{Candidate, MEMBERS, abi::IMembers};
use mokka_storage::Store;
use mokka_types::Quorum;
use tracing::{info, warn};

use crate::{
    members::{Members, now},
    submit::Submissions,
    view::address_of,
};

/// How often this node looks whether it may accept.
const LOOK: Duration = Duration::from_secs(1);
/// Looks in a row at which it was level: by then the leader has heard so too (§9).
const LOOKS: u32 = 3;
/// Gas that accepting takes at most, with the largest set.
const GAS: u64 = 5_000_000;
/// Blocks on their way here are not missed: about a second of a busy chain.
const NEARLY: u64 = 32;

/// What accepting takes.
pub(crate) struct Acceptance {
    pub(crate) key: Arc<SecretKey>,
    pub(crate) chain_id: u64,
    pub(crate) base_fee: u64,
    pub(crate) tip: u64,
    pub(crate) members: Members,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) pool: Submissions,
    pub(crate) network: Option<NetworkHandle>,
    pub(crate) engine: Handle,
}

impl Acceptance {
    /// Accepts whenever it is time to, until the node ends.
    pub(crate) async fn watch(self) {
        let Some(account) = address_of(&self.key.public_key()) else {
            // Invariant of the curve: each key has an account. Without one there is nothing to do.
            return std::future::pending().await;
        };
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut level, mut refused) = (0, None);
        loop {
            look.tick().await;
            let Some(candidate) = self.candidacy() else {
                (level, refused) = (0, None);
                continue;
            };
            level = if self.is_level() { level + 1 } else { 0 };
            if level < LOOKS || self.is_under_way(account).await {
                continue;
            }
            let outcome = self.accept(account, &candidate).await;
            if refused.as_ref() != outcome.as_ref().err() {
                self.tell(&candidate, account, &outcome);
            }
            refused = outcome.err();
        }
    }

    /// What our key was approved for.
    fn candidacy(&self) -> Option<Candidate> {
        let own = self.key.public_key().x();
        let members = self.members.borrow();
        members.candidates(now()).find(|candidate| candidate.key.x() == own).cloned()
    }

    /// Connected to a quorum, and with all blocks that it has heard of.
    fn is_level(&self) -> bool {
        let status: Option<Status> = self.engine.status().borrow().clone();
        let can_take_part = |status: &Status| status.leader.is_some() && status.mark.is_none();
        let Some(status) = status.filter(can_take_part) else { return false };
        let missing = status.highest_claimed.get().saturating_sub(status.committed.height.get());
        missing <= NEARLY && self.is_connected()
    }

    fn is_connected(&self) -> bool {
        let members = self.members.borrow();
        let quorum: Quorum = members.set.quorum();
        let peers = self.network.as_ref().map(NetworkHandle::peers).unwrap_or_default();
        let validators = peers.iter().filter_map(|peer| peer.validator);
        let connected = validators.filter(|key| members.set.index_of(key).is_some()).count();
        quorum.is_reached_by(connected)
    }

    /// An acceptance waits in the pool already.
    async fn is_under_way(&self, account: Address) -> bool {
        self.pool.pending_nonce(account).await.is_some_and(|next| next > self.nonce(account))
    }

    fn nonce(&self, account: Address) -> u64 {
        let known = self.store.latest().state.account(account);
        known.ok().flatten().map_or(0, |account| account.nonce)
    }

    async fn accept(&self, account: Address, candidate: &Candidate) -> Result<(), String> {
        use alloy_sol_types::SolCall;
        let price = u128::from(self.base_fee) + u128::from(self.tip);
        let call = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce(account),
            gas_limit: GAS,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: u128::from(self.tip),
            to: TxKind::Call(MEMBERS),
            value: U256::ZERO,
            input: IMembers::acceptCall { id: candidate.proposal }.abi_encode().into(),
            ..TxEip1559::default()
        };
        let (bytes, parity) = self.key.sign_recoverable(&call.signature_hash());
        let signature = Signature::from_bytes_and_parity(&bytes, parity);
        let signed = TxEnvelope::from(call.into_signed(signature));
        let raw = Bytes::from(signed.encoded_2718());
        self.pool.submit(raw).await.map(drop).map_err(|refusal| refusal.words)
    }

    fn tell(&self, candidate: &Candidate, account: Address, outcome: &Result<(), String>) {
        let proposal = candidate.proposal;
        match outcome {
            Ok(()) => info!(%proposal, %account, "this node accepts to become a validator"),
            Err(reason) => warn!(
                %proposal, %account, reason,
                "this node is to become a validator, but its acceptance is refused; where it lacks \
                 coins, send some to this account"
            ),
        }
    }
}
