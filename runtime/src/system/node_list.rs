//! The list of nodes as a contract: who may connect as an observer.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall, SolInterface};
use mokka_types::{MAX_NODES, is_peer_id};

use super::{
    NODES, Role, Switch,
    abi::INodeList::{self, INodeListCalls as Calls},
    action::set_node,
    allow_list::{MOST_LISTED, accounts, change},
    contract::{Call, unknown},
    lists,
    slots::{Stop, refuse},
};

/// Answers a call.
pub(crate) fn answer(call: &mut Call<'_>) -> Result<Vec<u8>, Stop> {
    let asked = match Calls::abi_decode(&call.data()) {
        Ok(asked) => asked,
        Err(error) => return unknown(&error),
    };
    match asked {
        Calls::admit(asked) => put(call, asked.peerId, Switch::On),
        Calls::dismiss(asked) => put(call, asked.peerId, Switch::Off),
        Calls::setAdmin(asked) => change(call, NODES, asked.account, Role::Admin),
        Calls::setManager(asked) => change(call, NODES, asked.account, Role::Manager),
        Calls::setNone(asked) => change(call, NODES, asked.account, Role::None),
        Calls::isAdmitted(asked) => {
            let admitted = lists::is_admitted(call, &asked.peerId)?;
            Ok(INodeList::isAdmittedCall::abi_encode_returns(&admitted))
        }
        Calls::nodes(asked) => {
            let most = asked.most.saturating_to::<u64>().min(MOST_LISTED);
            let peers = lists::nodes(call, asked.from.saturating_to(), most)?;
            let total = U256::from(lists::count_nodes(call)?);
            Ok(INodeList::nodesCall::abi_encode_returns(&INodeList::nodesReturn {
                peerIds: peers,
                total,
            }))
        }
        Calls::readAllowList(asked) => {
            let role = U256::from(lists::role(call, NODES, asked.account)? as u8);
            Ok(INodeList::readAllowListCall::abi_encode_returns(&role))
        }
        Calls::accounts(asked) => accounts(call, NODES, asked.from, asked.most),
    }
}

fn put(call: &mut Call<'_>, peer: String, to: Switch) -> Result<Vec<u8>, Stop> {
    call.writes()?;
    let caller = call.caller();
    let own = lists::role(call, NODES, caller)?;
    if !matches!(own, Role::Admin | Role::Manager) {
        return refuse(INodeList::NotAuthorized { caller, role: U256::from(own as u8) });
    }
    if !is_peer_id(&peer) {
        return refuse(INodeList::InvalidPeerId { peerId: peer });
    }
    if (to == Switch::On) == lists::is_admitted(call, &peer)? {
        return refuse(INodeList::NothingToDo {});
    }
    if to == Switch::On && lists::count_nodes(call)? >= MAX_NODES as u64 {
        return refuse(INodeList::TooManyNodes { most: U256::from(MAX_NODES) });
    }
    set_node(call, peer, to, caller)?;
    Ok(Vec::new())
}
