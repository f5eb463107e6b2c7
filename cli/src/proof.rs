//! `mokka tx prove` and `mokka tx verify`: what happened, shown to somebody who asks no node.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, U256};
use mokka_rpc::api::{
    MokkaApiClient,
    types::{BlockRef, TransactionProofView},
};
use mokka_runtime::{
    Stamp,
    proof::{Anchor, FinalityProof, ProvedBlock, ProvedTransaction, TransactionProof},
};
use serde::Serialize;

use crate::{
    endpoint::{UrlArgs, parse_hash},
    error::Failure,
    genesis,
    output::{self, Colours, Format},
    units,
};

/// Write down what proves that a transaction is in a final block, and what became of it.
/// `mokka tx verify` checks that anywhere, with nothing but the genesis file.
#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// The hash of the transaction.
    #[arg(value_name = "HASH", value_parser = parse_hash)]
    hash: B256,
    /// The file to write, or `-` for standard output. A file is never overwritten.
    #[arg(long, value_name = "FILE", default_value = "proof.json", help_heading = "Output")]
    out: PathBuf,
    #[command(flatten)]
    url: UrlArgs,
}

/// Check a file of `mokka tx prove` without asking anybody.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// The file with the proof.
    #[arg(value_name = "FILE", default_value = "proof.json")]
    file: PathBuf,
    /// The genesis file of the chain: all that is trusted.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// What the author of a genesis file is believed, and nobody else.
pub(crate) fn anchor(file: &Path) -> Result<Anchor, Failure> {
    let genesis = genesis::read(file)?;
    let beginning = genesis::begin(&genesis)?;
    Ok(Anchor {
        chain: beginning.chain_hash,
        genesis: beginning.id,
        validators: genesis.validator_set(),
    })
}

/// A block as the RPC names it.
pub(crate) fn block_ref(id: &mokka_types::BlockId) -> BlockRef {
    BlockRef { number: id.height.get(), hash: B256::new(*id.hash.as_bytes()) }
}

/// When a block was built, in milliseconds since 1970.
pub(crate) fn built_ms(block: &ProvedBlock) -> u64 {
    let header = block.header();
    Stamp::of(header).map_or(header.timestamp.saturating_mul(1000), |stamp| stamp.ms)
}

impl ProveArgs {
    /// Asks and writes.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        let endpoint = self.url.endpoint()?;
        let (url, hash) = (endpoint.url(), self.hash);
        let asked = endpoint.ask(MokkaApiClient::transaction_proof(endpoint.client(), hash));
        let proof = asked.await?.ok_or_else(|| {
            Failure::rpc(format!(
                "{url} has transaction {hash} in no block; see `mokka tx show {hash}`"
            ))
        })?;
        let shown = TxEnvelope::decode_2718_exact(&proof.transaction);
        if shown.ok().is_none_or(|shown| *shown.tx_hash() != hash) {
            return Err(Failure::network(format!(
                "{url} proves another transaction than {hash}; ask another node"
            )));
        }
        // Invariant: hex strings and numbers have JSON.
        let text = serde_json::to_string_pretty(&proof).expect("plain data");
        if self.out == Path::new("-") {
            return output::line(text);
        }
        genesis::write_new(&self.out, &format!("{text}\n"))?;
        output::line(format_args!(
            "{} proves {hash}; check it with `mokka tx verify --genesis FILE {}`",
            self.out.display(),
            self.out.display()
        ))
    }
}

impl VerifyArgs {
    /// Checks and prints.
    pub(crate) fn execute(&self) -> Result<(), Failure> {
        let anchor = anchor(&self.genesis)?;
        let text = fs::read(&self.file)
            .map_err(|error| Failure::file("read the proof", &self.file, &error))?;
        let refuse = |why: String| {
            Failure::network(format!("{} proves nothing: {why}", self.file.display()))
        };
        let proof = parse(&text).map_err(refuse)?;
        let proved = proof.verify(&anchor).map_err(|error| {
            refuse(format!(
                "{error}; {} describes the chain {}",
                self.genesis.display(),
                anchor.chain
            ))
        })?;
        let shown = Shown::of(&proved);
        match self.format.json {
            true => output::json(&shown),
            false => shown.print(),
        }
    }
}

/// The proof in the text of a file.
fn parse(text: &[u8]) -> Result<TransactionProof, String> {
    let view: TransactionProofView = serde_json::from_slice(text)
        .map_err(|error| format!("it is no file of `mokka tx prove`: {error}"))?;
    let finality = FinalityProof::decode(&view.finality).map_err(|error| error.to_string())?;
    Ok(TransactionProof {
        finality,
        index: view.index,
        transaction: view.transaction,
        transaction_nodes: view.transaction_proof,
        receipt: view.receipt,
        receipt_nodes: view.receipt_proof,
    })
}

/// What a proof shows, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    transaction_hash: B256,
    from: Address,
    to: Option<Address>,
    value: U256,
    nonce: u64,
    done: bool,
    logs: usize,
    block: BlockRef,
    index: u64,
    built_ms: u64,
    epoch: u64,
    certificates: usize,
}

impl Shown {
    fn of(proved: &ProvedTransaction) -> Self {
        let ProvedTransaction { block, index, transaction, sender, receipt, .. } = proved;
        Self {
            transaction_hash: *transaction.tx_hash(),
            from: *sender,
            to: transaction.to(),
            value: transaction.value(),
            nonce: transaction.nonce(),
            done: receipt.status(),
            logs: receipt.logs().len(),
            block: block_ref(&block.id()),
            index: *index,
            built_ms: built_ms(block),
            epoch: block.era().epoch().get(),
            certificates: block.eras().len(),
        }
    }

    fn print(&self) -> Result<(), Failure> {
        let colours = Colours::of_stdout();
        let row = |title: &str, text: String| {
            output::line(format_args!("{}  {text}", colours.dim(format_args!("{title:<12}"))))
        };
        row("transaction", self.transaction_hash.to_string())?;
        row("from", self.from.to_string())?;
        let to = self.to.map_or_else(|| "a new contract".to_owned(), |to| to.to_string());
        row("to", to)?;
        row("coins", units::coins(self.value))?;
        row("nonce", self.nonce.to_string())?;
        let status = match self.done {
            true => colours.green("done"),
            false => colours.red("reverted"),
        };
        row("status", status)?;
        row("logs", self.logs.to_string())?;
        let BlockRef { number, hash } = self.block;
        row("block", format!("{}  {hash}", units::number(number)))?;
        row("built", units::moment(self.built_ms))?;
        let certificates = units::counted(self.certificates as u64, "certificate");
        row("proved by", format!("{certificates}, up to epoch {}", self.epoch))
    }
}
