//! Signing transfers of coins, and calls of contracts.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use mokka_crypto::SecretKey;
use mokka_rpc::api::EthApiClient;

use crate::{endpoint::Endpoint, error::Failure};

/// Gas of a transfer to an account without code.
pub(crate) const TRANSFER_GAS: u64 = 21_000;

/// What all transfers on a chain have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The chain they are signed for.
    pub(crate) chain_id: u64,
    /// Fee per gas of every block.
    pub(crate) base_fee: u128,
    /// What the proposer gets per gas.
    pub(crate) tip: u128,
}

/// One transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// How many transactions its sender sent before.
    pub(crate) nonce: u64,
    /// Who gets it.
    pub(crate) to: Address,
    /// How much, in the smallest unit.
    pub(crate) value: U256,
    /// How much gas it may use.
    pub(crate) gas_limit: u64,
}

/// A transfer that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Its hash.
    pub(crate) hash: B256,
    /// Its encoding.
    pub(crate) raw: Bytes,
}

impl Terms {
    /// The terms that a node takes now.
    pub(crate) async fn of(endpoint: &Endpoint) -> Result<Self, Failure> {
        let client = endpoint.client();
        let chain_id = endpoint.ask(EthApiClient::chain_id(client)).await?;
        let tip = endpoint.ask(EthApiClient::tip(client)).await?;
        let head = endpoint.ask(EthApiClient::block_by_number(
            client,
            alloy_eips::BlockNumberOrTag::Latest,
            Some(false),
        ));
        let base_fee = head.await?.and_then(|block| block.header.base_fee_per_gas).unwrap_or(0);
        Ok(Self {
            chain_id: chain_id.to(),
            base_fee: u128::from(base_fee),
            tip: u128::try_from(tip).unwrap_or(u128::MAX),
        })
    }

    /// What one gas costs: the base fee of a chain never changes.
    pub(crate) const fn gas_price(&self) -> u128 {
        self.base_fee.saturating_add(self.tip)
    }

    /// Signs a transfer.
    pub(crate) fn sign(&self, key: &SecretKey, transfer: &Transfer) -> Signed {
        self.sign_call(key, transfer, Bytes::new())
    }

    /// Signs a call of a contract.
    pub(crate) fn sign_call(&self, key: &SecretKey, transfer: &Transfer, input: Bytes) -> Signed {
        let Transfer { nonce, to, value, gas_limit } = *transfer;
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: self.gas_price(),
            max_priority_fee_per_gas: self.tip,
            to: TxKind::Call(to),
            value,
            input,
            ..TxEip1559::default()
        };
        let (bytes, is_odd) = key.sign_recoverable(&transaction.signature_hash());
        let signature = Signature::from_bytes_and_parity(&bytes, is_odd);
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Signed { hash: *envelope.tx_hash(), raw: envelope.encoded_2718().into() }
    }
}

#[cfg(test)]
mod tests {
    use alloy_consensus::transaction::SignerRecoverable;
    use alloy_eips::Decodable2718;

    use super::*;

    #[test]
    fn a_signed_transfer_is_one_that_ethereum_reads() {
        let account = crate::accounts::derive(crate::accounts::TEST_MNEMONIC, 1).unwrap().remove(0);
        let terms = Terms { chain_id: 1337, base_fee: 7, tip: 2 };
        let to = Address::repeat_byte(9);
        let transfer = Transfer { nonce: 3, to, value: U256::from(5), gas_limit: TRANSFER_GAS };
        let signed = terms.sign(&account.key, &transfer);
        let read = TxEnvelope::decode_2718_exact(signed.raw.as_ref()).unwrap();
        assert_eq!(read.recover_signer().unwrap(), account.address);
        assert_eq!(*read.tx_hash(), signed.hash);
        let read = read.as_eip1559().unwrap().tx().clone();
        assert_eq!((read.chain_id, read.nonce, read.to), (1337, 3, TxKind::Call(to)));
        assert_eq!((read.max_fee_per_gas, read.max_priority_fee_per_gas), (9, 2));
    }
}
