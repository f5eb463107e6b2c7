//! What was computed once is not computed again.
//!
//! A node's turn depends on nothing but the node and what happens to it, while a world is a tuple
//! of nodes: the same turn is taken in very many worlds. So states and packets are kept once and
//! named by numbers, and each turn, with its signatures, is taken once.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, PoisonError, RwLock},
};

/// Enough that two threads seldom want the same one.
const SHARDS: usize = 64;

/// Things, each kept once, and named by a number.
pub(crate) struct Kept<T> {
    things: RwLock<Things<T>>,
}

struct Things<T> {
    numbers: HashMap<Arc<T>, u32>,
    all: Vec<Arc<T>>,
}

impl<T: Eq + Hash> Kept<T> {
    pub(crate) fn new() -> Self {
        Self { things: RwLock::new(Things { numbers: HashMap::new(), all: Vec::new() }) }
    }

    /// The number of this thing.
    pub(crate) fn number(&self, thing: T) -> u32 {
        let mut things = self.things.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = things.numbers.get(&thing) {
            return *number;
        }
        // Invariant: memory ends long before four billion states.
        let number = u32::try_from(things.all.len()).expect("fewer than four billion");
        let thing = Arc::new(thing);
        things.all.push(Arc::clone(&thing));
        things.numbers.insert(thing, number);
        number
    }

    /// The thing of this number.
    pub(crate) fn get(&self, number: u32) -> Arc<T> {
        let things = self.things.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&things.all[number as usize])
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.things.read().unwrap_or_else(PoisonError::into_inner).all.len()
    }
}

/// Answers by their question.
pub(crate) struct Answers<Q, A> {
    shards: Vec<RwLock<HashMap<Q, A>>>,
}

impl<Q: Eq + Hash, A: Clone> Answers<Q, A> {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::new(HashMap::new())).collect() }
    }

    /// The answer, found now where it is not known yet.
    pub(crate) fn of(&self, question: Q, find: impl FnOnce(&Q) -> A) -> A {
        let mut hasher = DefaultHasher::new();
        question.hash(&mut hasher);
        let [mixed, ..] = hasher.finish().to_le_bytes();
        let shard = &self.shards[usize::from(mixed) % SHARDS];
        let known = shard.read().unwrap_or_else(PoisonError::into_inner).get(&question).cloned();
        known.unwrap_or_else(|| {
            let answer = find(&question);
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.entry(question).or_insert(answer).clone()
        })
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        let count = |shard: &RwLock<HashMap<_, _>>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).len()
        };
        self.shards.iter().map(count).sum()
    }
}
