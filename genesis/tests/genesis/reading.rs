//! How values are read, and what is said where they cannot be.

use mokka_genesis::{Genesis, ParseError};
use serde_json::json;

use crate::files::{ALICE, mistakes, only, parse, right, with, without};

#[test]
fn text_that_is_no_json() {
    let error = Genesis::parse("{ \"config\": ").unwrap_err();
    assert!(matches!(error, ParseError::NotJson(_)));
    let words = "the genesis file is not valid JSON: EOF while parsing";
    assert!(error.to_string().starts_with(words), "{error}");
}

#[test]
fn json_that_is_no_object() {
    only(&json!([]), "the file: is a list, but must be an object");
}

#[test]
fn sections_of_a_wrong_type() {
    only(&with("/config", 5), "config: is the number 5, but must be an object");
    only(&with("/alloc", json!([])), "alloc: is a list, but must be an object");
    only(
        &with("/config/mokka", "bft"),
        "config.mokka: is the string \"bft\", but must be an object",
    );
}

#[test]
fn a_boolean_that_is_none() {
    only(
        &with("/config/daoForkSupport", 1),
        "config.daoForkSupport: is the number 1, but must be true or false",
    );
}

#[test]
fn what_a_chain_must_say() {
    only(
        &without("/config/chainId"),
        "config.chainId: is missing; write the number that names this chain",
    );
    only(&without("/alloc"), "alloc: is missing; write the accounts of block 0, or {} for none");
    only(
        &without("/config/mokka/crashModel"),
        "config.mokka.crashModel: is missing; write \"bft\" or \"cft\"",
    );
    only(
        &without("/config/mokka/validators"),
        "config.mokka.validators: is missing; write a list of objects with a publicKey",
    );
    only(
        &without("/config/mokka"),
        "config.mokka: is missing; write an object with crashModel and validators",
    );
    only(&without("/config"), "config: is missing; write an object with chainId and mokka");
}

#[test]
fn an_unknown_field_at_each_level() {
    only(
        &with("/gaslimit", 1),
        "gaslimit: is not a field of a Mokka genesis file; remove it, or write one of: alloc, \
         config, gasLimit, timestamp",
    );
    only(
        &with("/config/networkId", 1),
        "config.networkId: is not a field of a Mokka genesis file; remove it, or write one of: \
         chainId, mokka",
    );
    only(
        &with("/config/mokka/heartBeat", "1s"),
        "config.mokka.heartBeat: is not a field of a Mokka genesis file; remove it, or write one \
         of: baseFee, blockInterval, crashModel, electionTimeout, emptyBlockInterval, \
         governance, handoverLead, heartbeat, isolation, maxBlockBytes, permissions, \
         progressTimeout, proofLifetime, validators",
    );
    let account = json!({ "balance": "1", "amount": "1" });
    only(
        &with("/alloc", json!({ ALICE: account })),
        &format!(
            "alloc.{ALICE}.amount: is not a field of a Mokka genesis file; remove it, or write one \
             of: balance, code, nonce, storage"
        ),
    );
}

#[test]
fn a_field_written_twice() {
    let twice = right().to_string().replace("\"chainId\":1337", "\"chainId\":1,\"chainId\":1337");
    assert_eq!(mistakes(&twice), ["config.chainId: is written more than once; keep one"]);
    let (account, text) = (format!("\"{ALICE}\":"), right().to_string());
    let twice = text.replace(&account, &format!("{account}{{\"balance\":\"5\"}},{account}"));
    assert_eq!(mistakes(&twice), [format!("alloc.{ALICE}: is written more than once; keep one")]);
}

#[test]
fn numbers_are_digits_or_hex_with_or_without_quotes() {
    for value in [json!(30_000_000), json!("30000000"), json!("0x1c9c380"), json!("0X1C9C380")] {
        assert_eq!(parse(&with("/gasLimit", value)).gas_limit(), 30_000_000);
    }
}

#[test]
fn numbers_that_are_none() {
    for value in ["", "0x", "1_000", "12a", "0xfg", "+5", "-5", " 5"] {
        only(
            &with("/gasLimit", value),
            &format!(
                "gasLimit: is {value:?}, which is no whole number; write digits, or hex digits \
                 after 0x"
            ),
        );
    }
    for value in [json!(-5), json!(0.5)] {
        only(
            &with("/gasLimit", value.clone()),
            &format!(
                "gasLimit: is \"{value}\", which is no whole number; write digits, or hex digits \
                 after 0x"
            ),
        );
    }
    only(&with("/gasLimit", true), "gasLimit: is true, but must be a number");
}

#[test]
fn numbers_that_do_not_fit() {
    only(
        &with("/gasLimit", "18446744073709551616"),
        "gasLimit: is 18446744073709551616, but can be 18446744073709551615 at most; write a \
         smaller number",
    );
    let balance = format!("0x1{}", "0".repeat(64));
    only(
        &with("/alloc", json!({ ALICE: { "balance": balance } })),
        &format!(
            "alloc.{ALICE}.balance: is {balance}, but can be 2^256 - 1 at most; write a smaller \
             number"
        ),
    );
    let text = right().to_string().replace("\"0x1\"", "100000000000000000000000");
    assert_eq!(
        mistakes(&text),
        [format!(
            "alloc.{ALICE}.balance: is 100000000000000000000000, which JSON readers round; put it \
             in quotes, as digits or hex after 0x"
        )]
    );
}

#[test]
fn lengths_of_time_have_a_unit() {
    for value in ["200", "soon", "", "5 parsecs"] {
        only(
            &with("/config/mokka/heartbeat", value),
            &format!(
                "config.mokka.heartbeat: is {value:?}, which is no length of time; write it like \
                 \"200ms\" or \"2s\""
            ),
        );
    }
    only(
        &with("/config/mokka/heartbeat", 200),
        "config.mokka.heartbeat: is the number 200, but must be a length of time like \"200ms\" or \
         \"2s\"",
    );
}

#[test]
fn sizes_have_a_unit_or_are_bytes() {
    for value in [json!("1MiB"), json!("1024 KiB"), json!(1 << 20), json!("0x100000")] {
        let genesis = parse(&with("/config/mokka/maxBlockBytes", value));
        assert_eq!(genesis.settings().max_block_bytes, 1 << 20);
    }
    for value in ["4MB", "much", "-1KiB", "99999999999999MiB"] {
        only(
            &with("/config/mokka/maxBlockBytes", value),
            &format!(
                "config.mokka.maxBlockBytes: is {value:?}, which is no size; write bytes, or text \
                 like \"512KiB\" or \"4MiB\""
            ),
        );
    }
}

#[test]
fn null_is_the_same_as_nothing() {
    let mut file = with("/config/clique", json!(null));
    crate::files::put(&mut file, "/config/mokka/emptyBlockInterval", json!(null));
    assert_eq!(parse(&file), parse(&right()));
}

#[test]
fn all_mistakes_are_found_in_one_reading() {
    let mut file = with("/gasLimit", 5);
    crate::files::put(&mut file, "/config/chainId", 0);
    crate::files::put(&mut file, "/config/mokka/heartbeat", "1h");
    crate::files::put(&mut file, "/config/qbft", json!({}));
    crate::files::put(&mut file, "/alloc/0xff", json!({}));
    let error = Genesis::parse(&file.to_string()).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[0], "the genesis file has 8 mistakes:");
    let paths: Vec<_> = lines[1..].iter().map(|line| line.split(": ").next().unwrap()).collect();
    let expected = [
        "  config.qbft",
        "  alloc.0xff",
        "  alloc.0xff.balance",
        "  config.chainId",
        "  gasLimit",
        "  config.mokka.electionTimeout",
        "  config.mokka.progressTimeout",
        "  config.mokka.isolation",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn one_mistake_is_told_in_one_line() {
    let error = Genesis::parse(&with("/gasLimit", "x").to_string()).unwrap_err().to_string();
    assert!(error.starts_with("the genesis file has a mistake: gasLimit: is \"x\""), "{error}");
    assert_eq!(error.lines().count(), 1);
}
