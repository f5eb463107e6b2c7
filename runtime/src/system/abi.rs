//! The interfaces as Rust types, read from the Solidity files that are published.

use alloy_sol_types::sol;

sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]
    "contracts/IMembers.sol"
}
sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]
    "contracts/IAllowList.sol"
}
sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]
    "contracts/INodeList.sol"
}
