//! What Prometheus reads (`/metrics`). Names are stable; each says its unit.

mod council;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, Instant},
};

use mokka_consensus::{Event, Ignored, PeerFault, RoleName};
use mokka_mempool::{Dropped, Refusal, Status};
use mokka_network::NetworkStats;
use mokka_rpc::{Call, CallObserver};
use mokka_runtime::{Executed, Stamp};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

pub(crate) use council::Council;
use council::CouncilGauges;

/// A label with a short, bounded set of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Validator {
    index: u32,
}

type Number = Gauge<i64, AtomicI64>;
type Count = Counter<u64, AtomicU64>;
type Counts = Family<Reason, Count>;

/// Seconds: from half a millisecond, in steps of two.
fn seconds() -> Histogram {
    Histogram::new((0..16u32).map(|step| 0.000_5 * f64::from(1u32 << step)))
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    height: Number,
    transactions: Count,
    gas: Count,
    block_interval: Histogram,
    finality: Histogram,
    build: Histogram,
    check: Histogram,
    commit: Histogram,
    term: Number,
    role: Number,
    council: CouncilGauges,
    elections: Counts,
    election_time: Histogram,
    standing_since: Mutex<Option<Instant>>,
    last_block: Mutex<Option<Instant>>,
    votes_missing: Family<Validator, Count>,
    accusations: Counts,
    ignored: Counts,
    pool_ready: Number,
    pool_queued: Number,
    pool_bytes: Number,
    refusals: Counts,
    dropped: Counts,
    network: Family<Reason, Number>,
    rpc_time: Family<Method, Histogram>,
    rpc_errors: Family<Method, Count>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("mokka")),
            height: Number::default(),
            transactions: Count::default(),
            gas: Count::default(),
            block_interval: seconds(),
            finality: seconds(),
            build: seconds(),
            check: seconds(),
            commit: seconds(),
            term: Number::default(),
            role: Number::default(),
            council: CouncilGauges::default(),
            elections: Counts::default(),
            election_time: seconds(),
            standing_since: Mutex::default(),
            last_block: Mutex::default(),
            votes_missing: Family::default(),
            accusations: Counts::default(),
            ignored: Counts::default(),
            pool_ready: Number::default(),
            pool_queued: Number::default(),
            pool_bytes: Number::default(),
            refusals: Counts::default(),
            dropped: Counts::default(),
            network: Family::default(),
            rpc_time: Family::new_with_constructor(seconds),
            rpc_errors: Family::default(),
        };
        metrics.register_chain();
        metrics.register_consensus();
        metrics.register_edges();
        metrics
    }

    fn register_chain(&self) {
        let mut at = lock(&self.registry);
        at.register("height", "Newest final block", self.height.clone());
        at.register("transactions", "Final transactions", self.transactions.clone());
        at.register("gas_used", "Gas of final blocks", self.gas.clone());
        let mut time = |name: &str, help: &str, histogram: &Histogram| {
            at.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        time("block_interval", "Time between two final blocks", &self.block_interval);
        time("finality", "From a block's own time to final here", &self.finality);
        time("block_build", "Building a block", &self.build);
        time("block_check", "Checking a proposed block", &self.check);
        time("block_commit", "Writing a final block", &self.commit);
    }

    fn register_consensus(&self) {
        let mut at = lock(&self.registry);
        at.register("term", "Term of the followed leader", self.term.clone());
        at.register("role", "0 follower, 1 candidate, 2 leader", self.role.clone());
        self.council.register(&mut at);
        at.register("elections", "Own candidacies by outcome", self.elections.clone());
        at.register_with_unit(
            "election",
            "From standing for election to the next leader",
            Unit::Seconds,
            self.election_time.clone(),
        );
        at.register(
            "votes_missing",
            "Blocks certified without this validator's vote, as their leader saw it",
            self.votes_missing.clone(),
        );
        at.register("accusations", "Broken protocol, by kind", self.accusations.clone());
        at.register("inputs_ignored", "Inputs without effect", self.ignored.clone());
    }

    fn register_edges(&self) {
        let mut at = lock(&self.registry);
        at.register("pool_ready", "Executable transactions", self.pool_ready.clone());
        at.register("pool_queued", "Transactions that wait", self.pool_queued.clone());
        at.register("pool_bytes", "Bytes of pooled transactions", self.pool_bytes.clone());
        at.register("pool_refusals", "Refused over RPC, by reason", self.refusals.clone());
        at.register("pool_dropped", "Left the pool, by reason", self.dropped.clone());
        at.register("network", "Peers and traffic", self.network.clone());
        at.register_with_unit("rpc", "JSON-RPC calls", Unit::Seconds, self.rpc_time.clone());
        at.register("rpc_errors", "JSON-RPC errors", self.rpc_errors.clone());
    }

    pub(crate) fn start_at(&self, height: u64) {
        self.height.set(i64::try_from(height).unwrap_or(i64::MAX));
    }

    pub(crate) fn committed(&self, executed: &Executed, took: Duration, now_ms: u64) {
        self.start_at(executed.number());
        self.transactions.inc_by(executed.block.body.transactions.len() as u64);
        self.gas.inc_by(executed.gas_used());
        self.commit.observe(took.as_secs_f64());
        let built_ms = Stamp::of(&executed.block.header).map_or(now_ms, |stamp| stamp.ms);
        let age = Duration::from_millis(now_ms.saturating_sub(built_ms));
        self.finality.observe(age.as_secs_f64());
        if let Some(last) = lock(&self.last_block).replace(Instant::now()) {
            self.block_interval.observe(last.elapsed().as_secs_f64());
        }
    }

    pub(crate) fn built(&self, took: Duration) {
        self.build.observe(took.as_secs_f64());
    }

    pub(crate) fn checked(&self, took: Duration) {
        self.check.observe(took.as_secs_f64());
    }

    pub(crate) fn consensus_event(&self, event: &Event) {
        let election = |outcome: &str| count(&self.elections, outcome);
        match event {
            Event::Standing(_) => {
                lock(&self.standing_since).get_or_insert_with(Instant::now);
                election("stood");
            }
            Event::NotElected(_) => election("not_elected"),
            Event::Resigned { reason, .. } => election(&format!("{reason:?}")),
            Event::Leader { view, .. } => {
                self.term.set(i64::try_from(view.term.get()).unwrap_or(i64::MAX));
                if let Some(since) = lock(&self.standing_since).take() {
                    self.election_time.observe(since.elapsed().as_secs_f64());
                }
            }
            Event::State(role) => {
                self.role.set(match role {
                    RoleName::Follower => 0,
                    RoleName::Candidate => 1,
                    RoleName::Leader => 2,
                });
            }
            Event::VotesMissing(signers) => {
                for index in signers.iter() {
                    let index = u32::try_from(index.get()).unwrap_or(u32::MAX);
                    self.votes_missing.get_or_create(&Validator { index }).inc();
                }
            }
            Event::HeartbeatTimeout
            | Event::Final(_)
            | Event::Epoch(_)
            | Event::Evidence(_)
            | Event::ClockBehind(_)
            | Event::Marked(_) => {}
        }
    }

    pub(crate) fn accused(&self, fault: PeerFault) {
        count(&self.accusations, &format!("{fault:?}"));
    }

    pub(crate) fn ignored(&self, reason: Ignored) {
        count(&self.ignored, &format!("{reason:?}"));
    }

    pub(crate) fn pool(&self, status: Status) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.pool_ready.set(number(status.ready));
        self.pool_queued.set(number(status.queued));
        self.pool_bytes.set(number(status.bytes));
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        count(&self.refusals, refusal.reason());
    }

    pub(crate) fn dropped(&self, dropped: &[Dropped]) {
        for one in dropped {
            count(&self.dropped, one.reason.reason());
        }
    }

    fn network(&self, stats: &NetworkStats) {
        let numbers = [
            ("peers", stats.peers),
            ("validators", stats.validators),
            ("connections", stats.connections),
            ("bytes_sent", stats.bytes_sent),
            ("bytes_received", stats.bytes_received),
            ("packets_sent", stats.packets_sent),
            ("packets_received", stats.packets_received),
            ("batches_received", stats.batches_received),
            ("broadcasts_unheard", stats.broadcasts_unheard),
            ("commands_dropped", stats.commands_dropped),
            ("too_large", stats.too_large),
            ("outbound_dropped", stats.outbound_dropped),
            ("outbound_failed", stats.outbound_failed),
            ("gossip_dropped", stats.gossip_dropped),
            ("inbound_dropped", stats.inbound_dropped),
            ("rate_limited", stats.rate_limited),
            ("unadmitted", stats.unadmitted),
            ("faults", stats.faults),
            ("bans", stats.bans),
            ("refused_by_us", stats.refused_by_us),
            ("refused_by_them", stats.refused_by_them),
            ("handshakes_failed", stats.handshakes_failed),
            ("dials", stats.dials),
            ("dials_failed", stats.dials_failed),
            ("events_lost", stats.events_lost),
        ];
        for (name, value) in numbers {
            let number = i64::try_from(value).unwrap_or(i64::MAX);
            self.network.get_or_create(&Reason { reason: name.to_owned() }).set(number);
        }
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self, stats: Option<NetworkStats>, council: &Council) -> String {
        if let Some(stats) = stats {
            self.network(&stats);
        }
        let registry = lock(&self.registry);
        self.council.show(council);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _never = encode(&mut text, &registry);
        text
    }
}

/// The RPC tells of every call.
pub(crate) struct RpcCalls(pub(crate) Arc<Metrics>);

impl CallObserver for RpcCalls {
    fn answered(&self, call: Call) {
        let method = Method { method: call.method };
        self.0.rpc_time.get_or_create(&method).observe(call.took.as_secs_f64());
        if call.error.is_some() {
            self.0.rpc_errors.get_or_create(&method).inc();
        }
    }
}

fn count(family: &Counts, reason: &str) {
    family.get_or_create(&Reason { reason: reason.to_owned() }).inc();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
