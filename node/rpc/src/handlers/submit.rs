//! `eth_sendRawTransaction`.

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::{
    Decodable2718, EIP1559_TX_TYPE_ID, EIP2930_TX_TYPE_ID, EIP4844_TX_TYPE_ID, EIP7702_TX_TYPE_ID,
    Eip2718Error,
};
use alloy_primitives::B256;

use super::Handlers;
use crate::error::RpcError;
use crate::seams::TxRefusal;

/// A typed transaction begins with its type, below this; a legacy one is an RLP list, above.
const FIRST_RLP_BYTE: u8 = 0x80;

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
    let kind = match raw.first() {
        None => return Err(undecodable("it is empty")),
        Some(first) => (*first < FIRST_RLP_BYTE).then_some(*first),
    };
    match kind {
        None | Some(EIP2930_TX_TYPE_ID | EIP1559_TX_TYPE_ID | EIP7702_TX_TYPE_ID) => {}
        Some(EIP4844_TX_TYPE_ID) => {
            return Err(unsupported(
                "blob transactions (EIP-4844, type 3) are not part of this chain",
            ));
        }
        Some(kind) => {
            return Err(unsupported(&format!(
                "type {kind}; this chain takes legacy ones and types 1, 2 and 4"
            )));
        }
    }
    TxEnvelope::decode_2718_exact(raw).map_err(|error| match error {
        Eip2718Error::RlpError(error) => undecodable(&error.to_string()),
        _ => undecodable("it is no signed transaction"),
    })
}

fn undecodable(why: &str) -> RpcError {
    RpcError::InvalidParams(format!("failed to decode signed transaction: {why}"))
}

fn unsupported(what: &str) -> RpcError {
    TxRefusal::TypeNotSupported(what.to_owned()).into()
}
