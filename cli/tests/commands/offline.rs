//! Commands that ask nodes, where there is none; and networks that cannot be started.

use std::net::TcpListener;

use crate::world::*;

/// An address at which nobody answers.
fn nobody() -> String {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", held.local_addr().unwrap())
}

#[test]
fn a_node_that_does_not_answer_is_named() {
    let world = World::new();
    let url = nobody();
    for command in ["status", "validators", "block", "bench"] {
        let done = world.mokka(&format!("{command} --rpc-url {url}"));
        done.fails(4, &[&url, "is the node running"]);
    }
    world.mokka("status --rpc-url nonsense").fails(1, &["nonsense is no usable RPC address"]);
}

#[test]
fn a_proof_needs_a_genesis_file_and_a_node_or_a_file() {
    let world = World::new();
    let new = format!("genesis new --chain-id 7 --validator {KEY_1} --alloc {ADDRESS_1}=1");
    world.mokka(&new).ok();
    let url = nobody();
    let ask = format!("verify-chain --genesis genesis.json --endpoint {url}");
    world.mokka(&ask).fails(4, &[&url, "is the node running"]);
    world.mokka("verify-chain --genesis none.json").fails(1, &["none.json", "check the path"]);
    world.mokka("verify-chain").fails(2, &["--genesis"]);
    let hash = format!("0x{}", "12".repeat(32));
    world.mokka(&format!("tx prove {hash} --rpc-url {url}")).fails(4, &[&url]);

    let verify = "tx verify --genesis genesis.json";
    world.mokka(verify).fails(1, &["proof.json", "check the path"]);
    for nonsense in ["", "{}", "[]", r#"{"finality":"0x00"}"#] {
        world.write("proof.json", nonsense);
        world.mokka(verify).fails(5, &["proof.json proves nothing", "no file of `mokka tx prove`"]);
    }
    let fields = r#""index":0,"transaction":"0x","transactionProof":[],"receipt":"0x""#;
    let empty = format!(r#"{{"finality":"0x",{fields},"receiptProof":[]}}"#);
    world.write("proof.json", &empty);
    world.mokka(verify).fails(5, &["proof.json proves nothing", "cannot be read"]);
}

#[test]
fn every_node_that_is_asked_has_its_row() {
    let world = World::new();
    let (one, two) = (nobody(), nobody());
    let done = world.mokka(&format!("status --json --rpc-url {one} --rpc-url {two}"));
    assert_eq!(done.code, 4);
    let rows: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[1]["url"], two);
    assert!(rows[1]["error"].as_str().unwrap().contains("cannot reach"));
    assert!(done.err.contains("2 of 2 nodes did not answer"), "{}", done.err);
}

#[test]
fn a_transfer_needs_a_sender() {
    let world = World::new();
    let line = format!("tx send --to {ADDRESS_1} --value 1");
    world.mokka(&line).fails(2, &["--key"]);
    world.mokka(&format!("{line} --private-key 12")).fails(1, &["--private-key", "64 hex digits"]);
    world.mokka("tx show 0x12").fails(2, &["64 hex digits"]);
}

#[test]
fn a_devnet_that_is_not_there_says_how_to_start_one() {
    let world = World::new();
    for command in ["stop", "status", "kill 0", "restart leader"] {
        let done = world.mokka(&format!("devnet {command} --dir net"));
        done.fails(1, &["net holds no devnet", "mokka devnet --dir net"]);
    }
    world.mokka("devnet kill first --dir net").fails(2, &["neither a number nor `leader`"]);
    assert!(!world.path("net").exists());
}

#[test]
fn a_port_in_use_is_named_before_anything_is_created() {
    let world = World::new();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let line = format!("devnet --dir net --detach --validators 1 --metrics-port {port}");
    let said = world.mokka(&line).fails(1, &["--metrics-port"]);
    assert!(said.contains(&format!("127.0.0.1:{port}")) || said.contains("in use"), "{said}");
    assert!(!world.path("net").exists());
    assert_eq!(std::fs::read_dir(world.path(".")).unwrap().count(), 2, "only our own files");
}

#[test]
fn a_directory_of_something_else_is_left_as_it_is() {
    let world = World::new();
    std::fs::create_dir(world.path("net")).unwrap();
    world.write("net/treasure", "x");
    let line = "devnet --dir net --detach --base-port 0";
    world.mokka(line).fails(1, &["net holds something else than a devnet"]);
    assert_eq!(world.read("net/treasure"), "x");
}
