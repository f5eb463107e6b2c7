//! `mokka tx`: send coins, see what became of a transaction, and prove it.

use std::time::{Duration, Instant};

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, U256};
use alloy_rpc_types_eth::{Transaction, TransactionReceipt, TransactionRequest};
use mokka_rpc::api::EthApiClient;
use serde::Serialize;

use crate::{
    block::receiver,
    endpoint::{Endpoint, UrlArgs, parse_hash},
    error::Failure,
    genesis::parse_address,
    output::{self, Colours, Format},
    proof::{ProveArgs, VerifyArgs},
    sender::{SenderArgs, receipt},
    transfer::{Terms, Transfer},
    units,
};

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
    sender: SenderArgs,
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
        let sender = self.sender.open()?;
        let endpoint = self.url.endpoint()?;
        let terms = Terms::of(&endpoint).await?;
        let client = endpoint.client();
        let nonce = match self.nonce {
            Some(nonce) => nonce,
            None => sender.nonce(&endpoint).await?,
        };
        let call = TransactionRequest::default().from(sender.account).to(self.to).value(self.value);
        let gas = endpoint.ask(EthApiClient::estimate_gas(client, call, None, None, None)).await?;
        let (to, value, gas_limit) = (self.to, self.value, gas.to());
        let signed = terms.sign(&sender.key, &Transfer { nonce, to, value, gas_limit });
        let sent = Instant::now();
        endpoint.ask(EthApiClient::send_raw_transaction(client, signed.raw)).await?;
        let hash = signed.hash;
        if self.no_wait {
            return match self.format.json {
                true => output::json(&serde_json::json!({ "transactionHash": hash })),
                false => output::line(hash),
            };
        }
        let receipt = receipt(&endpoint, hash, self.wait).await?;
        let took = sent.elapsed();
        let shown = Shown::of(&endpoint, hash, Some(receipt)).await?;
        if self.format.json {
            return shown.print(self.format);
        }
        shown.print(self.format)?;
        output::line(format_args!("final after   {}", units::millis(took)))
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
