//! What members decide about, and who may do what, as `mokka_` methods answer it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use alloy_rpc_types_eth::Log;
use serde::{Deserialize, Serialize};

use super::types::ValidatorRef;

/// Whether a proposal still takes votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProposalStatus {
    /// Votes are counted.
    Open,
    /// It has its votes and waits for the new key to accept.
    Approved,
}

/// An account that voted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VoterView {
    /// From which it voted.
    pub account: Address,
    /// Whose account it is; `None` for an admin that is no validator.
    pub validator: Option<ValidatorRef>,
}

/// A list of who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListName {
    /// Who may send transactions.
    Transactions,
    /// Who may create contracts.
    Contracts,
    /// Which nodes may observe.
    Observers,
}

/// What an account may do with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListRole {
    /// Nothing.
    None,
    /// What the list is about.
    Enabled,
    /// That, and give and take every role.
    Admin,
    /// That, and enable and disable others.
    Manager,
}

/// What a proposal does. Keys are compressed, 33 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ActionView {
    /// Makes a key a validator, once it accepts.
    AddValidator {
        /// The new key.
        public_key: Bytes,
        /// What people call it; may be empty.
        name: String,
        /// Where its node is, as multiaddr; may be empty.
        endpoint: String,
    },
    /// Takes a validator out.
    RemoveValidator {
        /// Its key.
        public_key: Bytes,
    },
    /// Gives the seat of a validator to another key, once that accepts.
    ReplaceKey {
        /// The key of the seat now.
        old_key: Bytes,
        /// The key to come.
        new_key: Bytes,
    },
    /// Says what people call a validator and where its node is.
    DescribeValidator {
        /// Its key.
        public_key: Bytes,
        /// May be empty.
        name: String,
        /// As multiaddr; may be empty.
        endpoint: String,
    },
    /// Changes settings.
    ChangeSettings {
        /// By their names in the genesis file: milliseconds, or gas.
        changes: BTreeMap<String, u64>,
    },
    /// Turns the checks of a list on or off.
    SwitchList {
        /// Which.
        list: ListName,
        /// Whether it holds others back from then on.
        on: bool,
    },
    /// Gives an account a role.
    SetRole {
        /// On which list.
        list: ListName,
        /// To whom.
        account: Address,
        /// Which.
        role: ListRole,
    },
    /// Lets a node observe, or no more.
    SetNode {
        /// Its libp2p identity.
        peer_id: String,
        /// Whether it may from then on.
        admitted: bool,
    },
}

/// A proposal that is open or waits for an acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProposalView {
    /// Its number.
    pub id: u64,
    /// Whether it still takes votes.
    pub status: ProposalStatus,
    /// Who proposed it.
    pub proposer: Address,
    /// In seconds since 1970.
    pub opened_at: u64,
    /// When votes, or the acceptance, come too late, in seconds since 1970.
    pub expires_at: u64,
    /// Who voted for it and may vote now.
    pub voters: Vec<VoterView>,
    /// How many votes carry it, as things stand.
    pub needed: u64,
    /// What it does.
    pub action: ActionView,
    /// The same as the call of the members contract that proposes it.
    pub call: Bytes,
}

/// An account with a role on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedView {
    /// Whose.
    pub account: Address,
    /// Which.
    pub role: ListRole,
}

/// A list of who may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListView {
    /// Its contract.
    pub address: Address,
    /// What it is about.
    pub name: ListName,
    /// Whether it holds others back; always `true` for `observers`.
    pub on: bool,
    /// The role of the account that was asked about.
    pub role: Option<ListRole>,
    /// Accounts with a role, in no particular order: 256 at most.
    pub accounts: Vec<ListedView>,
    /// How many accounts have a role.
    pub total: u64,
}

/// Who decides about proposals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ThresholdView {
    /// More than half of the validators.
    Majority,
    /// Two thirds of the validators, rounded up.
    TwoThirds,
    /// One account alone.
    Admin,
}

/// How members decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GovernanceView {
    /// Who decides.
    pub threshold: ThresholdView,
    /// The account that decides alone, where one does.
    pub admin: Option<Address>,
    /// How many votes carry a proposal, as things stand.
    pub votes_needed: u64,
    /// How long a proposal takes votes.
    pub voting_period_seconds: u64,
    /// How long a new key may take to accept.
    pub acceptance_period_seconds: u64,
}

/// Who may do what, and who decides about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionsView {
    /// `transactions`, `contracts` and `observers`, in this order.
    pub lists: Vec<ListView>,
    /// The peer ids of the nodes that may observe.
    pub nodes: Vec<String>,
    /// How members decide.
    pub governance: GovernanceView,
}

/// What `mokka_subscribe` tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MembersSubscription {
    /// The events of the system contracts.
    Members,
}

/// An event of a system contract in a committed block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberEventView {
    /// The block.
    pub block_number: u64,
    /// The transaction that did it.
    pub transaction_hash: B256,
    /// Which contract tells of it.
    pub contract: Address,
    /// The name of the event in the contract's interface.
    pub event: String,
    /// All of it, as `eth_getLogs` answers it.
    pub log: Log,
}
