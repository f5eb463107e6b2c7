//! Accounts that everybody knows: those of a mnemonic, prefunded on networks for development.

use alloy_primitives::{Address, U256};
use alloy_signer_local::MnemonicBuilder;
use mokka_crypto::SecretKey;
use mokka_node::address_of;

use crate::{error::Failure, output, units};

/// The mnemonic that every tool of Ethereum knows. Its keys are worth nothing.
pub(crate) const TEST_MNEMONIC: &str =
    "test test test test test test test test test test test junk";

/// Where its accounts are derived.
const PATH: &str = "m/44'/60'/0'/0/";

/// An account of a mnemonic.
pub(crate) struct Account {
    /// Its address.
    pub(crate) address: Address,
    /// Its key.
    pub(crate) key: SecretKey,
}

/// The first accounts of a mnemonic.
pub(crate) fn derive(mnemonic: &str, count: u32) -> Result<Vec<Account>, Failure> {
    (0..count).map(|index| one(mnemonic, index)).collect()
}

fn one(mnemonic: &str, index: u32) -> Result<Account, Failure> {
    let wrong = |reason: String| {
        Failure::operator(format!("the mnemonic gives no account: {reason}; check every word"))
    };
    let signer = MnemonicBuilder::try_from_phrase_nth(mnemonic, index);
    let bytes = signer.map_err(|error| wrong(error.to_string()))?.to_bytes();
    let key = SecretKey::from_bytes(bytes.0).map_err(|error| wrong(error.to_string()))?;
    let address = address_of(&key.public_key()).ok_or_else(|| wrong("no address".to_owned()))?;
    Ok(Account { address, key })
}

/// Prints accounts with their private keys, as anvil prints them.
pub(crate) fn print(accounts: &[Account], mnemonic: &str, balance: U256) -> Result<(), Failure> {
    title("Available Accounts")?;
    for (at, account) in accounts.iter().enumerate() {
        output::line(format_args!("({at}) {} ({} coins)", account.address, units::coins(balance)))?;
    }
    title("Private Keys")?;
    for (at, account) in accounts.iter().enumerate() {
        let bytes = alloy_primitives::B256::new(*account.key.to_bytes());
        output::line(format_args!("({at}) {bytes}"))?;
    }
    title("Wallet")?;
    output::line(format_args!("Mnemonic:          {mnemonic}"))?;
    output::line(format_args!("Derivation path:   {PATH}"))?;
    output::line("\nEverybody knows these keys: send nothing of value to them.")
}

/// A title as anvil prints it.
pub(crate) fn title(text: &str) -> Result<(), Failure> {
    output::line(format_args!("\n{text}\n==================\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The accounts that Hardhat and anvil print.
    #[test]
    fn the_accounts_are_those_of_other_tools() {
        let accounts = derive(TEST_MNEMONIC, 10).unwrap();
        let address = |at: usize| accounts[at].address.to_string();
        assert_eq!(address(0), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(address(9), "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720");
        let key = alloy_primitives::B256::new(*accounts[0].key.to_bytes()).to_string();
        assert_eq!(key, "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    }

    #[test]
    fn a_mistyped_mnemonic_is_refused() {
        let error = derive("test test test", 1).err().unwrap().to_string();
        assert!(error.contains("check every word"), "{error}");
    }
}
