//! The system contracts: members, their proposals, and who may do what.
//!
//! Four contracts at fixed addresses, with the interfaces of `runtime/contracts`. Their code is
//! here, their state is ordinary storage under the state root: any tool calls them, any tool can
//! read and prove what they hold. Members change the chain by transaction, so every change is
//! ordered, visible, and the same everywhere.
//! ```text
//! transaction ─▶ contract ─▶ members ─▶ action ─▶ seats, terms, lists     what is, slot by slot
//!                        └─▶ allow_list, node_list ─────────────▲
//! node, rpc, pool ◀── view ◀────────────────────────────────────┘
//! ```
//! Read in this order: [`SystemRules`] (block 0), `members` (proposals and votes), [`Action`] (what
//! they do), `seats`, `terms` and `lists` (where it lies), [`SystemState`] (what a node reads).
//!
//! # What the rules are for
//! * A new key accepts itself, from its own account: a validator that is not there is never waited
//!   for.
//! * The seat of a replaced key keeps its name and its endpoint; its votes do not move.
//! * Votes count while their voters may vote: who was removed has none.
//! * Names and endpoints of the genesis file are not here: they may differ between operators (§3).
//!
//! # Units
//! Times are seconds since 1970 and settings milliseconds, as in the interface.

#[allow(missing_docs)] // The Solidity files describe every function, event and error.
pub mod abi;
mod action;
mod allow_list;
mod beginning;
mod contract;
mod events;
mod lists;
mod members;
mod node_list;
mod proposals;
mod rules;
mod seats;
mod slots;
mod terms;
mod view;

use alloy_primitives::{Address, address};

pub use action::Action;
pub(crate) use beginning::accounts;
pub(crate) use contract::install;
pub use events::{ALL, event_name};
pub use rules::{
    AllowListRules, Governance, NodeListRules, Permissions, Role, Switch, SystemRules, Threshold,
};
pub use seats::Member;
pub(crate) use slots::{Read, Stop};
pub use view::{
    Allowance, Candidate, NotListed, Pending, Standing, SystemState, allowance,
    changes_permissions, governance, is_changed_by, listed, nodes, pending, standing, validators,
    votes_needed,
};
pub(crate) use view::{allowance_of, fault, gas_limit, keys_of};

/// Members, their proposals, and the settings that they may change (`IMembers.sol`).
pub const MEMBERS: Address = address!("4d6f6b6b61000000000000000000000000000001");
/// Who may send transactions (`IAllowList.sol`).
pub const TRANSACTIONS: Address = address!("4d6f6b6b61000000000000000000000000000002");
/// Who may create contracts (`IAllowList.sol`).
pub const CONTRACTS: Address = address!("4d6f6b6b61000000000000000000000000000003");
/// Which nodes may observe (`INodeList.sol`).
pub const NODES: Address = address!("4d6f6b6b61000000000000000000000000000004");
