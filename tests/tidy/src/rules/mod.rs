//! The rules, by what they read: manifests, lengths, habits of code, text of every kind.

pub mod budgets;
pub mod crates;
pub mod habits;
pub mod texts;
