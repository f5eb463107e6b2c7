//! The libp2p protocols of a node, and how each is set up.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use hickory_resolver::system_conf::read_system_conf;
use libp2p::{
    PeerId, StreamProtocol, Swarm, Transport,
    allow_block_list::{self, BlockedPeers},
    connection_limits::{self, ConnectionLimits},
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    dns, gossipsub, identify, noise, ping,
    request_response::{self, ProtocolSupport},
    swarm::{self, NetworkBehaviour},
    tcp, yamux,
};
use mokka_types::ChainHash;

use crate::{
    NetworkConfig, StartError,
    frames::{Frames, reading_budget},
    limits,
    peer::Channel,
};

const HELLO: StreamProtocol = StreamProtocol::new("/mokka/hello/1");
const PACKET: StreamProtocol = StreamProtocol::new("/mokka/packet/1");
const TRANSACTIONS: StreamProtocol = StreamProtocol::new("/mokka/transactions/1");
const RECORDS: StreamProtocol = StreamProtocol::new("/mokka/records/1");

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(crate) limits: connection_limits::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) identify: identify::Behaviour,
    pub(crate) gossip: gossipsub::Behaviour,
    pub(crate) hello: request_response::Behaviour<Frames>,
    pub(crate) packets: request_response::Behaviour<Frames>,
    pub(crate) transactions: request_response::Behaviour<Frames>,
    pub(crate) records: request_response::Behaviour<Frames>,
}

impl Behaviour {
    /// What carries direct messages of one kind.
    pub(crate) fn carrying(
        &mut self,
        channel: Channel,
    ) -> &mut request_response::Behaviour<Frames> {
        match channel {
            Channel::Packets => &mut self.packets,
            Channel::Transactions => &mut self.transactions,
            Channel::Records => &mut self.records,
        }
    }
}

/// What gossipsub may do with a peer: its application score is the only one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It hears nothing, and nothing it says is looked at.
    Shut,
    /// It is listened to; it does not accept what we say yet.
    Listening,
    /// Both ways.
    Open,
}

impl Gate {
    pub(crate) const fn score(self) -> f64 {
        match self {
            Self::Shut => -1000.0,
            Self::Listening => -60.0,
            Self::Open => 0.0,
        }
    }
}

const GRAYLIST: f64 = -80.0;
const PUBLISH: f64 = -50.0;
const GOSSIP: f64 = -50.0;

const _: () = assert!(Gate::Shut.score() < GRAYLIST);
const _: () = assert!(GRAYLIST < Gate::Listening.score() && Gate::Listening.score() < PUBLISH);

/// The two subjects of gossip of one chain.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    pub(crate) consensus: gossipsub::IdentTopic,
    pub(crate) transactions: gossipsub::IdentTopic,
}

impl Topics {
    fn of(chain: &ChainHash) -> Self {
        let prefix: String =
            chain.as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let topic = |of| gossipsub::IdentTopic::new(format!("/mokka/{prefix}/{of}"));
        Self { consensus: topic("consensus"), transactions: topic("transactions") }
    }
}

/// A swarm that is not listening yet, and its topics.
pub(crate) fn swarm(config: &NetworkConfig) -> Result<(Swarm<Behaviour>, Topics), StartError> {
    let max_packet = config.max_packet_bytes()?;
    let topics = Topics::of(&config.chain);
    let keypair = config.node_key.keypair();
    let budget = reading_budget();
    let direct = |protocol: StreamProtocol, max: usize| {
        let settings = request_response::Config::default()
            .with_request_timeout(limits::REQUEST_TIMEOUT)
            .with_max_concurrent_streams(limits::MAX_DIRECT_STREAMS);
        let frames = Frames::up_to(max, Arc::clone(&budget));
        request_response::Behaviour::with_codec(
            frames,
            [(protocol, ProtocolSupport::Full)],
            settings,
        )
    };
    let behaviour = Behaviour {
        blocked: allow_block_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(connection_limits()),
        ping: ping::Behaviour::new(
            ping::Config::new()
                .with_interval(limits::PING_INTERVAL)
                .with_timeout(limits::PING_TIMEOUT),
        ),
        identify: identify::Behaviour::new(
            identify::Config::new("/mokka/1".into(), keypair.public())
                .with_agent_version(config.agent.clone())
                .with_cache_size(0)
                .with_hide_listen_addrs(true),
        ),
        gossip: gossip(max_packet, &topics)?,
        hello: direct(HELLO, limits::MAX_HELLO_BYTES),
        packets: direct(PACKET, max_packet),
        transactions: direct(TRANSACTIONS, limits::MAX_BATCH_BYTES),
        records: direct(RECORDS, limits::MAX_RECORDS_BYTES),
    };
    let settings = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(limits::IDLE_TIMEOUT)
        .with_max_negotiating_inbound_streams(limits::MAX_DIRECT_STREAMS)
        .with_notify_handler_buffer_size(HANDLER_BUFFER)
        .with_per_connection_event_buffer_size(64)
        .with_substream_upgrade_protocol_override(Version::V1Lazy);
    let transport = transport(config)?;
    Ok((Swarm::new(transport, behaviour, keypair.public().to_peer_id(), settings), topics))
}

/// Orders of the swarm that one connection has not taken yet; while it is full the swarm waits.
const HANDLER_BUFFER: NonZeroUsize = NonZeroUsize::new(256).unwrap();

fn transport(config: &NetworkConfig) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    let setup = |error: &dyn std::fmt::Display| StartError::Setup(error.to_string());
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    let noise = noise::Config::new(config.node_key.keypair()).map_err(|error| setup(&error))?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(limits::MAX_STREAMS);
    let (servers, options) = resolver();
    let named = dns::tokio::Transport::custom(tcp, servers, options);
    Ok(named
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .timeout(limits::HANDSHAKE_TIMEOUT)
        .boxed())
}

/// How names become addresses: by this system's configuration and hosts file as they are at the
/// start, and anew at every dial. The resolver would otherwise keep each answer for as long as its
/// server allows, up to a day, and also that a name does not exist: too long for a member that has
/// moved.
fn resolver() -> (dns::ResolverConfig, dns::ResolverOpts) {
    // Without a configuration only names of the hosts file resolve; addresses always work.
    let (servers, mut options) = read_system_conf().unwrap_or_else(|error| {
        tracing::warn!(%error, "no DNS configuration: peers are reached by address only");
        Default::default()
    });
    options.cache_size = 0;
    (servers, options)
}

fn connection_limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits::MAX_PENDING_CONNECTIONS))
        .with_max_pending_outgoing(Some(limits::MAX_PENDING_CONNECTIONS))
        .with_max_established(Some(limits::MAX_CONNECTIONS))
        .with_max_established_per_peer(Some(limits::MAX_CONNECTIONS_PER_PEER))
}

/// Anonymous, because envelopes are signed by who says them; identified by content, in which a
/// counter makes equal packets differ; forwarded only after a verdict.
fn gossip(max_packet: usize, topics: &Topics) -> Result<gossipsub::Behaviour, StartError> {
    let max_message = max_packet.max(limits::MAX_BATCH_BYTES);
    let setup = |error: &dyn std::fmt::Display| StartError::Setup(error.to_string());
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(max_message + limits::GOSSIP_MARGIN)
        // A new message goes to everybody at once; the mesh is a second way around broken links.
        .flood_publish(true)
        .mesh_n(4)
        .mesh_n_low(3)
        .mesh_n_high(6)
        .mesh_outbound_min(1)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(limits::GOSSIP_HEARTBEAT)
        .duplicate_cache_time(limits::DUPLICATE_MEMORY)
        .connection_handler_queue_len(limits::GOSSIP_QUEUE)
        .publish_queue_duration(limits::GOSSIP_QUEUE_TIME)
        .forward_queue_duration(limits::GOSSIP_QUEUE_TIME)
        // A heartbeat may tell of every message of the last seconds; 4096 identifiers fit.
        .max_control_messages_sent(4096)
        .max_control_message_size(256 * 1024)
        .build()
        .map_err(|error| setup(&error))?;
    let mut gossip = gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Anonymous, config)
        .map_err(|error| setup(&error))?;
    gossip.with_peer_score(score_params(), thresholds()).map_err(|error| setup(&error))?;
    for topic in [&topics.consensus, &topics.transactions] {
        gossip.subscribe(topic).map_err(|error| setup(&error))?;
    }
    Ok(gossip)
}

fn message_id(message: &gossipsub::Message) -> gossipsub::MessageId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(message.topic.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(&message.data);
    gossipsub::MessageId::new(&hasher.finalize().as_bytes()[..20])
}

/// Only [`Gate`] counts: our own score of faults decides about bans.
fn score_params() -> gossipsub::PeerScoreParams {
    gossipsub::PeerScoreParams {
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: 0.0,
        slow_peer_weight: 0.0,
        ..Default::default()
    }
}

fn thresholds() -> gossipsub::PeerScoreThresholds {
    gossipsub::PeerScoreThresholds {
        gossip_threshold: GOSSIP,
        publish_threshold: PUBLISH,
        graylist_threshold: GRAYLIST,
        ..Default::default()
    }
}
