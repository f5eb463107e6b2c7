//! Members who decide, by the commands that they would type.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use alloy_provider::Provider;
use serde_json::Value;

use super::{
    command::mokka_succeeds,
    network::Network,
    node::NodeProcess,
    plan::{Plan, init, new_key},
    ports::free_ports,
    wait::until,
};

/// How many blocks behind the others a node is about to be level.
const NEARLY: u64 = 50;

/// A validator that was in no genesis file, or a node that is to become one.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) port: u16,
    pub(crate) node: NodeProcess,
}

impl Member {
    /// What `mokka validators add` is told.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}@/ip4/127.0.0.1/tcp/{}", self.key, self.port)
    }

    /// The file of its key.
    pub(crate) fn key_file(&self) -> String {
        format!("{}.json", self.name)
    }
}

/// The validators of a genesis file, and those who joined.
pub(crate) struct Consortium {
    /// Before the network, whose directory they use.
    pub(crate) members: Vec<Member>,
    pub(crate) network: Network,
}

impl Consortium {
    /// The validators of a genesis file.
    pub(crate) async fn start(plan: Plan) -> Self {
        Self { network: Network::start(plan).await, members: Vec::new() }
    }

    /// Where its files are.
    pub(crate) fn root(&self) -> &Path {
        self.network.root()
    }

    /// A key and a data directory, as an organisation makes them; its node does not run yet.
    pub(crate) fn prepare(&self, name: &str) -> Member {
        let key = new_key(self.root(), &format!("{name}.json"));
        let port = free_ports(1);
        init(self.root(), "genesis.json", Some(&format!("{name}.json")), name, port);
        let node = NodeProcess::new(self.root(), name);
        Member { name: name.to_owned(), key, port, node }
    }

    /// The same, and its node runs, waiting to be let in.
    pub(crate) async fn waiting(&self, name: &str) -> Member {
        let mut member = self.prepare(name);
        member.node.start().await;
        member
    }

    /// What a member decides with its own key, at a node of its choice.
    pub(crate) fn decide(&self, key_file: &str, at: &NodeProcess, words: &[&str]) -> String {
        let url = format!("http://{}", at.rpc());
        let mut line = vec!["validators"];
        line.extend(words);
        line.extend(["--key", key_file, "--password-file", "password", "--yes"]);
        line.extend(["--rpc-url", &url]);
        mokka_succeeds(self.root(), &line)
    }

    /// Proposes; the number of the proposal.
    pub(crate) fn proposed(&self, key_file: &str, at: &NodeProcess, words: &[&str]) -> String {
        let said = self.decide(key_file, at, words);
        said.lines()
            .find_map(|line| line.strip_prefix("proposal ")?.strip_suffix(" is open"))
            .unwrap_or_else(|| panic!("no proposal in {said}"))
            .to_owned()
    }

    /// Votes one after the other, until it is carried.
    pub(crate) fn voted(&self, voters: &[&str], at: &NodeProcess, id: &str) {
        let mut said = String::new();
        for voter in voters {
            said = self.decide(voter, at, &["vote", id]);
            if said.contains("is approved") || said.contains("is carried out") {
                return;
            }
        }
        panic!("not carried: {said}");
    }

    /// Proposes in the name of the first of `voters` and lets the others vote, until it is carried.
    pub(crate) fn carried(&self, voters: &[&str], at: &NodeProcess, words: &[&str]) {
        let said = self.decide(voters[0], at, words);
        if said.contains("is approved") || said.contains("is carried out") {
            return;
        }
        let open = said.lines().find_map(|line| line.strip_prefix("proposal "));
        let id = open.and_then(|rest| rest.strip_suffix(" is open"));
        self.voted(&voters[1..], at, id.unwrap_or_else(|| panic!("no proposal in {said}")));
    }

    /// The key files of all validators there ever were.
    pub(crate) fn voters(&self) -> Vec<String> {
        let first = (0..self.network.len()).map(|at| format!("key-{at}.json"));
        first.chain(self.members.iter().map(Member::key_file)).collect()
    }

    /// The node of a key.
    pub(crate) fn node(&self, key_file: &str) -> &NodeProcess {
        match self.members.iter().find(|member| member.key_file() == key_file) {
            Some(member) => &member.node,
            None => self.network.node(number(key_file)),
        }
    }

    /// The same, to stop or start it.
    pub(crate) fn node_mut(&mut self, key_file: &str) -> &mut NodeProcess {
        match self.members.iter_mut().find(|member| member.key_file() == key_file) {
            Some(member) => &mut member.node,
            None => self.network.node_mut(number(key_file)),
        }
    }

    /// The public half of a key.
    pub(crate) fn key(&self, key_file: &str) -> String {
        let shown = mokka_succeeds(self.root(), &["keys", "show", key_file, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["publicKey"].as_str().unwrap().to_owned()
    }

    /// The key file of whom a node follows.
    pub(crate) async fn leader(&self, seen_by: &NodeProcess) -> String {
        let known = self.voters().into_iter().map(|file| (self.key(&file), file));
        let known: BTreeMap<_, _> = known.collect();
        until("there is a leader", || async {
            let leader = &seen_by.status().await["leader"]["validator"]["publicKey"];
            known.get(leader.as_str()?).cloned()
        })
        .await
        .0
    }

    /// Somebody joins: first its node runs, then it is approved.
    pub(crate) async fn join(&mut self, name: &str) -> Duration {
        let member = self.waiting(name).await;
        let voters = self.voters();
        let voters: Vec<_> = voters.iter().map(String::as_str).collect();
        let words = ["add", &member.endpoint(), "--name", name];
        self.carried(&voters, self.network.node(0), &words);
        let took = validates(&member.node, self.network.node(0)).await;
        self.members.push(member);
        took
    }

    /// Every node that runs.
    pub(crate) fn nodes(&self) -> Vec<&NodeProcess> {
        let first = self.network.running().map(|(_, node)| node);
        let joined = self.members.iter().map(|member| &member.node);
        first.chain(joined.filter(|node| node.is_running())).collect()
    }
}

/// The place of a validator of the genesis file.
fn number(key_file: &str) -> usize {
    let number = key_file.strip_prefix("key-").and_then(|rest| rest.strip_suffix(".json"));
    number.and_then(|number| number.parse().ok()).expect(key_file)
}

/// Waits until a node that was approved has caught up with another, from block 0, and is a
/// validator in its own eyes. However long the chain is: it must come to where the other was in
/// time, again and again.
pub(crate) async fn validates(node: &NodeProcess, other: &NodeProcess) -> Duration {
    let (own, others) = (node.reader().await, other.reader().await);
    let began = Instant::now();
    loop {
        let head = others.get_block_number().await.unwrap();
        let came = || async { (own.get_block_number().await.unwrap() >= head).then_some(()) };
        until("the node comes to where the other was", came).await;
        if others.get_block_number().await.unwrap() <= head + NEARLY {
            break;
        }
    }
    let is_member = || async { (node.status().await["role"] != "observer").then_some(()) };
    until("the node validates", is_member).await;
    began.elapsed()
}

/// What `mokka_validators` answers.
pub(crate) async fn validators(node: &NodeProcess) -> Vec<Value> {
    let nothing: [(); 0] = [];
    let reader = node.reader().await;
    let answer: Value = reader.raw_request("mokka_validators".into(), nothing).await.unwrap();
    answer.as_array().unwrap().clone()
}

/// Waits until a node knows so many validators.
pub(crate) async fn counts(node: &NodeProcess, validating: usize) -> Duration {
    let counted = || async { (validators(node).await.len() == validating).then_some(()) };
    until(&format!("{validating} validate"), counted).await.1
}
