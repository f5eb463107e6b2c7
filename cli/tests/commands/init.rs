//! `mokka init`, and what `mokka run` refuses before it starts.

use std::net::TcpListener;

use crate::world::*;

fn prepared() -> World {
    let world = World::new();
    world.key(1, "key.json").ok();
    let line = format!(
        "genesis new --chain-id 7 --validator {KEY_1} --alloc {ADDRESS_1}=1 --without-predeploys"
    );
    assert_eq!(world.mokka(&line).code, 0);
    world
}

#[test]
fn a_data_directory_holds_what_a_node_needs_for_its_owner_only() {
    let world = prepared();
    let line = "init --genesis genesis.json --key key.json --data-dir node --json \
                --rpc-listen 127.0.0.1:7777 --rpc-origin https://dapp.example --min-tip 3";
    let made = world.mokka(line).json();
    assert_eq!((&made["chainId"], &made["validator"]), (&7.into(), &KEY_1.into()));
    assert_eq!(made["settings"]["rpc-listen"], "127.0.0.1:7777");
    for (name, mode) in
        [("node", 0o700), ("node/validator.json", 0o600), ("node/config.toml", 0o600)]
    {
        assert_eq!(world.mode(name), mode, "{name}");
    }
    let settings = world.read("node/config.toml");
    for line in ["rpc-listen = \"127.0.0.1:7777\"", "https://dapp.example", "min-tip = 3"] {
        assert!(settings.contains(line), "{line} is not in {settings}");
    }
    assert_eq!(world.read("node/genesis.json"), world.read("genesis.json"));
}

#[test]
fn settings_come_from_variables_where_no_flag_says_otherwise() {
    let world = prepared();
    let line = "init --genesis genesis.json --data-dir node --json --min-tip 3";
    let mut command = world.command(line);
    command.env("MOKKA_MIN_TIP", "9").env("MOKKA_RPC_LISTEN", "127.0.0.1:7778");
    let output = command.output().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["settings"]["min-tip"], 3);
    assert_eq!(made["settings"]["rpc-listen"], "127.0.0.1:7778");
    assert_eq!(made["validator"], serde_json::Value::Null);
}

#[test]
fn a_node_is_never_overwritten() {
    let world = prepared();
    let line = "init --genesis genesis.json --key key.json --data-dir node";
    world.mokka(line).ok();
    world.mokka(line).fails(1, &["node already holds a node", "--data-dir"]);
}

#[test]
fn what_is_missing_or_wrong_leaves_no_directory() {
    let world = prepared();
    world.mokka("init --genesis nowhere --data-dir node").fails(1, &["nowhere", "check the path"]);
    world.write("bad.json", "{}");
    let line = "init --genesis bad.json --data-dir node";
    world.mokka(line).fails(1, &["bad.json", "mistakes"]);
    let line = "init --genesis genesis.json --key genesis.json --data-dir node";
    world.mokka(line).fails(1, &["genesis.json is no usable key file"]);
    world.mokka("init --genesis genesis.json").fails(2, &["--data-dir"]);
    assert!(!world.path("node").exists());
}

#[test]
fn a_key_that_does_not_vote_is_pointed_out() {
    let world = prepared();
    world.key(2, "other.json").ok();
    let done = world.mokka("init --genesis genesis.json --key other.json --data-dir node");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.err.contains(KEY_2) && done.err.contains("none of the validators"),
        "{}",
        done.err
    );
}

#[test]
fn a_node_that_cannot_start_says_why() {
    let world = prepared();
    let run = "run --data-dir node --p2p-listen 127.0.0.1:0 --rpc-listen 127.0.0.1:0 \
               --metrics-listen 127.0.0.1:0 --log error";
    world.mokka(run).fails(1, &["node is no data directory", "mokka init"]);
    world.mokka("init --genesis genesis.json --key key.json --data-dir node").ok();
    world.mokka(run).fails(1, &["no terminal", "--password-file"]);
    world.write("other", "no\n");
    world.mokka(&format!("{run} --password-file other")).fails(1, &["does not open"]);
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    for flag in ["--rpc-listen", "--metrics-listen", "--p2p-listen"] {
        let line = run.replace(&format!("{flag} 127.0.0.1:0"), &format!("{flag} {taken}"));
        let line = format!("{line} --password-file password");
        let advice = format!("another {flag}");
        world.mokka(&line).fails(1, &[&taken.to_string(), "use", "stop the", &advice]);
    }
    world.write("node/config.toml", "surprise = 1\n");
    world.mokka(run).fails(1, &["config.toml", "surprise"]);
}
