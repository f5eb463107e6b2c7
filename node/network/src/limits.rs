//! Every bound of the network, and why it is what it is.

use std::time::Duration;

/// What a packet may hold besides one block: proof, certificates with a signature of each of 128
/// validators, ids, the envelope.
pub const ENVELOPE_MARGIN: usize = 64 * 1024;

const _: () = assert!(
    ENVELOPE_MARGIN > 3 * mokka_types::MAX_VALIDATORS * 64 + 4096,
    "a packet carries up to three certificates beside the block"
);

/// What gossipsub wraps around a message: topic, lengths, protobuf tags.
pub const GOSSIP_MARGIN: usize = 1024;

/// The largest `maxBlockBytes` that the transport carries: a block must fit a broadcast, and a slow
/// link a broadcast within the time limits below.
pub const MAX_BLOCK_BYTES: usize = 32 * 1024 * 1024;

const _: () = assert!(
    MAX_BLOCK_BYTES + ENVELOPE_MARGIN + GOSSIP_MARGIN < u32::MAX as usize,
    "frames carry their length in four bytes"
);

/// One batch of transactions, in broadcast and directly; large enough for a few of geth's largest.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Transactions in one batch: bounds the work that one message can cause.
pub const MAX_BATCH_TRANSACTIONS: usize = 4096;

/// A hello or its answer: a few hashes, a signature, a name.
pub const MAX_HELLO_BYTES: usize = 1024;

/// Characters of the name a node gives itself.
pub const MAX_AGENT_CHARS: usize = 128;

/// Addresses that a node announces: a name, an address of each kind, and one to spare.
pub const MAX_ADDRESSES: usize = 4;

/// Records of where validators are, told in one message.
pub const RECORDS_TOGETHER: usize = 32;

/// One message of records.
pub const MAX_RECORDS_BYTES: usize = 64 * 1024;

/// Until its hello was accepted, a connection lives at most this long.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a refused peer has to read why. Nothing that it says counts meanwhile.
pub const REFUSAL_LINGER: Duration = Duration::from_secs(1);

/// TCP, noise and yamux must be agreed upon within this; a port scanner holds a place no longer.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Peers are asked for a sign of life this often.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A peer that does not answer a ping within this is gone.
pub const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A direct message must be delivered and answered within this.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections nobody uses may rest this long: peers are kept as long as they answer pings, and
/// strangers are cut by [`HELLO_TIMEOUT`].
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

/// Connections in all: 128 validators and as many observers, a few of them twice while both sides
/// dial.
pub const MAX_CONNECTIONS: u32 = 288;

/// Connections of one peer: two when both sides dial at once, or a new one beside a dead one.
pub const MAX_CONNECTIONS_PER_PEER: u32 = 2;

/// Handshakes at once, in each direction; each costs memory and a Diffie-Hellman exchange.
pub const MAX_PENDING_CONNECTIONS: u32 = 64;

/// Peers that have connected but not yet said a good hello: strangers cannot crowd out the rest.
pub const MAX_UNADMITTED: usize = 64;

/// Streams of one connection, all protocols together.
pub const MAX_STREAMS: usize = 512;

/// Direct messages under way in both directions on one connection, of one protocol.
pub const MAX_DIRECT_STREAMS: usize = 192;

/// Direct messages to one peer that wait for their answer; more are dropped, newest first. A peer
/// that is this far behind would not look at them in time.
pub const MAX_IN_FLIGHT: usize = 96;

/// Their bytes.
pub const MAX_IN_FLIGHT_BYTES: usize = 2 * (MAX_BLOCK_BYTES + ENVELOPE_MARGIN);

const _: () = assert!(2 * MAX_IN_FLIGHT <= MAX_DIRECT_STREAMS, "both sides may fill their share");

/// Messages that gossipsub keeps for a slow peer; about a second of a busy leader.
pub const GOSSIP_QUEUE: usize = 512;

/// A broadcast that could not be sent for this long is old news (§6.8 repeats it).
pub const GOSSIP_QUEUE_TIME: Duration = Duration::from_secs(2);

/// How often gossipsub looks after its mesh; publishing and forwarding do not wait for it.
pub const GOSSIP_HEARTBEAT: Duration = Duration::from_millis(500);

/// Identifiers of messages are remembered this long; later copies are stopped by their counters
/// (§3).
pub const DUPLICATE_MEMORY: Duration = Duration::from_secs(60);

/// Orders that may wait for the network task, which takes them at once; full means it is stuck.
pub const COMMAND_QUEUE: usize = 4096;

/// Events that may wait for the node; more packets are dropped and counted.
pub const EVENT_QUEUE: usize = 4096;

/// Comings and goings that may wait while the event queue is full of packets.
pub const EVENT_BACKLOG: usize = 1024;

/// Bytes of packets and transactions that wait for the node.
pub const MAX_QUEUED_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of large direct messages that are being read from all peers together.
pub const MAX_READING_BYTES: usize = 256 * 1024 * 1024;

/// Direct messages up to this size do not count towards [`MAX_READING_BYTES`]: votes must get
/// through while blocks are being fetched.
pub const SMALL_FRAME: usize = 4096;

const _: () = assert!(MAX_READING_BYTES > 4 * (MAX_BLOCK_BYTES + ENVELOPE_MARGIN));
const _: () = assert!(MAX_QUEUED_BYTES > 4 * (MAX_BLOCK_BYTES + ENVELOPE_MARGIN));

/// First wait before dialing again; doubled each time.
pub const DIAL_BACKOFF: Duration = Duration::from_millis(200);

/// Longest wait before dialing again.
pub const DIAL_BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Attempts to reach a validator that may fail before an operator hears of it: a few seconds, in
/// which a node that was started at the same time begins to listen.
pub const FAILURES_TOLERATED: u32 = 5;

/// That a validator cannot be reached is logged at most this often.
pub const UNREACHABLE_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How much later the validator with the higher key dials: mostly one connection comes about.
pub const DIAL_YIELD: Duration = Duration::from_millis(300);

/// How often the task looks at its clocks: dialing, time limits, bans, the published tables.
pub const TICK: Duration = Duration::from_millis(100);

/// How often the table of peers and the counters are published without a reason.
pub const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// The same refusal of the same peer is logged at most this often.
pub const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Who refused this node is shown for so long after the last time: longer than the longest wait
/// between two attempts.
pub const REFUSAL_MEMORY: Duration = Duration::from_secs(15);

const _: () = assert!(REFUSAL_MEMORY.as_millis() > 2 * DIAL_BACKOFF_MAX.as_millis());

/// How long a misbehaving validator is kept out: short, since it holds a vote.
pub const VALIDATOR_BAN: Duration = Duration::from_secs(30);

/// How long any other misbehaving peer is kept out.
pub const PEER_BAN: Duration = Duration::from_secs(600);

/// Peers whose score, ban or last refusal is remembered; the least important is forgotten first.
pub const MAX_REMEMBERED: usize = 1024;
