//! What this crate promises, told from outside: one file per thing that is signed.

#![allow(clippy::unwrap_used)]

mod certificate;
mod digests;
mod envelope;
mod key_file;
mod musig;
mod nonce;
mod proof;
mod world;
