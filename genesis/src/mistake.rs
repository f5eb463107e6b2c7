//! Everything that can be wrong with a genesis file: one variant and one message for each rule.

use std::{fmt, time::Duration};

use alloy_primitives::Address;
use humantime::format_duration as shown;
use mokka_types::{BrokenRule, MAX_NODES, MAX_VALIDATORS, NameProblem, PublicKey, Setting};

use crate::defaults::{
    MAX_BLOCK_BYTES, MAX_CHAIN_ID, MAX_CODE_BYTES, MAX_PERIOD, MAX_TIMESTAMP, MIN_BLOCK_BYTES,
};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Mistake {
    /// The field, as a path through the file: `config.mokka.validators[2].name`.
    pub path: String,
    /// What is wrong with it, and what to write instead.
    pub problem: Problem,
}

/// All that is wrong with a file, so that one reading finds everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "the genesis file has a mistake: {one}"),
            all => {
                write!(f, "the genesis file has {} mistakes:", all.len())?;
                all.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for Mistakes {}

/// Why a file is no genesis file: its author is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON at all.
    #[error("the genesis file is not valid JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is JSON, but not as it must be.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
}

/// What is wrong with one field. The text names the value and the remedy; the field is in
/// [`Mistake::path`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The messages say what the variants and their fields are.
pub enum Problem {
    // Reading.
    #[error("is {found}, but must be {expected}")]
    WrongType { found: String, expected: &'static str },
    #[error("is missing; write {remedy}")]
    Missing { remedy: &'static str },
    #[error("is not a field of a Mokka genesis file; remove it, or write one of: {known}")]
    UnknownField { known: String },
    #[error("is written more than once; keep one")]
    DuplicateField,
    #[error("is {value:?}, which is no whole number; write digits, or hex digits after 0x")]
    NotANumber { value: String },
    #[error("is {value}, which JSON readers round; put it in quotes, as digits or hex after 0x")]
    NumberNeedsQuotes { value: String },
    #[error("is {value}, but can be {max} at most; write a smaller number")]
    NumberTooLarge { value: String, max: String },
    #[error("is {value:?}, which is not hex; write 0x and two hex digits for each byte")]
    NotHex { value: String },
    #[error("has {found} hex digits, but {expected} are needed; write all of them after 0x")]
    HexLength { found: usize, expected: usize },
    #[error("has {found} hex digits, but {most} at most fit; write fewer")]
    HexTooLong { found: usize, most: usize },
    #[error("is {value:?}, which is no length of time; write it like \"200ms\" or \"2s\"")]
    NotADuration { value: String },
    #[error("is {value:?}, which is no size; write bytes, or text like \"512KiB\" or \"4MiB\"")]
    NotASize { value: String },

    // What belongs to other chains.
    #[error("sets up the consensus of another kind of chain; remove it: Mokka's is config.mokka")]
    OtherConsensus,
    #[error("is {value}, but every fork up to Osaka is active from block 0; write 0 or remove it")]
    ForkAfterGenesis { value: u64 },
    #[error("schedules a fork that this version does not know, its last is Osaka; remove it")]
    ForkUnknown,
    #[error("describes blobs, which this chain does not carry; remove it")]
    BlobSchedule,
    #[error("names a deposit contract, but there is no beacon chain; remove it")]
    DepositContract,
    #[error(
        "is {value}, but is always {fixed} in block 0 of a Mokka chain; write that or remove it"
    )]
    FixedField { value: String, fixed: &'static str },
    #[error("is {value}, but config.mokka.baseFee is {base_fee}; remove it, or make both equal")]
    BaseFeeMismatch { value: u64, base_fee: u64 },

    // The chain.
    #[error("is 0, which replay protection (EIP-155) cannot tell from none; choose another number")]
    ChainIdZero,
    #[error("is {value}, beyond what wallets can sign for; choose {MAX_CHAIN_ID} at most")]
    ChainIdTooLarge { value: u64 },
    #[error(
        "is {value}, beyond the year 9999; it counts seconds since 1970, not milliseconds: \
         write {MAX_TIMESTAMP} at most"
    )]
    TimestampTooLarge { value: u64 },
    #[error(
        "is {value} bytes, too few for the largest transaction; write {MIN_BLOCK_BYTES} at least"
    )]
    BlockTooSmall { value: u64 },
    #[error("is {value} bytes, too many for one message; write {MAX_BLOCK_BYTES} at most")]
    BlockTooLarge { value: u64 },

    // Who votes.
    #[error("is {value:?}; write \"bft\" (fewer than a third may lie) or \"cft\" (all are honest)")]
    NotACrashModel { value: String },
    #[error("names nobody; write at least one validator, `mokka keys show` prints its publicKey")]
    NoValidators,
    #[error("names {count} validators, but {MAX_VALIDATORS} is the most; remove some")]
    TooManyValidators { count: usize },
    #[error("has {found} hex digits, but a compressed public key has 66; copy it again")]
    KeyLength { found: usize },
    #[error("is an uncompressed public key; write the compressed one, as `mokka keys show` does")]
    KeyUncompressed,
    #[error(
        "has the length of a PRIVATE key; if it is one, it is no longer secret: make another with \
         `mokka keys new`. Here belongs the public key, 66 hex digits"
    )]
    KeyPrivate,
    #[error("begins with {found}, but a compressed public key begins with 02 or 03; copy it again")]
    KeyPrefix { found: String },
    #[error(
        "{key} is not a point of the curve secp256k1, so nobody can sign with it; copy it again"
    )]
    KeyNotOnCurve { key: PublicKey },
    #[error("{key} is also the key of validators[{first}]; give each validator a key of its own")]
    KeyTwice { key: PublicKey, first: usize },
    #[error("{}", name_text(.value, *.problem))]
    Name { value: String, problem: NameProblem },
    #[error("{name:?} is also the name of validators[{first}]; choose another")]
    NameTwice { name: String, first: usize },
    #[error(
        "{value:?} {reason}; write it like /dns/a.example/tcp/30303 or /ip4/10.0.0.1/tcp/30303"
    )]
    NodeAddress { value: String, reason: &'static str },
    #[error("{address} is also the address of validators[{first}]; each node needs its own")]
    NodeAddressTwice { address: String, first: usize },

    // Time.
    #[error("{}", .0.text(setting_path))]
    Setting(BrokenRule),

    // Members and permissions.
    #[error(
        "is {value:?}; write \"majority\", \"twoThirds\", or {{ \"admin\": \"0x…\" }} for one \
         account"
    )]
    NotAThreshold { value: String },
    #[error("is 0; write a length of time like \"7d\"")]
    PeriodZero,
    #[error("is {}, but is counted in whole seconds; write it like \"7d\"", shown(*value))]
    PeriodTooFine { value: Duration },
    #[error("is {}, but can be {} at most; write less", shown(*value), shown(MAX_PERIOD))]
    PeriodTooLong { value: Duration },
    #[error("{account} is also in {first}; an account has one role, keep one of them")]
    RoleTwice { account: Address, first: String },
    #[error("enables {account}, which means nothing here; list its node under nodes")]
    EnabledMeansNothing { account: Address },
    #[error("{value:?} is no peer id; write what `mokka status` shows of the node, 12D3KooW…")]
    NotAPeerId { value: String },
    #[error("names {count} nodes, but {MAX_NODES} is the most; remove some")]
    TooManyNodes { count: usize },
    #[error("is also nodes[{first}]; keep one")]
    NodeTwice { first: usize },

    // Accounts.
    #[error("{value:?} is no address; write 0x and 40 hex digits")]
    NotAnAddress { value: String },
    #[error(
        "has mixed case, but not that of its EIP-55 checksum, {checksummed}; check every digit"
    )]
    AddressChecksum { checksummed: Address },
    #[error("is the account of {first} in another spelling; keep one")]
    AccountTwice { first: String },
    #[error("would publish a private key to everybody who reads this file; remove it")]
    SecretKey,
    #[error("{value:?} is the same storage slot as {first:?}; keep one")]
    SlotTwice { value: String, first: String },
    #[error(
        "raises the sum of all balances above 2^256 - 1, more than an account can hold; lower it"
    )]
    SupplyOverflow,
    #[error(
        "has storage, but EIP-161 deletes accounts without balance, nonce and code; set nonce 1"
    )]
    StorageWithoutAccount,
    #[error("has no balance, nonce or code, so it is no account; remove it or give it a balance")]
    EmptyAccount,
    #[error("has {found} bytes, but a contract has {MAX_CODE_BYTES} at most (EIP-170); shorten it")]
    CodeTooLong { found: usize },
    #[error("is a precompiled contract, which can have a balance but no {what}; remove that")]
    Precompile { what: &'static str },
    #[error(
        "is the address of the EIP-2935 history contract, but has another code; remove the \
         account: the node puts the contract there itself"
    )]
    HistoryContract,
    #[error("is the address in whose name the node itself calls contracts; remove the account")]
    SystemCaller,
    #[error("is a system contract, whose account the node makes itself; remove the account")]
    SystemContract,
}

/// Where the file has a setting.
pub(crate) fn setting_path(setting: Setting) -> String {
    match setting {
        Setting::GasLimit => "gasLimit".to_owned(),
        setting => format!("config.mokka.{setting}"),
    }
}

fn name_text(value: &str, problem: NameProblem) -> String {
    match problem {
        NameProblem::Empty => "is empty; remove it or write a name".to_owned(),
        NameProblem::TooLong { .. } => problem.to_string(),
        NameProblem::Characters => format!("{value:?} {problem}"),
    }
}
