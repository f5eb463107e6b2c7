//! The accounts of block 0.

use alloy_primitives::{Address, B256, U256, address};
use mokka_runtime::system::{CONTRACTS, MEMBERS, NODES, TRANSACTIONS};
use serde_json::{Value, json};

use crate::files::{ALICE, mistakes, only, parse, with};

const SOMEBODY: Address = address!("00000000000000000000000000000000000000aa");

fn alloc(accounts: Value) -> Value {
    with("/alloc", accounts)
}

fn one(account: &Value) -> Value {
    alloc(json!({ SOMEBODY.to_string(): account }))
}

#[test]
fn addresses_have_forty_digits() {
    for key in ["0xff", "alice", "0xg39Fd6e51aad88F6F4ce6aB8827279cffFb92266"] {
        only(
            &alloc(json!({ key: { "balance": "1" } })),
            &format!("alloc.{key}: {key:?} is no address; write 0x and 40 hex digits"),
        );
    }
}

#[test]
fn addresses_may_lack_the_prefix_or_the_case() {
    for key in [ALICE, &ALICE[2..], &ALICE.to_lowercase()] {
        let genesis = parse(&alloc(json!({ key: { "balance": "5" } })));
        assert_eq!(genesis.alloc()[&ALICE.parse::<Address>().unwrap()].balance, U256::from(5));
    }
}

#[test]
fn a_checksum_that_is_there_must_be_right() {
    let key = ALICE.replace("Fd6e", "fd6e");
    only(
        &alloc(json!({ key.clone(): { "balance": "1" } })),
        &format!(
            "alloc.{key}: has mixed case, but not that of its EIP-55 checksum, {ALICE}; check \
             every digit"
        ),
    );
}

#[test]
fn an_account_has_one_spelling() {
    let lower = ALICE.to_lowercase();
    let text = alloc(json!({})).to_string().replace(
        "\"alloc\":{}",
        &format!(
            "\"alloc\":{{\"{ALICE}\":{{\"balance\":\"1\"}},\"{lower}\":{{\"balance\":\"2\"}}}}"
        ),
    );
    assert_eq!(
        mistakes(&text),
        [format!("alloc.{lower}: is the account of {ALICE} in another spelling; keep one")]
    );
}

#[test]
fn the_balance_is_always_written() {
    only(
        &one(&json!({ "nonce": 1 })),
        &format!(
            "alloc.{SOMEBODY}.balance: is missing; write the smallest units it holds, \"0\" for \
             none"
        ),
    );
}

#[test]
fn all_balances_together_fit_into_one() {
    let most = U256::MAX.to_string();
    let (first, second) = (SOMEBODY, Address::repeat_byte(0xbb));
    only(
        &alloc(json!({
            first.to_string(): { "balance": most },
            second.to_string(): { "balance": "1" },
        })),
        &format!(
            "alloc.{second}.balance: raises the sum of all balances above 2^256 - 1, more than an \
             account can hold; lower it"
        ),
    );
    parse(&one(&json!({ "balance": most })));
}

#[test]
fn private_keys_do_not_belong_here() {
    for name in ["secretKey", "privateKey"] {
        only(
            &one(&json!({ "balance": "1", name: B256::repeat_byte(1).to_string() })),
            &format!(
                "alloc.{SOMEBODY}.{name}: would publish a private key to everybody who reads this \
                 file; remove it"
            ),
        );
    }
}

#[test]
fn code_is_hex_and_not_too_long() {
    only(
        &one(&json!({ "balance": "0", "code": "0x600" })),
        &format!(
            "alloc.{SOMEBODY}.code: is \"0x600\", which is not hex; write 0x and two hex digits \
             for each byte"
        ),
    );
    only(
        &one(&json!({ "balance": "0", "code": 60 })),
        &format!("alloc.{SOMEBODY}.code: is the number 60, but must be a string of hex digits"),
    );
    only(
        &one(&json!({ "balance": "0", "code": format!("0x{}", "00".repeat(24_577)) })),
        &format!(
            "alloc.{SOMEBODY}.code: has 24577 bytes, but a contract has 24576 at most (EIP-170); \
             shorten it"
        ),
    );
}

#[test]
fn storage_words_are_padded_as_geth_does() {
    let storage = json!({ "0x1": "0x2a", "02": format!("0x{}", "00".repeat(32)) });
    let genesis = parse(&one(&json!({ "balance": "1", "storage": storage })));
    let storage = genesis.alloc()[&SOMEBODY].storage.clone().unwrap();
    let word = |value: u64| B256::from(U256::from(value));
    assert_eq!(storage.into_iter().collect::<Vec<_>>(), [(word(1), word(42))]);
}

#[test]
fn storage_words_that_are_none() {
    let storage = |storage: Value| one(&json!({ "balance": "1", "storage": storage }));
    let path = format!("alloc.{SOMEBODY}.storage");
    only(
        &storage(json!({ "slot": "0x1" })),
        &format!(
            "{path}.slot: is \"slot\", which is not hex; write 0x and two hex digits for each byte"
        ),
    );
    let long = format!("0x{}", "0".repeat(65));
    only(
        &storage(json!({ "0x1": long })),
        &format!("{path}.0x1: has 65 hex digits, but 64 at most fit; write fewer"),
    );
    only(
        &storage(json!({ "0x1": 5 })),
        &format!("{path}.0x1: is the number 5, but must be a string of hex digits"),
    );
    only(
        &storage(json!({ "0x01": "0x1", "0x1": "0x2" })),
        &format!("{path}.0x1: \"0x1\" is the same storage slot as \"0x01\"; keep one"),
    );
    only(&storage(json!([])), &format!("{path}: is a list, but must be an object"));
}

#[test]
fn an_account_must_be_one_by_eip_161() {
    only(
        &one(&json!({ "balance": "0", "nonce": "0x0", "code": "0x" })),
        &format!(
            "alloc.{SOMEBODY}: has no balance, nonce or code, so it is no account; remove it or \
             give it a balance"
        ),
    );
    only(
        &one(&json!({ "balance": "0", "storage": { "0x1": "0x1" } })),
        &format!(
            "alloc.{SOMEBODY}: has storage, but EIP-161 deletes accounts without balance, nonce \
             and code; set nonce 1"
        ),
    );
}

#[test]
fn precompiled_contracts_have_nothing_but_a_balance() {
    for number in [1_u64, 17, 256] {
        let key = Address::from_word(U256::from(number).into());
        parse(&alloc(json!({ key.to_string(): { "balance": "1" } })));
        only(
            &alloc(json!({ key.to_string(): { "balance": "1", "code": "0x00" } })),
            &format!(
                "alloc.{key}: is a precompiled contract, which can have a balance but no code; \
                 remove that"
            ),
        );
    }
    let free = Address::from_word(U256::from(18).into());
    parse(&alloc(json!({ free.to_string(): { "balance": "1", "code": "0x00" } })));
}

#[test]
fn the_node_puts_the_history_contract_in_itself() {
    let history = alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
    let code = alloy_eips::eip2935::HISTORY_STORAGE_CODE.to_string();
    only(
        &alloc(json!({ history.to_string(): { "balance": "0", "nonce": 1, "code": "0x00" } })),
        &format!(
            "alloc.{history}: is the address of the EIP-2935 history contract, but has another \
             code; remove the account: the node puts the contract there itself"
        ),
    );
    parse(&alloc(json!({ history.to_string(): { "balance": "0", "nonce": 1, "code": code } })));
}

#[test]
fn the_node_makes_the_system_contracts_itself() {
    for contract in [MEMBERS, TRANSACTIONS, CONTRACTS, NODES] {
        for account in [
            json!({ "balance": "1" }),
            json!({ "balance": "0", "nonce": 1 }),
            json!({ "balance": "0", "code": "0x00" }),
            json!({ "balance": "0", "nonce": 1, "storage": { "0x1": "0x1" } }),
        ] {
            only(
                &alloc(json!({ contract.to_string(): account })),
                &format!(
                    "alloc.{contract}: is a system contract, whose account the node makes itself; \
                     remove the account"
                ),
            );
        }
    }
}

#[test]
fn nobody_is_the_system_caller() {
    let caller = "0xfffffffffffffffffffffffffffffffffffffffe";
    let address: Address = caller.parse().unwrap();
    only(
        &alloc(json!({ caller: { "balance": "1" } })),
        &format!(
            "alloc.{address}: is the address in whose name the node itself calls contracts; remove \
             the account"
        ),
    );
}
