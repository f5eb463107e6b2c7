//! Who votes.

use serde_json::{Value, json};

use crate::files::{KEYS, only, parse, with};

fn file(validators: Value) -> Value {
    with("/config/mokka/validators", validators)
}

#[test]
fn the_crash_model_is_one_of_two() {
    only(
        &with("/config/mokka/crashModel", "pbft"),
        "config.mokka.crashModel: is \"pbft\"; write \"bft\" (fewer than a third may lie) or \
         \"cft\" (all are honest)",
    );
    only(
        &with("/config/mokka/crashModel", 3),
        "config.mokka.crashModel: is the number 3, but must be \"bft\" or \"cft\"",
    );
}

#[test]
fn somebody_must_vote() {
    only(
        &file(json!([])),
        "config.mokka.validators: names nobody; write at least one validator, `mokka keys show` \
         prints its publicKey",
    );
    only(&file(json!({})), "config.mokka.validators: is an object, but must be a list");
}

#[test]
fn not_more_vote_than_signatures_can_name() {
    let validators = vec![json!({ "publicKey": KEYS[0] }); 129];
    let first = crate::files::mistakes(&file(json!(validators)).to_string()).remove(0);
    assert_eq!(
        first,
        "config.mokka.validators: names 129 validators, but 128 is the most; remove some"
    );
}

#[test]
fn a_validator_is_an_object_with_a_key() {
    only(
        &file(json!([KEYS[0]])),
        &format!("config.mokka.validators[0]: is the string {:?}, but must be an object", KEYS[0]),
    );
    only(
        &file(json!([{ "publicKey": KEYS[0] }, { "name": "b" }])),
        "config.mokka.validators[1].publicKey: is missing; write what `mokka keys show` prints",
    );
    only(
        &file(json!([{ "publicKey": KEYS[0], "power": 2 }])),
        "config.mokka.validators[0].power: is not a field of a Mokka genesis file; remove it, or \
         write one of: address, name, publicKey",
    );
}

#[track_caller]
fn bad_key(key: &str, problem: &str) {
    only(
        &file(json!([{ "publicKey": key }])),
        &format!("config.mokka.validators[0].publicKey: {problem}"),
    );
}

#[test]
fn a_key_of_the_wrong_length() {
    let problem = "has 65 hex digits, but a compressed public key has 66; copy it again";
    bad_key(&KEYS[0][..67], problem);
}

#[test]
fn a_key_that_is_not_hex() {
    bad_key("0x02zz", "is \"0x02zz\", which is not hex; write 0x and two hex digits for each byte");
}

#[test]
fn a_private_key_is_recognised_and_not_repeated() {
    bad_key(
        &format!("0x{}", "ab".repeat(32)),
        "has the length of a PRIVATE key; if it is one, it is no longer secret: make another with \
         `mokka keys new`. Here belongs the public key, 66 hex digits",
    );
}

#[test]
fn an_uncompressed_key() {
    bad_key(
        &format!("0x04{}", "ab".repeat(64)),
        "is an uncompressed public key; write the compressed one, as `mokka keys show` does",
    );
}

#[test]
fn a_key_with_a_wrong_first_byte() {
    bad_key(
        &KEYS[0].replacen("02", "05", 1),
        "begins with 05, but a compressed public key begins with 02 or 03; copy it again",
    );
}

#[test]
fn a_key_that_is_not_on_the_curve() {
    let key = format!("0x02{:064x}", 5);
    bad_key(
        &key,
        &format!(
            "{key} is not a point of the curve secp256k1, so nobody can sign with it; copy it again"
        ),
    );
}

#[test]
fn a_key_twice() {
    only(
        &file(json!([{ "publicKey": KEYS[0] }, { "publicKey": KEYS[0] }])),
        &format!(
            "config.mokka.validators[1].publicKey: {} is also the key of validators[0]; give each \
             validator a key of its own",
            KEYS[0]
        ),
    );
    // §3: keys are compared by their x coordinate.
    let mirrored = KEYS[0].replacen("02", "03", 1);
    only(
        &file(json!([{ "publicKey": KEYS[0] }, { "publicKey": mirrored }])),
        &format!(
            "config.mokka.validators[1].publicKey: {mirrored} is also the key of validators[0]; \
             give each validator a key of its own"
        ),
    );
}

#[test]
fn names_can_be_shown_and_told_apart() {
    let bad_name = |name: &str, problem: &str| {
        only(
            &file(json!([{ "publicKey": KEYS[0], "name": name }])),
            &format!("config.mokka.validators[0].name: {problem}"),
        );
    };
    bad_name("", "is empty; remove it or write a name");
    bad_name(" ", "is empty; remove it or write a name");
    bad_name(&"x".repeat(33), "has 33 characters; write 32 at most");
    bad_name(
        "a\u{1b}[31m",
        "\"a\\u{1b}[31m\" has other characters than Latin letters, digits, - _ . and space; \
         write another",
    );
    only(
        &file(json!([
            { "publicKey": KEYS[0], "name": "berlin" },
            { "publicKey": KEYS[1], "name": "berlin" },
        ])),
        "config.mokka.validators[1].name: \"berlin\" is also the name of validators[0]; choose \
         another",
    );
}

#[test]
fn addresses_are_multiaddrs_of_a_tcp_port() {
    for address in [
        "/ip4/127.0.0.1/tcp/30303",
        "/ip6/::1/tcp/1",
        "/dns/validator-1.example/tcp/65535",
        "/dns4/a/tcp/30303",
        "/dns6/a.example./tcp/30303/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
    ] {
        let genesis = parse(&file(json!([{ "publicKey": KEYS[0], "address": address }])));
        let read = genesis.validators()[0].address.as_ref().map(|address| address.as_str());
        assert_eq!(read, Some(address));
    }
    for (address, reason) in [
        ("a.example:30303", "does not begin with /"),
        ("/ip4/127.0.0.1", "is no address of a host and a TCP port"),
        ("/ip4/127.0.0.1/udp/30303", "is no address of a host and a TCP port"),
        ("/ip4/127.0.0.256/tcp/30303", "has no IPv4 address after /ip4/"),
        ("/ip6/127.0.0.1/tcp/30303", "has no IPv6 address after /ip6/"),
        ("/dns/-a/tcp/30303", "has no DNS name after its first part"),
        ("/dns//tcp/30303", "has no DNS name after its first part"),
        ("/unix/a/tcp/30303", "begins with none of /ip4, /ip6, /dns, /dns4, /dns6"),
        ("/dns/a/tcp/0", "has port 0, to which nobody can connect"),
        ("/dns/a/tcp/65536", "has no port from 1 to 65535"),
        ("/dns/a/tcp/+80", "has no port from 1 to 65535"),
        ("/dns/a/tcp/80/p2p/me", "has no peer id after /p2p/"),
    ] {
        only(
            &file(json!([{ "publicKey": KEYS[0], "address": address }])),
            &format!(
                "config.mokka.validators[0].address: {address:?} {reason}; write it like \
                 /dns/a.example/tcp/30303 or /ip4/10.0.0.1/tcp/30303"
            ),
        );
    }
}

#[test]
fn two_validators_cannot_share_an_address() {
    let address = "/dns/a.example/tcp/30303";
    only(
        &file(json!([
            { "publicKey": KEYS[0], "address": address },
            { "publicKey": KEYS[1], "address": address },
        ])),
        "config.mokka.validators[1].address: /dns/a.example/tcp/30303 is also the address of \
         validators[0]; each node needs its own",
    );
}
