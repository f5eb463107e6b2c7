//! What a node must not forget, and never before the block it builds on.

use mokka_types::{Epoch, Height, SafetyRecord, SafetyState, codec};

use crate::{
    Batch, Chain, Column, Durability, Engine, StoreError,
    chain::Tip,
    value::{Stored, height_key, meta},
};

impl<E: Engine> Chain<E> {
    /// See [`crate::Store::append_safety`].
    pub(crate) fn append(&self, records: &[SafetyRecord]) -> Result<(), StoreError> {
        let tip = self.0.tip();
        let mut batch = Batch::default();
        for record in records {
            check(tip, record)?;
            batch.put(Column::Safety, [kind(record)], codec::encode(record));
        }
        batch.put(Column::Meta, meta::SYNCED, height_key(tip.id.height));
        self.0.engine.write(batch, Durability::Synced)
    }

    /// See [`crate::Store::safety`].
    pub(crate) fn newest_records(&self) -> Result<SafetyState, StoreError> {
        let mut state = SafetyState::default();
        for record in self.records()? {
            state.apply(record);
        }
        Ok(state)
    }

    /// What was checked before writing is checked after reading.
    pub(crate) fn check_safety(&self) -> Result<(), StoreError> {
        let tip = self.0.tip();
        self.records()?.iter().try_for_each(|record| check(tip, record))
    }

    fn records(&self) -> Result<Vec<SafetyRecord>, StoreError> {
        let entries = self.0.engine.scan(Column::Safety, &[], None, usize::MAX)?;
        let read = |entry| {
            let stored = Stored::entry(Column::Safety, entry);
            let record: SafetyRecord = stored.codec()?;
            match stored.key_bytes::<1>(0)? == [kind(&record)] {
                true => Ok(record),
                false => Err(stored.corrupt("a record of another kind is there")),
            }
        };
        entries.iter().map(read).collect()
    }
}

/// Where the newest record of its kind lies.
const fn kind(record: &SafetyRecord) -> u8 {
    match record {
        SafetyRecord::Run(_) => 0,
        SafetyRecord::Promise(_) => 1,
        SafetyRecord::PrepareVote { .. } => 2,
        SafetyRecord::Prepared { .. } => 3,
        SafetyRecord::Mark(_) => 4,
    }
}

/// §6.5: no vote or prepared record of a height above `h`, nor a promise of a later epoch, becomes
/// durable before the commit of `h`.
fn check(tip: Tip, record: &SafetyRecord) -> Result<(), StoreError> {
    let next = tip.id.height.next().unwrap_or(tip.id.height);
    let (height, epoch): (Height, Epoch) = match record {
        SafetyRecord::Run(_) | SafetyRecord::Mark(_) => return Ok(()),
        SafetyRecord::Promise(promise) => (next, promise.view.epoch),
        SafetyRecord::PrepareVote { view, id } | SafetyRecord::Prepared { view, id, .. } => {
            (id.height, view.epoch)
        }
    };
    if height > next || epoch > tip.epoch {
        return Err(StoreError::TooEarly { height, epoch, head: tip.id, current: tip.epoch });
    }
    Ok(())
}
