//! `mokka dev`: a chain of one validator for developing contracts and dapps.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use alloy_primitives::{U256, keccak256};
use mokka_crypto::SecretKey;
use mokka_genesis::{Draft, Genesis, Validator};
use mokka_node::{Contents, DataDir, Networking, Node, NodeOptions, NodeSettings, Past, Place};
use mokka_types::CrashModel;

use crate::{
    accounts::{self, Account, TEST_MNEMONIC, title},
    endpoint::Endpoint,
    error::Failure,
    logging::{LogArgs, Quiet},
    output,
    run::Signals,
    screen::{PERIOD, Screen},
    units,
};

/// The chain id of `mokka dev` and `mokka devnet`, where nothing else is said.
pub(crate) const CHAIN_ID: u64 = 1337;

/// Runs a chain of one validator with prefunded accounts: a block as soon as a transaction comes.
///
/// Without --data-dir the chain ends with the process. With it, a second start goes on where the
/// first one stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct DevArgs {
    /// The port of JSON-RPC, over HTTP and WebSocket; 0 takes a free one.
    #[arg(long, default_value_t = 8545, env = "MOKKA_DEV_PORT", help_heading = "RPC")]
    port: u16,
    /// The address of JSON-RPC; everybody who reaches it can use it.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST),
          help_heading = "RPC")]
    host: IpAddr,
    /// The port of /metrics, /health and /ready; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, help_heading = "RPC")]
    metrics_port: u16,
    /// Keep the chain in this directory; it is created if it is not there.
    #[arg(long, value_name = "DIR", help_heading = "Chain")]
    data_dir: Option<PathBuf>,
    /// The chain id of transactions.
    #[arg(long, value_name = "NUMBER", default_value_t = CHAIN_ID, help_heading = "Chain")]
    chain_id: u64,
    #[command(flatten)]
    funds: FundArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// The accounts that a network for development begins with.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Accounts")]
pub(crate) struct FundArgs {
    /// How many accounts of the mnemonic have coins.
    #[arg(long, value_name = "COUNT", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    accounts: u32,
    /// Coins of each of them.
    #[arg(long, value_name = "COINS", default_value = "10000", value_parser = units::parse_coins)]
    balance: U256,
    /// The mnemonic from which the accounts are derived.
    #[arg(long, value_name = "WORDS", default_value = TEST_MNEMONIC, hide_default_value = true)]
    mnemonic: String,
}

impl FundArgs {
    /// The accounts.
    pub(crate) fn derive(&self) -> Result<Vec<Account>, Failure> {
        accounts::derive(&self.mnemonic, self.accounts)
    }

    /// Puts their coins, and the contracts that tools expect, into block 0.
    pub(crate) fn fund(&self, draft: Draft, accounts: &[Account]) -> Draft {
        let funded =
            accounts.iter().fold(draft, |draft, account| draft.fund(account.address, self.balance));
        funded.predeployed()
    }

    /// Prints them with their keys.
    pub(crate) fn print(&self, accounts: &[Account]) -> Result<(), Failure> {
        accounts::print(accounts, &self.mnemonic, self.balance)
    }
}

/// What networks for development answer to: any web page of this machine may be a dapp.
pub(crate) fn open_settings() -> NodeSettings {
    NodeSettings { rpc_origins: vec!["*".to_owned()], ..NodeSettings::default() }
}

impl DevArgs {
    /// Runs until told to stop.
    pub(crate) async fn execute(&self) -> Result<(), Failure> {
        self.log.start(Quiet::Yes)?;
        let accounts = self.funds.derive()?;
        let key = validator_key()?;
        let validator = Validator::new(key.public_key()).named("dev");
        let draft = Draft::new(self.chain_id, CrashModel::Bft).validator(validator);
        let genesis = self.funds.fund(draft, &accounts).check()?;
        let settings = NodeSettings {
            p2p_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            rpc_listen: SocketAddr::from((self.host, self.port)),
            metrics_listen: SocketAddr::from((self.host, self.metrics_port)),
            ..open_settings()
        };
        let place = match &self.data_dir {
            Some(path) => Place::Disk(open_or_create(path, &genesis, &settings)?),
            None => Place::Memory,
        };
        let mut signals = Signals::new()?;
        let networking = Networking::Off;
        let node =
            Node::start(NodeOptions { genesis, place, key: Some(key), settings, networking })
                .await?;
        let endpoint = Endpoint::new(&format!("http://{}", node.addresses().rpc))?;
        // Whoever reads where we listen may be faster than our first look.
        let before = endpoint.status().await?.head.number;
        self.greet(&node, &accounts)?;
        let stop = node.stop_handle();
        let mut ended = Box::pin(node.ended());
        let mut screen = Screen::new(vec![endpoint]).after(before);
        let shown = loop {
            tokio::select! {
                result = &mut ended => return Ok(result?),
                () = signals.next() => break Ok(()),
                () = tokio::time::sleep(PERIOD) => {}
            }
            if let Err(gone) = screen.refresh().await {
                break Err(gone);
            }
        };
        stop.cancel();
        tokio::spawn(signals.end_at_once());
        ended.await?;
        shown
    }

    fn greet(&self, node: &Node, accounts: &[Account]) -> Result<(), Failure> {
        self.funds.print(accounts)?;
        title("Chain")?;
        output::line(format_args!("Chain ID:          {}", self.chain_id))?;
        output::line("Validators:        1, of this process")?;
        let kept = match &self.data_dir {
            Some(dir) => format!("kept in {}", dir.display()),
            None => "in memory: the chain ends with this process".to_owned(),
        };
        output::line(format_args!("Chain is:          {kept}"))?;
        let metrics = node.addresses().metrics;
        output::line(format_args!("Metrics:           http://{metrics}/metrics"))?;
        let rpc = node.addresses().rpc;
        output::line(format_args!("\nListening on {rpc} (http://{rpc} and ws://{rpc})\n"))
    }
}

/// The key of the only validator: known to everybody, like the accounts.
fn validator_key() -> Result<SecretKey, Failure> {
    let bytes = keccak256(b"the validator of mokka dev");
    SecretKey::from_bytes(bytes.0).map_err(|error| Failure::operator(error.to_string()))
}

fn open_or_create(
    path: &Path,
    genesis: &Genesis,
    settings: &NodeSettings,
) -> Result<DataDir, Failure> {
    if !path.join("genesis.json").exists() {
        let text = genesis.to_json();
        let contents = Contents { genesis: &text, key_file: None, settings, past: Past::None };
        return Ok(DataDir::create(path, &contents)?);
    }
    let dir = DataDir::open(path)?;
    let hash = |genesis: &Genesis| {
        genesis.begin().map(|beginning| beginning.chain_hash).map_err(|error| {
            Failure::operator(format!("block 0 cannot be made: {error}; check the flags"))
        })
    };
    match hash(&dir.genesis()?)? == hash(genesis)? {
        true => Ok(dir),
        false => Err(Failure::operator(format!(
            "{} holds another chain than these flags describe; pass the chain id, accounts and \
             mnemonic it was created with, or choose another --data-dir",
            path.display()
        ))),
    }
}
