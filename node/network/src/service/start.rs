//! From a configuration to a running task.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::TcpListener,
    time::Instant,
};

use futures::StreamExt;
use libp2p::{Multiaddr, Swarm, TransportError, multiaddr::Protocol, swarm::SwarmEvent};
use mokka_types::Height;
use tokio_util::sync::CancellationToken;

use super::{Service, records::Records};
use crate::{
    Hello, Network, NetworkConfig, NetworkHandle, NetworkStats, StartError,
    behaviour::{self, Behaviour},
    dialer::Dialer,
    hello::PROTOCOL_VERSION,
    limits::{COMMAND_QUEUE, MAX_AGENT_CHARS},
    outbox::Outbox,
    score::Scores,
};

/// Listens, then runs in a task of its own.
pub(crate) async fn spawn(
    config: NetworkConfig,
    stop: CancellationToken,
) -> Result<Network, StartError> {
    let max_packet = config.max_packet_bytes()?;
    let (mut swarm, topics) = behaviour::swarm(&config)?;
    let listen_address = listen(&mut swarm, &config).await?;
    tracing::info!(address = %listen_address, peer_id = %config.node_key.peer_id(), "listening");
    let (handle, inputs) = NetworkHandle::new(&config, listen_address, COMMAND_QUEUE);
    let (outbox, events) = Outbox::new();
    let mut dialer = Dialer::new(config.binding.map(|binding| binding.validator));
    dialer.set(config.targets, |_| false);
    let hello = Hello {
        version: PROTOCOL_VERSION,
        chain: config.chain,
        agent: config.agent.chars().take(MAX_AGENT_CHARS).collect(),
        session: rand::random(),
        committed: Height::default(),
        binding: config.binding,
    };
    let service = Service {
        swarm,
        topics,
        max_packet,
        rates: config.rates,
        hello,
        inputs,
        admitted: config.admitted,
        former: BTreeSet::new(),
        dialer,
        own_record: config.record,
        records: Records::default(),
        outbox,
        peers: BTreeMap::new(),
        speakers: BTreeMap::new(),
        turn: 0,
        refusals: BTreeMap::new(),
        scores: Scores::default(),
        bans: BTreeMap::new(),
        logged: BTreeMap::new(),
        stats: NetworkStats::default(),
        batch_number: rand::random(),
        published: Instant::now(),
    };
    let task = tokio::spawn(service.run(stop));
    Ok(Network { handle, events, task })
}

/// Listens where it should, and says where that is.
async fn listen(
    swarm: &mut Swarm<Behaviour>,
    config: &NetworkConfig,
) -> Result<Multiaddr, StartError> {
    let address = config.listen;
    let explain = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { address },
        _ => StartError::Listen { address, source },
    };
    // libp2p lets two processes of one user listen on the same port and share its connections; an
    // ordinary listener finds out whether somebody is there already.
    if address.port() != 0 {
        drop(TcpListener::bind(address).map_err(explain)?);
    }
    let wanted = Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()));
    swarm.listen_on(wanted).map_err(|error| match error {
        TransportError::Other(source) => explain(source),
        TransportError::MultiaddrNotSupported(_) => {
            explain(io::Error::from(io::ErrorKind::Unsupported))
        }
    })?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => return Ok(address),
            SwarmEvent::ListenerClosed { reason: Err(source), .. } => return Err(explain(source)),
            _ => {}
        }
    }
}
