//! `mokka tx`: send coins, see what became of a transaction, and prove it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use alloy_consensus::Transaction as _;
use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, U256};
use alloy_rpc_types_eth::{Transaction, TransactionReceipt, TransactionRequest};
use mokka_crypto::{SecretKey, keyfile};
use mokka_node::address_of;
use mokka_rpc::api::EthApiClient;
use serde::Serialize;

use crate::{
    block::receiver,
    endpoint::{Endpoint, UrlArgs, parse_hash},
    error::Failure,
    genesis::parse_address,
    output::{self, Colours, Format},
    password::PasswordArgs,
    proof::{ProveArgs, VerifyArgs},
    transfer::{Terms, Transfer},
    units,
};

/// How often a receipt is asked for.
const PERIOD: Duration = Duration::from_millis(50);

/// Transactions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Tx {
    /// Send coins, and wait until the transfer is final.
    Send(SendArgs),
    /// Show a transaction and what became of it.
    Show(ShowArgs),
    Prove(ProveArgs),
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SendArgs {
    /// Who gets the coins.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    to: Address,
    /// How many coins, such as 1 or 0.5.
    #[arg(long, value_name = "COINS", value_parser = units::parse_coins)]
    value: U256,
    /// The key file of the sender.
    #[arg(long, value_name = "FILE", help_heading = "Sender", required_unless_present = "plain")]
    key: Option<PathBuf>,
    /// The private key of the sender, for networks where keys are worth nothing: every user of this
    /// machine can read arguments, so prefer the variable.
    #[arg(
        id = "plain",
        long = "private-key",
        value_name = "HEX",
        env = "MOKKA_PRIVATE_KEY",
        hide_env_values = true,
        conflicts_with = "key",
        help_heading = "Sender"
    )]
    private_key: Option<String>,
    /// The nonce [default: the next one, counting what waits in the node's pool].
    #[arg(long, value_name = "NUMBER", help_heading = "Sender")]
    nonce: Option<u64>,
    /// Return when the node has taken the transaction, before it is final.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait until it is final.
    #[arg(long, value_name = "TIME", default_value = "60s",
          value_parser = humantime::parse_duration)]
    wait: Duration,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The hash of the transaction.
    #[arg(value_name = "HASH", value_parser = parse_hash)]
    hash: B256,
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    format: Format,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown {
    transaction: Option<Transaction>,
    receipt: Option<TransactionReceipt>,
}

impl Tx {
    /// Does what was asked.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        match self {
            Self::Send(args) => args.execute().await,
            Self::Show(args) => args.execute().await,
            Self::Prove(args) => args.execute().await,
            Self::Verify(args) => args.execute(),
        }
    }
}

impl SendArgs {
    async fn execute(&self) -> Result<(), Failure> {
        let key = self.sender()?;
        let from = address_of(&key.public_key())
            .ok_or_else(|| Failure::operator("this key has no address; take another"))?;
        let endpoint = self.url.endpoint()?;
        let terms = Terms::of(&endpoint).await?;
        let client = endpoint.client();
        let nonce = match self.nonce {
            Some(nonce) => nonce,
            None => {
                let pending = Some(BlockId::pending());
                endpoint.ask(EthApiClient::nonce(client, from, pending)).await?.to()
            }
        };
        let call = TransactionRequest::default().from(from).to(self.to).value(self.value);
        let gas = endpoint.ask(EthApiClient::estimate_gas(client, call, None, None, None)).await?;
        let (to, value, gas_limit) = (self.to, self.value, gas.to());
        let signed = terms.sign(&key, &Transfer { nonce, to, value, gas_limit });
        let sent = Instant::now();
        endpoint.ask(EthApiClient::send_raw_transaction(client, signed.raw)).await?;
        let hash = signed.hash;
        if self.no_wait {
            return match self.format.json {
                true => output::json(&serde_json::json!({ "transactionHash": hash })),
                false => output::line(hash),
            };
        }
        let receipt = self.receipt(&endpoint, hash).await?;
        let took = sent.elapsed();
        let shown = Shown::of(&endpoint, hash, Some(receipt)).await?;
        if self.format.json {
            return shown.print(self.format);
        }
        shown.print(self.format)?;
        output::line(format_args!("final after   {}", units::millis(took)))
    }

    fn sender(&self) -> Result<SecretKey, Failure> {
        match (&self.key, &self.private_key) {
            (Some(file), _) => Ok(keyfile::read(file, &self.password.existing(file)?)?),
            (None, Some(plain)) => keyfile::parse_hex(plain)
                .map_err(|error| Failure::operator(format!("--private-key: {error}"))),
            (None, None) => Err(Failure::operator("say who sends: pass --key or --private-key")),
        }
    }

    async fn receipt(
        &self,
        endpoint: &Endpoint,
        hash: B256,
    ) -> Result<TransactionReceipt, Failure> {
        let began = Instant::now();
        loop {
            let asked = endpoint.ask(EthApiClient::receipt(endpoint.client(), hash)).await;
            match asked {
                Ok(Some(receipt)) => return Ok(receipt),
                Err(failure) if began.elapsed() > self.wait => return Err(failure),
                Ok(None) if began.elapsed() > self.wait => {
                    return Err(Failure::rpc(format!(
                        "{hash} was taken but is not final after {}; it may still become so: see \
                         `mokka tx show {hash}` and `mokka status`",
                        humantime::format_duration(self.wait)
                    )));
                }
                Ok(None) | Err(_) => tokio::time::sleep(PERIOD).await,
            }
        }
    }
}

impl ShowArgs {
    async fn execute(&self) -> Result<(), Failure> {
        let endpoint = self.url.endpoint()?;
        let asked = endpoint.ask(EthApiClient::receipt(endpoint.client(), self.hash));
        let receipt = asked.await?;
        Shown::of(&endpoint, self.hash, receipt).await?.print(self.format)
    }
}

impl Shown {
    async fn of(
        endpoint: &Endpoint,
        hash: B256,
        receipt: Option<TransactionReceipt>,
    ) -> Result<Self, Failure> {
        let asked = endpoint.ask(EthApiClient::transaction_by_hash(endpoint.client(), hash));
        let transaction = asked.await?;
        if transaction.is_none() && receipt.is_none() {
            return Err(Failure::rpc(format!(
                "{} knows no transaction {hash}; check the hash, or ask another node",
                endpoint.url()
            )));
        }
        Ok(Self { transaction, receipt })
    }

    fn print(&self, format: Format) -> Result<(), Failure> {
        if format.json {
            return output::json(self);
        }
        let colours = Colours::of_stdout();
        let row = |title: &str, text: String| {
            output::line(format_args!("{}  {text}", colours.dim(format_args!("{title:<12}"))))
        };
        if let Some(transaction) = &self.transaction {
            row("transaction", transaction.inner.tx_hash().to_string())?;
            row("from", transaction.inner.signer().to_string())?;
            row("to", receiver(transaction))?;
            row("coins", units::coins(transaction.value()))?;
            row("nonce", transaction.nonce().to_string())?;
        }
        let Some(receipt) = &self.receipt else {
            return row("status", colours.yellow("waits in the pool of this node"));
        };
        let status = match receipt.inner.status() {
            true => colours.green("done"),
            false => colours.red("reverted"),
        };
        row("status", status)?;
        if let Some(number) = receipt.block_number {
            row("block", units::number(number))?;
        }
        if let Some(contract) = receipt.contract_address {
            row("contract", contract.to_string())?;
        }
        let (gas, price) = (receipt.gas_used, receipt.effective_gas_price);
        row("gas", format!("{} at {price} wei", units::number(gas)))?;
        row("logs", receipt.inner.logs().len().to_string())
    }
}
