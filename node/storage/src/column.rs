//! The schema: which kind of record lies where, under which key, in which bytes.

/// A kind of record: one column family each.
///
/// Numbers in keys are 8 bytes, big endian, unless said otherwise. `codec` is
/// [`mokka_types::codec`]; RLP and EIP-2718 are Ethereum's own encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Name → format, chain, head, last synced height: what the whole store is about.
    Meta,
    /// Height → RLP of the header.
    Headers,
    /// Height → RLP of the body: transactions, ommers, withdrawals.
    Bodies,
    /// Height → the senders of its transactions, 20 bytes each.
    Senders,
    /// Height → RLP list of the receipts, each as in a block's receipt list (EIP-2718 in a string).
    Receipts,
    /// Block hash → height.
    Heights,
    /// Transaction hash → height, then its index as 4 bytes.
    Transactions,
    /// Height → codec of the commit certificate; genesis has none.
    Certificates,
    /// Epoch, term → codec of the proof that made a leader.
    LeaderProofs,
    /// Epoch → codec of the first height of the epoch and its validator set.
    ValidatorSets,
    /// Address → nonce (8 bytes), balance (32 bytes), code hash (32 bytes, only with code).
    Accounts,
    /// Address, slot (32 bytes) → value (32 bytes); zero is absence.
    Storage,
    /// Code hash → code.
    Code,
    /// The state tree's own key → node.
    TreeNodes,
    /// Address, height → the account that this block replaced; no bytes: there was none.
    AccountHistory,
    /// Address, slot, height → the value that this block replaced; no bytes: zero.
    StorageHistory,
    /// Kind of record (1 byte) → codec of the newest record of that kind. Always synced.
    Safety,
    /// Keccak of the evidence → the evidence.
    Evidence,
}

impl Column {
    /// Every column.
    pub const ALL: [Self; 18] = [
        Self::Meta,
        Self::Headers,
        Self::Bodies,
        Self::Senders,
        Self::Receipts,
        Self::Heights,
        Self::Transactions,
        Self::Certificates,
        Self::LeaderProofs,
        Self::ValidatorSets,
        Self::Accounts,
        Self::Storage,
        Self::Code,
        Self::TreeNodes,
        Self::AccountHistory,
        Self::StorageHistory,
        Self::Safety,
        Self::Evidence,
    ];

    /// Its name on disk and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Headers => "headers",
            Self::Bodies => "bodies",
            Self::Senders => "senders",
            Self::Receipts => "receipts",
            Self::Heights => "heights",
            Self::Transactions => "transactions",
            Self::Certificates => "certificates",
            Self::LeaderProofs => "leader_proofs",
            Self::ValidatorSets => "validator_sets",
            Self::Accounts => "accounts",
            Self::Storage => "storage",
            Self::Code => "code",
            Self::TreeNodes => "tree_nodes",
            Self::AccountHistory => "account_history",
            Self::StorageHistory => "storage_history",
            Self::Safety => "safety",
            Self::Evidence => "evidence",
        }
    }

    /// How it is used, which decides how it is laid out on disk.
    pub(crate) const fn access(self) -> Access {
        match self {
            Self::Meta | Self::Safety | Self::Evidence | Self::ValidatorSets => Access::Few,
            Self::Headers
            | Self::Bodies
            | Self::Senders
            | Self::Receipts
            | Self::Certificates
            | Self::LeaderProofs => Access::ByHeight,
            Self::Heights | Self::Transactions | Self::TreeNodes | Self::Accounts => Access::ByHash,
            Self::Storage => Access::ByHash,
            Self::Code => Access::BulkByHash,
            Self::AccountHistory => Access::ByPrefix(20),
            Self::StorageHistory => Access::ByPrefix(52),
        }
    }
}

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A handful of records.
    Few,
    /// Appended in key order and read in ranges: compressed, no filter.
    ByHeight,
    /// Read at random by keys that do not compress: filtered.
    ByHash,
    /// The same with long values: filtered and compressed.
    BulkByHash,
    /// Read as "the first at or after" within keys that share so many first bytes.
    ByPrefix(usize),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Column;

    #[test]
    fn every_column_is_listed_once_in_order_and_has_its_own_name() {
        assert!(Column::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Column::ALL.map(Column::name).iter().collect::<BTreeSet<_>>().len(), 18);
        assert_eq!(Column::ALL.last(), Some(&Column::Evidence));
    }
}
