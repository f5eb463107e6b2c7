//! A transaction and its receipt are proved by the roots in a final header.

use alloy_consensus::{
    BlockBody, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxEnvelope,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{Address, B256, Bytes};
use mokka_runtime::{
    Block,
    proof::{Part, TransactionProof, TransactionProofError},
};

use crate::{
    witness::{History, twin},
    world::{Person, transfer},
};

/// A final block of so many transfers, each with a receipt of its own.
struct World {
    history: History<'static>,
    block: Block,
    receipts: Vec<ReceiptEnvelope>,
}

impl World {
    fn with(transactions: u64) -> Self {
        let history = History::of_three_epochs();
        let to = Address::repeat_byte(9);
        let signed = (0..transactions).map(|nonce| Person(0).sign(transfer(nonce, to, 1)));
        let transactions: Vec<TxEnvelope> = signed.map(|signed| signed.into_inner()).collect();
        let receipts: Vec<_> = transactions.iter().zip(1..).map(|pair| receipt(pair.1)).collect();
        let header = Header {
            transactions_root: calculate_transaction_root(&transactions),
            receipts_root: calculate_receipt_root(&receipts),
            ..history.headers[7].clone()
        };
        let body = BlockBody { transactions, ..BlockBody::default() };
        Self { history, block: Block::new(header, body), receipts }
    }

    fn proof(&self, index: usize) -> TransactionProof {
        let finality = self.history.proof_of(self.block.header.clone());
        TransactionProof::new(finality, &self.block, &self.receipts, index).unwrap()
    }

    fn refused(&self, proof: &TransactionProof) -> TransactionProofError {
        proof.verify(&self.history.anchor).unwrap_err()
    }
}

fn receipt(count: u64) -> ReceiptEnvelope {
    let cumulative_gas_used = 21_000 * count;
    let receipt = Receipt { status: true.into(), cumulative_gas_used, logs: Vec::new() };
    ReceiptEnvelope::Eip1559(ReceiptWithBloom { receipt, logs_bloom: Default::default() })
}

fn part(error: &TransactionProofError) -> Option<Part> {
    match error {
        TransactionProofError::NotInBlock { part, .. } => Some(*part),
        _ => None,
    }
}

#[test]
fn a_transaction_and_its_receipt_are_proved_wherever_they_stand() {
    // Keys of the trie are RLP: they change their length at 128 and at 256.
    for count in [1, 2, 16, 127, 128, 129, 257, 300] {
        let world = World::with(count);
        let last = usize::try_from(count).unwrap() - 1;
        for index in [0, 1, 15, 126, 127, 128, 255, 256, last] {
            if index > last {
                continue;
            }
            let proved = world.proof(index).verify(&world.history.anchor).unwrap();
            assert_eq!(proved.transaction, world.block.body.transactions[index]);
            assert_eq!(proved.receipt, world.receipts[index]);
            assert_eq!(proved.sender, Person(0).address());
            assert_eq!(proved.block.header(), &world.block.header);
        }
    }
}

#[test]
fn a_block_proves_nothing_that_it_does_not_have() {
    let world = World::with(3);
    let finality = || world.history.proof_of(world.block.header.clone());
    assert_eq!(TransactionProof::new(finality(), &world.block, &world.receipts, 3), None);
    assert_eq!(TransactionProof::new(finality(), &world.block, &world.receipts[..2], 2), None);
    let empty = World::with(0);
    assert_eq!(TransactionProof::new(finality(), &empty.block, &[], 0), None);
}

#[test]
fn no_byte_of_what_is_included_can_be_changed() {
    let world = World::with(20);
    let genuine = world.proof(17);
    genuine.verify(&world.history.anchor).unwrap();
    type Field = fn(&mut TransactionProof) -> &mut Bytes;
    let fields: [(Field, Part); 6] = [
        (|proof| &mut proof.transaction, Part::Transaction),
        (|proof| &mut proof.transaction_nodes[0], Part::Transaction),
        (|proof| &mut proof.transaction_nodes[1], Part::Transaction),
        (|proof| &mut proof.receipt, Part::Receipt),
        (|proof| &mut proof.receipt_nodes[0], Part::Receipt),
        (|proof| &mut proof.receipt_nodes[1], Part::Receipt),
    ];
    for (field, changed) in fields {
        let bytes = field(&mut genuine.clone()).len();
        for at in (0..bytes).step_by(7) {
            let mut proof = genuine.clone();
            let bytes = field(&mut proof);
            let mut other = bytes.to_vec();
            other[at] ^= 1;
            *bytes = other.into();
            assert_eq!(part(&world.refused(&proof)), Some(changed), "byte {at}");
        }
        let mut proof = genuine.clone();
        let bytes = field(&mut proof);
        let longer = [bytes.as_ref(), &[0]].concat();
        *bytes = longer.into();
        assert_eq!(part(&world.refused(&proof)), Some(changed), "a byte more");
        *field(&mut proof) = Bytes::new();
        assert_eq!(part(&world.refused(&proof)), Some(changed), "nothing");
    }
}

#[test]
fn an_index_nodes_and_receipts_of_another_transaction_are_refused() {
    let world = World::with(20);
    let [genuine, other] = [17, 3].map(|index| world.proof(index));
    let refused = |proof: TransactionProof| part(&world.refused(&proof));
    assert_eq!(refused(TransactionProof { index: 3, ..genuine.clone() }), Some(Part::Transaction));
    let index = u64::MAX;
    assert_eq!(refused(TransactionProof { index, ..genuine.clone() }), Some(Part::Transaction));

    let (receipt, receipt_nodes) = (other.receipt, other.receipt_nodes);
    let proof = TransactionProof { receipt, receipt_nodes, ..genuine.clone() };
    assert_eq!(refused(proof), Some(Part::Receipt));

    let mut proof = genuine.clone();
    proof.transaction_nodes.pop();
    assert_eq!(refused(proof), Some(Part::Transaction));
    let mut proof = genuine.clone();
    proof.transaction_nodes.swap(0, 1);
    assert_eq!(refused(proof), Some(Part::Transaction));
    let mut proof = genuine.clone();
    proof.receipt_nodes.push(Bytes::from_static(&[0x80]));
    assert_eq!(refused(proof), Some(Part::Receipt));
    let mut proof = genuine;
    proof.receipt_nodes.clear();
    assert_eq!(refused(proof), Some(Part::Receipt));
}

#[test]
fn the_roots_are_those_of_a_final_header() {
    let world = World::with(5);
    let mut proof = world.proof(2);
    proof.finality = world.history.proof_of(twin(&world.history.headers[7]));
    assert_eq!(part(&world.refused(&proof)), Some(Part::Transaction));
    let mut proof = world.proof(2);
    proof.finality.header.state_root = B256::ZERO;
    let error = world.refused(&proof);
    assert!(matches!(error, TransactionProofError::Finality(_)), "{error}");
}

#[test]
fn a_certified_list_of_something_else_is_no_transaction() {
    let mut world = World::with(5);
    // Whoever certifies receipts as transactions has nothing that can be read as one.
    world.block.header.transactions_root = world.block.header.receipts_root;
    let mut proof = world.proof(2);
    proof.transaction = proof.receipt.clone();
    proof.transaction_nodes = proof.receipt_nodes.clone();
    let error = world.refused(&proof);
    assert!(matches!(error, TransactionProofError::Undecodable { .. }), "{error}");
}
