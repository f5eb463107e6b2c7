//! The state tree of one moment.
//!
//! Earlier trees are not kept, but whoever executes a block must not see half of the next one. So a
//! commit copies what it replaces for each reader that still lives, before it writes.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use mokka_runtime::{StateError, TreeKey, TreeReader};

use crate::{Column, Engine, chain::Inner};

/// Nodes as they were when a reader was made, where a commit has replaced them since.
#[derive(Default)]
pub(crate) struct Replaced(RwLock<BTreeMap<TreeKey, Option<Vec<u8>>>>);

impl Replaced {
    /// Keeps old nodes; those of an earlier commit stay, for they are the older ones.
    pub(crate) fn keep(&self, keys: &[TreeKey], old: &[Option<Vec<u8>>]) {
        let mut replaced = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, old) in keys.iter().zip(old) {
            replaced.entry(key.clone()).or_insert_with(|| old.clone());
        }
    }
}

/// Reads the tree of the block that was the newest when the reader was made.
pub(crate) struct TreeAt<E> {
    pub(crate) store: Arc<Inner<E>>,
    pub(crate) replaced: Arc<Replaced>,
}

impl<E: Engine> TreeReader for TreeAt<E> {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        // The store first: a newer node that shows here was put aside before it was written.
        let newest = self.store.engine.get(Column::TreeNodes, key);
        let newest = newest.map_err(|error| StateError(error.to_string()))?;
        let replaced = self.replaced.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(replaced.get(key).cloned().unwrap_or(newest))
    }
}
