//! One node: its directory, its log, and while it runs its process.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    time::Duration,
};

use alloy_provider::{DynProvider, Provider, ProviderBuilder};
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;
use serde_json::Value;

use super::{
    command::{mokka, signal_group},
    wait::until,
};

/// How many lines of a log are shown when a test fails.
const SHOWN_LINES: usize = 60;

/// What `addresses.json` says.
#[derive(Clone, Debug, Deserialize)]
struct Addresses {
    pid: u32,
    rpc: SocketAddr,
    metrics: SocketAddr,
    p2p: Option<String>,
}

/// A node as a process; killed when dropped.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    root: PathBuf,
    name: String,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    addresses: Option<Addresses>,
}

impl NodeProcess {
    /// The node of a data directory; it does not run yet.
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        Self { root: root.to_path_buf(), name: name.to_owned(), running: None }
    }

    /// Starts the process. It may take a while until it answers.
    pub(crate) fn spawn(&mut self) {
        assert!(self.running.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = mokka(&self.root);
        command.args(["run", "--data-dir", &self.name, "--password-file", "password"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.running = Some(Running { child: command.spawn().unwrap(), addresses: None });
    }

    /// Waits until the node has said where it listens.
    pub(crate) async fn ready(&mut self) {
        let what = format!("{} says where it listens", self.name);
        let file = self.root.join(&self.name).join("addresses.json");
        let running = self.running.as_mut().expect("the node was started");
        let pid = running.child.id();
        let (addresses, _) = until(&what, || {
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended: {ended:?}", self.name);
            // What a process before this one wrote does not count.
            let text = std::fs::read_to_string(&file).ok();
            let read = text.and_then(|text| serde_json::from_str::<Addresses>(&text).ok());
            std::future::ready(read.filter(|addresses| addresses.pid == pid))
        })
        .await;
        running.addresses = Some(addresses);
    }

    /// Starts the process and waits until it listens.
    pub(crate) async fn start(&mut self) {
        self.spawn();
        self.ready().await;
    }

    /// What the machine does when it loses power.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("the node runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// What an operator does: SIGTERM, and waiting for the end.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.ends_on(&["TERM"]).await
    }

    /// Sends signals, and waits for the end.
    pub(crate) async fn ends_on(&mut self, signals: &[&str]) -> ExitStatus {
        let mut running = self.running.take().expect("the node runs");
        let pid = running.child.id().to_string();
        signals.iter().for_each(|name| signal_group(name, &pid));
        let what = format!("{} ends after {signals:?}", self.name);
        until(&what, || std::future::ready(running.child.try_wait().unwrap())).await.0
    }

    /// Whether there is a process.
    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the process is there and has not ended by itself.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.child.try_wait().unwrap().is_none())
    }

    fn addresses(&self) -> &Addresses {
        let running = self.running.as_ref().expect("the node runs");
        running.addresses.as_ref().expect("the node was waited for")
    }

    /// Where JSON-RPC is.
    pub(crate) fn rpc(&self) -> SocketAddr {
        self.addresses().rpc
    }

    /// Where metrics are.
    pub(crate) fn metrics(&self) -> SocketAddr {
        self.addresses().metrics
    }

    /// The port of the peers.
    pub(crate) fn p2p(&self) -> SocketAddr {
        let address = self.addresses().p2p.as_ref().expect("the node has peers");
        let mut parts = address.split('/').skip_while(|part| *part != "tcp");
        let port = parts.nth(1).and_then(|port| port.parse().ok()).expect(address);
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A client over HTTP that signs for `account`.
    pub(crate) async fn http(&self, account: PrivateKeySigner) -> DynProvider {
        let url = format!("http://{}", self.rpc());
        ProviderBuilder::new().wallet(account).connect(&url).await.unwrap().erased()
    }

    /// A client over WebSocket that signs for `account`.
    pub(crate) async fn websocket(&self, account: PrivateKeySigner) -> DynProvider {
        let url = format!("ws://{}", self.rpc());
        ProviderBuilder::new().wallet(account).connect(&url).await.unwrap().erased()
    }

    /// A client over HTTP that only reads.
    pub(crate) async fn reader(&self) -> DynProvider {
        let url = format!("http://{}", self.rpc());
        ProviderBuilder::new().connect(&url).await.unwrap().erased()
    }

    /// What `mokka_status` answers.
    pub(crate) async fn status(&self) -> Value {
        let nothing: [(); 0] = [];
        self.reader().await.raw_request("mokka_status".into(), nothing).await.unwrap()
    }

    /// What `mokka_peers` answers.
    pub(crate) async fn peers(&self) -> Vec<Value> {
        let nothing: [(); 0] = [];
        self.reader().await.raw_request("mokka_peers".into(), nothing).await.unwrap()
    }

    /// Waits until it is connected to so many validators.
    pub(crate) async fn has_validators(&self, count: usize) -> Duration {
        let connected = || async {
            let peers = self.peers().await;
            let validators = peers.iter().filter(|peer| !peer["validator"].is_null()).count();
            (validators == count).then_some(())
        };
        until(&format!("{} is connected to {count} validators", self.name), connected).await.1
    }

    /// Changes a setting in the node's `config.toml`, which counts from its next start.
    pub(crate) fn set(&self, name: &str, value: &str) {
        let file = self.root.join(&self.name).join("config.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let is_it = |line: &&mut String| line.starts_with(&format!("{name} = "));
        *lines.iter_mut().find(is_it).expect(name) = format!("{name} = {value}");
        std::fs::write(file, lines.join("\n")).unwrap();
    }

    /// Waits for a line of the log that contains all of `words`.
    pub(crate) async fn logs(&self, words: &[&str]) -> String {
        let what = format!("{} logs {words:?}", self.name);
        let find = || {
            let log = self.log();
            let mut lines = log.lines();
            let line = lines.find(|line| words.iter().all(|word| line.contains(word)));
            std::future::ready(line.map(str::to_owned))
        };
        until(&what, find).await.0
    }

    /// Everything logged since the first start.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.root.join(format!("{}.log", self.name))
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended already; then there is nothing to kill.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let from = lines.len().saturating_sub(SHOWN_LINES);
            println!("--- log of {}:\n{}", self.name, lines[from..].join("\n"));
        }
    }
}
