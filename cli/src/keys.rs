//! `mokka keys`: encrypted key files.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use mokka_crypto::{
    SecretKey,
    keyfile::{self, KdfCost},
};
use mokka_node::address_of;
use mokka_types::PublicKey;
use serde::Serialize;

use crate::{
    error::Failure,
    output::{self, Format},
    password::PasswordArgs,
};

/// Keys of validators and accounts, in encrypted files that other Ethereum tools read too.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Keys {
    /// Make a new key from the random source of the system.
    New(NewArgs),
    /// Show the public key and the address of a key file.
    Show(ShowArgs),
    /// Put a plain key (64 hex digits) into an encrypted file.
    Import(ImportArgs),
}

/// How a key file is written.
#[derive(Debug, clap::Args)]
struct WriteArgs {
    /// The file to write, for its owner only (mode 0600). A key is never overwritten.
    #[arg(long, value_name = "FILE", default_value = "validator.json")]
    out: PathBuf,
    /// What it costs to try one password: `standard` takes half a second and 128 MiB; `light` a few
    /// milliseconds, for tests and keys that are worth nothing.
    #[arg(long, value_enum, default_value_t = Kdf::Standard, help_heading = "Password")]
    kdf: Kdf,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The key file. Its public key stands there in clear; with a password it is proved.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// A file with nothing but 64 hex digits, or `-` to read them from standard input. Not an
    /// argument, because every user of the machine can read those.
    #[arg(value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kdf {
    Light,
    Standard,
}

impl From<Kdf> for KdfCost {
    fn from(kdf: Kdf) -> Self {
        match kdf {
            Kdf::Light => Self::Light,
            Kdf::Standard => Self::Standard,
        }
    }
}

/// What is shown of a key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    public_key: String,
    address: String,
    file: &'a Path,
}

impl Keys {
    /// Does what was asked.
    pub(crate) fn execute(&self) -> Result<(), Failure> {
        match self {
            Self::New(args) => args.write.write(&SecretKey::generate()),
            Self::Show(args) => args.execute(),
            Self::Import(args) => args.write.write(&args.read()?),
        }
    }
}

impl WriteArgs {
    fn write(&self, key: &SecretKey) -> Result<(), Failure> {
        if self.out.exists() {
            // The same as the writer would say, but before asking for a password.
            return Err(keyfile::KeyFileError::Exists { path: self.out.clone() }.into());
        }
        let password = self.password.choose()?;
        keyfile::write(&self.out, key, &password, self.kdf.into())?;
        show(key.public_key(), &self.out, self.format)
    }
}

impl ShowArgs {
    fn execute(&self) -> Result<(), Failure> {
        let named = keyfile::public_key(&self.file)?;
        let public = match named {
            Some(key) if self.password.password_file.is_none() => key,
            Some(_) | None => {
                let password = self.password.existing(&self.file)?;
                keyfile::read(&self.file, &password)?.public_key()
            }
        };
        show(public, &self.file, self.format)
    }
}

impl ImportArgs {
    fn read(&self) -> Result<SecretKey, Failure> {
        if self.from != Path::new("-") {
            return Ok(keyfile::read_hex(&self.from)?);
        }
        let mut text = String::new();
        // One digit more than a key can have shows that it is too long.
        let read = std::io::stdin().lock().take(128).read_to_string(&mut text);
        read.map_err(|error| Failure::operator(format!("cannot read standard input: {error}")))?;
        keyfile::parse_hex(&text)
            .map_err(|error| Failure::operator(format!("standard input holds no key: {error}")))
    }
}

fn show(key: PublicKey, file: &Path, format: Format) -> Result<(), Failure> {
    let Some(address) = address_of(&key) else {
        return Err(Failure::operator(format!(
            "{} names {key}, which is no point of the curve; restore the file from a backup",
            file.display()
        )));
    };
    let shown = Shown { public_key: key.to_string(), address: address.to_string(), file };
    if format.json {
        return output::json(&shown);
    }
    output::line(format_args!("public key  {key}"))?;
    output::line(format_args!("address     {address}"))?;
    output::line(format_args!("file        {}", file.display()))
}
