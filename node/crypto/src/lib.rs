//! Who said it: keys, digests, signatures, and proofs that a quorum signed.
//!
//! Nothing here decides anything about the protocol; this crate turns bytes that anybody could have
//! made up into values that only their signer could have made. What the rest of the node may
//! believe is visible in types: a [`Verified`] envelope was signed by its sender, a [`Committee`]
//! holds only keys that are points of the curve, and a secret nonce is reachable only through a
//! [`NonceBook`], which uses it once.
//!
//! Read in this order: [`digest`] (what is signed), [`SecretKey`] and [`verify`] (how),
//! [`Verified`] (packets), [`Committee`] (proofs, certificates and votes of one epoch),
//! [`NonceBook`] and [`ProofSession`] (how a proof comes about, §5.2–5.4), [`keyfile`].
//!
//! # Choices
//! * Single signatures are BIP-340 without auxiliary randomness: the same key and digest give the
//!   same signature, so a simulated run can be repeated bit by bit.
//! * A proof is one BIP-340 signature made by BIP-327 (MuSig2). Keys are aggregated as they are
//!   listed in the set, with their parity. A validator whose set lists its key with the other
//!   parity can therefore sign everything except its share of a proof; see [`NonceBook::sign`].
//! * Everywhere else keys are compared by their x coordinate (§3): that is all BIP-340 sees.
//! * Secrets have neither `Clone` nor `Debug` that shows them, and are erased when dropped, as far
//!   as a program can: the compiler may have left copies in registers and on the stack.

mod committee;
pub mod digest;
mod key;
pub mod keyfile;
mod musig;
mod nonce;
mod verified;

pub use committee::{CertificateError, Committee, KeyNotOnCurve, ProofError};
pub use digest::Digest;
pub use key::{NotASecretKey, SecretKey, is_on_curve, uncompressed, verify};
pub use musig::{InvalidNonce, ProofSession, SessionError, aggregate_nonces, is_valid_nonce};
pub use nonce::NonceBook;
pub use verified::{InvalidEnvelope, Verified, open};
