//! `mokka init`: creates a data directory.

use std::path::PathBuf;

use mokka_crypto::keyfile;
use mokka_node::{Contents, DataDir, NodeSettings, Past};
use serde::Serialize;

use crate::{
    error::Failure,
    genesis,
    output::{self, Format},
    settings::SettingsArgs,
};

/// Creates a data directory for `mokka run`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The chain's genesis file: the same on every node.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// The validator's key file, which is copied; without it the node only watches.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The directory to create.
    #[arg(long, value_name = "DIR", env = "MOKKA_DATA_DIR")]
    data_dir: PathBuf,
    /// The key may have signed before, and what it signed is lost: it is marked, and only follows
    /// until members replace it (`mokka validators replace`).
    #[arg(long, requires = "key")]
    lost_state: bool,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    format: Format,
}

/// What was created.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    data_dir: PathBuf,
    chain_id: u64,
    validator: Option<String>,
    settings: NodeSettings,
}

impl InitArgs {
    /// Creates the directory.
    pub(crate) fn execute(&self) -> Result<(), Failure> {
        let text = genesis::read_text(&self.genesis)?;
        let genesis = genesis::parse(&self.genesis, &text)?;
        let (key_file, public_key) = match &self.key {
            Some(path) => {
                // The file is opened first, so that another kind of file is refused by name.
                let public_key = keyfile::public_key(path)?;
                let bytes = std::fs::read(path)
                    .map_err(|error| Failure::file("read the key file", path, &error))?;
                (Some(bytes), public_key)
            }
            None => (None, None),
        };
        let mut settings = NodeSettings::default();
        self.settings.apply(&mut settings);
        let past = match (self.lost_state, public_key) {
            (false, _) => Past::None,
            (true, Some(key)) => Past::Lost(key),
            (true, None) => {
                return Err(Failure::operator(
                    "the key file does not say its public key; write it again with `mokka keys \
                     import`, then mark it",
                ));
            }
        };
        let contents =
            Contents { genesis: &text, key_file: key_file.as_deref(), settings: &settings, past };
        let dir = DataDir::create(&self.data_dir, &contents)?;
        if let Some(key) = public_key.filter(|key| genesis.validator_set().index_of(key).is_none())
        {
            output::note(format_args!(
                "note: {key} is none of the validators of {}; members approve it with `mokka \
                 validators add`",
                self.genesis.display()
            ));
        }
        let created = Created {
            data_dir: dir.path().to_path_buf(),
            chain_id: genesis.chain_id(),
            validator: public_key.map(|key| key.to_string()),
            settings,
        };
        match self.format.json {
            true => output::json(&created),
            false => created.print(),
        }
    }
}

impl Created {
    fn print(&self) -> Result<(), Failure> {
        let dir = self.data_dir.display();
        output::line(format_args!("data directory  {dir}"))?;
        output::line(format_args!("chain id        {}", self.chain_id))?;
        let role = self.validator.as_deref().unwrap_or("none: this node only watches");
        output::line(format_args!("validator       {role}"))?;
        output::line(format_args!("peers connect   {}", self.settings.p2p_listen))?;
        output::line(format_args!("JSON-RPC        {}", self.settings.rpc_listen))?;
        output::line(format_args!("metrics         {}", self.settings.metrics_listen))?;
        output::line(format_args!("start it with   mokka run --data-dir {dir}"))
    }
}
