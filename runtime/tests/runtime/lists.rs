//! Who may send transactions and create contracts, and which nodes may observe.

use std::collections::BTreeMap;

use alloy_consensus::TxReceipt;
use alloy_primitives::{Address, B256, TxKind, U256, hex};
use alloy_sol_types::{SolCall, SolError};
use mokka_runtime::{
    BlockError, TxError,
    system::{
        AllowListRules, CONTRACTS, Governance, MEMBERS, NODES, NotListed, Permissions, Role,
        Switch, SystemRules, TRANSACTIONS, Threshold,
        abi::{IAllowList, IMembers, INodeList},
        allowance, changes_permissions, is_changed_by, listed,
    },
};
use mokka_types::MAX_NODES;

use crate::{
    contracts::{COUNTER, init_code},
    members::{Consortium, rules},
    world::{Person, legacy, transfer},
};

const ADMIN: Person = Person(10);
const MANAGER: Person = Person(11);
const MEMBER_OF_LIST: Person = Person(12);
const STRANGER: Person = Person(13);

fn list() -> AllowListRules {
    let roles = BTreeMap::from([
        (ADMIN.address(), Role::Admin),
        (MANAGER.address(), Role::Manager),
        (MEMBER_OF_LIST.address(), Role::Enabled),
    ]);
    AllowListRules { switch: Switch::On, roles }
}

fn only_transactions() -> SystemRules {
    let permissions = Permissions { transactions: list(), ..Permissions::default() };
    SystemRules { permissions, ..rules(2) }
}

fn only_contracts() -> SystemRules {
    let permissions = Permissions { contracts: list(), ..Permissions::default() };
    SystemRules { permissions, ..rules(2) }
}

fn not_on(list: Address, sender: Person) -> TxError {
    let refusal = NotListed { list, ask: Some(ADMIN.address()) };
    TxError::NotListed { sender: sender.address(), refusal }
}

fn calls<C: SolCall>(at: &mut Consortium, who: Person, list: Address, call: &C) -> bool {
    let (ended, block) = at.call_at(who, list, &call.abi_encode());
    assert_eq!(ended.is_ok(), block.receipts[0].status());
    ended.is_ok()
}

/// Off by default: nobody is held back.
#[test]
fn lists_are_off_unless_somebody_turns_them_on() {
    let mut at = Consortium::of(2);
    let sent = STRANGER.sign(transfer(0, ADMIN.address(), 1));
    let created = STRANGER.sign(legacy(1, TxKind::Create, 200_000, &init_code(COUNTER)));
    let block = at.world.advance(vec![sent, created]);
    assert!(block.receipts.iter().all(TxReceipt::status));
}

/// A refusal says which list, and whom to ask; enabled, the account sends in the next block.
#[test]
fn who_is_not_on_the_list_cannot_send() {
    let mut at = Consortium::with(only_transactions());
    let sent = STRANGER.sign(transfer(0, ADMIN.address(), 1));
    let (block, skipped) = at.world.offer(vec![sent.clone()]);
    assert!(block.block.body.transactions.is_empty());
    assert_eq!(skipped[0].error, not_on(TRANSACTIONS, STRANGER));
    let words = skipped[0].error.to_string();
    let says = |part: &str| assert!(words.contains(part), "{words}");
    says(&TRANSACTIONS.to_string());
    says(&ADMIN.address().to_string());

    let enable = IAllowList::setEnabledCall { account: STRANGER.address() };
    assert!(calls(&mut at, MANAGER, TRANSACTIONS, &enable));
    at.world.advance(vec![sent]);
}

/// Also a block that a validator made by hand: it is not valid.
#[test]
fn a_block_with_a_forbidden_transaction_is_invalid() {
    for (rules, list) in [(only_transactions(), TRANSACTIONS), (only_contracts(), CONTRACTS)] {
        let at = Consortium::with(rules);
        let forbidden = STRANGER.sign(legacy(0, TxKind::Create, 200_000, &init_code(COUNTER)));
        let mut block = at.world.build(Vec::new()).block;
        block.body.transactions = vec![forbidden.into_parts().0];
        block.header.transactions_root =
            alloy_consensus::proofs::calculate_transaction_root(&block.body.transactions);
        match at.world.check(block) {
            Err(BlockError::Transaction { index: 0, error, .. }) => {
                assert_eq!(*error, not_on(list, STRANGER));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Validators, keys that are to become validators, and nobody else reach the members contract.
#[test]
fn members_can_always_vote_and_accept() {
    let mut at = Consortium::with(only_transactions());
    let candidate = Person(5);
    let add = IMembers::addValidatorCall {
        publicKey: candidate.key().as_bytes().to_vec().into(),
        name: String::new(),
        endpoint: String::new(),
    };
    let accept = IMembers::acceptCall { id: U256::from(1) };
    let too_early = at.transaction(candidate, MEMBERS, &accept.abi_encode());
    assert_eq!(at.world.offer(vec![too_early]).1.len(), 1);
    assert!(calls(&mut at, Person(0), MEMBERS, &add));
    assert!(calls(&mut at, Person(1), MEMBERS, &IMembers::voteCall { id: U256::from(1) }));
    assert!(calls(&mut at, candidate, MEMBERS, &accept));
    let elsewhere = Person(0).sign(transfer(1, ADMIN.address(), 1));
    assert_eq!(at.world.offer(vec![elsewhere]).1[0].error, not_on(TRANSACTIONS, Person(0)));
}

/// Also where one account decides: it, and the validators, who say where their nodes are.
#[test]
fn who_decides_alone_can_always_decide() {
    let (admin, list) = (Person(8), TRANSACTIONS);
    let threshold = Threshold::Admin(admin.address());
    let governance = Governance { threshold, ..Governance::default() };
    let mut at = Consortium::with(SystemRules { governance, ..only_transactions() });
    let announce = IMembers::announceCall { name: "anna".to_owned(), endpoint: String::new() };
    assert!(calls(&mut at, Person(0), MEMBERS, &announce));
    assert!(calls(&mut at, admin, MEMBERS, &IMembers::switchListCall { list, on: false }));
    at.world.advance(vec![STRANGER.sign(transfer(0, ADMIN.address(), 1))]);
}

/// Contracts that create contracts do so in the name of whoever sends.
#[test]
fn who_may_not_create_cannot_let_a_contract_do_it() {
    // CREATE of nothing with nothing, its address to slot 0 and back.
    const FACTORY: &[u8] = &hex!("5f5f5ff0805f555f5260205ff3");
    let mut at = Consortium::with(only_contracts());
    let factory = MEMBER_OF_LIST.address().create(0);
    let deployed = MEMBER_OF_LIST.sign(legacy(0, TxKind::Create, 500_000, &init_code(FACTORY)));
    at.world.advance(vec![deployed]);
    let created = |at: &Consortium| at.world.memory.storage.get(&(factory, U256::ZERO)).copied();

    let block =
        at.world.advance(vec![STRANGER.sign(legacy(0, TxKind::Call(factory), 500_000, &[]))]);
    assert!(block.receipts[0].status(), "the call itself is nobody's right to refuse");
    assert_eq!(created(&at).unwrap_or_default(), U256::ZERO);
    assert_eq!(at.world.nonce(factory), 1);

    let call = legacy(1, TxKind::Call(factory), 500_000, &[]);
    at.world.advance(vec![MEMBER_OF_LIST.sign(call)]);
    let expected = U256::from_be_slice(factory.create(1).as_slice());
    assert_eq!(created(&at), Some(expected));
    let (refused, taken) = (
        STRANGER.sign(legacy(1, TxKind::Call(factory), 500_000, &[])),
        MEMBER_OF_LIST.sign(legacy(2, TxKind::Call(factory), 500_000, &[])),
    );
    let together = at.world.build(vec![refused, taken]);
    let expected = U256::from_be_slice(factory.create(2).as_slice());
    let stored = together.changes.storage.get(&(factory, U256::ZERO)).copied();
    assert_eq!(stored, Some(expected), "whoever comes next in the block may");
    let (_, skipped) = at.world.offer(vec![
        STRANGER.sign(legacy(1, TxKind::Create, 200_000, &init_code(COUNTER))),
        STRANGER.sign(transfer(1, ADMIN.address(), 1)),
    ]);
    assert_eq!(skipped.len(), 1, "sending is another list");
    assert_eq!(skipped[0].error, not_on(CONTRACTS, STRANGER));
}

/// Avalanche's roles: admins change everything, managers enable and disable, others nothing.
#[test]
fn roles_decide_who_changes_roles() {
    let ask = |caller: Person, role: u8| {
        let error = IAllowList::NotAuthorized { caller: caller.address(), role: U256::from(role) };
        Err(error.abi_encode().into())
    };
    let mut at = Consortium::with(only_contracts());
    let account = Person(14).address();
    let enable = IAllowList::setEnabledCall { account }.abi_encode();
    let disable = IAllowList::setNoneCall { account }.abi_encode();
    let manager = IAllowList::setManagerCall { account }.abi_encode();
    for (who, role) in [(MEMBER_OF_LIST, 1), (STRANGER, 0), (Person(0), 0)] {
        assert_eq!(at.call_at(who, CONTRACTS, &enable).0, ask(who, role));
    }
    let admin = IAllowList::setAdminCall { account }.abi_encode();
    for call in [&manager, &admin] {
        assert_eq!(at.call_at(MANAGER, CONTRACTS, call).0, ask(MANAGER, 3));
    }
    assert!(at.call_at(MANAGER, CONTRACTS, &enable).0.is_ok());
    assert!(at.call_at(MANAGER, CONTRACTS, &disable).0.is_ok());
    let disable_admin = IAllowList::setNoneCall { account: ADMIN.address() }.abi_encode();
    assert_eq!(at.call_at(MANAGER, CONTRACTS, &disable_admin).0, ask(MANAGER, 3));
    assert!(at.call_at(ADMIN, CONTRACTS, &manager).0.is_ok());
    assert_eq!(at.call_at(MANAGER, CONTRACTS, &disable).0, ask(MANAGER, 3), "a manager by now");
    assert!(at.call_at(ADMIN, CONTRACTS, &disable_admin).0.is_ok());
    assert_eq!(at.call_at(ADMIN, CONTRACTS, &enable).0, ask(ADMIN, 0));
    let shown = IAllowList::accountsCall { from: U256::ZERO, most: U256::from(10) };
    let (output, _) = at.call_at(STRANGER, CONTRACTS, &shown.abi_encode());
    let listed = IAllowList::accountsCall::abi_decode_returns(&output.unwrap()).unwrap();
    let mut roles: Vec<_> = listed.listed.into_iter().zip(listed.roles).collect();
    roles.sort_unstable();
    let mut expected = vec![
        (MANAGER.address(), U256::from(3)),
        (MEMBER_OF_LIST.address(), U256::from(1)),
        (account, U256::from(3)),
    ];
    expected.sort_unstable();
    assert_eq!((roles, listed.total), (expected, U256::from(3)));
}

/// Whoever goes first: the others stay on the list, and each of them can go next.
#[test]
fn accounts_leave_a_list_in_any_order() {
    for (first, step) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
        let mut at = Consortium::with(only_contracts());
        let people: Vec<_> = (0..3).map(|i| Person(i).address()).collect();
        for account in &people {
            let enable = IAllowList::setEnabledCall { account: *account };
            assert!(calls(&mut at, MANAGER, CONTRACTS, &enable));
        }
        let order: Vec<_> = (0..3).map(|i| people[(first + step * i) % 3]).collect();
        for gone in 1..=3 {
            let disable = IAllowList::setNoneCall { account: order[gone - 1] };
            assert!(calls(&mut at, MANAGER, CONTRACTS, &disable));
            let (mut found, total) = listed(&at.world.memory, CONTRACTS, 10).unwrap();
            found.retain(|(account, _)| people.contains(account));
            found.sort_unstable();
            let mut left: Vec<_> =
                order[gone..].iter().map(|account| (*account, Role::Enabled)).collect();
            left.sort_unstable();
            assert_eq!((found, total), (left, 6 - gone as u64));
        }
    }
}

/// Members turn lists on and off and give roles, by vote.
#[test]
fn members_govern_the_lists() {
    let mut at = Consortium::of(1);
    let role =
        IMembers::setRoleCall { list: TRANSACTIONS, account: ADMIN.address(), role: U256::from(2) };
    let on = IMembers::switchListCall { list: TRANSACTIONS, on: true };
    assert!(calls(&mut at, Person(0), MEMBERS, &role));
    assert!(calls(&mut at, Person(0), MEMBERS, &on));
    assert_eq!(
        allowance(&at.world.memory, STRANGER.address()).unwrap().sends,
        Some(NotListed { list: TRANSACTIONS, ask: Some(ADMIN.address()) })
    );
    assert_eq!(allowance(&at.world.memory, ADMIN.address()).unwrap().sends, None);
    for (call, error) in [
        (on.abi_encode(), IMembers::NothingToDo {}.abi_encode()),
        (role.abi_encode(), IMembers::NothingToDo {}.abi_encode()),
        (
            IMembers::switchListCall { list: NODES, on: true }.abi_encode(),
            IMembers::NotAList { list: NODES }.abi_encode(),
        ),
        (
            IMembers::setRoleCall { role: U256::from(4), ..role }.abi_encode(),
            IMembers::InvalidRole { role: U256::from(4) }.abi_encode(),
        ),
    ] {
        assert_eq!(at.call_at(Person(0), MEMBERS, &call).0, Err(error.into()));
    }
    let off = IMembers::switchListCall { list: TRANSACTIONS, on: false };
    assert!(calls(&mut at, Person(0), MEMBERS, &off));
    at.world.advance(vec![STRANGER.sign(transfer(0, ADMIN.address(), 1))]);
}

/// Nodes come and go, in any order; the list stays what it should be.
#[test]
fn nodes_are_admitted_and_dismissed() {
    let peer = |i: u8| {
        let letter = char::from(b'A' + i);
        format!("12D3KooW{}", letter.to_string().repeat(44))
    };
    let mut permissions = Permissions::default();
    permissions.observers.roles.insert(MANAGER.address(), Role::Manager);
    permissions.observers.nodes.insert(peer(0));
    let mut at = Consortium::with(SystemRules { permissions, ..rules(1) });
    for i in 1..5 {
        let admit = INodeList::admitCall { peerId: peer(i) };
        assert!(calls(&mut at, MANAGER, NODES, &admit));
        assert!(!calls(&mut at, MANAGER, NODES, &admit), "it is on the list");
        assert!(!calls(&mut at, STRANGER, NODES, &admit));
    }
    let by_vote = IMembers::setNodeCall { peerId: peer(1), admitted: false };
    assert!(calls(&mut at, Person(0), MEMBERS, &by_vote));
    assert!(calls(&mut at, MANAGER, NODES, &INodeList::dismissCall { peerId: peer(4) }));
    assert!(!calls(&mut at, MANAGER, NODES, &INodeList::dismissCall { peerId: peer(4) }));
    assert!(!calls(&mut at, MANAGER, NODES, &INodeList::admitCall { peerId: "x".into() }));
    let mut nodes = at.state().nodes;
    nodes.sort_unstable();
    assert_eq!(nodes, [peer(0), peer(2), peer(3)]);
    for node in [0, 2, 3] {
        assert!(calls(&mut at, MANAGER, NODES, &INodeList::dismissCall { peerId: peer(node) }));
    }
    let left = at.world.memory.storage.iter().filter(|((contract, slot), value)| {
        *contract == NODES && !value.is_zero() && B256::from(*slot) > B256::with_last_byte(9)
    });
    assert_eq!(left.count(), 2, "the role of the manager and its place");
}

/// Neither members nor managers put more nodes on the list than there may be.
#[test]
fn the_list_of_nodes_is_bounded() {
    // Base58 has no 0.
    let peer = |i: usize| format!("12D3KooW{i:A>44}").replace('0', "Z");
    let mut permissions = Permissions::default();
    permissions.observers.roles.insert(MANAGER.address(), Role::Manager);
    permissions.observers.nodes.extend((0..MAX_NODES).map(peer));
    let mut at = Consortium::with(SystemRules { permissions, ..rules(1) });
    let (one_more, most) = (peer(MAX_NODES), U256::from(MAX_NODES));
    let by_vote = IMembers::setNodeCall { peerId: one_more.clone(), admitted: true }.abi_encode();
    let error = IMembers::TooManyNodes { most }.abi_encode();
    assert_eq!(at.call_at(Person(0), MEMBERS, &by_vote).0, Err(error.into()));
    let admit = INodeList::admitCall { peerId: one_more };
    let error = INodeList::TooManyNodes { most }.abi_encode();
    assert_eq!(at.call_at(MANAGER, NODES, &admit.abi_encode()).0, Err(error.into()));
    assert!(calls(&mut at, MANAGER, NODES, &INodeList::dismissCall { peerId: peer(0) }));
    assert!(calls(&mut at, MANAGER, NODES, &admit));
}

/// A node looks at what its members decided where a block changed some of it.
#[test]
fn a_block_tells_whether_it_changed_what_nodes_obey() {
    let mut permissions = Permissions { contracts: list(), ..Permissions::default() };
    permissions.observers.roles.insert(MANAGER.address(), Role::Manager);
    let mut at = Consortium::with(SystemRules { permissions, ..rules(1) });
    let account = STRANGER.address();
    let peer = format!("12D3KooW{}", "A".repeat(44));
    let announce = IMembers::announceCall { name: "anna".to_owned(), endpoint: String::new() };
    for (who, to, call, members, permissions) in [
        (MANAGER, NODES, INodeList::admitCall { peerId: peer }.abi_encode(), true, false),
        (MANAGER, CONTRACTS, IAllowList::setEnabledCall { account }.abi_encode(), false, true),
        // Who becomes a validator, or is approved, may vote whatever the lists say.
        (Person(0), MEMBERS, announce.abi_encode(), true, true),
        (Person(0), account, Vec::new(), false, false),
    ] {
        let (_, block) = at.call_at(who, to, &call);
        let found = (is_changed_by(&block.changes), changes_permissions(&block.changes));
        assert_eq!(found, (members, permissions), "a call of {to}");
    }
}
