//! The system contracts: members, their proposals, and who may do what.

mod rules;

pub use rules::{
    AllowListRules, Governance, NodeListRules, Permissions, Role, Switch, SystemRules, Threshold,
};

use alloy_primitives::{Address, address};

/// Members, their proposals, and the settings that they may change (`IMembers.sol`).
pub const MEMBERS: Address = address!("4d6f6b6b61000000000000000000000000000001");
/// Who may send transactions (`IAllowList.sol`).
pub const TRANSACTIONS: Address = address!("4d6f6b6b61000000000000000000000000000002");
/// Who may create contracts (`IAllowList.sol`).
pub const CONTRACTS: Address = address!("4d6f6b6b61000000000000000000000000000003");
/// Which nodes may observe (`INodeList.sol`).
pub const NODES: Address = address!("4d6f6b6b61000000000000000000000000000004");
