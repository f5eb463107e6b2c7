//! The pool as the RPC sees it.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use mokka_mempool::{Refusal, Transaction};
use mokka_rpc::seams::{Answer, Mistake, PendingTransaction, TxPool, TxRefusal};
use tokio::sync::{broadcast, oneshot};

use crate::pool::{Message, PoolHandle};

/// New transactions that a subscription may be behind.
const ARRIVALS_KEPT: usize = 4096;

/// Hands transactions of clients to the pool.
pub(crate) struct Submissions {
    pool: PoolHandle,
    arrivals: broadcast::Sender<PendingTransaction>,
}

impl Submissions {
    /// Submissions, and what hands on the pool's news of new transactions to subscribers.
    pub(crate) fn new(pool: PoolHandle) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (arrivals, _) = broadcast::channel(ARRIVALS_KEPT);
        let hand_on = hand_on(pool.arrivals(), arrivals.clone());
        (Self { pool, arrivals }, hand_on)
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.pool.send(question(reply)).await;
        answer.await.ok()
    }
}

async fn hand_on(
    mut fresh: broadcast::Receiver<Arc<Transaction>>,
    arrivals: broadcast::Sender<PendingTransaction>,
) {
    loop {
        match fresh.recv().await {
            Ok(transaction) if arrivals.receiver_count() > 0 => {
                // Nobody has to listen.
                let _heard_by = arrivals.send(pending(&transaction));
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn pending(transaction: &Transaction) -> PendingTransaction {
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
        self.arrivals.subscribe()
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
