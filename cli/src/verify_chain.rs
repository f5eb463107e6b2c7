//! `mokka verify-chain`: a node's chain is checked with the genesis file, and nobody is believed.

use std::{
    path::PathBuf,
    pin::pin,
    time::{Duration, Instant},
};

use alloy_consensus::Header;
use alloy_eips::BlockId;
use alloy_primitives::B256;
use futures::{
    future::try_join,
    stream::{self, StreamExt},
};
use mokka_rpc::api::{
    MokkaApiClient,
    params::CertificateOptions,
    types::{BlockRef, CertificateView},
};
use mokka_runtime::proof::{Anchor, Era, FinalityProof, ProvedBlock};
use mokka_types::{Certificate, CrashModel, codec};
use serde::Serialize;

use crate::{
    endpoint::{DEFAULT_URL, Endpoint},
    error::Failure,
    output::{self, Colours, Format, Table},
    proof::{anchor, block_ref, built_ms},
    units,
};

/// Blocks that are asked for at the same time, two requests each: as many connections as a node
/// gives to several such checks at once.
const BLOCKS_IN_FLIGHT: usize = 32;

/// Proves the newest block of a node from the genesis file, by certificates alone.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyChainArgs {
    /// The genesis file of the chain: all that is trusted.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// The RPC address of the node whose chain is checked.
    #[arg(
        long,
        alias = "rpc-url",
        value_name = "URL",
        default_value = DEFAULT_URL,
        env = "MOKKA_RPC_URL",
        help_heading = "Node"
    )]
    endpoint: String,
    /// Check every block between as well: that it stands on the one below, and that the validators
    /// of its epoch made it final.
    #[arg(long)]
    every_block: bool,
    #[command(flatten)]
    format: Format,
}

impl VerifyChainArgs {
    /// Asks, checks and prints.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        let anchor = anchor(&self.genesis)?;
        let endpoint = Endpoint::new(&self.endpoint)?;
        let began = Instant::now();
        let claimed = self.claim(&endpoint, &anchor).await?;
        let proved = head(&endpoint, &anchor, claimed).await?;
        let mut certificates = proved.as_ref().map_or(0, |block| block.eras().len() as u64);
        if let Some(block) = proved.as_ref().filter(|_| self.every_block) {
            certificates += walk(&endpoint, block).await?;
        }
        let report = Report::of(&anchor, proved.as_ref(), certificates, began.elapsed());
        match self.format.json {
            true => output::json(&report),
            false => report.print(),
        }
    }

    /// The head that the node claims to have, if it claims to be of this chain at all.
    async fn claim(&self, endpoint: &Endpoint, anchor: &Anchor) -> Result<BlockRef, Failure> {
        let status = endpoint.status().await?;
        let expected = B256::new(*anchor.chain.as_bytes());
        match status.chain_hash == expected {
            true => Ok(status.head),
            false => Err(Failure::network(format!(
                "{} is of the chain {}, and {} describes the chain {expected}; ask a node of that \
                 chain, or take the genesis file of this one",
                endpoint.url(),
                status.chain_hash,
                self.genesis.display()
            ))),
        }
    }
}

fn wrong(endpoint: &Endpoint, why: impl std::fmt::Display) -> Failure {
    Failure::network(format!("{} does not prove its chain: {why}", endpoint.url()))
}

/// The newest block, proved; `None` where there is nothing above block 0.
async fn head(
    endpoint: &Endpoint,
    anchor: &Anchor,
    claimed: BlockRef,
) -> Result<Option<ProvedBlock>, Failure> {
    let newest = BlockId::latest();
    let options = Some(CertificateOptions { proof: true });
    let client = endpoint.client();
    let asked = endpoint.ask(MokkaApiClient::certificate(client, newest, options)).await?;
    let Some(CertificateView { proof, .. }) = asked else {
        return match claimed == block_ref(&anchor.genesis) {
            true => Ok(None),
            false => Err(wrong(
                endpoint,
                format_args!("it claims block {} and shows no certificate", claimed.number),
            )),
        };
    };
    let proof = proof.ok_or_else(|| wrong(endpoint, "its certificate comes without a proof"))?;
    let proof = FinalityProof::decode(&proof).map_err(|error| wrong(endpoint, error))?;
    let block = proof.verify(anchor).map_err(|error| wrong(endpoint, error))?;
    let proved = block_ref(&block.id());
    if proved.number < claimed.number {
        let (claimed, proved) = (claimed.number, proved.number);
        let why = format_args!("it claims block {claimed} and proves only block {proved}");
        return Err(wrong(endpoint, why));
    }
    Ok(Some(block))
}

/// Goes to a proved block over every block below it; how many certificates that took.
async fn walk(endpoint: &Endpoint, block: &ProvedBlock) -> Result<u64, Failure> {
    let head = block.id().height.get();
    let asking = stream::iter(1..=head).map(|number| final_block(endpoint, number));
    let mut answers = pin!(asking.buffered(BLOCKS_IN_FLIGHT));
    let mut walk = block.walk();
    while let Some(answer) = answers.next().await {
        let (header, certificate) = answer?;
        walk.step(&header, &certificate).map_err(|error| wrong(endpoint, error))?;
    }
    Ok(head)
}

/// A header and what made it final, unchecked.
async fn final_block(endpoint: &Endpoint, number: u64) -> Result<(Header, Certificate), Failure> {
    let id = BlockId::number(number);
    let certificate = endpoint.ask(MokkaApiClient::certificate(endpoint.client(), id, None));
    let (block, certificate) = try_join(endpoint.block(number), certificate).await?;
    let missing = |what| wrong(endpoint, format_args!("it shows no {what} of block {number}"));
    let header = block.ok_or_else(|| missing("header"))?.header.inner;
    let certificate = certificate.ok_or_else(|| missing("certificate"))?;
    let certificate = codec::decode(&certificate.encoded).map_err(|error| {
        wrong(endpoint, format_args!("the certificate of block {number}: {error}"))
    })?;
    Ok((header, certificate))
}

/// What was proved, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    chain_hash: B256,
    epochs: Vec<Epoch>,
    head: BlockRef,
    built_ms: Option<u64>,
    certificates: u64,
    seconds: f64,
}

/// A validator set and the first block that it decided.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Epoch {
    epoch: u64,
    from: u64,
    crash_model: CrashModel,
    quorum: usize,
    validators: Vec<String>,
}

impl Epoch {
    fn of(era: &Era) -> Self {
        let set = era.committee.set();
        Self {
            epoch: era.epoch().get(),
            from: era.after.height.get().saturating_add(1),
            crash_model: set.model(),
            quorum: set.quorum().votes(),
            validators: set.keys().iter().map(ToString::to_string).collect(),
        }
    }
}

impl Report {
    fn of(
        anchor: &Anchor,
        proved: Option<&ProvedBlock>,
        certificates: u64,
        took: Duration,
    ) -> Self {
        Self {
            chain_hash: B256::new(*anchor.chain.as_bytes()),
            epochs: proved
                .map(ProvedBlock::eras)
                .unwrap_or_default()
                .iter()
                .map(Epoch::of)
                .collect(),
            head: block_ref(&proved.map_or(anchor.genesis, ProvedBlock::id)),
            built_ms: proved.map(built_ms),
            certificates,
            seconds: took.as_secs_f64(),
        }
    }

    fn print(&self) -> Result<(), Failure> {
        let colours = Colours::of_stdout();
        let mut table = Table::new(["epoch", "from block", "validators", "quorum", "model"]);
        for epoch in &self.epochs {
            table.row([
                epoch.epoch.to_string(),
                units::number(epoch.from),
                epoch.validators.len().to_string(),
                epoch.quorum.to_string(),
                epoch.crash_model.to_string(),
            ]);
        }
        if !self.epochs.is_empty() {
            table.print()?;
            output::line("")?;
        }
        let row = |title: &str, text: String| {
            output::line(format_args!("{}  {text}", colours.dim(format_args!("{title:<10}"))))
        };
        row("chain hash", self.chain_hash.to_string())?;
        let BlockRef { number, hash } = self.head;
        let head = format!("block {}  {hash}", units::number(number));
        row("proved", colours.green(head))?;
        if let Some(ms) = self.built_ms {
            row("built", units::moment(ms))?;
        }
        let certificates = units::counted(self.certificates, "certificate");
        let took = units::millis(Duration::from_secs_f64(self.seconds));
        row("checked", format!("{certificates} in {took}"))
    }
}
