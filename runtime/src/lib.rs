//! Ethereum's rules: what a block does to the state, and the roots that prove it.

mod state;

pub use state::{Account, StateChanges, StateError, StateReader, TreeChanges, TreeKey, TreeReader};
