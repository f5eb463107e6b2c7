//! What is shown to somebody who has only the genesis file.

use alloy_consensus::{
    BlockBody, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxEnvelope,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, keccak256};
use mokka_crypto::digest;
use mokka_runtime::{
    Block,
    proof::{Anchor, EpochEnd, FinalityProof, TransactionProof},
};
use mokka_types::{
    BlockHash, BlockId, Certificate, CrashModel, Epoch, Height, Phase, SetDigest, Term,
    ValidatorSet, View, codec,
};

use crate::{
    Target, chain,
    council::{CHAIN, COUNCIL, secret},
};

pub(crate) const FINALITY_PROOF: Target = Target {
    name: "finality_proof",
    check: finality_proof,
    seeds: || {
        let parent_hash = Header::default().hash_slow();
        let header = |number| Header { number, parent_hash, ..Header::default() };
        vec![prove(header(1)).encode(), prove_later(header(5)).encode()]
    },
};
pub(crate) const TRANSACTION_PROOF: Target =
    Target { name: "transaction_proof", check: transaction_proof, seeds: transaction_proofs };

fn anchor() -> Anchor {
    let genesis = id_of(&Header::default());
    Anchor { chain: CHAIN, genesis, validators: COUNCIL.committee.set().clone() }
}

fn id_of(header: &Header) -> BlockId {
    BlockId { height: Height::new(header.number), hash: BlockHash::new(header.hash_slow().0) }
}

/// A proof is written in one way; one that holds leads to its header, over sets in order.
fn finality_proof(bytes: &[u8]) -> Option<()> {
    let proof = FinalityProof::decode(bytes).ok()?;
    assert_eq!(proof.encode(), bytes, "one proof, two encodings");
    match proof.verify(&anchor()) {
        Ok(block) => {
            assert_eq!(block.id(), id_of(&proof.header));
            assert_eq!(block.eras().len(), proof.epochs.len() + 1);
            let mut walk = block.walk();
            let goes_on = walk.step(&proof.header, &proof.certificate).is_ok();
            let parent = BlockHash::new(proof.header.parent_hash.0);
            assert!(!goes_on || parent == anchor().genesis.hash, "a walk begins at genesis");
        }
        Err(error) => drop(error.to_string()),
    }
    Some(())
}

/// The header's block, certified in epoch 0.
fn prove(header: Header) -> FinalityProof {
    let certificate = COUNCIL.certificate(Phase::Commit, 5, id_of(&header));
    FinalityProof { epochs: Vec::new(), certificate, header }
}

/// The header's block, certified in epoch 1 by a set of one.
fn prove_later(header: Header) -> FinalityProof {
    let keys = [secret(7).public_key()];
    let next_set = ValidatorSet::new(CrashModel::Bft, keys).expect("one key");
    let announced = digest::set(&next_set);
    let last = id_of(&Header { number: 2, ..Header::default() });
    let mut end = COUNCIL.certificate(Phase::Commit, 5, last);
    end.next_set = announced;
    let vote = |view, id: &BlockId, next: &SetDigest| {
        digest::block_vote(&CHAIN, Phase::Commit, view, id, next)
    };
    let said = vote(end.view, &end.id, &announced);
    let signers = end.signers.iter();
    end.signatures = signers.map(|at| COUNCIL.secrets[at.get()].sign(&said)).collect();
    let (id, view) = (id_of(&header), View::new(Epoch::new(1), Term::new(1)));
    let certificate = Certificate {
        phase: Phase::Commit,
        view,
        id,
        next_set: announced,
        signers: next_set.indices().collect(),
        signatures: vec![secret(7).sign(&vote(view, &id, &announced))],
    };
    FinalityProof { epochs: vec![EpochEnd { certificate: end, next_set }], certificate, header }
}

/// What is shown of a transaction beside the proof of its block.
type Shown = (u64, Vec<u8>, Vec<Vec<u8>>, Vec<u8>, Vec<Vec<u8>>);

/// Whatever the nodes of both tries, a transaction that is proved is the one shown. Its block is
/// certified for the roots that the nodes have, as if validators had found them by work.
fn transaction_proof(bytes: &[u8]) -> Option<()> {
    let (index, transaction, transaction_nodes, receipt, receipt_nodes): Shown =
        codec::decode(bytes).ok()?;
    let root = |nodes: &[Vec<u8>]| nodes.first().map_or(B256::ZERO, keccak256);
    let header = Header {
        number: 1,
        transactions_root: root(&transaction_nodes),
        receipts_root: root(&receipt_nodes),
        ..Header::default()
    };
    let shared = |nodes: Vec<Vec<u8>>| nodes.into_iter().map(Bytes::from).collect();
    let proof = TransactionProof {
        finality: prove(header),
        index,
        transaction: transaction.into(),
        transaction_nodes: shared(transaction_nodes),
        receipt: receipt.into(),
        receipt_nodes: shared(receipt_nodes),
    };
    match proof.verify(&anchor()) {
        Ok(proved) => {
            assert_eq!(proved.index, index);
            assert_eq!(proved.transaction.encoded_2718(), proof.transaction);
            assert_eq!(proved.receipt.encoded_2718(), proof.receipt);
        }
        Err(error) => drop(error.to_string()),
    }
    Some(())
}

fn transaction_proofs() -> Vec<Vec<u8>> {
    let signed = chain::transactions().into_iter().map(|signed| signed.into_inner());
    let three: Vec<TxEnvelope> = signed.collect();
    let receipts: Vec<_> = (1..=3).map(receipt).collect();
    let mut seeds = Vec::new();
    for count in 1..=3 {
        let (transactions, receipts) = (&three[..count], &receipts[..count]);
        let header = Header {
            number: 1,
            transactions_root: calculate_transaction_root(transactions),
            receipts_root: calculate_receipt_root(receipts),
            ..Header::default()
        };
        let body = BlockBody { transactions: transactions.to_vec(), ..BlockBody::default() };
        let block = Block::new(header.clone(), body);
        let proof = TransactionProof::new(prove(header), &block, receipts, count - 1);
        let proof = proof.expect("a transaction of the block");
        let nodes = |nodes: &[Bytes]| nodes.iter().map(|node| node.to_vec()).collect::<Vec<_>>();
        let shown: Shown = (
            proof.index,
            proof.transaction.to_vec(),
            nodes(&proof.transaction_nodes),
            proof.receipt.to_vec(),
            nodes(&proof.receipt_nodes),
        );
        assert!(proof.verify(&anchor()).is_ok(), "the proof is genuine");
        seeds.push(codec::encode(&shown));
    }
    seeds
}

fn receipt(count: u64) -> ReceiptEnvelope {
    let cumulative_gas_used = 21_000 * count;
    let receipt = Receipt { status: true.into(), cumulative_gas_used, logs: Vec::new() };
    ReceiptEnvelope::Eip1559(ReceiptWithBloom { receipt, logs_bloom: Default::default() })
}
