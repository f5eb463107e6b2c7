//! What becomes of a packet that came in and is signed (§3, §10).
//!
//! What is direct is said by whom the connection belongs to. A broadcast may come by way of others,
//! who answer only for what each correct node finds out alike: that its author is a validator. How
//! much they pass on is the author's doing, so the author's share is taken; an old packet, which
//! anybody can say again, takes no share and goes no further.
//!
//! Who is a validator, nodes learn at different moments, and one that was away long after. So what
//! was said by nobody known is for the engine, which may see that it has to catch up, and for
//! nobody else; a source is allowed more of it than changes of the set bring about.

use std::{collections::BTreeMap, time::Instant};

use mokka_network::{Bucket, PeerId, Rate, Verdict, Way};
use mokka_types::{Envelope, PacketKind, PublicKey, RunNumber};

/// Broadcasts of one validator: several busy leaders' worth, and yet a fraction of what one peer
/// may pass on, so that a flood of one leaves room for the others.
const BROADCASTS: Rate =
    Rate { messages: 1000.0, bytes: 32.0 * 1024.0 * 1024.0, burst_seconds: 3.0 };
/// Requests of one validator that come as broadcasts, which everybody answers: enough to catch up
/// where no direct way leads to who has the blocks.
const BROADCAST_REQUESTS: Rate = Rate { messages: 1.0, bytes: 1e6, burst_seconds: 4.0 };
/// Requests of one observer: ten ranges a second keep a node that catches up busy.
const OBSERVERS_REQUESTS: Rate = Rate { messages: 10.0, bytes: 1e6, burst_seconds: 1.6 };

/// Packets of nobody known by way of one source: the present leader's and validators', to a node
/// that does not know them yet.
const UNKNOWN: Rate = Rate { messages: 200.0, bytes: 32.0 * 1024.0 * 1024.0, burst_seconds: 5.0 };
/// Requests among them: as many as a node makes that does not know yet that it is none any more.
const UNKNOWN_REQUESTS: Rate = Rate { messages: 2.0, bytes: 1e6, burst_seconds: 4.0 };

/// How a packet came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) source: PeerId,
    /// The validator or candidate that the source speaks for; none for an observer.
    pub(crate) speaks_for: Option<PublicKey>,
    pub(crate) way: Way,
    pub(crate) bytes: usize,
    pub(crate) at: Instant,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// For the engine, and for others.
    Take,
    /// For the engine, which may learn from it; others have heard it.
    Keep,
    /// For the engine, whose answer goes back to where this came from.
    Answer,
    /// For nobody: too much at once, which is not its source's fault.
    Drop,
    /// For nobody: the source itself says more than its share.
    Flood,
    /// No correct node sends or passes on such a thing.
    Reject,
}

impl Decision {
    pub(crate) const fn verdict(self) -> Verdict {
        match self {
            Self::Take => Verdict::Accept,
            Self::Keep | Self::Answer | Self::Drop | Self::Flood => Verdict::Ignore,
            Self::Reject => Verdict::Reject,
        }
    }

    pub(crate) const fn is_for_engine(self) -> bool {
        match self {
            Self::Take | Self::Keep | Self::Answer => true,
            Self::Drop | Self::Flood | Self::Reject => false,
        }
    }
}

/// What a validator broadcasts.
struct Author {
    broadcasts: Bucket,
    requests: Bucket,
    /// The newest of each kind.
    newest: BTreeMap<PacketKind, (RunNumber, u64)>,
}

/// Decides about packets. What it remembers is bounded by who may connect.
#[derive(Default)]
pub(crate) struct Door {
    /// By x coordinate; validators only.
    authors: BTreeMap<[u8; 32], Author>,
    observers: BTreeMap<PeerId, Bucket>,
    unknown: BTreeMap<PeerId, Unknown>,
}

/// What one source may bring of nobody known.
struct Unknown {
    packets: Bucket,
    requests: Bucket,
}

impl Door {
    /// Decides about a packet; `is_validator` tells whose broadcasts count.
    pub(crate) fn decide(
        &mut self,
        arrival: &Arrival,
        envelope: &Envelope,
        is_validator: impl Fn(&PublicKey) -> bool,
    ) -> Decision {
        let author = envelope.sender;
        match (arrival.way, arrival.speaks_for) {
            (Way::Direct, Some(key)) if key.x() == author.x() => Decision::Take,
            (Way::Direct, Some(_)) => Decision::Reject,
            (Way::Direct, None) if is_request(envelope) && !is_validator(&author) => {
                self.request_of_observer(arrival)
            }
            // It was a validator a moment ago, or is one since a moment.
            (Way::Direct, None) => self.of_nobody_known(arrival, envelope),
            (Way::Broadcast, _) if is_validator(&author) => self.broadcast(arrival, envelope),
            (Way::Broadcast, _) => self.of_nobody_known(arrival, envelope),
        }
    }

    fn of_nobody_known(&mut self, arrival: &Arrival, envelope: &Envelope) -> Decision {
        let Arrival { source, bytes, at, .. } = *arrival;
        let unknown = self.unknown.entry(source).or_insert_with(|| Unknown {
            packets: Bucket::new(UNKNOWN, at),
            requests: Bucket::new(UNKNOWN_REQUESTS, at),
        });
        let (allowance, decision) = match is_request(envelope) {
            true => (&mut unknown.requests, Decision::Drop),
            false => (&mut unknown.packets, Decision::Keep),
        };
        if allowance.take(bytes, at) { decision } else { Decision::Reject }
    }

    fn request_of_observer(&mut self, arrival: &Arrival) -> Decision {
        let fresh = || Bucket::new(OBSERVERS_REQUESTS, arrival.at);
        let allowance = self.observers.entry(arrival.source).or_insert_with(fresh);
        match allowance.take(arrival.bytes, arrival.at) {
            true => Decision::Answer,
            false => Decision::Drop,
        }
    }

    fn broadcast(&mut self, arrival: &Arrival, envelope: &Envelope) -> Decision {
        let Arrival { bytes, at, .. } = *arrival;
        let x = envelope.sender.x();
        let author = self.authors.entry(x).or_insert_with(|| Author {
            broadcasts: Bucket::new(BROADCASTS, at),
            requests: Bucket::new(BROADCAST_REQUESTS, at),
            newest: BTreeMap::new(),
        });
        let this = (envelope.run, envelope.counter);
        let newest = author.newest.entry(envelope.packet.kind()).or_default();
        if this <= *newest {
            return match is_request(envelope) {
                true => Decision::Drop,
                false => Decision::Keep,
            };
        }
        *newest = this;
        if !author.broadcasts.take(bytes, at) {
            return match arrival.speaks_for.is_some_and(|key| key.x() == x) {
                true => Decision::Flood,
                false => Decision::Drop,
            };
        }
        match is_request(envelope) && !author.requests.take(bytes, at) {
            true => Decision::Drop,
            false => Decision::Take,
        }
    }
}

/// Whether it is answered from the store.
pub(crate) fn is_request(envelope: &Envelope) -> bool {
    matches!(envelope.packet.kind(), PacketKind::BlocksRequest | PacketKind::BodyRequest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mokka_crypto::SecretKey;
    use mokka_types::{
        Alive, BlockHash, BlockId, BlocksRequest, Epoch, Height, Packet, Term, View,
    };

    use super::*;

    /// A door, and packets that come to it.
    struct World {
        door: Door,
        now: Instant,
        validators: Vec<PublicKey>,
        counter: u64,
    }

    const GENESIS: BlockId = BlockId { height: Height::GENESIS, hash: BlockHash::new([1; 32]) };
    const PROMISE: View = View::new(Epoch::new(0), Term::new(0));
    const ALIVE: Packet = Packet::Alive(Alive { promise: PROMISE, committed: GENESIS });
    const REQUEST: Packet = Packet::BlocksRequest(BlocksRequest { from: Height::GENESIS });

    impl World {
        fn new() -> Self {
            let validators = (0..3).map(|_| SecretKey::generate().public_key()).collect();
            Self { door: Door::default(), now: Instant::now(), validators, counter: 0 }
        }

        /// The next packet of an author comes by a source that speaks for somebody or for nobody.
        fn comes(
            &mut self,
            way: Way,
            source: (PeerId, Option<PublicKey>),
            author: PublicKey,
            packet: Packet,
        ) -> Decision {
            self.counter += 1;
            self.comes_numbered(self.counter, way, source, author, packet)
        }

        fn comes_numbered(
            &mut self,
            counter: u64,
            way: Way,
            (source, speaks_for): (PeerId, Option<PublicKey>),
            sender: PublicKey,
            packet: Packet,
        ) -> Decision {
            let envelope = Envelope { sender, run: RunNumber::new(1), counter, packet };
            let arrival = Arrival { source, speaks_for, way, bytes: 100, at: self.now };
            let validators = &self.validators;
            self.door.decide(&arrival, &envelope, |key| validators.contains(key))
        }
    }

    fn stranger() -> PublicKey {
        SecretKey::generate().public_key()
    }

    /// §3: a direct packet is bound to its connection.
    #[test]
    fn a_direct_packet_is_taken_from_its_author_only() {
        let mut world = World::new();
        let [a, b, _] = world.validators[..] else { panic!("three") };
        let (of_a, observer) = ((PeerId::random(), Some(a)), (PeerId::random(), None));
        for packet in [ALIVE, REQUEST] {
            assert_eq!(world.comes(Way::Direct, of_a, a, packet.clone()), Decision::Take);
            assert_eq!(world.comes(Way::Direct, of_a, b, packet.clone()), Decision::Reject);
            assert_eq!(world.comes(Way::Direct, of_a, stranger(), packet), Decision::Reject);
        }
        assert_eq!(world.comes(Way::Direct, observer, a, REQUEST), Decision::Drop, "replayed");
    }

    /// §10: asking costs the asker, whatever it calls itself.
    #[test]
    fn an_observer_has_one_allowance_however_many_keys_it_invents() {
        let mut world = World::new();
        let (one, other) = ((PeerId::random(), None), (PeerId::random(), None));
        let answered = |world: &mut World, observer| {
            let asked = (0..100).map(|_| world.comes(Way::Direct, observer, stranger(), REQUEST));
            asked.filter(|decision| *decision == Decision::Answer).count()
        };
        assert_eq!(answered(&mut world, one), 16);
        assert_eq!(answered(&mut world, other), 16, "others have an allowance of their own");
        world.now += Duration::from_secs(1);
        assert_eq!(answered(&mut world, one), 10);
    }

    /// How many of these come before one is held against its source, all decided alike.
    fn tolerated(world: &mut World, how: (Way, PeerId), packet: &Packet) -> (usize, Decision) {
        let (way, source) = how;
        let mut decided = Vec::new();
        loop {
            match world.comes(way, (source, None), stranger(), packet.clone()) {
                Decision::Reject => return (decided.len(), decided[0]),
                other => decided.push(other),
            }
        }
    }

    /// §9, §10: whose set is another may hear of it, and nobody else does; who brings too much of
    /// what nobody of the set said pays for it.
    #[test]
    fn what_a_key_in_no_set_said_goes_no_further_and_is_soon_held_against_its_source() {
        let mut world = World::new();
        let relay = (PeerId::random(), Some(world.validators[0]));
        for way in [Way::Direct, Way::Broadcast] {
            let tolerated = tolerated(&mut world, (way, PeerId::random()), &ALIVE);
            assert_eq!(tolerated, (1000, Decision::Keep), "{way:?}");
        }
        let forged = tolerated(&mut world, (Way::Broadcast, relay.0), &REQUEST);
        assert_eq!(forged, (8, Decision::Drop));
        let author = world.validators[1];
        assert_eq!(world.comes(Way::Broadcast, relay, author, ALIVE), Decision::Take);
    }

    /// §10: a flood ends at the first who hears it, and costs its author alone.
    #[test]
    fn a_flooding_validator_is_not_relayed_and_its_relays_are_not_fined() {
        let mut world = World::new();
        let [a, b, c] = world.validators[..] else { panic!("three") };
        let (of_a, of_b) = ((PeerId::random(), Some(a)), (PeerId::random(), Some(b)));
        let taken = (0..10_000)
            .take_while(|_| world.comes(Way::Broadcast, of_b, a, ALIVE) == Decision::Take)
            .count();
        assert_eq!(taken, 3000);
        assert_eq!(world.comes(Way::Broadcast, of_b, a, ALIVE), Decision::Drop, "a relay");
        assert_eq!(world.comes(Way::Broadcast, of_a, a, ALIVE), Decision::Flood, "itself");
        assert_eq!(world.comes(Way::Broadcast, of_b, c, ALIVE), Decision::Take, "others go on");
        world.now += Duration::from_secs(1);
        assert_eq!(world.comes(Way::Broadcast, of_a, a, ALIVE), Decision::Take, "and so may it");
    }

    /// Appendix A.10: whoever says again what a validator said takes none of its share.
    #[test]
    fn old_packets_go_no_further_and_take_no_share_of_their_author() {
        let mut world = World::new();
        let [a, b, _] = world.validators[..] else { panic!("three") };
        let (of_a, of_b) = ((PeerId::random(), Some(a)), (PeerId::random(), Some(b)));
        let said = |world: &mut World, source, counter, packet| {
            world.comes_numbered(counter, Way::Broadcast, source, a, packet)
        };
        assert_eq!(said(&mut world, of_a, 20_000, ALIVE), Decision::Take);
        assert_eq!(said(&mut world, of_a, 20_000, REQUEST), Decision::Take, "kinds count apart");
        for counter in 1..=10_000 {
            assert_eq!(said(&mut world, of_b, counter, ALIVE), Decision::Keep);
            assert_eq!(said(&mut world, of_b, counter, REQUEST), Decision::Drop);
        }
        assert_eq!(said(&mut world, of_a, 20_001, ALIVE), Decision::Take);
    }

    /// §10: everybody answers a request that is broadcast, so there are few of them.
    #[test]
    fn a_validator_may_broadcast_few_requests() {
        let mut world = World::new();
        let [a, b, _] = world.validators[..] else { panic!("three") };
        let (of_a, of_b) = ((PeerId::random(), Some(a)), (PeerId::random(), Some(b)));
        let answered = (0..100)
            .filter(|_| world.comes(Way::Broadcast, of_b, a, REQUEST) == Decision::Take)
            .count();
        assert_eq!(answered, 4);
        let decision = world.comes(Way::Broadcast, of_a, a, REQUEST);
        assert_eq!(decision, Decision::Drop, "it may be far behind, which is no fault");
        assert_eq!(world.comes(Way::Broadcast, of_b, a, ALIVE), Decision::Take);
    }
}
