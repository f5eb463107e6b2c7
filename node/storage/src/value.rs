//! Keys and values as bytes. Whatever does not read back exactly is damage, never a default.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use alloy_rlp::{Decodable, Encodable};
use mokka_runtime::Account;
use mokka_types::{BlockHash, BlockId, Epoch, Height, View, codec};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Column, Entry, StoreError, TransactionPlace};

/// The names in [`Column::Meta`].
pub(crate) mod meta {
    /// → [`crate::FORMAT`], 4 bytes.
    pub(crate) const FORMAT: &[u8] = b"format";
    /// → the chain hash.
    pub(crate) const CHAIN: &[u8] = b"chain";
    /// → height and hash of the newest block.
    pub(crate) const HEAD: &[u8] = b"head";
    /// → a height whose commit is known to be synced.
    pub(crate) const SYNCED: &[u8] = b"synced";
}

/// A height as a key.
pub(crate) fn height_key(height: Height) -> [u8; 8] {
    height.get().to_be_bytes()
}

/// An epoch as a key.
pub(crate) fn epoch_key(epoch: Epoch) -> [u8; 8] {
    epoch.get().to_be_bytes()
}

/// An epoch and a term as a key.
pub(crate) fn view_key(view: View) -> [u8; 16] {
    join(&view.epoch.get().to_be_bytes(), &view.term.get().to_be_bytes())
}

/// A storage slot of an account as a key.
pub(crate) fn slot_key(address: Address, slot: U256) -> [u8; 52] {
    join(address.as_slice(), &slot.to_be_bytes::<32>())
}

/// A key and a height: where history keeps what a block replaced.
pub(crate) fn history_key(key: &[u8], height: u64) -> Vec<u8> {
    [key, &height.to_be_bytes()].concat()
}

fn join<const N: usize>(first: &[u8], second: &[u8]) -> [u8; N] {
    let mut joined = [0; N];
    joined[..first.len()].copy_from_slice(first);
    joined[first.len()..].copy_from_slice(second);
    joined
}

/// An account's bytes.
pub(crate) fn encode_account(account: &Account) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(72);
    bytes.extend_from_slice(&account.nonce.to_be_bytes());
    bytes.extend_from_slice(&account.balance.to_be_bytes::<32>());
    if account.code_hash != KECCAK256_EMPTY {
        bytes.extend_from_slice(account.code_hash.as_slice());
    }
    bytes
}

/// A stored value with the place it came from, so that damage can be named.
pub(crate) struct Stored<'a> {
    pub(crate) column: Column,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> Stored<'a> {
    /// What is stored there.
    pub(crate) fn new(column: Column, key: &'a [u8], value: &'a [u8]) -> Self {
        Self { column, key, value }
    }

    /// What a scan found.
    pub(crate) fn entry(column: Column, entry: &'a Entry) -> Self {
        Self::new(column, &entry.0, &entry.1)
    }

    /// The error that says what is wrong here.
    #[allow(clippy::needless_pass_by_value)] // So that callers hand over what they have.
    pub(crate) fn corrupt(&self, why: impl ToString) -> StoreError {
        StoreError::corrupt(self.column, self.key, &why)
    }

    /// Exactly so many bytes.
    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], StoreError> {
        self.value.try_into().map_err(|_| {
            self.corrupt(format_args!("{} bytes are there, not {N}", self.value.len()))
        })
    }

    /// Exactly so many bytes of the key, from a position on.
    pub(crate) fn key_bytes<const N: usize>(&self, from: usize) -> Result<[u8; N], StoreError> {
        self.key
            .get(from..from + N)
            .filter(|_| self.key.len() == from + N)
            .and_then(|part| part.try_into().ok())
            .ok_or_else(|| self.corrupt("the key has another length"))
    }

    /// A height.
    pub(crate) fn height(&self) -> Result<Height, StoreError> {
        self.bytes().map(u64::from_be_bytes).map(Height::new)
    }

    /// A 256-bit word.
    pub(crate) fn word(&self) -> Result<U256, StoreError> {
        self.bytes::<32>().map(U256::from_be_bytes)
    }

    /// A height and a hash.
    pub(crate) fn block_id(&self) -> Result<BlockId, StoreError> {
        let bytes = self.bytes::<40>()?;
        let (mut height, mut hash) = ([0; 8], [0; 32]);
        height.copy_from_slice(&bytes[..8]);
        hash.copy_from_slice(&bytes[8..]);
        Ok(BlockId { height: Height::new(u64::from_be_bytes(height)), hash: BlockHash::new(hash) })
    }

    /// Where a transaction is.
    pub(crate) fn place(&self) -> Result<TransactionPlace, StoreError> {
        let bytes = self.bytes::<12>()?;
        let (mut height, mut index) = ([0; 8], [0; 4]);
        height.copy_from_slice(&bytes[..8]);
        index.copy_from_slice(&bytes[8..]);
        Ok(TransactionPlace {
            height: Height::new(u64::from_be_bytes(height)),
            index: u32::from_be_bytes(index),
        })
    }

    /// An account.
    pub(crate) fn account(&self) -> Result<Account, StoreError> {
        let (nonce, rest) = self
            .value
            .split_first_chunk::<8>()
            .ok_or_else(|| self.corrupt("too short for an account"))?;
        let (balance, rest) = rest
            .split_first_chunk::<32>()
            .ok_or_else(|| self.corrupt("too short for an account"))?;
        let code_hash = match rest.len() {
            0 => KECCAK256_EMPTY,
            32 => B256::from_slice(rest),
            _ => return Err(self.corrupt("an account has 40 bytes, or 72 with code")),
        };
        let balance = U256::from_be_bytes(*balance);
        Ok(Account { nonce: u64::from_be_bytes(*nonce), balance, code_hash })
    }

    /// Addresses, one after another.
    pub(crate) fn addresses(&self) -> Result<Vec<Address>, StoreError> {
        let (addresses, rest) = self.value.as_chunks::<20>();
        match rest {
            [] => Ok(addresses.iter().map(Address::from).collect()),
            _ => Err(self.corrupt("not a whole number of addresses")),
        }
    }

    /// A value of the protocol.
    pub(crate) fn codec<T: Serialize + DeserializeOwned>(&self) -> Result<T, StoreError> {
        codec::decode(self.value).map_err(|error| self.corrupt(error))
    }

    /// A value of Ethereum.
    pub(crate) fn rlp<T: Decodable>(&self) -> Result<T, StoreError> {
        alloy_rlp::decode_exact(self.value).map_err(|error| self.corrupt(error))
    }
}

/// Addresses, one after another.
pub(crate) fn encode_addresses(addresses: &[Address]) -> Vec<u8> {
    addresses.iter().flat_map(|address| address.0.0).collect()
}

/// A height and a hash as bytes.
pub(crate) fn encode_block_id(id: &BlockId) -> [u8; 40] {
    join(&height_key(id.height), id.hash.as_bytes())
}

/// Where a transaction is, as bytes.
pub(crate) fn encode_place(place: TransactionPlace) -> [u8; 12] {
    join(&height_key(place.height), &place.index.to_be_bytes())
}

/// The RLP of a block, put together from the RLP of its header and of its body without reading
/// either: a block is the list of the header and of whatever its body lists.
pub(crate) fn block_rlp(header: &[u8], body: &Stored<'_>) -> Result<Vec<u8>, StoreError> {
    let mut rest = body.value;
    let list = alloy_rlp::Header::decode(&mut rest).map_err(|error| body.corrupt(error))?;
    if !list.list || list.payload_length != rest.len() {
        return Err(body.corrupt("not one RLP list"));
    }
    let outer = alloy_rlp::Header { list: true, payload_length: header.len() + rest.len() };
    let mut block = Vec::with_capacity(outer.length_with_payload());
    outer.encode(&mut block);
    block.extend_from_slice(header);
    block.extend_from_slice(rest);
    Ok(block)
}

/// The RLP of a value.
pub(crate) fn encode_rlp(value: &impl Encodable) -> Vec<u8> {
    alloy_rlp::encode(value)
}
