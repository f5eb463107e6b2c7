//! `mokka genesis`: the file that says who votes and who owns what in block 0.

mod members;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use alloy_primitives::{Address, U256};
use mokka_genesis::{Beginning, Draft, Genesis as File, NodeAddress, Validator};
use mokka_types::{CrashModel, PublicKey};
use serde::Serialize;

use self::members::{MembersArgs, Sections};
use crate::{
    error::Failure,
    output::{self, Colours, Format, Table},
    units,
};

/// Genesis files.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Genesis {
    /// Write a genesis file. The same command gives the same file on every machine.
    New(Box<NewArgs>),
    /// Find every mistake of a genesis file, and show what the chain would be.
    Check(CheckArgs),
    /// Print the chain hash: nodes work together if it is the same on all of them.
    Hash(CheckArgs),
}

/// Which failures a chain survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Model {
    /// Fewer than a third of the validators may do anything at all.
    Bft,
    /// Validators may stop, but never lie.
    Cft,
}

impl From<Model> for CrashModel {
    fn from(model: Model) -> Self {
        match model {
            Model::Bft => Self::Bft,
            Model::Cft => Self::Cft,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// The number that transactions name (EIP-155); take one that chainlist.org does not know.
    #[arg(long, value_name = "NUMBER", help_heading = "Chain")]
    chain_id: u64,
    /// Which failures the chain survives.
    #[arg(long, value_enum, default_value_t = Model::Bft, help_heading = "Chain")]
    crash_model: Model,
    /// A validator: its public key as `mokka keys show` prints it, a name, and where its node
    /// listens, as 02ab…=alice@/dns/a.example/tcp/30303. Repeat it for every validator.
    #[arg(
        long = "validator",
        value_name = "PUBKEY[=NAME][@MULTIADDR]",
        required = true,
        help_heading = "Chain"
    )]
    validators: Vec<Introduced>,
    /// Coins of an account in block 0, as 0xf39F…=10000. Repeatable.
    #[arg(long = "alloc", value_name = "ADDRESS=COINS", help_heading = "Accounts")]
    alloc: Vec<Funded>,
    /// Leave out the CREATE2 deployer and Multicall3, which tools expect on every chain.
    #[arg(long, help_heading = "Accounts")]
    without_predeploys: bool,
    /// Gas of every block [default: 100,000,000].
    #[arg(long, value_name = "GAS", help_heading = "Blocks")]
    gas_limit: Option<u64>,
    /// Fee per gas that every transaction pays beside its tip [default: 0].
    #[arg(long, value_name = "WEI", help_heading = "Blocks")]
    base_fee: Option<u64>,
    /// The least time between two blocks, such as 500ms [default: 0s, blocks on demand].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration,
          help_heading = "Blocks")]
    block_interval: Option<Duration>,
    /// How long the chain may go without a block [default: for ever, no empty blocks].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration,
          help_heading = "Blocks")]
    empty_block_interval: Option<Duration>,
    /// When the chain begins, in seconds since 1970 [default: 0].
    #[arg(long, value_name = "SECONDS", help_heading = "Blocks")]
    timestamp: Option<u64>,
    #[command(flatten)]
    members: MembersArgs,
    /// The file to write, or `-` for standard output. A file is never overwritten.
    #[arg(long, value_name = "FILE", default_value = "genesis.json", help_heading = "Output")]
    out: PathBuf,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The genesis file.
    #[arg(value_name = "FILE", default_value = "genesis.json")]
    file: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// A validator on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Introduced(Validator);

impl FromStr for Introduced {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (who, address) = match text.split_once('@') {
            Some((who, address)) => (who, Some(address)),
            None => (text, None),
        };
        let (key, name) = match who.split_once('=') {
            Some((key, name)) => (key, Some(name)),
            None => (who, None),
        };
        let key: PublicKey = key.parse().map_err(|error| format!("{error}, not `{key}`"))?;
        let mut validator = Validator::new(key);
        if let Some(name) = name {
            validator = validator.named(name);
        }
        if let Some(address) = address {
            let address: NodeAddress = address.parse().map_err(|error| {
                format!("`{address}` {error}; write it like /dns/a.example/tcp/30303")
            })?;
            validator = validator.at(address);
        }
        Ok(Self(validator))
    }
}

/// Coins of an account on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Funded {
    address: Address,
    balance: U256,
}

impl FromStr for Funded {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, coins) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` has no `=`; write it like 0xf39F…=10000"))?;
        Ok(Self { address: parse_address(address)?, balance: units::parse_coins(coins)? })
    }
}

/// Reads an address; one in mixed case must have its right checksum.
pub(crate) fn parse_address(text: &str) -> Result<Address, String> {
    let wrong = || format!("`{text}` is no address; write 0x and 40 hex digits");
    let digits = text.strip_prefix("0x").ok_or_else(wrong)?;
    let address: Address = text.parse().map_err(|_| wrong())?;
    let mixed = digits.contains(|c: char| c.is_ascii_uppercase())
        && digits.contains(|c: char| c.is_ascii_lowercase());
    match mixed && address.to_checksum(None) != text {
        true => Err(format!("`{text}` has the checksum of another address; check every digit")),
        false => Ok(address),
    }
}

impl Genesis {
    /// Does what was asked.
    pub(crate) fn execute(&self) -> Result<(), Failure> {
        match self {
            Self::New(args) => args.execute(),
            Self::Check(args) => {
                let genesis = read(&args.file)?;
                summarise(&genesis, &args.file, args.format)
            }
            Self::Hash(args) => args.hash(),
        }
    }
}

impl NewArgs {
    fn execute(&self) -> Result<(), Failure> {
        let genesis = self.draft()?.check()?;
        let text = genesis.to_json();
        if self.out == Path::new("-") {
            return output::line(text.trim_end());
        }
        write_new(&self.out, &text)?;
        summarise(&genesis, &self.out, self.format)
    }

    fn draft(&self) -> Result<Draft, Failure> {
        let mut draft = Draft::new(self.chain_id, self.crash_model.into());
        if !self.without_predeploys {
            draft = draft.predeployed();
        }
        draft.validators = self.validators.iter().map(|one| one.0.clone()).collect();
        for (at, Funded { address, balance }) in self.alloc.iter().enumerate() {
            if self.alloc[..at].iter().any(|earlier| earlier.address == *address) {
                return Err(Failure::operator(format!("--alloc names {address} twice; keep one")));
            }
            draft = draft.fund(*address, *balance);
        }
        draft.gas_limit = self.gas_limit.unwrap_or(draft.gas_limit);
        draft.base_fee = self.base_fee.unwrap_or(draft.base_fee);
        draft.timestamp = self.timestamp.unwrap_or(draft.timestamp);
        if let Some(interval) = self.block_interval {
            draft.settings.block_interval = interval;
        }
        if self.empty_block_interval.is_some() {
            draft.settings.empty_block_interval = self.empty_block_interval;
        }
        self.members.apply(&mut draft);
        Ok(draft)
    }
}

impl CheckArgs {
    fn hash(&self) -> Result<(), Failure> {
        let hashes = Hashes::of(&read(&self.file)?)?;
        match self.format.json {
            true => output::json(&hashes),
            false => output::line(&hashes.chain_hash),
        }
    }
}

/// What names a chain.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hashes {
    chain_hash: String,
    genesis_hash: String,
}

impl Hashes {
    fn of(genesis: &File) -> Result<Self, Failure> {
        let beginning = begin(genesis)?;
        let hex = |bytes: &[u8; 32]| alloy_primitives::B256::new(*bytes).to_string();
        Ok(Self {
            chain_hash: hex(beginning.chain_hash.as_bytes()),
            genesis_hash: hex(beginning.id.hash.as_bytes()),
        })
    }
}

/// Block 0 of a genesis file, and the name of its chain.
pub(crate) fn begin(genesis: &File) -> Result<Beginning, Failure> {
    genesis.begin().map_err(|error| {
        Failure::operator(format!("block 0 cannot be made: {error}; correct `alloc`"))
    })
}

/// Reads and checks a genesis file.
pub(crate) fn read(path: &Path) -> Result<File, Failure> {
    parse(path, &read_text(path)?)
}

/// The text of a genesis file.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file("read the genesis file", path, &error))
}

/// Checks the text of a genesis file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<File, Failure> {
    let parsed = File::parse(text);
    parsed.map_err(|error| Failure::operator(format!("{}: {error}", path.display())))
}

/// Writes a file that is not there yet, and syncs it.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = match fs::File::create_new(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::operator(format!(
                "{} exists, and is never overwritten; choose another --out or move it away",
                path.display()
            )));
        }
        Err(error) => return Err(Failure::file("write", path, &error)),
        Ok(file) => file,
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| Failure::file("write", path, &error))
}

/// What a genesis file says, on one screen.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    file: &'a Path,
    #[serde(flatten)]
    hashes: Hashes,
    chain_id: u64,
    crash_model: CrashModel,
    validators: Vec<Member>,
    quorum: usize,
    accounts: usize,
    supply: U256,
    #[serde(flatten)]
    sections: Sections,
    advice: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    name: Option<String>,
    public_key: String,
    address: Option<String>,
}

fn summarise(genesis: &File, file: &Path, format: Format) -> Result<(), Failure> {
    let members = genesis.validators().iter().map(|validator| Member {
        name: validator.name.clone(),
        public_key: validator.public_key.to_string(),
        address: validator.address.as_ref().map(ToString::to_string),
    });
    let summary = Summary {
        file,
        hashes: Hashes::of(genesis)?,
        chain_id: genesis.chain_id(),
        crash_model: genesis.crash_model(),
        validators: members.collect(),
        quorum: genesis.validator_set().quorum().votes(),
        accounts: genesis.alloc().len(),
        supply: genesis.alloc().values().map(|account| account.balance).sum(),
        sections: Sections::of(genesis),
        advice: genesis.advice(),
    };
    match format.json {
        true => output::json(&summary),
        false => summary.print(genesis),
    }
}

impl Summary<'_> {
    fn print(&self, genesis: &File) -> Result<(), Failure> {
        let quorum = genesis.validator_set().quorum();
        let colours = Colours::of_stdout();
        output::line(format_args!("file         {}", self.file.display()))?;
        output::line(format_args!("chain id     {}", self.chain_id))?;
        output::line(format_args!("chain hash   {}", self.hashes.chain_hash))?;
        output::line(format_args!("block 0      {}", self.hashes.genesis_hash))?;
        output::line(format_args!(
            "crash model  {}: {} of {} validators decide, {} may stop, {} may lie",
            self.crash_model,
            quorum.votes(),
            quorum.validators(),
            quorum.crashes(),
            quorum.byzantine(),
        ))?;
        output::line(format_args!(
            "accounts     {} with {} coins",
            units::number(self.accounts as u64),
            units::coins(self.supply)
        ))?;
        members::lines(genesis).into_iter().try_for_each(output::line)?;
        output::line("")?;
        let mut table = Table::new(["validator", "public key", "address"]);
        for member in &self.validators {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let key = member.public_key.clone();
            table.row([text(&member.name), key, text(&member.address)]);
        }
        table.print()?;
        for advice in &self.advice {
            output::note(colours.yellow(format_args!("note: {advice}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

    #[test]
    fn a_validator_is_a_key_perhaps_with_a_name_and_an_address() {
        let plain: Introduced = KEY.parse().unwrap();
        assert_eq!(plain.0, Validator::new(KEY.parse().unwrap()));
        let full: Introduced = format!("0x{KEY}=a b@/dns/a.example/tcp/30303").parse().unwrap();
        assert_eq!(full.0.name.as_deref(), Some("a b"));
        assert_eq!(full.0.address.unwrap().as_str(), "/dns/a.example/tcp/30303");
    }

    #[test]
    fn a_validator_that_cannot_be_read_says_what_is_wrong() {
        let error = "02ab".parse::<Introduced>().unwrap_err();
        assert!(error.contains("66 hex digits"), "{error}");
        let error = format!("{KEY}@a.example:30303").parse::<Introduced>().unwrap_err();
        assert!(error.contains("/dns/a.example/tcp/30303"), "{error}");
    }

    #[test]
    fn an_account_has_an_address_and_coins() {
        let text = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1.5";
        assert_eq!(text.parse::<Funded>().unwrap().balance, units::parse_coins("1.5").unwrap());
        let error = text.replace("0xf39F", "0xF39F").parse::<Funded>().unwrap_err();
        assert!(error.contains("checksum"), "{error}");
        assert!("0x12=1".parse::<Funded>().unwrap_err().contains("40 hex digits"));
        assert!("0x12".parse::<Funded>().unwrap_err().contains('='));
    }
}
