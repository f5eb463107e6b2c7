//! `mokka devnet` as two terminals see it: one shows what happens, the other asks and kills.

use std::{collections::BTreeMap, path::PathBuf};

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, B256, U256};
use alloy_provider::{DynProvider, Provider, ProviderBuilder};
use alloy_rpc_types_eth::TransactionRequest;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::SemaphorePermit;

use crate::harness::{
    Screen, account, free_ports, mokka, mokka_fails, mokka_succeeds, report, turn, until,
};

const NODES: usize = 4;

/// A network in a directory of its own. Dropped, its processes are gone.
struct Devnet {
    root: TempDir,
    ports: [String; 3],
    rpc: u16,
    sent: u64,
    _turn: SemaphorePermit<'static>,
}

impl Devnet {
    async fn new() -> Self {
        let turn = turn().await;
        let count = u16::try_from(NODES).unwrap();
        let rpc = free_ports(3 * count);
        let ports = [rpc, rpc + count, rpc + 2 * count].map(|port| port.to_string());
        Self { root: tempfile::tempdir().unwrap(), ports, rpc, sent: 0, _turn: turn }
    }

    /// `mokka devnet` with a directory and our ports.
    fn line<'a>(&'a self, dir: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let [rpc, p2p, metrics] = &self.ports;
        let ports = ["--rpc-port", rpc, "--p2p-port", p2p, "--metrics-port", metrics];
        ["devnet", "--dir", dir].iter().chain(&ports).chain(more).copied().collect()
    }

    fn start(&self) -> Screen {
        Screen::start(self.root.path(), &self.line("net", &[]))
    }

    /// A command for the network from a second terminal.
    fn asks(&self, words: &[&str]) -> String {
        let line: Vec<_> = ["devnet"].iter().chain(words).chain(&["--dir", "net"]).collect();
        let line: Vec<_> = line.into_iter().copied().collect();
        mokka_succeeds(self.root.path(), &line)
    }

    /// Starts the network without a screen.
    fn detached(&self) -> String {
        mokka_succeeds(self.root.path(), &self.line("net", &["--detach"]))
    }

    /// What `mokka devnet status` says of each.
    fn status(&self) -> Vec<Value> {
        serde_json::from_str(&self.asks(&["status", "--json"])).unwrap()
    }

    fn file(&self, node: usize, name: &str) -> PathBuf {
        self.root.path().join(format!("net/node-{node}")).join(name)
    }

    fn log(&self, node: usize) -> String {
        std::fs::read_to_string(self.file(node, "log")).unwrap()
    }

    async fn client(&self, node: usize) -> DynProvider {
        let port = self.rpc + u16::try_from(node).unwrap();
        let builder = ProviderBuilder::new().wallet(account(0));
        builder.connect(&format!("http://127.0.0.1:{port}")).await.unwrap().erased()
    }

    /// Sends a coin through a node, and waits for the receipt there.
    async fn transfers_at(&mut self, node: usize) -> B256 {
        let client = self.client(node).await;
        let request = TransactionRequest::default().with_to(Address::repeat_byte(7));
        let request = request.with_value(U256::from(1)).with_nonce(self.sent);
        self.sent += 1;
        let hash = *client.send_transaction(request).await.unwrap().tx_hash();
        self.has_receipt(node, hash).await;
        hash
    }

    /// Waits for a receipt on a node that may still be starting.
    async fn has_receipt(&self, node: usize, hash: B256) {
        let client = self.client(node).await;
        let what = format!("node-{node} has a receipt of {hash}");
        let ((), took) = until(&what, || async {
            client.get_transaction_receipt(hash).await.ok().flatten().map(|_| ())
        })
        .await;
        report(format_args!("{what} after {took:?}"));
    }

    /// What every log must say once a network has stopped in order.
    fn has_stopped_in_order(&self) {
        for (node, said) in self.status().iter().enumerate() {
            assert_eq!((&said["pid"], &said["lastError"]), (&Value::Null, &Value::Null), "{said}");
            let log = self.log(node);
            assert!(log.lines().last().unwrap().contains("stopped in order"), "{log}");
        }
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        // Fails where the test ended before there was a network.
        let _ = mokka(self.root.path()).args(["devnet", "stop", "--dir", "net"]).output();
        if std::thread::panicking() {
            for node in 0..NODES {
                let log = std::fs::read_to_string(self.file(node, "log")).unwrap_or_default();
                println!("--- log of node-{node}:\n{log}");
            }
        }
    }
}

/// The name of the leader in a line of the screen.
fn leader(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("leader ")?;
    let (name, _) = rest.split_once(" in term ")?;
    Some(name.to_owned())
}

/// The name of the validator that made the block of a line.
fn maker(line: &str) -> Option<&str> {
    line.split_once(" by ").map(|(_, name)| name)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_tells_of_blocks_deaths_and_leaders_and_ctrl_c_stops_all_four() {
    let mut devnet = Devnet::new().await;
    let mut screen = devnet.start();
    for index in 0..10 {
        let address = account(index).address().to_string();
        screen.shows(&[&address, "10,000 coins"]).await;
    }
    for node in 0..NODES {
        let rpc = format!("127.0.0.1:{}", usize::from(devnet.rpc) + node);
        let name = format!("node-{node}");
        screen.shows(&[&name, &format!("http://{rpc}"), &format!("ws://{rpc}"), "metrics"]).await;
    }
    let (line, took) = screen.shows_after(&["leader node-", "in term "]).await;
    report(format_args!("{line}: {took:?} after the endpoints"));
    devnet.transfers_at(0).await;
    let line = screen.shows(&["block 1 ", "1 tx ", "21,000 gas", "term "]).await;
    assert!(maker(&line).is_some_and(|name| name.starts_with("node-")), "{line}");

    a_second_start_is_refused(&devnet);
    the_second_terminal_sees_all_four(&devnet).await;
    let killed = the_leader_is_killed(&devnet, &mut screen).await;
    let number: usize = killed.trim_start_matches("node-").parse().unwrap();
    let hash = devnet.transfers_at((number + 1) % NODES).await;
    let line = screen.shows(&["block 2 "]).await;
    assert_ne!(maker(&line), Some(killed.as_str()), "{line}");
    assert!(devnet.asks(&["restart", &number.to_string()]).contains(&format!("started {killed}")));
    screen.shows(&[&format!("{killed} was started (process")]).await;
    devnet.has_receipt(number, hash).await;

    screen.signal("INT");
    screen.shows(&["stopping all validators in order"]).await;
    assert_eq!(screen.ends().await.code(), Some(0));
    devnet.has_stopped_in_order();
    (0..NODES).for_each(|node| comings_and_goings_alternate(&devnet.log(node)));
}

/// `mokka devnet status`, as text and as JSON.
async fn the_second_terminal_sees_all_four(devnet: &Devnet) {
    let what = "all four name one leader and one block";
    let (_, took) = until(what, || async {
        let said = devnet.status();
        assert_eq!(said.len(), NODES);
        assert!(said.iter().all(|one| one["pid"].is_u64()), "{said:?}");
        let seen = |one: &Value| (one["status"]["leader"].clone(), one["status"]["head"].clone());
        let first = seen(&said[0]);
        let agree = said.iter().all(|one| seen(one) == first);
        (agree && first.0.is_object() && first.1["number"] == 1).then_some(())
    })
    .await;
    report(format_args!("{what} after {took:?}"));
    let table = devnet.asks(&["status"]);
    for words in ["node-0", "node-1", "node-2", "node-3", "follower", "leader", "http://127.0.0.1"]
    {
        assert!(table.contains(words), "{words}: {table}");
    }
}

/// One line, nothing touched, whether it is the directory that is taken or only the ports.
fn a_second_start_is_refused(devnet: &Devnet) {
    let root = devnet.root.path();
    let same = mokka_fails(root, &devnet.line("net", &[]));
    assert!(
        same.contains("runs already") && same.contains("mokka devnet stop --dir net"),
        "{same}"
    );
    let ports = mokka_fails(root, &devnet.line("other", &[]));
    assert!(ports.contains(&format!("127.0.0.1:{}", devnet.rpc)), "{ports}");
    assert!(ports.contains("another devnet?") && ports.contains("--rpc-port"), "{ports}");
    assert!(!root.join("other").exists());
}

/// Kills the leader from the second terminal; its name.
async fn the_leader_is_killed(devnet: &Devnet, screen: &mut Screen) -> String {
    let said = devnet.asks(&["kill", "leader"]);
    let killed = said.split_whitespace().nth(1).unwrap().to_owned();
    assert!(said.starts_with("killed node-"), "{said}");
    let started = std::time::Instant::now();
    let (mut end, mut next) = (None, None);
    let find = |line: &str| {
        if line.contains(&format!("{killed} was ended by signal 9")) {
            end = Some(line.to_owned());
        }
        next = leader(line).filter(|name| *name != killed).or(next.take());
        end.clone().zip(next.clone())
    };
    let (end, next) = screen.shows_what("the end of the leader, and the next one", find).await;
    report(format_args!("{next} leads {:?} after {killed} was killed", started.elapsed()));
    assert!(end.contains("start it again with `mokka devnet restart"), "{end}");
    killed
}

/// Every peer is connected, lost, connected again: each told once, with who and where it is.
fn comings_and_goings_alternate(log: &str) {
    let field = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}="))?;
        rest.split_whitespace().next().map(|value| value.trim_matches('"').to_owned())
    };
    let mut here: BTreeMap<String, bool> = BTreeMap::new();
    for line in log.lines() {
        if line.contains(": listening ") {
            // A new process knows nobody yet.
            here.clear();
        }
        let comes = line.contains("peer connected");
        if !comes && !line.contains("peer lost") {
            continue;
        }
        let peer = field(line, "peer_id").unwrap_or_else(|| panic!("no peer: {line}"));
        assert!(field(line, "validator").is_some_and(|key| key.len() == 68), "{line}");
        assert!(!comes || field(line, "address").is_some(), "{line}");
        let before = here.insert(peer, comes).unwrap_or(false);
        assert_ne!(before, comes, "told twice: {line}\n{log}");
    }
    assert!(!here.is_empty(), "nobody was ever connected: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_starts_again_goes_on_and_says_what_it_waits_for() {
    let mut devnet = Devnet::new().await;
    let detach = devnet.detached();
    assert!(detach.lines().last().is_some_and(|line| leader(line).is_some()), "{detach}");
    let hash = devnet.transfers_at(0).await;
    assert!(devnet.asks(&["stop"]).contains("stopped 4 validators"));
    devnet.has_stopped_in_order();

    // Two validators cannot open their keys, and two are too few.
    let right = [2, 3].map(|node| std::fs::read(devnet.file(node, "password")).unwrap());
    for node in [2, 3] {
        std::fs::write(devnet.file(node, "password"), "wrong\n").unwrap();
    }
    let failed = mokka(devnet.root.path()).args(devnet.line("net", &["--detach"])).output();
    let failed = failed.unwrap();
    let reason = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(3), "{reason}");
    assert!(reason.contains("node-") && reason.contains("does not open"), "{reason}");

    let mut screen = devnet.start();
    screen.shows(&["node-2 ended: ", "does not open", "mokka devnet restart 2 --dir net"]).await;
    screen.shows(&["waiting for a leader: 2 of 4 validators run, 3 are needed"]).await;
    for (node, password) in [2, 3].into_iter().zip(right) {
        std::fs::write(devnet.file(node, "password"), password).unwrap();
        devnet.asks(&["restart", &node.to_string()]);
        screen.shows(&[&format!("node-{node} was started")]).await;
    }
    let (line, took) = screen.shows_after(&["leader node-", "in term "]).await;
    report(format_args!("{line}: {took:?} after the quorum was there"));
    for node in 0..NODES {
        devnet.has_receipt(node, hash).await;
    }
    devnet.transfers_at(3).await;
    screen.shows(&["block 2 "]).await;
    screen.signal("TERM");
    assert_eq!(screen.ends().await.code(), Some(0));
    devnet.has_stopped_in_order();
}
