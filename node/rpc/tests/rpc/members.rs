//! Members: their set at any block, what they decide about, and who may do what.

use std::sync::atomic::Ordering;

use alloy_eips::BlockId;
use mokka_rpc::api::MokkaApiClient;
use mokka_rpc::api::members::MembersSubscription;
use mokka_rpc::seams::{ConsensusView, MembersView};
use serde_json::json;

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn validators_at_a_block_are_those_that_are_active_above_it() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let all = fake.validators();
    assert_eq!(client.validators(Some(BlockId::number(2))).await.unwrap(), all[..2]);
    let hash = fake.block(1).block.hash;
    assert_eq!(client.validators(Some(BlockId::hash(hash))).await.unwrap(), all[..1]);
    assert_eq!(client.validators(Some(BlockId::latest())).await.unwrap(), all[..3]);
    assert_eq!(error(&server, "mokka_validators", json!(["0x9"])).await["code"], -32000);
    fake.oldest_state.store(2, Ordering::Relaxed);
    assert_eq!(error(&server, "mokka_validators", json!(["0x1"])).await["code"], -32002);
}

#[tokio::test]
async fn proposals_reach_the_client_as_they_are() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let expected = fake.proposals().unwrap();
    assert_eq!(http(&server).proposals().await.unwrap(), expected);
    let shown = result(&server, "mokka_proposals", json!([])).await;
    assert_eq!((&shown[0]["status"], &shown[1]["status"]), (&json!("approved"), &json!("open")));
    assert_eq!(shown[0]["voters"][0]["validator"]["name"], "v1");
    let key = format!("0x{}", "02".repeat(33));
    let (name, endpoint) = ("new", "/dns/a.example/tcp/1");
    let wanted = [
        json!({ "kind": "addValidator", "publicKey": key, "name": name, "endpoint": endpoint }),
        json!({ "kind": "removeValidator", "publicKey": key }),
        json!({
            "kind": "replaceKey",
            "oldKey": key,
            "newKey": format!("0x{}", "03".repeat(33)),
        }),
        json!({
            "kind": "describeValidator",
            "publicKey": key,
            "name": name,
            "endpoint": endpoint,
        }),
        json!({ "kind": "changeSettings", "changes": { "blockInterval": 500 } }),
        json!({ "kind": "switchList", "list": "transactions", "on": true }),
        json!({ "kind": "setRole", "list": "transactions", "account": BOB, "role": "manager" }),
        json!({ "kind": "setNode", "peerId": "12D3Koo", "admitted": false }),
    ];
    for (at, wanted) in wanted.into_iter().enumerate() {
        assert_eq!(shown[at]["action"], wanted);
    }
}

#[tokio::test]
async fn permissions_name_the_role_of_an_account_only_if_one_is_asked_about() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    for account in [None, Some(ALICE), Some(BOB)] {
        let expected = fake.permissions(account).unwrap();
        assert_eq!(client.permissions(account).await.unwrap(), expected);
    }
    let shown = result(&server, "mokka_permissions", json!([ALICE])).await;
    assert_eq!(shown["lists"][0]["name"], "transactions");
    assert_eq!(shown["lists"][0]["role"], "admin");
    assert_eq!(shown["governance"]["threshold"], "twoThirds");
    assert_eq!(shown["governance"]["votesNeeded"], 3);
    let nobody = result(&server, "mokka_permissions", json!([])).await;
    assert_eq!(nobody["lists"][0]["role"], json!(null));
}

#[tokio::test]
async fn events_of_members_are_told_by_name_and_others_are_not() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = ws(&server).await;
    let mut news = client.subscribe_members(MembersSubscription::Members).await.unwrap();
    fake.commit(vec![entry(dynamic(2, 50, 1, Some(TOKEN)), BOB, 30_000, vec![transfer(7)])]);
    let unheard_of = council_log(TRANSFER);
    let logs = vec![transfer(8), unheard_of, council_log(VOTED)];
    let committed = fake.commit(vec![entry(dynamic(3, 50, 1, Some(TOKEN)), BOB, 30_000, logs)]);
    let told = news.next().await.unwrap().unwrap();
    let transaction = *committed.block.block.body.transactions[0].hash();
    assert_eq!((told.block_number, told.transaction_hash), (5, transaction));
    assert_eq!((told.contract, told.event.as_str()), (COUNCIL, "Voted"));
    assert_eq!((told.log.inner, told.log.log_index), (council_log(VOTED), Some(2)));
}

#[tokio::test]
async fn subscriptions_of_members_end_when_they_are_told_to() {
    let server = Fake::with_blocks().serve(local()).await;
    let mut client = raw_ws(&server).await;
    let refused = client.ask("mokka_subscribe", json!(["voters"])).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    let accepted = client.ask("mokka_subscribe", json!(["members"])).await;
    let id = &accepted["result"];
    assert!(id.as_str().unwrap().starts_with("0x"), "{accepted}");
    assert_eq!(client.ask("mokka_unsubscribe", json!([id])).await["result"], true);
}
