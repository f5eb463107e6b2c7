//! The file from its top: geth's fields, what of them has no place here, and ours.

use mokka_types::CrashModel;

use crate::{
    Draft, Genesis, ParseError, alloc,
    check::{self, Listed},
    json::Json,
    mistake::Problem,
    mokka,
    reader::{Field, Notes, Object},
};

/// Forks that are active from block 0: absent, or 0.
const FORKS: [&str; 20] = [
    "homesteadBlock",
    "daoForkBlock",
    "eip150Block",
    "eip155Block",
    "eip158Block",
    "byzantiumBlock",
    "constantinopleBlock",
    "petersburgBlock",
    "istanbulBlock",
    "muirGlacierBlock",
    "berlinBlock",
    "londonBlock",
    "arrowGlacierBlock",
    "grayGlacierBlock",
    "mergeNetsplitBlock",
    "shanghaiTime",
    "cancunTime",
    "pragueTime",
    "osakaTime",
    "terminalTotalDifficulty",
];

/// Forks after Osaka.
const LATER_FORKS: [&str; 8] = [
    "amsterdamTime",
    "bogotaTime",
    "bpo1Time",
    "bpo2Time",
    "bpo3Time",
    "bpo4Time",
    "bpo5Time",
    "verkleTime",
];

/// Sections of `config` that set up another consensus.
const OTHER_CONSENSUS: [&str; 13] = [
    "aura",
    "bor",
    "clique",
    "discovery",
    "ethash",
    "hotstuff",
    "ibft",
    "ibft2",
    "istanbul",
    "optimism",
    "parlia",
    "qbft",
    "raft",
];

/// Header fields of geth's file that are the same in every block 0 of Mokka, in words.
const FIXED: [&str; 7] =
    ["blobGasUsed", "difficulty", "excessBlobGas", "gasUsed", "nonce", "number", "slotNumber"];

/// Likewise, those that are bytes.
const FIXED_BYTES: [&str; 4] = ["coinbase", "extraData", "mixHash", "parentHash"];

impl Genesis {
    /// Reads and checks a genesis file.
    ///
    /// # Errors
    /// All mistakes at once, each with its path and remedy.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let json = Json::parse(text)?;
        let mut notes = Notes::default();
        let root = Field { path: String::new(), json: &json };
        let mut draft = Draft::new(0, CrashModel::Bft);
        if let Some(root) = root.object(&mut notes) {
            let validators = read_root(root, &mut draft, &mut notes);
            check::check(&draft, &validators, &mut notes);
        }
        notes.finish()?;
        Ok(Self::of_checked(draft))
    }
}

fn read_root(mut root: Object<'_>, draft: &mut Draft, notes: &mut Notes) -> Vec<Listed> {
    let mut validators = Vec::new();
    let config = root.require("config", "an object with chainId and mokka", notes);
    if let Some(config) = config.and_then(|config| config.object(notes)) {
        validators = read_config(config, draft, notes);
    }
    if let Some(limit) = root.take("gasLimit").and_then(|field| field.number(notes)) {
        draft.gas_limit = limit;
    }
    if let Some(timestamp) = root.take("timestamp").and_then(|field| field.number(notes)) {
        draft.timestamp = timestamp;
    }
    read_base_fee(&mut root, draft.base_fee, notes);
    read_fixed(&mut root, notes);
    let alloc = root.require("alloc", "the accounts of block 0, or {} for none", notes);
    if let Some(alloc) = alloc.and_then(|alloc| alloc.object(notes)) {
        draft.alloc = alloc::read(&alloc, notes);
    }
    root.finish(notes);
    draft.validators = validators.iter().filter_map(|listed| listed.validator.clone()).collect();
    validators
}

fn read_config(mut config: Object<'_>, draft: &mut Draft, notes: &mut Notes) -> Vec<Listed> {
    let chain_id = config.require("chainId", "the number that names this chain", notes);
    if let Some(chain_id) = chain_id.and_then(|field| field.number(notes)) {
        draft.chain_id = chain_id;
    }
    for name in FORKS {
        let Some(field) = config.take_tolerated(name) else { continue };
        match field.number(notes) {
            Some(0) | None => {}
            Some(value) => notes.add(&field.path, Problem::ForkAfterGenesis { value }),
        }
    }
    for name in ["daoForkSupport", "terminalTotalDifficultyPassed", "enableVerkleAtGenesis"] {
        if let Some(field) = config.take_tolerated(name) {
            field.boolean(notes);
        }
    }
    let mut refuse = |names: &[&'static str], problem: &Problem| {
        for field in names.iter().filter_map(|name| config.take_tolerated(name)) {
            notes.add(&field.path, problem.clone());
        }
    };
    refuse(&LATER_FORKS, &Problem::ForkUnknown);
    refuse(&OTHER_CONSENSUS, &Problem::OtherConsensus);
    refuse(&["blobSchedule"], &Problem::BlobSchedule);
    refuse(&["depositContractAddress"], &Problem::DepositContract);
    let section = config.require("mokka", "an object with crashModel and validators", notes);
    let validators = section
        .and_then(|section| section.object(notes))
        .map(|section| mokka::read(section, draft, notes))
        .unwrap_or_default();
    config.finish(notes);
    validators
}

/// The base fee has its place under `config.mokka`; geth's own field may repeat it.
fn read_base_fee(root: &mut Object<'_>, base_fee: u64, notes: &mut Notes) {
    let Some(field) = root.take_tolerated("baseFeePerGas") else { return };
    match field.number(notes) {
        Some(value) if value != base_fee && !notes.touch("config.mokka.baseFee") => {
            notes.add(&field.path, Problem::BaseFeeMismatch { value, base_fee });
        }
        Some(_) | None => {}
    }
}

fn read_fixed(root: &mut Object<'_>, notes: &mut Notes) {
    for name in FIXED {
        let Some(field) = root.take_tolerated(name) else { continue };
        if let Some(value) = field.big_number(notes).filter(|value| !value.is_zero()) {
            let value = value.to_string();
            notes.add(&field.path, Problem::FixedField { value, fixed: "0" });
        }
    }
    for name in FIXED_BYTES {
        let Some(field) = root.take_tolerated(name) else { continue };
        let Some(value) = field.bytes(notes) else { continue };
        if value.iter().any(|byte| *byte != 0) {
            let value = value.to_string();
            notes.add(&field.path, Problem::FixedField { value, fixed: "0x" });
        }
    }
}
