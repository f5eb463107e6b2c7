//! The pool as its owner sees it.
#![allow(clippy::unwrap_used)]

mod agreement;
mod commits;
mod content;
mod drafts;
mod eviction;
mod executable;
mod model;
mod ordering;
mod queues;
mod refusals;
