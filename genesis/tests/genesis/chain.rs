//! What the chain is, and what belongs to other chains.

use serde_json::json;

use crate::files::{only, parse, put, right, with};

#[test]
fn the_chain_id_is_a_number_that_wallets_can_sign_for() {
    only(
        &with("/config/chainId", 0),
        "config.chainId: is 0, which replay protection (EIP-155) cannot tell from none; choose \
         another number",
    );
    only(
        &with("/config/chainId", 4_503_599_627_370_477_u64),
        "config.chainId: is 4503599627370477, beyond what wallets can sign for; choose \
         4503599627370476 at most",
    );
    assert_eq!(
        parse(&with("/config/chainId", 4_503_599_627_370_476_u64)).chain_id(),
        4_503_599_627_370_476
    );
}

#[test]
fn the_gas_limit_leaves_room_for_a_contract() {
    only(
        &with("/gasLimit", 999_999),
        "gasLimit: is 999999, in which hardly a contract can be deployed; write 1000000 at least",
    );
    assert_eq!(parse(&with("/gasLimit", 1_000_000)).gas_limit(), 1_000_000);
}

#[test]
fn the_timestamp_is_in_seconds() {
    only(
        &with("/timestamp", 1_795_000_000_000_u64),
        "timestamp: is 1795000000000, beyond the year 9999; it counts seconds since 1970, not \
         milliseconds: write 253402300799 at most",
    );
    assert_eq!(parse(&with("/timestamp", "0x6b000000")).timestamp(), 0x6b00_0000);
}

#[test]
fn a_block_holds_the_largest_transaction_and_fits_into_a_message() {
    only(
        &with("/config/mokka/maxBlockBytes", "255KiB"),
        "config.mokka.maxBlockBytes: is 261120 bytes, too few for the largest transaction; write \
         262144 at least",
    );
    only(
        &with("/config/mokka/maxBlockBytes", "33MiB"),
        "config.mokka.maxBlockBytes: is 34603008 bytes, too many for one message; write 33554432 \
         at most",
    );
    only(
        &with("/config/mokka/maxBlockBytes", "5000MiB"),
        "config.mokka.maxBlockBytes: is 5242880000 bytes, too many for one message; write 33554432 \
         at most",
    );
}

#[test]
fn sections_of_other_consensus_are_refused_by_name() {
    for name in ["aura", "bor", "clique", "ethash", "ibft", "ibft2", "istanbul", "parlia", "qbft"] {
        only(
            &with(&format!("/config/{name}"), json!({ "period": 1 })),
            &format!(
                "config.{name}: sets up the consensus of another kind of chain; remove it: Mokka's \
                 is config.mokka"
            ),
        );
    }
}

#[test]
fn forks_up_to_osaka_are_active_from_block_0() {
    let mut file = right();
    for name in ["homesteadBlock", "londonBlock", "osakaTime", "terminalTotalDifficulty"] {
        only(
            &with(&format!("/config/{name}"), 7),
            &format!(
                "config.{name}: is 7, but every fork up to Osaka is active from block 0; write 0 \
                 or remove it"
            ),
        );
        put(&mut file, &format!("/config/{name}"), 0);
    }
    assert_eq!(parse(&file), parse(&right()), "0 says nothing new");
}

#[test]
fn forks_after_osaka_are_unknown() {
    for name in ["amsterdamTime", "bpo1Time"] {
        only(
            &with(&format!("/config/{name}"), 0),
            &format!(
                "config.{name}: schedules a fork that this version does not know, its last is \
                 Osaka; remove it"
            ),
        );
    }
}

#[test]
fn there_are_no_blobs_and_no_deposits() {
    only(
        &with("/config/blobSchedule", json!({ "cancun": { "target": 3, "max": 6 } })),
        "config.blobSchedule: describes blobs, which this chain does not carry; remove it",
    );
    only(
        &with("/config/depositContractAddress", "0x00000000219ab540356cBB839Cbe05303d7705Fa"),
        "config.depositContractAddress: names a deposit contract, but there is no beacon chain; \
         remove it",
    );
}

#[test]
fn header_fields_are_for_the_node_to_fill() {
    for (name, value, shown) in [
        ("nonce", "0x42", "66"),
        ("difficulty", "0x20000", "131072"),
        ("number", "1", "1"),
        ("gasUsed", "0x5208", "21000"),
        ("blobGasUsed", "1", "1"),
        ("excessBlobGas", "1", "1"),
    ] {
        only(
            &with(&format!("/{name}"), value),
            &format!(
                "{name}: is {shown}, but is always 0 in block 0 of a Mokka chain; write that or \
                 remove it"
            ),
        );
    }
    for name in ["extraData", "mixHash", "parentHash", "coinbase"] {
        only(
            &with(&format!("/{name}"), "0x0001"),
            &format!(
                "{name}: is 0x0001, but is always 0x in block 0 of a Mokka chain; write that or \
                 remove it"
            ),
        );
    }
    only(
        &with("/extraData", "clique"),
        "extraData: is \"clique\", which is not hex; write 0x and two hex digits for each byte",
    );
    let mut file = right();
    put(&mut file, "/nonce", "0x0");
    put(&mut file, "/difficulty", "0x0");
    put(&mut file, "/extraData", "0x");
    put(&mut file, "/coinbase", format!("0x{}", "0".repeat(40)));
    assert_eq!(parse(&file), parse(&right()));
}

#[test]
fn the_base_fee_is_said_once() {
    let mut file = with("/config/mokka/baseFee", "7");
    assert_eq!(parse(&file).base_fee(), 7);
    put(&mut file, "/baseFeePerGas", "0x7");
    assert_eq!(parse(&file).base_fee(), 7);
    put(&mut file, "/baseFeePerGas", "0x8");
    only(
        &file,
        "baseFeePerGas: is 8, but config.mokka.baseFee is 7; remove it, or make both equal",
    );
}
