//! `alloc`: the accounts of block 0, as geth writes them.

use std::collections::BTreeMap;

use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256};

use crate::{
    json::shortened,
    mistake::Problem,
    reader::{Field, Notes, Object},
};

pub(crate) fn read(alloc: &Object<'_>, notes: &mut Notes) -> BTreeMap<Address, GenesisAccount> {
    let mut accounts = BTreeMap::new();
    let mut spellings: BTreeMap<Address, &str> = BTreeMap::new();
    for (key, field) in alloc.entries() {
        let (path, before) = (field.path.clone(), notes.count());
        let address = match address(key) {
            Ok(address) => Some(address),
            Err(problem) => {
                notes.add(&path, problem);
                None
            }
        };
        let account = read_account(field, notes);
        let (Some(address), Some(account)) = (address, account) else { continue };
        match spellings.insert(address, key) {
            // The same spelling twice is noted where the object is opened.
            Some(first) if first != key => {
                notes.add(&path, Problem::AccountTwice { first: first.to_owned() });
            }
            Some(_) | None => {}
        }
        // Rules about an account that was read by half would mislead.
        if notes.count() == before {
            accounts.insert(address, account);
        }
    }
    accounts
}

/// geth takes addresses with and without `0x`. A checksum that is there must be right.
pub(crate) fn address(text: &str) -> Result<Address, Problem> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.len() != 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Problem::NotAnAddress { value: shortened(text) });
    }
    let address: Address =
        digits.parse().map_err(|_| Problem::NotAnAddress { value: shortened(text) })?;
    let has = |is_case: fn(&u8) -> bool| digits.as_bytes().iter().any(is_case);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    if is_mixed && address.to_checksum(None).strip_prefix("0x") != Some(digits) {
        return Err(Problem::AddressChecksum { checksummed: address });
    }
    Ok(address)
}

fn read_account(field: Field<'_>, notes: &mut Notes) -> Option<GenesisAccount> {
    let mut object = field.object(notes)?;
    let balance = object.require("balance", "the smallest units it holds, \"0\" for none", notes);
    let balance = balance.and_then(|field| field.big_number(notes));
    let nonce = object.take("nonce").and_then(|field| field.number(notes));
    let code = object.take("code").and_then(|field| field.bytes(notes));
    let storage = object.take("storage").map(|field| read_storage(field, notes));
    for name in ["secretKey", "privateKey"] {
        if let Some(secret) = object.take_tolerated(name) {
            notes.add(&secret.path, Problem::SecretKey);
        }
    }
    object.finish(notes);
    Some(GenesisAccount {
        balance: balance?,
        nonce: nonce.filter(|nonce| *nonce != 0),
        code: code.filter(|code| !code.is_empty()),
        storage: storage.filter(|storage| !storage.is_empty()),
        private_key: None,
    })
}

fn read_storage(field: Field<'_>, notes: &mut Notes) -> BTreeMap<B256, B256> {
    let mut storage = BTreeMap::new();
    let mut spellings: BTreeMap<B256, &str> = BTreeMap::new();
    let Some(object) = field.object(notes) else { return storage };
    for (key, field) in object.entries() {
        let slot = match word(key) {
            Ok(slot) => slot,
            Err(problem) => {
                notes.add(&field.path, problem);
                continue;
            }
        };
        let value = field
            .text("a string of hex digits", notes)
            .and_then(|text| word(text).map_err(|problem| notes.add(&field.path, problem)).ok());
        match spellings.insert(slot, key) {
            Some(first) if first != key => {
                let (value, first) = (key.to_owned(), first.to_owned());
                notes.add(&field.path, Problem::SlotTwice { value, first });
            }
            Some(_) | None => {}
        }
        // Writing 0 is the same as writing nothing.
        if let Some(value) = value.filter(|value| !value.is_zero()) {
            storage.insert(slot, value);
        }
    }
    storage
}

/// geth pads short storage words with zeros on the left.
fn word(text: &str) -> Result<B256, Problem> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.len() > 64 {
        return Err(Problem::HexTooLong { found: digits.len(), most: 64 });
    }
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Problem::NotHex { value: shortened(text) });
    }
    format!("{digits:0>64}").parse().map_err(|_| Problem::NotHex { value: shortened(text) })
}
