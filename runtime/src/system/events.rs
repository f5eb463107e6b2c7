//! What the system contracts tell, by name.

use alloy_primitives::{Address, Log};

use super::{
    CONTRACTS, MEMBERS, NODES, TRANSACTIONS,
    abi::{IAllowList::IAllowListEvents, IMembers::IMembersEvents, INodeList::INodeListEvents},
};

/// All of the system contracts.
pub const ALL: [Address; 4] = [MEMBERS, TRANSACTIONS, CONTRACTS, NODES];

/// The name of an event of a system contract, as in its interface; `None` for every other log.
pub fn event_name(log: &Log) -> Option<&'static str> {
    let topic = log.topics().first()?.0;
    match log.address {
        MEMBERS => IMembersEvents::name_by_selector(topic),
        TRANSACTIONS | CONTRACTS => IAllowListEvents::name_by_selector(topic),
        NODES => INodeListEvents::name_by_selector(topic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, Bytes, LogData};
    use alloy_sol_types::SolEvent;

    use super::*;
    use crate::system::abi::{IAllowList, IMembers, INodeList};

    fn log(address: Address, topic: B256) -> Log {
        Log { address, data: LogData::new_unchecked(vec![topic], Bytes::new()) }
    }

    #[test]
    fn events_are_named_by_the_interface_of_their_contract() {
        let voted = IMembers::Voted::SIGNATURE_HASH;
        assert_eq!(event_name(&log(MEMBERS, voted)), Some("Voted"));
        assert_eq!(event_name(&log(NODES, voted)), None);
        assert_eq!(event_name(&log(Address::ZERO, voted)), None);
        let switched = IAllowList::ListSwitched::SIGNATURE_HASH;
        assert_eq!(event_name(&log(CONTRACTS, switched)), Some("ListSwitched"));
        let admitted = INodeList::NodeAdmitted::SIGNATURE_HASH;
        assert_eq!(event_name(&log(NODES, admitted)), Some("NodeAdmitted"));
        assert_eq!(event_name(&log(NODES, B256::ZERO)), None);
        let bare = Log { address: MEMBERS, data: LogData::default() };
        assert_eq!(event_name(&bare), None);
    }
}
