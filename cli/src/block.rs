//! `mokka block`: one block, and what makes it final.

use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Block, Transaction};
use mokka_rpc::api::{EthApiClient, MokkaApiClient, types::CertificateView};
use serde::Serialize;

use crate::{
    endpoint::{UrlArgs, name, stamp},
    error::Failure,
    output::{self, Colours, Format, Table},
    units,
};

/// Transactions that are listed; programs get all of them with --json.
const LISTED: usize = 20;

/// Shows a block with its certificate.
#[derive(Debug, clap::Args)]
pub(crate) struct BlockArgs {
    /// The number or hash of the block.
    #[arg(value_name = "NUMBER|HASH|latest", default_value = "latest", value_parser = parse)]
    block: Which,
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    format: Format,
}

/// A block on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Latest,
    Number(u64),
    Hash(B256),
}

fn parse(text: &str) -> Result<Which, String> {
    let hash = || text.parse().ok().filter(|_| text.len() == 66).map(Which::Hash);
    let number = || match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match text {
        "latest" => Ok(Which::Latest),
        _ => hash().or_else(|| number().map(Which::Number)).ok_or_else(|| {
            format!("`{text}` is no block; write a number, a hash of 64 hex digits, or `latest`")
        }),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown {
    block: Block,
    certificate: Option<CertificateView>,
}

impl BlockArgs {
    /// Asks and prints.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        let endpoint = self.url.endpoint()?;
        let client = endpoint.client();
        let found = match self.block {
            Which::Hash(hash) => {
                endpoint.ask(EthApiClient::block_by_hash(client, hash, Some(true))).await?
            }
            Which::Latest | Which::Number(_) => {
                let number = match self.block {
                    Which::Number(number) => BlockNumberOrTag::Number(number),
                    Which::Latest | Which::Hash(_) => BlockNumberOrTag::Latest,
                };
                endpoint.ask(EthApiClient::block_by_number(client, number, Some(true))).await?
            }
        };
        let block = found.ok_or_else(|| {
            Failure::rpc(format!("{} has no such block; see `mokka status`", endpoint.url()))
        })?;
        let id = BlockId::number(block.header.number);
        let certificate = endpoint.ask(MokkaApiClient::certificate(client, id, None)).await?;
        let shown = Shown { block, certificate };
        match self.format.json {
            true => output::json(&shown),
            false => shown.print(),
        }
    }
}

impl Shown {
    fn print(&self) -> Result<(), Failure> {
        let colours = Colours::of_stdout();
        let row = |title: &str, text: String| {
            output::line(format_args!("{}  {text}", colours.dim(format_args!("{title:<12}"))))
        };
        let header = &self.block.header;
        row("block", colours.bold(units::number(header.number)))?;
        row("hash", header.hash.to_string())?;
        row("parent", header.parent_hash.to_string())?;
        let (term, ms) = match stamp(&self.block) {
            Some((term, ms)) => (Some(term), ms),
            None => (None, header.timestamp.saturating_mul(1000)),
        };
        row("time", units::moment(ms))?;
        if let Some(term) = term {
            row("built", format!("in term {term} by {}", header.beneficiary))?;
        }
        row("state root", header.state_root.to_string())?;
        row(
            "gas",
            format!("{} of {}", units::number(header.gas_used), units::number(header.gas_limit)),
        )?;
        row("final by", self.signers())?;
        row("transactions", units::number(self.block.transactions.len() as u64))?;
        self.transactions()
    }

    fn signers(&self) -> String {
        match &self.certificate {
            Some(certificate) => {
                let signers = certificate.signatures.iter();
                let names: Vec<_> = signers.map(|one| name(&one.validator)).collect();
                format!("{} in term {}", names.join(", "), certificate.term)
            }
            None => "genesis".to_owned(),
        }
    }

    fn transactions(&self) -> Result<(), Failure> {
        let Some(transactions) = self.block.transactions.as_transactions() else { return Ok(()) };
        if transactions.is_empty() {
            return Ok(());
        }
        output::line("")?;
        let mut table = Table::new(["hash", "from", "to", "coins", "nonce"]);
        for transaction in &transactions[..transactions.len().min(LISTED)] {
            table.row([
                transaction.inner.tx_hash().to_string(),
                transaction.inner.signer().to_string(),
                receiver(transaction),
                units::coins(transaction.value()),
                transaction.nonce().to_string(),
            ]);
        }
        table.print()?;
        match transactions.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => output::line(format_args!("… and {more} more, which --json prints")),
        }
    }
}

/// Who gets a transaction.
pub(crate) fn receiver(transaction: &Transaction) -> String {
    let to = transaction.to();
    to.map_or_else(|| "a new contract".to_owned(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_number_a_hash_or_the_newest() {
        assert_eq!(parse("latest").unwrap(), Which::Latest);
        assert_eq!(parse("12").unwrap(), Which::Number(12));
        assert_eq!(parse("0x0c").unwrap(), Which::Number(12));
        let hash = B256::repeat_byte(1);
        assert_eq!(parse(&hash.to_string()).unwrap(), Which::Hash(hash));
        for wrong in ["", "0x", "-1", "newest", "0x123456789012345678901234567890"] {
            assert!(parse(wrong).unwrap_err().contains("`latest`"), "{wrong}");
        }
    }
}
