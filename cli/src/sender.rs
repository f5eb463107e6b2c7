//! Whoever signs a transaction on the command line, and sending it until it is final.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use mokka_crypto::{SecretKey, keyfile};
use mokka_node::address_of;
use mokka_rpc::api::EthApiClient;

use crate::{
    endpoint::Endpoint,
    error::Failure,
    password::PasswordArgs,
    transfer::{Signed, Terms, Transfer},
};

/// How often a receipt is asked for.
const PERIOD: Duration = Duration::from_millis(50);

/// Who sends.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Sender")]
pub(crate) struct SenderArgs {
    /// The key file of the sender.
    #[arg(long, value_name = "FILE", required_unless_present = "plain")]
    key: Option<PathBuf>,
    /// The private key of the sender, for networks where keys are worth nothing: every user of this
    /// machine can read arguments, so prefer the variable.
    #[arg(
        id = "plain",
        long = "private-key",
        value_name = "HEX",
        env = "MOKKA_PRIVATE_KEY",
        hide_env_values = true,
        conflicts_with = "key"
    )]
    private_key: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
}

/// A key and its account.
pub(crate) struct Sender {
    pub(crate) key: SecretKey,
    pub(crate) account: Address,
}

impl SenderArgs {
    /// Opens the key.
    pub(crate) fn open(&self) -> Result<Sender, Failure> {
        let key = match (&self.key, &self.private_key) {
            (Some(file), _) => keyfile::read(file, &self.password.existing(file)?)?,
            (None, Some(plain)) => keyfile::parse_hex(plain)
                .map_err(|error| Failure::operator(format!("--private-key: {error}")))?,
            (None, None) => {
                return Err(Failure::operator("say who sends: pass --key or --private-key"));
            }
        };
        let account = address_of(&key.public_key())
            .ok_or_else(|| Failure::operator("this key has no address; take another"))?;
        Ok(Sender { key, account })
    }
}

impl Sender {
    /// The next nonce, counting what waits in the node's pool.
    pub(crate) async fn nonce(&self, endpoint: &Endpoint) -> Result<u64, Failure> {
        let pending = Some(BlockId::pending());
        let asked = EthApiClient::nonce(endpoint.client(), self.account, pending);
        Ok(endpoint.ask(asked).await?.to())
    }

    /// Calls a contract, and waits until that is final.
    pub(crate) async fn call(
        &self,
        endpoint: &Endpoint,
        to: Address,
        input: Bytes,
        wait: Duration,
    ) -> Result<TransactionReceipt, Failure> {
        let terms = Terms::of(endpoint).await?;
        let call =
            TransactionRequest::default().from(self.account).to(to).input(input.clone().into());
        let asked = EthApiClient::estimate_gas(endpoint.client(), call, None, None, None);
        let gas_limit = endpoint.ask(asked).await?.to();
        let nonce = self.nonce(endpoint).await?;
        let transfer = Transfer { nonce, to, value: U256::ZERO, gas_limit };
        let Signed { hash, raw } = terms.sign_call(&self.key, &transfer, input);
        endpoint.ask(EthApiClient::send_raw_transaction(endpoint.client(), raw)).await?;
        receipt(endpoint, hash, wait).await
    }
}

/// Waits until a transaction that was sent is final.
pub(crate) async fn receipt(
    endpoint: &Endpoint,
    hash: B256,
    wait: Duration,
) -> Result<TransactionReceipt, Failure> {
    let began = Instant::now();
    loop {
        let asked = endpoint.ask(EthApiClient::receipt(endpoint.client(), hash)).await;
        match asked {
            Ok(Some(receipt)) => return Ok(receipt),
            Err(failure) if began.elapsed() > wait => return Err(failure),
            Ok(None) if began.elapsed() > wait => {
                return Err(Failure::rpc(format!(
                    "{hash} was taken but is not final after {}; it may still become so: see \
                     `mokka tx show {hash}` and `mokka status`",
                    humantime::format_duration(wait)
                )));
            }
            Ok(None) | Err(_) => tokio::time::sleep(PERIOD).await,
        }
    }
}
