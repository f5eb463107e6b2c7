//! The pool against a naive one: a plain list, searched from one end to the other for every
//! question.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{TxHash, U256};
use mokka_mempool::{AccountChange, Limits, Origin, Pool, Readiness, Transaction};
use mokka_types::{Epoch, Term, View};
use proptest::prelude::*;

use crate::drafts::{account, address, at, from, rules};

const SENDERS: u8 = 4;
/// Small, so that every limit is met often.
const LIMITS: Limits = Limits {
    transactions: 8,
    bytes: 1_500,
    per_sender: 4,
    queued: 3,
    queued_bytes: 600,
    queued_lifetime: Duration::from_secs(10),
};

#[derive(Clone, Debug)]
enum Step {
    Admit {
        sender: u8,
        nonce: u64,
        price: u128,
        data: usize,
        origin: Origin,
    },
    /// A block with the best transactions, after which some senders have another balance.
    Commit {
        count: usize,
        balances: Vec<(u8, u128)>,
    },
    /// A block with transactions that this pool never saw.
    Foreign {
        sender: u8,
        nonces: u64,
    },
    Remove {
        index: usize,
    },
    LeftOut {
        term: u64,
        index: usize,
    },
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    let sender = 0..SENDERS;
    let origin = prop_oneof![4 => Just(Origin::Remote), 1 => Just(Origin::Local)];
    let admit = (sender.clone(), 0..7u64, 1..20u128, 0..4usize, origin);
    let admit = admit.prop_map(|(sender, nonce, price, data, origin)| Step::Admit {
        sender,
        nonce,
        price,
        data: data * 100,
        origin,
    });
    let balances = prop::collection::vec((sender.clone(), 0..3_000_000u128), 0..3);
    let commit =
        (0..4usize, balances).prop_map(|(count, balances)| Step::Commit { count, balances });
    prop_oneof![
        12 => admit,
        3 => commit,
        1 => (sender, 1..3u64).prop_map(|(sender, nonces)| Step::Foreign { sender, nonces }),
        1 => (0..8usize).prop_map(|index| Step::Remove { index }),
        2 => (1..4u64, 0..8usize).prop_map(|(term, index)| Step::LeftOut { term, index }),
        1 => Just(Step::Expire),
    ]
}

#[derive(Clone, Debug)]
struct Item {
    sender: u8,
    nonce: u64,
    price: u128,
    cost: u128,
    bytes: usize,
    hash: TxHash,
    local: bool,
    arrival: u64,
    waits_since: Option<u64>,
    left_out_in: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Naive {
    accounts: BTreeMap<u8, (u64, u128)>,
    items: Vec<Item>,
    arrivals: u64,
}

impl Naive {
    fn new() -> Self {
        let accounts = (0..SENDERS).map(|sender| (sender, (0, 1_500_000))).collect();
        Self { accounts, items: Vec::new(), arrivals: 0 }
    }

    fn item(&self, sender: u8, nonce: u64) -> Option<&Item> {
        self.items.iter().find(|item| (item.sender, item.nonce) == (sender, nonce))
    }

    fn ready(&self, sender: u8) -> Vec<Item> {
        let (mut nonce, mut balance) = self.accounts[&sender];
        let mut ready = Vec::new();
        while let Some(item) = self.item(sender, nonce).filter(|item| item.cost <= balance) {
            balance -= item.cost;
            nonce += 1;
            ready.push(item.clone());
        }
        ready
    }

    fn is_ready(&self, item: &Item) -> bool {
        self.ready(item.sender).iter().any(|ready| ready.hash == item.hash)
    }

    fn executable(&self) -> usize {
        let counts = |item: &Item| item.left_out_in.len() < 2;
        (0..SENDERS).map(|sender| self.ready(sender).into_iter().take_while(counts).count()).sum()
    }

    fn best(&self) -> Vec<TxHash> {
        let mut queues: Vec<_> = (0..SENDERS).map(|sender| self.ready(sender)).collect();
        let mut best = Vec::new();
        while let Some(queue) = queues
            .iter_mut()
            .filter(|queue| !queue.is_empty())
            .min_by_key(|queue| (Reverse(queue[0].price), queue[0].arrival))
        {
            best.push(queue.remove(0).hash);
        }
        best
    }

    fn settle(&mut self, now: u64) {
        let ready: Vec<_> = self.items.iter().map(|item| self.is_ready(item)).collect();
        for (item, ready) in self.items.iter_mut().zip(ready) {
            item.waits_since = if ready { None } else { item.waits_since.or(Some(now)) };
        }
    }

    fn tail(&self, sender: u8) -> Option<&Item> {
        self.items.iter().filter(|item| item.sender == sender).max_by_key(|item| item.nonce)
    }

    fn is_over(&self, newcomer: &Item) -> bool {
        let queued: Vec<_> = self.items.iter().filter(|item| !self.is_ready(item)).collect();
        let queued_bytes: usize = queued.iter().map(|item| item.bytes).sum();
        self.items.len() > LIMITS.transactions
            || self.items.iter().map(|item| item.bytes).sum::<usize>() > LIMITS.bytes
            || (!self.is_ready(newcomer)
                && (queued.len() > LIMITS.queued || queued_bytes > LIMITS.queued_bytes))
    }

    /// What an admission leaves behind, or the name of the refusal.
    fn admit(&self, newcomer: &Item) -> Result<Self, &'static str> {
        let (nonce, balance) = self.accounts[&newcomer.sender];
        if self.items.iter().any(|item| item.hash == newcomer.hash) {
            return Err("already_known");
        }
        if newcomer.nonce < nonce {
            return Err("nonce_too_low");
        }
        if newcomer.cost > balance {
            return Err("insufficient_funds");
        }
        let others = |item: &&Item| item.nonce != newcomer.nonce;
        let pending: u128 =
            self.ready(newcomer.sender).iter().filter(others).map(|item| item.cost).sum();
        if pending + newcomer.cost > balance {
            return Err("insufficient_funds_for_all");
        }
        let mut after = self.clone();
        let pooled = self.items.iter().filter(|item| item.sender == newcomer.sender).count();
        if let Some(old) = self.item(newcomer.sender, newcomer.nonce) {
            if newcomer.price <= old.price || newcomer.price < old.price * 110 / 100 {
                return Err("replacement_underpriced");
            }
            after.items.retain(|item| item.hash != old.hash);
        } else if pooled >= LIMITS.per_sender {
            let tail = self.tail(newcomer.sender).expect("the limit is not 0").clone();
            if tail.nonce < newcomer.nonce || tail.local {
                return Err("account_limit");
            }
            after.items.retain(|item| item.hash != tail.hash);
        } else if newcomer.local && newcomer.nonce - nonce >= LIMITS.per_sender as u64 {
            return Err("nonce_too_high");
        }
        after.items.push(newcomer.clone());
        after.make_room(newcomer)?;
        after.arrivals = newcomer.arrival;
        Ok(after)
    }

    fn make_room(&mut self, newcomer: &Item) -> Result<(), &'static str> {
        while self.is_over(newcomer) {
            let worst = (0..SENDERS)
                .filter(|sender| *sender != newcomer.sender)
                .filter_map(|sender| self.tail(sender))
                .filter(|item| !(item.local && self.is_ready(item)))
                .min_by_key(|item| (self.is_ready(item), item.price, Reverse(item.arrival)))
                .ok_or("full")?
                .clone();
            match (self.is_ready(newcomer), self.is_ready(&worst)) {
                (true, false) => {}
                (false, true) => return Err("full"),
                (true, true) | (false, false) if newcomer.price > worst.price => {}
                (true, true) | (false, false) if newcomer.price < worst.price => {
                    return Err("underpriced");
                }
                (true, true) | (false, false) => return Err("full"),
            }
            self.items.retain(|item| item.hash != worst.hash);
        }
        Ok(())
    }

    fn commit(&mut self) {
        let accounts = self.accounts.clone();
        self.items.retain(|item| {
            let (nonce, balance) = accounts[&item.sender];
            item.nonce >= nonce && item.cost <= balance
        });
    }
}

struct Pair {
    naive: Naive,
    pool: Pool,
    now: u64,
}

impl Pair {
    fn take(&mut self, step: Step) {
        self.now += 1;
        match step {
            Step::Admit { sender, nonce, price, data, origin } => {
                let tx = from(address(sender), nonce).data(data).price(price).build();
                self.admit(sender, price, tx, origin);
            }
            Step::Commit { count, balances } => self.commit(count, &balances),
            Step::Foreign { sender, nonces } => {
                let (nonce, balance) = self.naive.accounts[&sender];
                self.naive.accounts.insert(sender, (nonce + nonces, balance));
                self.follow(&[]);
            }
            Step::Remove { index } => {
                if index < self.naive.items.len() {
                    let hash = self.naive.items.remove(index).hash;
                    assert!(self.pool.remove(&hash, at(self.now)).is_some());
                }
            }
            Step::LeftOut { term, index } => self.leave_out(term, index),
            Step::Expire => {
                self.pool.expire(at(self.now));
                let end = self.now.saturating_sub(LIMITS.queued_lifetime.as_secs());
                self.naive.items.retain(|item| item.waits_since.is_none_or(|since| since > end));
            }
        }
        self.naive.settle(self.now);
    }

    fn admit(&mut self, sender: u8, price: u128, tx: Arc<Transaction>, origin: Origin) {
        let newcomer = Item {
            sender,
            nonce: tx.nonce(),
            price,
            cost: tx.cost().to::<u128>(),
            bytes: tx.encoded_len(),
            hash: tx.hash(),
            local: origin == Origin::Local,
            arrival: self.naive.arrivals + 1,
            waits_since: Some(self.now),
            left_out_in: Vec::new(),
        };
        let (nonce, balance) = self.naive.accounts[&sender];
        let admitted = self.pool.admit(tx, origin, &account(nonce, balance), at(self.now));
        match (self.naive.admit(&newcomer), admitted) {
            (Ok(after), Ok(admitted)) => {
                let gone = self.naive.items.len() + 1 - after.items.len();
                assert_eq!(admitted.dropped.len(), gone);
                let is_ready = matches!(admitted.readiness, Readiness::Ready { .. });
                assert_eq!(is_ready, after.is_ready(&newcomer));
                assert_eq!(admitted.arrival.get(), newcomer.arrival);
                self.naive = after;
            }
            (Err(reason), Err(refusal)) => assert_eq!(refusal.reason(), reason, "{refusal}"),
            (naive, pool) => panic!("{:?} but {pool:?}", naive.map(|naive| naive.items)),
        }
    }

    fn commit(&mut self, count: usize, balances: &[(u8, u128)]) {
        let included: Vec<_> = self.naive.best().into_iter().take(count).collect();
        for hash in &included {
            let sender = self.naive.items.iter().find(|item| item.hash == *hash).unwrap().sender;
            self.naive.accounts.get_mut(&sender).unwrap().0 += 1;
        }
        for (sender, balance) in balances {
            self.naive.accounts.get_mut(sender).unwrap().1 = *balance;
        }
        self.follow(&included);
    }

    fn follow(&mut self, included: &[TxHash]) {
        let accounts = self.naive.accounts.iter().map(|(sender, (nonce, balance))| {
            let (address, balance) = (address(*sender), U256::from(*balance));
            AccountChange { address, nonce: *nonce, balance }
        });
        let changes = self.pool.on_commit(included.iter().copied(), accounts, at(self.now));
        assert_eq!(changes.included.len(), included.len());
        let before = self.naive.items.len();
        self.naive.commit();
        assert_eq!(changes.included.len() + changes.dropped.len(), before - self.naive.items.len());
    }

    fn leave_out(&mut self, term: u64, index: usize) {
        let Some(item) = self.naive.items.get(index) else { return };
        if !self.naive.is_ready(item) {
            return;
        }
        let view = View::new(Epoch::new(0), Term::new(term));
        self.pool.note_left_out(view, &BTreeSet::from([item.hash]), at(self.now));
        let noted = &mut self.naive.items[index].left_out_in;
        if noted.last() != Some(&term) {
            noted.push(term);
        }
    }

    fn compare(&self) {
        let (naive, pool) = (&self.naive, &self.pool);
        let status = pool.status();
        let ready = naive.items.iter().filter(|item| naive.is_ready(item)).count();
        assert_eq!((status.ready, status.queued), (ready, naive.items.len() - ready));
        assert_eq!(status.bytes, naive.items.iter().map(|item| item.bytes).sum::<usize>());
        assert!(status.bytes <= LIMITS.bytes);
        assert!(status.ready + status.queued <= LIMITS.transactions);
        assert_eq!(pool.executable_count(), naive.executable());
        assert_eq!(crate::drafts::best(pool), naive.best());

        let mut arrived = naive.items.clone();
        arrived.sort_by_key(|item| item.arrival);
        let arrived: Vec<_> = arrived.into_iter().map(|item| item.hash).collect();
        let cursor = pool.arrivals_after(Default::default());
        assert_eq!(cursor.map(|entry| entry.transaction().hash()).collect::<Vec<_>>(), arrived);
        assert!(arrived.iter().all(|hash| pool.get(hash).is_some()));
        for sender in 0..SENDERS {
            let count = naive.ready(sender).len() as u64;
            let nonce = (count > 0).then(|| naive.accounts[&sender].0 + count);
            assert_eq!(pool.pending_nonce(&address(sender)), nonce);
        }
    }
}

proptest! {
    #[test]
    fn the_pool_agrees_with_a_naive_one(steps in prop::collection::vec(step(), 1..80)) {
        let mut pair = Pair { naive: Naive::new(), pool: Pool::new(LIMITS, rules()), now: 0 };
        for step in steps {
            pair.take(step);
            pair.compare();
        }
    }
}
