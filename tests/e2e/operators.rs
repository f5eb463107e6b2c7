//! An operator's mistakes: one line that says what to do, and an exit code for scripts.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, time::Instant};

use crate::harness::{
    Network, NodeProcess, Plan, free_ports, get, mokka_fails, mokka_succeeds,
    plan::{init, new_key},
    report, turn, until,
};

fn says(dir: &Path, line: &[&str], words: &[&str]) {
    let said = mokka_fails(dir, line);
    for word in words {
        assert!(said.contains(word), "mokka {line:?} says {said:?}, not {word:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_named_with_what_to_do() {
    let mut network = Network::start(Plan::bft(1)).await;
    let root = network.root().to_path_buf();
    let run = ["run", "--data-dir", "node-0", "--password-file", "password"];
    says(&root, &run, &["another node is using", "node-0", "--data-dir"]);

    let node = network.node(0);
    let taken = [
        ("--rpc-listen", node.rpc().to_string()),
        ("--metrics-listen", node.metrics().to_string()),
        ("--p2p-listen", node.p2p().to_string()),
    ];
    init(&root, "genesis.json", None, "second", free_ports(1));
    for (flag, address) in taken {
        let (_, port) = address.split_once(':').unwrap();
        let line = ["run", "--data-dir", "second", flag, &address];
        says(&root, &line, &[port, "choose another"]);
    }
    assert!(network.node_mut(0).is_alive(), "the first node has gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_does_not_fit_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    Plan::bft(1).create(root);
    let run = |dir| ["run", "--data-dir", dir, "--password-file", "password"];
    says(root, &run("nowhere"), &["nowhere", "mokka init"]);
    fs::create_dir(root.join("empty")).unwrap();
    says(root, &run("empty"), &["empty", "mokka init"]);

    let again = ["init", "--genesis", "genesis.json", "--data-dir", "node-0"];
    says(root, &again, &["node-0", "choose another --data-dir"]);
    says(root, &["init", "--genesis", "none.json", "--data-dir", "x"], &["none.json"]);

    // The genesis file of another chain, copied over the right one.
    let key = new_key(root, "other-key.json");
    Plan::bft(1).genesis(root, "other.json", &[(key, 1)], &[]);
    fs::copy(root.join("other.json"), root.join("node-0/genesis.json")).unwrap();
    says(
        root,
        &run("node-0"),
        &["node-0", "holds chain", "genesis.json", "put back", "--data-dir"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    Plan::bft(1).create(root);
    fs::write(root.join("wrong"), "another password\n").unwrap();
    let run = |password| ["run", "--data-dir", "node-0", "--password-file", password];
    says(root, &run("wrong"), &["validator.json", "password"]);
    says(root, &run("nowhere"), &["password file", "nowhere"]);
    says(root, &["run", "--data-dir", "node-0"], &["no terminal", "--password-file"]);

    fs::write(root.join("torn.json"), "{\"version\": 3, \"crypto\"").unwrap();
    let with_key = |key| ["init", "--genesis", "genesis.json", "--data-dir", "fresh", "--key", key];
    says(root, &with_key("torn.json"), &["torn.json"]);
    says(root, &with_key("none.json"), &["none.json"]);
    assert!(!root.join("fresh").exists(), "a failed init leaves something behind");

    // The same mistakes in a directory that was made before: it must not become an observer.
    let key = root.join("node-0/validator.json");
    let right = fs::read(&key).unwrap();
    fs::write(&key, "{\"version\": 3, \"crypto\"").unwrap();
    says(root, &run("password"), &["validator.json", "no usable key file", "import the key again"]);
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    says(root, &run("password"), &["cannot read the key file", "check the path"]);
    fs::remove_dir(&key).unwrap();
    fs::write(&key, right).unwrap();
    fs::write(root.join("node-0/node.key"), "nonsense").unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(root.join("node-0/node.key"), mode).unwrap();
    says(root, &run("password"), &["node.key is no node key", "64 hex digits"]);

    let overwrite = ["keys", "new", "--out", "key-0.json", "--password-file", "password"];
    let before = fs::read(root.join("key-0.json")).unwrap();
    says(root, &overwrite, &["key-0.json"]);
    assert_eq!(fs::read(root.join("key-0.json")).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_genesis_files_with_mistakes_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    Plan::bft(1).create(root);
    let run = ["run", "--data-dir", "node-0", "--password-file", "password"];
    let settings = root.join("node-0/config.toml");
    let right = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("max-speed = 7\n{right}")).unwrap();
    let output = mokka_fails_in_lines(root, &run);
    assert!(output.contains("config.toml") && output.contains("max-speed"), "{output}");
    fs::write(&settings, right).unwrap();

    let text = fs::read_to_string(root.join("genesis.json")).unwrap();
    fs::write(root.join("bad.json"), text.replacen("gasLimit", "gasLimits", 1)).unwrap();
    let output = mokka_fails_in_lines(root, &["genesis", "check", "bad.json"]);
    assert!(output.contains("bad.json") && output.contains("gasLimits"), "{output}");
    assert!(mokka_succeeds(root, &["genesis", "hash", "genesis.json"]).starts_with("0x"));
}

/// Files with several mistakes are told line by line.
fn mokka_fails_in_lines(dir: &Path, line: &[&str]) -> String {
    let output = crate::harness::mokka(dir).args(line).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "mokka {line:?}: {errors}");
    assert!(errors.contains("error: "), "{errors}");
    errors
}

/// It may be started any minute, so the node waits for it; but an operator hears whom it misses.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_cannot_be_reached_is_named_and_the_node_waits_for_it() {
    let _turn = turn().await;
    let root = tempfile::tempdir().unwrap();
    Plan::bft(4).create(root.path());
    let started = Instant::now();
    let mut node = NodeProcess::new(root.path(), "node-0");
    node.start().await;
    let said = node.logs(&["WARN", "cannot be reached", "start its node", "--peer"]).await;
    assert!(said.contains("validator=0x0") && said.contains("/ip4/127.0.0.1/tcp/"), "{said}");
    assert!(said.contains("Connection refused"), "the reason is not in: {said}");
    report(format_args!("who cannot be reached is named {:?} after the start", started.elapsed()));
    let warnings = node.status().await["warnings"].to_string();
    assert!(warnings.contains("1 of 4 validators are connected and 3 are needed"), "{warnings}");
    let ready = get(node.metrics(), "/ready").await;
    assert!(ready.contains(" 503 ") && ready.contains("no leader yet"), "{ready}");
    assert!(get(node.metrics(), "/health").await.contains(" 200 "));
    assert!(node.is_alive());

    let mut others = [1, 2].map(|at| NodeProcess::new(root.path(), &format!("node-{at}")));
    others.iter_mut().for_each(NodeProcess::spawn);
    let what = "a node with two of three peers is ready";
    let is_ready = || async { get(node.metrics(), "/ready").await.contains(" 200 ").then_some(()) };
    let ((), took) = until(what, is_ready).await;
    report(format_args!("{what} {took:?} after they were started"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_in_order_on_a_first_signal_and_at_once_on_a_second() {
    let mut network = Network::start(Plan::bft(1)).await;
    for signal in ["TERM", "INT"] {
        let address = network.node(0).rpc();
        let status = network.node_mut(0).ends_on(&[signal]).await;
        assert_eq!(status.code(), Some(0), "SIG{signal}");
        assert!(network.node(0).log().lines().last().unwrap().contains("stopped in order"));
        assert!(!answers(address).await, "somebody still listens on {address}");
        network.node_mut(0).start().await;
    }
    // More than once: a database that is still in use must never make a crash of the end.
    for _ in 0..5 {
        // Both are there before the node can look at either.
        let status = network.node_mut(0).ends_on(&["STOP", "INT", "TERM", "CONT"]).await;
        assert_eq!(status.code(), Some(130), "{status}");
        let log = network.node(0).log();
        assert!(log.contains("\nstopped at once, not in order\n"), "{log}");
        network.node_mut(0).start().await;
    }
    network.leader().await;
}

async fn answers(address: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(address).await.is_ok()
}
