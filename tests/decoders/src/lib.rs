//! Every decoder that bytes from outside reach, with what must hold whatever the bytes are.
//!
//! A [`Target`] takes bytes as the network, a file or a caller brings them. It fails by a panic: of
//! the decoder, or of its own assertion, such as that what was decoded is written as the same bytes
//! again. The crate `tests/fuzz` searches for bytes that make one fail; ordinary tests repeat what
//! that search has kept (`tests/fuzz/corpus`).
//!
//! Read in this order: [`TARGETS`], then the file of any target; `council` and `chain` have what is
//! genuine.

mod blocks;
mod chain;
mod council;
mod files;
mod library;
mod network;
mod packets;
mod proofs;
mod texts;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What any input may take besides its own length: the genuine values that it is compared with.
const BASE: usize = 8 << 20;
/// What each of its bytes may take: JSON as a tree, with what is written again.
const FOR_EACH_BYTE: usize = 256;

/// One decoder, or several that read the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the fuzz target and of the folder of its corpus.
    pub name: &'static str,
    check: fn(&[u8]) -> Option<()>,
    /// Genuine bytes, none of which is refused.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    packets::PACKET,
    packets::CONSENSUS,
    packets::CERTIFICATE,
    packets::PROOF,
    packets::EVIDENCE,
    packets::NONCES,
    packets::VALIDATOR_SET,
    files::SAFETY_RECORD,
    files::KEY_FILE,
    files::STATE_TREE,
    network::HELLO,
    network::RECORDS,
    network::BATCH,
    network::STREAM,
    library::TCP_FRAMES,
    library::GREETING,
    library::MESSAGE,
    library::LOG_FILE,
    library::LOG_BLOCK,
    texts::TEXTS,
    texts::GENESIS,
    blocks::BLOCK,
    blocks::TRANSACTION,
    blocks::PROPOSED_ACTION,
    blocks::CALL,
    blocks::RPC_PARAMS,
    proofs::FINALITY_PROOF,
    proofs::TRANSACTION_PROOF,
];

impl Target {
    /// Looks at some bytes; `None` where they are refused by what reads them first.
    ///
    /// # Panics
    /// When something does not hold, or takes more memory than the length of the bytes allows: what
    /// a length prefix announces must not be reserved before it is there. That is a finding.
    pub fn look(&self, bytes: &[u8]) -> Option<()> {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let taken = (self.check)(bytes);
        let peak = MEMORY.peak_usage().saturating_sub(before);
        let allowed = BASE + FOR_EACH_BYTE * bytes.len();
        assert!(peak <= allowed, "{} took {peak} bytes, {allowed} are allowed", self.name);
        taken
    }
}

/// Looks at bytes for the target of this name.
///
/// # Panics
/// As [`Target::look`], or when no target has this name.
pub fn look(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    let _refused = target.look(bytes);
}
