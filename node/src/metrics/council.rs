//! What `/metrics` shows of the validators, and of what members decide.

use std::sync::atomic::AtomicU64;

use mokka_rpc::api::types::ValidatorView;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Number;

/// One validator, by the name that people know; empty where nobody gave it one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    index: u32,
    validator: String,
}

type PerValidator = Family<Named, Number>;

/// The council as a node sees it now.
#[derive(Default)]
pub(crate) struct Council {
    pub(crate) epoch: u64,
    pub(crate) validators: Vec<ValidatorView>,
    /// Open or approved.
    pub(crate) proposals: usize,
    pub(crate) is_marked: bool,
}

/// What is shown of a [`Council`].
#[derive(Default)]
pub(super) struct CouncilGauges {
    leader: PerValidator,
    connected: PerValidator,
    last_signed: PerValidator,
    signed_share: Family<Named, Gauge<f64, AtomicU64>>,
    epoch: Number,
    validators: Number,
    proposals: Number,
    marked: Number,
}

impl CouncilGauges {
    pub(super) fn register(&self, at: &mut Registry) {
        at.register(
            "leader",
            "1 for the validator that this node follows, 0 for the others and between leaders",
            self.leader.clone(),
        );
        at.register(
            "validator_connected",
            "1 for a validator that this node hears, and for itself",
            self.connected.clone(),
        );
        at.register(
            "validator_last_signed_height",
            "Newest block whose certificate has this validator's signature, 0 if none is known",
            self.last_signed.clone(),
        );
        at.register(
            "validator_signed_share",
            "Part of the last 1,000 certificates with its signature, of those it could sign",
            self.signed_share.clone(),
        );
        at.register("epoch", "Number of the active validator set", self.epoch.clone());
        at.register("validators", "Validators of the active set", self.validators.clone());
        at.register(
            "proposals_pending",
            "Proposals that are open or wait for an acceptance",
            self.proposals.clone(),
        );
        at.register("marked", "1 if this node's key must not sign", self.marked.clone());
    }

    /// Whoever left the set is shown no more. Nobody may encode meanwhile.
    pub(super) fn show(&self, council: &Council) {
        self.leader.clear();
        self.connected.clear();
        self.last_signed.clear();
        self.signed_share.clear();
        for one in &council.validators {
            let (index, name) = (one.validator.index, one.validator.name.clone());
            let named = Named { index, validator: name.unwrap_or_default() };
            self.leader.get_or_create(&named).set(one.leader.into());
            self.connected.get_or_create(&named).set(one.connected.into());
            let last = one.last_signed.unwrap_or_default();
            self.last_signed.get_or_create(&named).set(number(last));
            if let Some(share) = one.signed_share {
                self.signed_share.get_or_create(&named).set(share);
            }
        }
        self.epoch.set(number(council.epoch));
        self.validators.set(number(council.validators.len() as u64));
        self.proposals.set(number(council.proposals as u64));
        self.marked.set(council.is_marked.into());
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
