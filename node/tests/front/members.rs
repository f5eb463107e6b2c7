//! What a node says of its members: by RPC, by subscription, and in its metrics.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use alloy_consensus::TxEip1559;
use alloy_eips::BlockId;
use alloy_primitives::{Bytes, TxKind};
use mokka_node::Node;
use mokka_rpc::{
    api::{
        EthApiClient, MokkaApiClient,
        members::{
            ActionView, ListName, ListRole, ListedView, MemberEventView, MembersSubscription,
            ProposalStatus,
        },
    },
    client::{HttpClient, Subscription, WsClient},
};
use mokka_runtime::system::{Action, MEMBERS, Role, TRANSACTIONS};
use mokka_types::Setting;

use crate::{FEE, RICH, VALIDATOR, address, key, signed, start, stop, transfer};

/// How long a thing may take before it counts as not happening.
const LIMIT: Duration = Duration::from_secs(60);

/// A chain of one validator, and what it tells of its members.
struct World {
    node: Node,
    client: HttpClient,
    /// Ends when the subscription is dropped with it.
    _listens: WsClient,
    news: Subscription<MemberEventView>,
    proposed: u64,
}

impl World {
    async fn new() -> Self {
        let (node, client) = start(Some(key(VALIDATOR))).await;
        let address = format!("ws://{}", node.addresses().rpc);
        let listens = mokka_rpc::client::ws(&address).await.unwrap();
        let news = listens.subscribe_members(MembersSubscription::Members).await.unwrap();
        Self { node, client, _listens: listens, news, proposed: 0 }
    }

    /// The only validator proposes, which decides. Waits for these events.
    async fn propose(&mut self, action: &Action, events: &[&str]) {
        let call = TxEip1559 {
            to: TxKind::Call(MEMBERS),
            gas_limit: 2_000_000,
            max_fee_per_gas: FEE.into(),
            value: Default::default(),
            input: action.encode(),
            ..transfer(self.proposed)
        };
        self.proposed += 1;
        let raw = signed(VALIDATOR, call);
        let hash = EthApiClient::send_raw_transaction(&self.client, raw).await.unwrap();
        for event in events {
            let told = tokio::time::timeout(LIMIT, self.news.next()).await.expect("it is told");
            let told = told.unwrap().unwrap();
            assert_eq!((told.event.as_str(), told.transaction_hash), (*event, hash));
        }
    }

    fn metrics(&self) -> String {
        let at: SocketAddr = self.node.addresses().metrics;
        let mut socket = TcpStream::connect(at).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        socket.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_members_propose_and_decide_is_shown() {
    let mut world = World::new().await;
    let candidate = key(20).public_key();
    let (name, endpoint) = ("acme".to_owned(), "/dns/a.example/tcp/30303".to_owned());
    let add =
        Action::AddValidator { key: candidate, name: name.clone(), endpoint: endpoint.clone() };
    let waits = ["ProposalOpened", "Voted", "ProposalApproved"];
    world.propose(&add, &waits).await;

    let proposals = world.client.proposals().await.unwrap();
    let [proposal] = &proposals[..] else { panic!("{proposals:?}") };
    assert_eq!((proposal.id, proposal.status), (1, ProposalStatus::Approved));
    assert_eq!((proposal.needed, &proposal.call), (1, &add.encode()));
    let public_key = Bytes::copy_from_slice(candidate.as_bytes());
    assert_eq!(proposal.action, ActionView::AddValidator { public_key, name, endpoint });
    let voter = &proposal.voters[0];
    assert_eq!(voter.account, address(VALIDATOR));
    assert_eq!(voter.validator.as_ref().map(|validator| validator.index), Some(0));

    let now = world.client.validators(None).await.unwrap();
    assert_eq!(world.client.validators(Some(BlockId::number(0))).await.unwrap().len(), 1);
    assert_eq!((now[0].since, now[0].last_signed, now[0].signed_share), (0, Some(1), Some(1.0)));
    let metrics = world.metrics();
    for line in [
        "mokka_validator_last_signed_height{index=\"0\",validator=\"\"} 1",
        "mokka_validator_signed_share{index=\"0\",validator=\"\"} 1.0",
        "mokka_validator_connected{index=\"0\",validator=\"\"} 1",
        "mokka_epoch 0",
        "mokka_validators 1",
        "mokka_proposals_pending 1",
        "mokka_marked 0",
    ] {
        assert!(metrics.lines().any(|known| known == line), "no {line} in\n{metrics}");
    }
    stop(world.node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_and_settings_that_were_decided_are_shown() {
    let mut world = World::new().await;
    let (list, account, role) = (TRANSACTIONS, address(RICH), Role::Manager);
    let set = Action::SetRole { list, account, role };
    let done = ["ProposalOpened", "Voted", "RoleSet", "ProposalEnacted"];
    world.propose(&set, &done).await;
    let changes = vec![(Setting::BlockInterval, 400)];
    let done = ["ProposalOpened", "Voted", "SettingsChanged", "ProposalEnacted"];
    world.propose(&Action::ChangeSettings { changes }, &done).await;

    assert_eq!(world.client.proposals().await.unwrap(), []);
    let shown = world.client.permissions(Some(account)).await.unwrap();
    let lists: Vec<_> = shown.lists.iter().map(|list| (list.name, list.on, list.role)).collect();
    let none = Some(ListRole::None);
    assert_eq!(
        lists,
        [
            (ListName::Transactions, false, Some(ListRole::Manager)),
            (ListName::Contracts, false, none),
            (ListName::Observers, true, none),
        ]
    );
    let listed = ListedView { account, role: ListRole::Manager };
    assert_eq!((&shown.lists[0].accounts[..], shown.lists[0].total), (&[listed][..], 1));
    assert_eq!((shown.governance.votes_needed, shown.governance.admin), (1, None));
    stop(world.node).await;
}
