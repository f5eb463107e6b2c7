//! A validator that moved says where it is, and the others find it.

use mokka_crypto::SecretKey;
use mokka_network::{NetworkEvent, PeerRecord, Reason, RefusedBy, Target, limits};

use crate::world::{CHAIN, Node, Spec, full_mesh};

fn record(signs: &SecretKey, of: &SecretKey, sequence: u64, addresses: &[&str]) -> PeerRecord {
    let addresses: Vec<_> = addresses.iter().map(|text| (*text).to_owned()).collect();
    let signature = signs.sign(&PeerRecord::digest(&CHAIN, &addresses, sequence));
    PeerRecord { validator: of.public_key(), sequence, addresses, signature }
}

/// Three validators that let each other in, and their keys.
fn three() -> (Vec<SecretKey>, Vec<Spec>) {
    let secrets: Vec<_> = (0..3).map(|_| SecretKey::generate()).collect();
    let specs: Vec<_> = secrets.iter().map(|secret| Spec::speaking_for(secret, 1)).collect();
    let specs = specs.iter().map(|spec| spec.clone().admitting(&specs)).collect();
    (secrets, specs)
}

/// Where nobody listens.
const NOWHERE: &str = "/ip4/127.0.0.1/tcp/1";

fn old_place(of: &Node) -> Target {
    Target { validator: of.validator, addresses: vec![NOWHERE.parse().unwrap()] }
}

fn own_record(spec: &Spec, secret: &SecretKey, node: &Node, sequence: u64) -> Spec {
    let mut spec = spec.clone();
    spec.config.listen = node.socket();
    spec.config.record = Some(record(secret, secret, sequence, &[&node.address().to_string()]));
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_moved_is_dialed_where_it_says_it_is() {
    let (secrets, specs) = three();
    let mut nodes = full_mesh(&specs[..2]).await;
    // The third dials the first only, and says where it listens.
    let moved = specs[2].start().await;
    let said = own_record(&specs[2], &secrets[2], &moved, 1);
    moved.stop().await;
    let mut moved = said.start().await;
    nodes[1].handle.set_targets(vec![old_place(&moved)]);
    moved.dials(&nodes[..1]);
    nodes[1].connected_to(moved.peer_id()).await;
    moved.connected_to(nodes[1].peer_id()).await;

    // Who comes later hears of it from anybody.
    let observer = SecretKey::generate();
    let mut late = Spec::speaking_for(&observer, 1).admitting(&specs);
    late.config.targets = vec![nodes[0].target(), old_place(&moved)];
    for node in nodes.iter().chain([&moved]) {
        let keys = secrets.iter().chain([&observer]).map(SecretKey::public_key);
        node.handle.set_admitted(mokka_network::Admitted::new(keys, []));
    }
    late.start().await.connected_to(moved.peer_id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_records_the_newer_counts_whichever_comes_last() {
    let (secrets, specs) = three();
    let mut hearer = specs[0].start().await;
    let moved = specs[1].start().await;
    let said = own_record(&specs[1], &secrets[1], &moved, 7);
    moved.stop().await;
    let mut moved = said.start().await;
    moved.dials([&hearer]);
    hearer.connected_to(moved.peer_id()).await;
    moved.connected_to(hearer.peer_id()).await;
    // Another passes on an old one.
    let mut replays = specs[2].clone();
    replays.config.record = Some(record(&secrets[1], &secrets[1], 6, &[NOWHERE]));
    let mut replays = replays.start().await;
    replays.dials([&hearer]);
    hearer.connected_to(replays.peer_id()).await;
    replays.connected_to(hearer.peer_id()).await;
    // It came before this packet.
    replays.handle.send(hearer.validator, "that was all");
    hearer.packet_of(replays.peer_id()).await;
    hearer.handle.set_targets(vec![old_place(&moved)]);
    let id = moved.peer_id();
    moved.stop().await;
    hearer.lost(id).await;
    let _moved = said.start().await;
    hearer.connected_to(id).await;
    assert_eq!(hearer.handle.stats().faults, 0, "an old record is no fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_costs_its_teller() {
    let (secrets, specs) = three();
    let long = format!("/dns/{}/tcp/1", "x.".repeat(130));
    let bad = [
        record(&secrets[1], &secrets[2], 9, &[NOWHERE]),
        record(&secrets[1], &secrets[1], 9, &[NOWHERE; limits::MAX_ADDRESSES + 1]),
        record(&secrets[1], &secrets[1], 9, &[&long]),
        record(&secrets[1], &secrets[1], 9, &["nonsense"]),
    ];
    for record in bad {
        let mut hearer = specs[0].start().await;
        let mut liar = specs[1].clone();
        liar.config.record = Some(record.clone());
        liar.config.targets = vec![hearer.target()];
        let mut ends = None;
        // Each connection tells it once; the faults add up.
        for _ in 0..10 {
            let mut node = liar.start().await;
            node.connected_to(hearer.peer_id()).await;
            node.handle.send(hearer.validator, "after the record");
            ends = hearer
                .until("what comes of the liar", |event| match event {
                    NetworkEvent::Packet(_) => Some(None),
                    NetworkEvent::Refused { by: RefusedBy::Us, reason, .. } => Some(Some(reason)),
                    _ => None,
                })
                .await;
            node.stop().await;
            if ends.is_some() {
                break;
            }
        }
        assert_eq!(ends, Some(Reason::Banned), "{record:?}");
    }
}
