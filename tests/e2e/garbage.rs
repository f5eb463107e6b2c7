//! A validator's key in the wrong hands: whatever it sends, the others stay up, and cut it off
//! (§10).

use std::{fs, path::Path};

use mokka_crypto::{SecretKey, keyfile};
use mokka_genesis::Genesis;
use mokka_network::{Network as Peers, NetworkConfig, NetworkEvent};
use mokka_types::{ChainHash, Envelope, Packet, PacketKind, RunNumber, SealedEnvelope, codec};
use tokio_util::sync::CancellationToken;

use crate::{
    forger,
    harness::{LIMIT, Ledger, Network, Plan, report},
};

/// Its place; its own node does not run.
const PLACE: usize = 3;
/// More bytes than any packet of this chain may have.
const LARGE: usize = 12 << 20;
/// Enough of the least fault for a ban.
const FAULTS: usize = 6;

/// One packet of each kind, as the fuzzer begins with them: genuine in form, of another chain.
fn examples() -> Vec<Packet> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/packet");
    let files = fs::read_dir(corpus).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let opened = files.filter_map(|bytes| codec::decode::<SealedEnvelope>(&bytes).ok());
    let mut packets: Vec<_> = opened.map(|sealed| sealed.envelope.packet).collect();
    packets.sort_by_key(Packet::kind);
    packets.dedup_by_key(|packet| packet.kind());
    packets
}

/// The stolen key and what it takes to use it.
struct Thief {
    genesis: Genesis,
    chain: ChainHash,
    key: SecretKey,
    sequence: u64,
    counter: u64,
}

impl Thief {
    fn new(network: &Network) -> Self {
        let text = fs::read_to_string(network.root().join("genesis.json")).unwrap();
        let genesis = Genesis::parse(&text).unwrap();
        let chain = genesis.begin().unwrap().chain_hash;
        let file = network.root().join(format!("key-{PLACE}.json"));
        let key = keyfile::read(&file, "a good password").unwrap();
        Self { genesis, chain, key, sequence: u64::MAX / 2, counter: 0 }
    }

    fn sealed(&mut self, packet: Packet) -> Vec<u8> {
        self.counter += 1;
        let (sender, run) = (self.key.public_key(), RunNumber::new(u64::MAX / 2));
        let envelope = Envelope { sender, run, counter: self.counter, packet };
        codec::encode(&self.key.seal(&self.chain, envelope).0)
    }

    /// Connects as a new node of this validator, says all of this to the first validator that lets
    /// it in, and waits until that one has cut it off.
    async fn is_cut_off_for(&mut self, messages: Vec<Vec<u8>>) {
        self.sequence += 1;
        let config = forger::peers(&self.genesis, &self.key, self.sequence);
        let largest = messages.iter().map(Vec::len).max().unwrap_or_default();
        // Its own side lets pass what no other does.
        let max_block_bytes = config.max_block_bytes.max(largest);
        let stop = CancellationToken::new();
        let config = NetworkConfig { max_block_bytes, ..config };
        let Peers { handle, mut events, .. } = Peers::spawn(config, stop.clone()).await.unwrap();
        let mut victim = None;
        let cut_off = async {
            while let Some(event) = events.recv().await {
                match event {
                    NetworkEvent::PeerConnected { peer, validator: Some(key), .. }
                        if victim.is_none() =>
                    {
                        victim = Some(peer);
                        messages.iter().for_each(|message| handle.send(key, message.clone()));
                    }
                    NetworkEvent::PeerLost { peer, .. } | NetworkEvent::Refused { peer, .. }
                        if victim == Some(peer) =>
                    {
                        return;
                    }
                    NetworkEvent::Packet(packet) => {
                        handle.validated(packet.token, mokka_network::Verdict::Ignore);
                    }
                    _ => {}
                }
            }
        };
        tokio::time::timeout(LIMIT, cut_off).await.expect("cut off");
        stop.cancel();
    }
}

/// Bytes that are no packet: cut short, with one bit changed, with something behind.
fn spoilt(genuine: &[u8]) -> Vec<Vec<u8>> {
    let cut = [1, genuine.len() / 2, genuine.len() - 1].map(|length| genuine[..length].to_vec());
    let flipped = [0, genuine.len() / 3, genuine.len() - 1].map(|at| {
        let mut bytes = genuine.to_vec();
        bytes[at] ^= 0x10;
        bytes
    });
    let behind = [genuine, &[0]].concat();
    cut.into_iter().chain(flipped).chain([behind]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_packet_of_a_validator_stops_the_others() {
    let network = Network::start_without(PLACE, Plan::bft(4)).await;
    let mut ledger = Ledger::default();
    ledger.transfer(&network, 0).await;
    let mut thief = Thief::new(&network);
    let examples = examples();
    let kinds = (0..=u8::MAX).map_while(|number| codec::decode::<PacketKind>(&[number]).ok());
    let kinds = kinds.count();
    assert_eq!(examples.len(), kinds, "one of each kind");
    for packet in examples {
        let kind = packet.kind();
        // Signed by the validator, and senseless; then the same again, then no packets any more.
        let senseless = thief.sealed(packet.clone());
        let again = senseless.clone();
        let broken = spoilt(&thief.sealed(packet.clone()));
        assert!(broken.len() > FAULTS, "enough for a ban");
        thief.is_cut_off_for([vec![senseless, again], broken].concat()).await;
        // Larger than any packet may be.
        let oversized = [thief.sealed(packet), vec![0; LARGE]].concat();
        thief.is_cut_off_for(vec![oversized; 3]).await;
        report(format_args!("{kind:?}: cut off, twice"));
        for (at, node) in network.running() {
            assert!(node.status().await["role"].is_string(), "node {at}");
        }
    }
    for at in 0..PLACE {
        let took = ledger.transfer(&network, at).await;
        report(format_args!("a receipt {took:?} after sending, on node {at}"));
    }
    ledger.holds_everywhere(&network).await;
    let bans = network.running().map(|(_, node)| node.log().matches("peer banned").count());
    assert_eq!(bans.sum::<usize>(), 2 * kinds, "each time it had lost all its score");
}
