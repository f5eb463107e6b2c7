//! `mokka_`.

use alloy_eips::BlockId;
use alloy_primitives::B256;
use mokka_rpc::api::{MokkaApiClient, params::CertificateOptions};
use mokka_rpc::seams::{ConsensusView, TransactionPlace};
use serde_json::{Value, json};

use crate::fake::*;
use crate::wire::*;

#[tokio::test]
async fn status_validators_leader_and_peers_reach_the_client_as_they_are() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    assert_eq!(client.status().await.unwrap(), fake.status());
    assert_eq!(client.validators(None).await.unwrap(), fake.validators());
    assert_eq!(client.leader().await.unwrap(), fake.leader());
    assert_eq!(client.peers().await.unwrap(), fake.peers());
    let status = result(&server, "mokka_status", json!([])).await;
    assert_eq!(status["chainId"], 1337);
    assert_eq!(status["crashModel"], "bft");
    assert_eq!(status["role"], "follower");
    assert_eq!(status["leader"]["validator"]["name"], "v2");
    assert_eq!(status["head"]["number"], 3);
    let validators = result(&server, "mokka_validators", json!([])).await;
    assert_eq!(validators[1]["signedShare"], 0.75);
    assert_eq!(validators[1]["publicKey"], format!("0x{}", "01".repeat(33)));
}

#[tokio::test]
async fn certificates_by_number_tag_and_hash() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let expected = fake.certificate(2).unwrap();
    assert!(expected.is_some());
    assert_eq!(client.certificate(BlockId::number(2), None).await.unwrap(), expected);
    let hash = fake.block(2).block.hash;
    assert_eq!(client.certificate(BlockId::hash(hash), None).await.unwrap(), expected);
    let newest = client.certificate(BlockId::latest(), None).await.unwrap().unwrap();
    assert_eq!(newest.block.number, 3);
    for none in [json!("0x0"), json!("0x9"), json!(B256::ZERO)] {
        assert_eq!(result(&server, "mokka_getCertificate", json!([none])).await, Value::Null);
    }
}

#[tokio::test]
async fn a_certificate_brings_its_proof_if_it_is_asked_to() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let options = CertificateOptions { proof: true };
    let found = client.certificate(BlockId::number(2), Some(options)).await.unwrap().unwrap();
    assert_eq!(found.proof, fake.finality_proof(2).unwrap());
    assert!(found.proof.is_some());
    for without in [json!(["0x2"]), json!(["0x2", {}]), json!(["0x2", { "proof": false }])] {
        let found = result(&server, "mokka_getCertificate", without).await;
        assert_eq!(found.get("proof"), None, "{found}");
    }
    let odd = json!(["0x2", { "prove": true }]);
    assert_eq!(ask(&server, "mokka_getCertificate", odd).await["error"]["code"], -32602);
    let none = client.certificate(BlockId::number(0), Some(options)).await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn a_committed_transaction_has_a_proof() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let committed = *fake.block(2).block.block.body.transactions[1].hash();
    let expected = fake.transaction_proof(TransactionPlace { block: 2, index: 1 }).unwrap();
    assert_eq!(client.transaction_proof(committed).await.unwrap(), expected);
    let shown = result(&server, "mokka_getTransactionProof", json!([committed])).await;
    assert_eq!(shown["receiptProof"], json!(["0x08", "0x09"]));
    assert_eq!(client.transaction_proof(B256::ZERO).await.unwrap(), None);
}

#[tokio::test]
async fn proofs_by_term_in_this_epoch_or_another() {
    let fake = Fake::with_blocks();
    let server = fake.serve(local()).await;
    let client = http(&server);
    let expected = fake.proof(None, 5).unwrap();
    assert!(expected.is_some());
    assert_eq!(client.proof(5, None).await.unwrap(), expected);
    assert_eq!(client.proof(5, Some(1)).await.unwrap(), expected);
    assert_eq!(client.proof(5, Some(2)).await.unwrap(), None);
    assert_eq!(client.proof(6, None).await.unwrap(), None);
}
