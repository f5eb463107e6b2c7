//! What this crate promises, told from outside: one file per thing that is signed.

mod certificate;
mod digests;
mod envelope;
mod key_file;
mod musig;
mod nonce;
mod proof;
mod world;
