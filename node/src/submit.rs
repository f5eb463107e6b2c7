//! The pool as the RPC sees it.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use mokka_mempool::{Refusal, Transaction};
use mokka_rpc::seams::{Answer, Mistake, PendingTransaction, TxPool, TxRefusal};
use tokio::sync::{broadcast, oneshot};

use crate::pool::{Message, PoolHandle};

/// Hands transactions of clients to the pool.
pub(crate) struct Submissions(pub(crate) PoolHandle);

impl Submissions {
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.send(question(reply)).await;
        answer.await.ok()
    }
}

/// A transaction of the pool as the RPC tells of it.
pub(crate) fn pending(transaction: &Transaction) -> PendingTransaction {
    Arc::new(transaction.recovered().clone())
}

impl TxPool for Submissions {
    fn submit(&self, raw: Bytes) -> Answer<'_, Result<B256, TxRefusal>> {
        Box::pin(async move {
            match self.ask(|reply| Message::Submit { raw: raw.0, reply }).await {
                Some(outcome) => outcome.map_err(|refusal| told(&refusal)),
                None => Err(TxRefusal {
                    reason: "unavailable",
                    words: "this node is stopping; send again later or to another node".to_owned(),
                    mistake: Mistake::Forbidden,
                }),
            }
        })
    }

    fn pending_nonce(&self, sender: Address) -> Answer<'_, Option<u64>> {
        Box::pin(async move {
            self.ask(|reply| Message::PendingNonce { sender, reply }).await.flatten()
        })
    }

    fn pending_transaction(&self, hash: B256) -> Answer<'_, Option<PendingTransaction>> {
        Box::pin(async move {
            let found = self.ask(|reply| Message::Find { hash, reply }).await.flatten();
            found.map(|transaction| pending(&transaction))
        })
    }

    fn arrivals(&self) -> broadcast::Receiver<PendingTransaction> {
        self.0.arrivals()
    }
}

/// What the RPC is told: the words and the name of a refusal are the pool's.
fn told(refusal: &Refusal) -> TxRefusal {
    let mistake = match refusal {
        Refusal::Undecodable(_) => Mistake::Undecodable,
        _ => Mistake::Forbidden,
    };
    TxRefusal { reason: refusal.reason(), words: refusal.to_string(), mistake }
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
    use alloy_eips::Encodable2718;
    use alloy_primitives::{Signature, TxKind, U256};
    use mokka_crypto::SecretKey;
    use mokka_genesis::{Draft, Validator};
    use mokka_mempool::Limits;
    use mokka_storage::{GenesisCommit, MemoryDisk, Store};
    use mokka_types::CrashModel;
    use tokio::sync::{broadcast::error::TryRecvError, watch};

    use super::*;
    use crate::{
        NodeSettings, address_of,
        members::Membership,
        metrics::Metrics,
        pool::{self, ARRIVALS_KEPT},
        setup::pool_rules,
    };

    fn transfer(key: &SecretKey, nonce: u64) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: 1337,
            nonce,
            gas_limit: 21_000,
            to: TxKind::Call(Address::repeat_byte(7)),
            ..TxEip1559::default()
        };
        let (bytes, parity) = key.sign_recoverable(&transaction.signature_hash());
        let signature = Signature::from_bytes_and_parity(&bytes, parity);
        TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
    }

    fn pool_of(rich: &[SecretKey]) -> PoolHandle {
        let draft =
            Draft::new(1337, CrashModel::Bft).validator(Validator::new(rich[0].public_key()));
        let fund = |draft: Draft, key: &SecretKey| {
            draft.fund(address_of(&key.public_key()).expect("an address"), U256::from(1))
        };
        let genesis = rich.iter().fold(draft, fund).check().expect("a genesis file");
        let beginning = genesis.begin().expect("block 0");
        let (chain, validators) = (beginning.chain_hash, genesis.validator_set());
        let commit = GenesisCommit { chain, executed: &beginning.block, validators: &validators };
        let store = MemoryDisk::new().create(&commit).expect("an empty disk");
        let members = Membership::read(&*store.latest().state, &genesis).expect("members");
        let (pool, inbox) = pool::channel();
        let surroundings = pool::Surroundings {
            store: Arc::new(store),
            engine: mokka::inbox(chain, genesis.settings()).1,
            network: None,
            metrics: Arc::new(Metrics::new()),
            rules: pool_rules(&genesis, &NodeSettings::default(), genesis.gas_limit()),
            limits: Limits::default(),
            members: watch::channel(Arc::new(members)).1,
        };
        pool::spawn(surroundings, &pool, inbox).expect("a thread");
        pool
    }

    /// The pool waits for nobody, and nobody between it and a subscription misses news in silence.
    #[test]
    fn a_subscription_that_falls_behind_the_pool_hears_how_far() {
        const MORE: usize = 20;
        const EACH: usize = 512;
        let keys = (1..=9).map(|number| SecretKey::from_bytes([number; 32]).expect("a key"));
        let keys: Vec<_> = keys.collect();
        let submissions = Submissions(pool_of(&keys));
        let mut news = submissions.arrivals();
        let mut answers = Vec::new();
        for at in 0..ARRIVALS_KEPT + MORE {
            let raw = transfer(&keys[at / EACH], (at % EACH) as u64).0;
            let (reply, answer) = oneshot::channel();
            submissions.0.tell(Message::Submit { raw, reply });
            answers.push(answer);
        }
        for answer in answers {
            answer.blocking_recv().expect("an answer").expect("it is taken");
        }
        assert_eq!(news.try_recv().err(), Some(TryRecvError::Lagged(MORE as u64)));
    }
}
