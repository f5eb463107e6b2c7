//! The rules of a header.
//!
//! Everything in a header that is known before its transactions run is made in one place,
//! [`draft`]: the builder starts from it, and a check makes it again and compares.

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header, constants::EMPTY_WITHDRAWALS};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{B64, B256, Sealed, U256};

use crate::{
    spec::ChainSpec,
    stamp::{Plan, Stamp, prev_randao},
};

/// Which rule a header breaks: whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum HeaderError {
    /// The block stands on another one.
    #[error("parentHash is {found}, but the parent is {expected}")]
    ParentHash { found: B256, expected: B256 },
    /// It skips a height or repeats one.
    #[error("number is {found}, expected {expected}")]
    Number { found: u64, expected: u64 },
    /// The parent is the last block there can be.
    #[error("the parent has the last number there is")]
    NoNumberLeft,
    /// The stamp is missing or malformed.
    #[error("extraData must be a term and milliseconds (16 bytes), found {found} bytes")]
    ExtraData { found: usize },
    /// Time stands still or goes back.
    #[error("milliseconds must grow: parent {parent}, block {found}")]
    MillisecondsDoNotGrow { found: u64, parent: u64 },
    /// Seconds and milliseconds disagree.
    #[error("timestamp is {found}, but extraData says {expected}")]
    Timestamp { found: u64, expected: u64 },
    /// Not the value that follows from parent and term.
    #[error("prevRandao is {found}, expected {expected}")]
    PrevRandao { found: B256, expected: B256 },
    /// The gas limit is a constant of genesis.
    #[error("gasLimit is {found}, genesis says {expected}")]
    GasLimit { found: u64, expected: u64 },
    /// The base fee is a constant of genesis, and always present.
    #[error("baseFeePerGas is {found:?}, genesis says {expected}")]
    BaseFee { found: Option<u64>, expected: u64 },
    /// There are no ommers.
    #[error("sha3Uncles is {found}, expected that of an empty list")]
    OmmersHash { found: B256 },
    /// There is no proof of work.
    #[error("difficulty is {found}, expected 0")]
    Difficulty { found: U256 },
    /// There is no proof of work.
    #[error("nonce is {found}, expected 0")]
    Nonce { found: B64 },
    /// There are no withdrawals.
    #[error("withdrawalsRoot is {found:?}, expected that of an empty list")]
    WithdrawalsRoot { found: Option<B256> },
    /// There are no blobs.
    #[error("blobGasUsed is {found:?}, expected 0")]
    BlobGasUsed { found: Option<u64> },
    /// There are no blobs.
    #[error("excessBlobGas is {found:?}, expected 0")]
    ExcessBlobGas { found: Option<u64> },
    /// There is no beacon chain.
    #[error("parentBeaconBlockRoot is {found:?}, expected 0")]
    ParentBeaconBlockRoot { found: Option<B256> },
    /// There are no requests to a beacon chain.
    #[error("requestsHash is {found:?}, expected that of an empty list")]
    RequestsHash { found: Option<B256> },
    /// A field of a fork after Osaka is set.
    #[error("the header has a field that Osaka does not know")]
    UnknownField,
}

/// The header of a block on `parent`, without what only its execution tells.
pub(crate) fn draft(
    spec: &ChainSpec,
    parent: &Sealed<Header>,
    plan: Plan,
) -> Result<Header, HeaderError> {
    let number = parent.number.checked_add(1).ok_or(HeaderError::NoNumberLeft)?;
    Ok(Header {
        parent_hash: parent.hash(),
        number,
        mix_hash: prev_randao(parent.hash(), plan.stamp.term),
        ..blank(spec, plan)
    })
}

/// What every header of the chain has in common, that of genesis too.
pub(crate) fn blank(spec: &ChainSpec, plan: Plan) -> Header {
    Header {
        beneficiary: plan.beneficiary,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        gas_limit: spec.gas_limit,
        timestamp: plan.stamp.seconds(),
        extra_data: plan.stamp.extra_data(),
        base_fee_per_gas: Some(spec.base_fee),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

/// Every rule of a header that needs neither a clock nor its transactions. The beneficiary is
/// taken as it is: who proposed is for consensus to know.
pub fn check_header(
    spec: &ChainSpec,
    parent: &Sealed<Header>,
    header: &Header,
) -> Result<(), HeaderError> {
    let stamp =
        Stamp::of(header).ok_or(HeaderError::ExtraData { found: header.extra_data.len() })?;
    let parent_ms = Stamp::of(parent).map_or(0, |stamp| stamp.ms);
    let plan = Plan { stamp, beneficiary: header.beneficiary };
    let expected = draft(spec, parent, plan)?;
    check_place(header, &expected)?;
    if stamp.ms <= parent_ms {
        return Err(HeaderError::MillisecondsDoNotGrow { found: stamp.ms, parent: parent_ms });
    }
    check_constants(header, &expected)?;
    check_absent(header, &expected)?;
    // The last net: a field that a later version of the header type adds must not slip through.
    let expected = Header {
        state_root: header.state_root,
        transactions_root: header.transactions_root,
        receipts_root: header.receipts_root,
        logs_bloom: header.logs_bloom,
        gas_used: header.gas_used,
        ..expected
    };
    if *header != expected {
        return Err(HeaderError::UnknownField);
    }
    Ok(())
}

fn check_place(header: &Header, expected: &Header) -> Result<(), HeaderError> {
    if header.parent_hash != expected.parent_hash {
        let (found, expected) = (header.parent_hash, expected.parent_hash);
        return Err(HeaderError::ParentHash { found, expected });
    }
    if header.number != expected.number {
        return Err(HeaderError::Number { found: header.number, expected: expected.number });
    }
    if header.timestamp != expected.timestamp {
        let (found, expected) = (header.timestamp, expected.timestamp);
        return Err(HeaderError::Timestamp { found, expected });
    }
    if header.mix_hash != expected.mix_hash {
        let (found, expected) = (header.mix_hash, expected.mix_hash);
        return Err(HeaderError::PrevRandao { found, expected });
    }
    Ok(())
}

fn check_constants(header: &Header, expected: &Header) -> Result<(), HeaderError> {
    if header.gas_limit != expected.gas_limit {
        let (found, expected) = (header.gas_limit, expected.gas_limit);
        return Err(HeaderError::GasLimit { found, expected });
    }
    if header.base_fee_per_gas != expected.base_fee_per_gas {
        let expected = expected.base_fee_per_gas.unwrap_or_default();
        return Err(HeaderError::BaseFee { found: header.base_fee_per_gas, expected });
    }
    Ok(())
}

fn check_absent(header: &Header, expected: &Header) -> Result<(), HeaderError> {
    if header.ommers_hash != expected.ommers_hash {
        return Err(HeaderError::OmmersHash { found: header.ommers_hash });
    }
    if header.difficulty != expected.difficulty {
        return Err(HeaderError::Difficulty { found: header.difficulty });
    }
    if header.nonce != expected.nonce {
        return Err(HeaderError::Nonce { found: header.nonce });
    }
    if header.withdrawals_root != expected.withdrawals_root {
        return Err(HeaderError::WithdrawalsRoot { found: header.withdrawals_root });
    }
    if header.blob_gas_used != expected.blob_gas_used {
        return Err(HeaderError::BlobGasUsed { found: header.blob_gas_used });
    }
    if header.excess_blob_gas != expected.excess_blob_gas {
        return Err(HeaderError::ExcessBlobGas { found: header.excess_blob_gas });
    }
    if header.parent_beacon_block_root != expected.parent_beacon_block_root {
        let found = header.parent_beacon_block_root;
        return Err(HeaderError::ParentBeaconBlockRoot { found });
    }
    if header.requests_hash != expected.requests_hash {
        return Err(HeaderError::RequestsHash { found: header.requests_hash });
    }
    Ok(())
}
