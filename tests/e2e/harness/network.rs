//! Some nodes that are one chain.

use std::{path::Path, time::Instant};

use alloy_provider::DynProvider;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    node::NodeProcess,
    plan::{Plan, account},
    wait::{report, until},
};

/// How many networks run at a time: more would measure this machine, not Mokka.
static TURNS: Semaphore = Semaphore::const_new(1);

/// Waits until no other network runs, and keeps it so.
pub(crate) async fn turn() -> SemaphorePermit<'static> {
    TURNS.acquire().await.unwrap()
}

/// A network of processes in a directory of its own. Dropped, it is gone, unless its story failed:
/// then somebody will want to read its logs.
pub(crate) struct Network {
    nodes: Vec<NodeProcess>,
    root: TempDir,
    _turn: SemaphorePermit<'static>,
}

impl Drop for Network {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.root.disable_cleanup(true);
            report(format_args!("its files stay in {}", self.root.path().display()));
        }
    }
}

impl Network {
    /// Makes a network, starts all its nodes, and waits for the first leader.
    pub(crate) async fn start(plan: Plan) -> Self {
        Self::start_those(plan, |_| true).await
    }

    /// The same, but one node does not start.
    pub(crate) async fn start_without(absent: usize, plan: Plan) -> Self {
        Self::start_those(plan, |at| at != absent).await
    }

    async fn start_those(plan: Plan, starts: impl Fn(usize) -> bool) -> Self {
        let turn = turn().await;
        let root = tempfile::tempdir().unwrap();
        plan.create(root.path());
        let name = |at| NodeProcess::new(root.path(), &format!("node-{at}"));
        let nodes = (0..plan.validators).map(name).collect();
        let mut network = Self { nodes, root, _turn: turn };
        let started = Instant::now();
        let nodes = network.nodes.iter_mut().enumerate();
        start_together(nodes.filter(|(at, _)| starts(*at)).map(|(_, node)| node)).await;
        network.leader().await;
        report(format_args!("{plan:?}: a leader {:?} after the start", started.elapsed()));
        network
    }

    /// Where its files are.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// How many validators it has.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// One of its nodes.
    pub(crate) fn node(&self, at: usize) -> &NodeProcess {
        &self.nodes[at]
    }

    /// One of its nodes, to stop or start it.
    pub(crate) fn node_mut(&mut self, at: usize) -> &mut NodeProcess {
        &mut self.nodes[at]
    }

    /// Those that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = (usize, &NodeProcess)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.is_running())
    }

    /// A client of a node with an account that no other node's client uses.
    pub(crate) async fn client(&self, at: usize) -> DynProvider {
        self.nodes[at].http(account(u32::try_from(at).unwrap())).await
    }

    /// Kills all nodes at once.
    pub(crate) fn kill_all(&mut self) {
        self.nodes.iter_mut().for_each(NodeProcess::kill);
    }

    /// Starts all nodes together.
    pub(crate) async fn restart_all(&mut self) {
        start_together(self.nodes.iter_mut()).await;
    }

    /// The node that all running ones follow, once they agree and it runs.
    pub(crate) async fn leader(&self) -> usize {
        until("all running nodes follow one leader that runs", || async {
            let mut said = Vec::new();
            for (_, node) in self.running() {
                let leader = node.status().await["leader"].clone();
                let place = leader["validator"]["index"].as_u64()?;
                said.push((place, leader["term"].as_u64()?));
            }
            let first = *said.first()?;
            let leader = self.place(usize::try_from(first.0).unwrap()).await?;
            (said.iter().all(|one| *one == first)).then_some(leader)
        })
        .await
        .0
    }

    /// Waits until every node that runs is connected to all others.
    pub(crate) async fn connects(&self) {
        let others = self.running().count() - 1;
        for (_, node) in self.running() {
            node.has_validators(others).await;
        }
    }

    /// The running node of a validator by its place in the set, which need not be ours.
    async fn place(&self, index: usize) -> Option<usize> {
        for (at, node) in self.running() {
            if node.status().await["validator"]["index"].as_u64() == u64::try_from(index).ok() {
                return Some(at);
            }
        }
        None
    }
}

async fn start_together(nodes: impl Iterator<Item = &mut NodeProcess>) {
    let mut nodes: Vec<_> = nodes.collect();
    nodes.iter_mut().for_each(|node| node.spawn());
    for node in nodes {
        node.ready().await;
    }
}
