//! Every block on the way from genesis to a proved one.

use alloy_consensus::Header;
use mokka_types::{BlockHash, BlockId, Certificate, Height};

use super::finality::{Era, FinalityError, Flaw, ProvedBlock, broken, check_header};

/// Goes from genesis to a proved block, block by block: nothing is left out, nothing is final
/// twice, and the sets changed where the proof says and nowhere else.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    head: BlockId,
    tip: BlockId,
    /// Of the next block.
    era: &'a Era,
    later: &'a [Era],
}

impl ProvedBlock {
    /// A walk to this block, at its beginning.
    pub fn walk(&self) -> Walk<'_> {
        // Invariant: a proof has one more era than ends of epochs.
        let (era, later) = self.eras().split_first().expect("there is epoch 0");
        Walk { head: self.id(), tip: era.after, era, later }
    }
}

impl Walk<'_> {
    /// The height that comes next; `None` where the walk has arrived.
    pub fn next_height(&self) -> Option<Height> {
        self.tip.height.next().filter(|next| *next <= self.head.height)
    }

    /// Takes the next block. Beyond the end nothing is checked and nothing happens.
    ///
    /// # Errors
    /// When it does not stand on the block before, its set did not make it final, or it is not the
    /// block that the proof has at this height. The walk then stays where it is.
    pub fn step(
        &mut self,
        header: &Header,
        certificate: &Certificate,
    ) -> Result<(), FinalityError> {
        let Some(height) = self.next_height() else { return Ok(()) };
        let id = certificate.id;
        if id.height != height {
            return Err(broken(height, Flaw::Number { found: id.height.get() }));
        }
        check_header(&id, header)?;
        let (below, found) = (self.tip.hash, BlockHash::new(header.parent_hash.0));
        if below != found {
            return Err(broken(height, Flaw::Parent { below, found }));
        }
        self.era.check(certificate)?;
        let next = self.later.split_first().filter(|(next, _)| next.after.height == height);
        self.check_place(next.map(|(next, _)| next), certificate)?;
        if let Some((next, later)) = next {
            (self.era, self.later) = (next, later);
        }
        self.tip = id;
        Ok(())
    }

    /// Whether a block is the one that the proof knows at this height, and ends its epoch iff the
    /// proof says so.
    fn check_place(
        &self,
        next: Option<&Era>,
        certificate: &Certificate,
    ) -> Result<(), FinalityError> {
        let (id, announced) = (certificate.id, certificate.next_set);
        let is_head = id.height == self.head.height;
        let known = next.map(|next| next.after).or(is_head.then_some(self.head));
        if let Some(known) = known.filter(|known| known.hash != id.hash) {
            return Err(broken(id.height, Flaw::Fork { one: known.hash, other: id.hash }));
        }
        let found = match next {
            Some(next) => next.committee.set_digest(),
            // No block above the head shows which set follows it.
            None if is_head => announced,
            None => self.era.committee.set_digest(),
        };
        match announced == found {
            true => Ok(()),
            false => Err(broken(id.height, Flaw::OtherSet { announced, found })),
        }
    }
}
