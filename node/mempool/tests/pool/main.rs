//! The pool as its owner sees it.

mod commits;
mod content;
mod drafts;
mod eviction;
mod executable;
mod model;
mod ordering;
mod queues;
mod refusals;
