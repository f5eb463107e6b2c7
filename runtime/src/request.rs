//! A transaction that nobody signed, as the machine takes it.

use alloy_consensus::crypto::secp256k1::recover_signer;
use alloy_eips::eip2718::EIP4844_TX_TYPE_ID;
use alloy_eips::eip7702::{RecoveredAuthority, RecoveredAuthorization, SignedAuthorization};
use alloy_evm::EvmEnv;
use alloy_primitives::TxKind;
use alloy_rpc_types_eth::TransactionRequest;
use revm::{context::TxEnv, context_interface::either::Either};

use crate::{call::CallError, spec::ChainSpec, transaction::TxError};

const LEGACY: u8 = 0;
const ACCESS_LIST: u8 = 1;
const DYNAMIC_FEE: u8 = 2;
const SET_CODE: u8 = 4;

/// What the request asks for, with at most `gas_cap` of gas. Where it offers no fee, `environment`
/// forgets the base fee, as geth does: code then sees a base fee of zero.
pub(crate) fn transaction(
    spec: &ChainSpec,
    request: &TransactionRequest,
    gas_cap: u64,
    environment: &mut EvmEnv,
) -> Result<TxEnv, CallError> {
    let has_blobs = request.blob_versioned_hashes.is_some()
        || request.max_fee_per_blob_gas.is_some()
        || request.sidecar.is_some();
    if has_blobs {
        return Err(TxError::TypeNotSupported { ty: EIP4844_TX_TYPE_ID }.into());
    }
    if let Some(found) = request.chain_id.filter(|id| *id != spec.chain_id) {
        return Err(CallError::WrongChain { found, expected: spec.chain_id });
    }
    let data = request.input.clone().try_into_unique_input();
    let data = data.map_err(|_| CallError::InputAndData)?.unwrap_or_default();
    let fees = Fees::of(request)?;
    if fees.max_fee == 0 && fees.tip.unwrap_or_default() == 0 {
        environment.cfg_env.disable_base_fee = true;
        environment.block_env.basefee = 0;
    }
    let authorizations = request.authorization_list.as_deref().unwrap_or_default();
    let kind = request.to.unwrap_or(TxKind::Create);
    if !authorizations.is_empty() && kind.is_create() {
        return Err(CallError::SetCodeWithoutTo);
    }
    Ok(TxEnv {
        tx_type: tx_type(request, fees),
        caller: request.from.unwrap_or_default(),
        gas_limit: request.gas.unwrap_or(gas_cap).min(gas_cap),
        gas_price: fees.max_fee,
        gas_priority_fee: fees.tip,
        kind,
        value: request.value.unwrap_or_default(),
        data,
        // Nonces are not checked; the machine takes that of the account.
        nonce: 0,
        chain_id: Some(spec.chain_id),
        access_list: request.access_list.clone().unwrap_or_default(),
        authorization_list: authorizations.iter().map(|a| Either::Right(recover(a))).collect(),
        ..TxEnv::default()
    })
}

/// What a request offers per gas.
#[derive(Clone, Copy)]
struct Fees {
    max_fee: u128,
    tip: Option<u128>,
}

impl Fees {
    fn of(request: &TransactionRequest) -> Result<Self, CallError> {
        let (max_fee, tip) = (request.max_fee_per_gas, request.max_priority_fee_per_gas);
        match request.gas_price {
            Some(_) if max_fee.is_some() || tip.is_some() => Err(CallError::GasPriceAndMaxFee),
            Some(price) => Ok(Self { max_fee: price, tip: None }),
            None if max_fee.is_none() && tip.is_none() => Ok(Self { max_fee: 0, tip: None }),
            None => Ok(Self {
                max_fee: max_fee.unwrap_or_default(),
                tip: Some(tip.unwrap_or_default()),
            }),
        }
    }
}

fn tx_type(request: &TransactionRequest, fees: Fees) -> u8 {
    if request.authorization_list.as_ref().is_some_and(|list| !list.is_empty()) {
        SET_CODE
    } else if fees.tip.is_some() {
        DYNAMIC_FEE
    } else if request.access_list.is_some() {
        ACCESS_LIST
    } else {
        LEGACY
    }
}

/// Recovers who authorizes, with the same library as all senders.
fn recover(authorization: &SignedAuthorization) -> RecoveredAuthorization {
    let signer = authorization.signature().ok().and_then(|signature| {
        recover_signer(&signature, authorization.inner().signature_hash()).ok()
    });
    let authority = signer.map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
    RecoveredAuthorization::new_unchecked(authorization.inner().clone(), authority)
}
