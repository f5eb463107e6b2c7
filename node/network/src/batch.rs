//! Transactions travel in batches: a number that makes each batch unlike any other, so that what is
//! published again is not taken for a copy, then each transaction with its length before it.

use bytes::{BufMut, Bytes, BytesMut};

use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS};

const NUMBER: usize = 8;
const LENGTH: usize = 4;

/// Batches of at most the allowed size, and how many transactions fit into none.
pub(crate) struct Batches {
    pub(crate) batches: Vec<Bytes>,
    pub(crate) too_large: u64,
}

/// Packs transactions in their order; `number` is called once per batch.
pub(crate) fn pack(transactions: &[Bytes], mut number: impl FnMut() -> u64) -> Batches {
    let (mut batches, mut too_large) = (Vec::new(), 0);
    let (mut open, mut count) = (BytesMut::new(), 0);
    for transaction in transactions {
        let needed = LENGTH + transaction.len();
        let Ok(length) = u32::try_from(transaction.len()) else {
            too_large += 1;
            continue;
        };
        if NUMBER + needed > MAX_BATCH_BYTES {
            too_large += 1;
            continue;
        }
        if count == MAX_BATCH_TRANSACTIONS || open.len() + needed > MAX_BATCH_BYTES {
            batches.push(open.split().freeze());
            count = 0;
        }
        if count == 0 {
            open.put_u64_le(number());
        }
        open.put_u32_le(length);
        open.put_slice(transaction);
        count += 1;
    }
    if count > 0 {
        batches.push(open.freeze());
    }
    Batches { batches, too_large }
}

/// The transactions of a batch, without copying them; `None` when it is no batch.
pub(crate) fn unpack(batch: &Bytes) -> Option<Vec<Bytes>> {
    let mut at = NUMBER;
    let mut transactions = Vec::new();
    while at < batch.len() {
        let length = batch.get(at..at + LENGTH)?.try_into().ok().map(u32::from_le_bytes)?;
        let from = at + LENGTH;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        if to > batch.len() || transactions.len() == MAX_BATCH_TRANSACTIONS {
            return None;
        }
        transactions.push(batch.slice(from..to));
        at = to;
    }
    if transactions.is_empty() { None } else { Some(transactions) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(transactions: &[Bytes]) -> (usize, Vec<Bytes>) {
        let packed = pack(transactions, || 7);
        assert!(packed.batches.iter().all(|batch| batch.len() <= MAX_BATCH_BYTES));
        let unpacked = packed.batches.iter().flat_map(|batch| unpack(batch).unwrap()).collect();
        (packed.batches.len(), unpacked)
    }

    #[test]
    fn transactions_keep_their_order_over_many_batches() {
        let transactions: Vec<_> = (0..=255).map(|byte| Bytes::from(vec![byte; 9000])).collect();
        assert_eq!(round(&transactions), (3, transactions));
        let small = (0..4352_u32).map(|number| Bytes::from(number.to_le_bytes().to_vec()));
        let small: Vec<_> = small.collect();
        assert_eq!(round(&small), (2, small));
        assert_eq!(round(&[]), (0, vec![]));
    }

    #[test]
    fn what_fits_into_no_batch_is_counted() {
        let large = Bytes::from(vec![1; MAX_BATCH_BYTES]);
        let packed = pack(&[large, Bytes::from_static(b"small")], || 7);
        assert_eq!((packed.batches.len(), packed.too_large), (1, 1));
    }

    #[test]
    fn bytes_that_are_no_batch_are_refused() {
        let batch = pack(&[Bytes::from_static(b"one"), Bytes::from_static(b"two")], || 7).batches;
        let batch = batch[0].clone();
        assert!(unpack(&batch).is_some());
        for cut in (0..batch.len()).filter(|cut| *cut != NUMBER + LENGTH + 3) {
            assert_eq!(unpack(&batch.slice(..cut)), None, "cut at {cut}");
        }
        let mut long = batch.to_vec();
        long[NUMBER..NUMBER + LENGTH].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(unpack(&long.into()), None);
    }
}
