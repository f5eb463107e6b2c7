//! Code as values: 31 bytes each, after a count of how many of them belong to an earlier `PUSH`.

use alloy_primitives::B256;

/// Bytes of code in one chunk.
const CHUNK_BYTES: usize = 31;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;

/// How many chunks code of this size has.
pub(super) fn count(code_size: u32) -> u64 {
    // Invariant of the type: a usize of 31 is a u64 of 31.
    u64::from(code_size).div_ceil(CHUNK_BYTES as u64)
}

/// The chunks of `code`, in order. A chunk of 31 zero bytes without `PUSH` data is the zero value,
/// so it takes no place in the tree; the code size tells how far the code goes.
pub(super) fn of_code(code: &[u8]) -> impl Iterator<Item = B256> {
    // Bytes at the beginning of the next chunk that are data of a `PUSH` before it.
    let mut pushed = 0usize;
    code.chunks(CHUNK_BYTES).map(move |slice| {
        let data = pushed.min(CHUNK_BYTES);
        let mut value = [0; 32];
        value[0] = u8::try_from(data).unwrap_or(u8::MAX);
        value[1..=slice.len()].copy_from_slice(slice);

        let mut next = pushed;
        while next < slice.len() {
            next += 1 + data_after(slice[next]);
        }
        pushed = next.saturating_sub(CHUNK_BYTES);
        value.into()
    })
}

/// Bytes of data that follow an instruction.
fn data_after(opcode: u8) -> usize {
    match opcode {
        PUSH1..=PUSH32 => usize::from(opcode - PUSH1) + 1,
        _ => 0,
    }
}
