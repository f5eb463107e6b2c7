//! `eth_sendRawTransaction`.

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::{Decodable2718, EIP4844_TX_TYPE_ID, EIP7702_TX_TYPE_ID, Eip2718Error};
use alloy_primitives::B256;

use super::Handlers;
use crate::error::RpcError;
use crate::seams::TxRefusal;

/// A legacy transaction is an RLP list, whose first byte is at least this; below is a type.
const FIRST_LIST_BYTE: u8 = 0xc0;

impl Handlers {
    pub(super) async fn submit(&self, raw: &[u8]) -> Result<B256, RpcError> {
        let transaction = decode(raw, self.config.max_transaction_bytes)?;
        Ok(self.node.pool.submit(transaction).await?)
    }
}

/// Decodes a raw transaction; refuses by name what this chain does not have.
fn decode(raw: &[u8], limit: usize) -> Result<TxEnvelope, RpcError> {
    if raw.len() > limit {
        return Err(TxRefusal::Oversized { size: raw.len(), limit }.into());
    }
    match raw.first() {
        None => {
            return Err(undecodable("it is empty"));
        }
        Some(&EIP4844_TX_TYPE_ID) => {
            return Err(unsupported(
                "blob transactions (EIP-4844, type 3) are not part of this chain",
            ));
        }
        Some(&kind) if kind > EIP7702_TX_TYPE_ID && kind < FIRST_LIST_BYTE => {
            return Err(unsupported(&format!("type {kind}; this chain takes types 0, 1, 2 and 4")));
        }
        Some(_) => {}
    }
    TxEnvelope::decode_2718_exact(raw).map_err(|error| match error {
        Eip2718Error::UnexpectedType(kind) => unsupported(&format!("type {kind}")),
        error => undecodable(&error.to_string()),
    })
}

fn undecodable(why: &str) -> RpcError {
    RpcError::InvalidParams(format!("failed to decode signed transaction: {why}"))
}

fn unsupported(what: &str) -> RpcError {
    TxRefusal::TypeNotSupported(what.to_owned()).into()
}
