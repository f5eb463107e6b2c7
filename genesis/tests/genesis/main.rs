//! The genesis file as its author sees it: one test for each rule, and what a right one gives.
#![allow(clippy::unwrap_used)]

mod accounts;
mod beginning;
mod chain;
mod drafts;
mod files;
mod members;
mod permissions;
mod reading;
mod timers;
mod validators;
