//! The network of the README, by the very lines that stand there.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use alloy_network::TransactionBuilder;
use alloy_primitives::{Address, U256};
use alloy_provider::{DynProvider, Provider, ProviderBuilder};
use alloy_rpc_types_eth::TransactionRequest;

use crate::harness::{account, free_ports, report, signal_group, until};

const TITLE: &str = "## The same network by hand";

/// The ports of the README's first node: JSON-RPC, metrics, peers.
const PORTS: [u16; 3] = [8545, 9545, 30303];

/// A block that opens the last step, so that it can be done again.
const LAST_STEP: &str = "# 4. ";

/// The lines of the README, with ports that are free here.
fn readme(first: u16) -> String {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, chapter) = text.split_once(TITLE).expect("the README has this chapter");
    let chapter = chapter.split_once("\n## ").map_or(chapter, |(chapter, _)| chapter);
    let lines = chapter.lines().filter(|line| line.is_empty() || line.starts_with("    "));
    let mut script: String = lines.flat_map(|line| [line.get(4..).unwrap_or(""), "\n"]).collect();
    let ports = PORTS.iter().flat_map(|port| *port..*port + 4);
    // In two steps, because a port that is free here may look like one of the README.
    for (at, port) in ports.enumerate() {
        script = script.replace(&port.to_string(), &format!("@{at}@"));
    }
    for (at, port) in (first..first + 12).enumerate() {
        script = script.replace(&format!("@{at}@"), &port.to_string());
    }
    script
}

/// A shell and everything that it started; killed when dropped.
struct Shell {
    child: Child,
    dir: PathBuf,
}

impl Shell {
    fn run(dir: &Path, script: &str) -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_mokka")).parent().unwrap().display();
        // What fails must be seen, and the shell stays as long as its nodes do.
        let script = format!("set -e\nPATH={binary}:$PATH\n{script}\nset +e; wait\n");
        std::fs::write(dir.join("script"), script).unwrap();
        let log = std::fs::File::create(dir.join("script.log")).unwrap();
        let mut command = Command::new("sh");
        command.arg("script").current_dir(dir).process_group(0).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Self { child: command.spawn().unwrap(), dir: dir.to_path_buf() }
    }

    fn group(&self) -> String {
        format!("-{}", self.child.id())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        signal_group("KILL", &self.group());
        let _ = self.child.wait();
        if std::thread::panicking() {
            for log in ["script.log", "network/node-0.log", "node-0.log"] {
                let text = std::fs::read_to_string(self.dir.join(log)).unwrap_or_default();
                println!("--- {log}:\n{text}");
            }
        }
    }
}

struct Network {
    dir: PathBuf,
    rpc: u16,
}

impl Network {
    async fn client(&self, at: u16) -> Option<DynProvider> {
        let url = format!("http://127.0.0.1:{}", self.rpc + at);
        let builder = ProviderBuilder::new().wallet(account(0));
        let client = builder.connect(&url).await.ok()?.erased();
        client.get_block_number().await.ok().map(|_| client)
    }

    /// Sends a coin through every node, and reads the receipt from all.
    async fn transfers(&self, before: u64) {
        let mut clients = Vec::new();
        for at in 0..4 {
            let what = format!("node {at} answers");
            clients.push(until(&what, || self.client(at)).await.0);
        }
        let payee = Address::repeat_byte(9);
        for (at, client) in (1u64..).zip(&clients) {
            let request = TransactionRequest::default().with_to(payee).with_value(U256::from(1));
            let request = request.with_nonce(before + at - 1);
            let hash = *client.send_transaction(request).await.unwrap().tx_hash();
            for (reads, client) in clients.iter().enumerate() {
                let what = format!("a receipt of transfer {at} on node {reads}");
                let (receipt, took) =
                    until(&what, || async { client.get_transaction_receipt(hash).await.unwrap() })
                        .await;
                assert!(receipt.status());
                report(format_args!("{what} after {took:?}"));
                let paid = client.get_balance(payee).await.unwrap();
                assert_eq!(paid, U256::from(before + at), "{}", self.dir.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_of_the_readme_works_line_by_line() {
    let _turn = crate::harness::turn().await;
    let root = tempfile::tempdir().unwrap();
    let first = free_ports(12);
    let script = readme(first);
    // The last line asks a node that may still be starting: here it is asked afterwards.
    let (script, question) = script.split_once("\nmokka status").expect("the README asks a node");
    let network = Network { dir: root.path().join("network"), rpc: first };

    let mut shell = Shell::run(root.path(), script);
    network.transfers(0).await;
    let url = format!("http://127.0.0.1:{first}");
    let said = crate::harness::mokka_succeeds(root.path(), &["status", "--rpc-url", &url]);
    assert!(said.contains("leader"), "mokka status{question}: {said}");

    signal_group("TERM", &shell.group());
    until("the shell ends", || std::future::ready(shell.child.try_wait().unwrap())).await;
    for at in 0..4 {
        let what = format!("node {at} is gone");
        until(&what, || async { network.client(at).await.is_none().then_some(()) }).await;
    }
    let (_, again) = script.split_once(LAST_STEP).expect("the README numbers its steps");
    let _shell = Shell::run(&network.dir, &format!("# {again}"));
    network.transfers(4).await;
}
