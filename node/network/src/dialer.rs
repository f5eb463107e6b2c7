//! When to dial whom: with patience, and a little randomness so that nodes do not move in step.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, swarm::ConnectionId};
use mokka_types::PublicKey;

use crate::{
    Target,
    limits::{
        DIAL_BACKOFF, DIAL_BACKOFF_MAX, DIAL_YIELD, FAILURES_TOLERATED, UNREACHABLE_LOG_INTERVAL,
    },
};

/// What is going on with one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Dial at this instant.
    Waiting(Instant),
    /// This connection is being made, or waits for its hellos.
    Trying(ConnectionId),
    /// The validator is connected, by whatever connection.
    Connected,
}

#[derive(Debug)]
struct Entry {
    target: Target,
    next_address: usize,
    failures: u32,
    /// When it was last said that it cannot be reached.
    told: Option<Instant>,
    state: State,
}

/// Keeps every target connected.
#[derive(Debug)]
pub(crate) struct Dialer {
    own: Option<PublicKey>,
    entries: Vec<Entry>,
    /// Where validators say that they are, by x coordinate; tried first.
    said: BTreeMap<[u8; 32], Vec<Multiaddr>>,
}

impl Dialer {
    pub(crate) fn new(own: Option<PublicKey>) -> Self {
        Self { own, entries: Vec::new(), said: BTreeMap::new() }
    }

    /// Takes over a new list; what is known of targets that stay is kept.
    pub(crate) fn set(&mut self, targets: Vec<Target>, is_up: impl Fn(&Target) -> bool) {
        let now = Instant::now();
        let mut before = std::mem::take(&mut self.entries);
        for target in targets {
            if self.is_own(&target.validator) {
                continue;
            }
            let known = before.iter().position(|entry| entry.target == target);
            self.entries.push(match known {
                Some(at) => before.swap_remove(at),
                None => {
                    let state = if is_up(&target) {
                        State::Connected
                    } else {
                        State::Waiting(now + self.politeness(&target.validator))
                    };
                    Entry { target, next_address: 0, failures: 0, told: None, state }
                }
            });
        }
    }

    /// This validator says that it is there: it is dialed at once, and at its other addresses, too.
    pub(crate) fn learn(&mut self, key: &PublicKey, addresses: Vec<Multiaddr>, now: Instant) {
        self.said.insert(key.x(), addresses);
        for entry in self.entries.iter_mut().filter(|entry| is(entry, key)) {
            begin_anew(entry, now);
        }
    }

    /// Forgets what others than these have said.
    pub(crate) fn retain_said(&mut self, stays: impl Fn(&[u8; 32]) -> bool) {
        self.said.retain(|x, _| stays(x));
    }

    /// There is no use in dialing it for now.
    pub(crate) fn rest(&mut self, key: &PublicKey, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| is(entry, key)) {
            entry.state = State::Waiting(now + DIAL_BACKOFF_MAX);
        }
    }

    /// There is new reason to hope for a welcome: these are dialed at once.
    pub(crate) fn hurry(&mut self, whom: impl Fn(&PublicKey) -> bool, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| whom(&entry.target.validator)) {
            begin_anew(entry, now);
        }
    }

    /// Where to dial now. The caller answers each with [`Dialer::trying`].
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(PublicKey, Multiaddr)> {
        let said = &self.said;
        let due = self.entries.iter_mut().filter(|entry| match entry.state {
            State::Waiting(at) => at <= now,
            State::Trying(_) | State::Connected => false,
        });
        due.filter_map(|entry| {
            let addresses = addresses_of(said, &entry.target);
            let at = entry.next_address.checked_rem(addresses.len())?;
            entry.next_address = at + 1;
            Some((entry.target.validator, addresses[at].clone()))
        })
        .collect()
    }

    /// A connection is being made.
    pub(crate) fn trying(&mut self, key: &PublicKey, connection: ConnectionId) {
        for entry in self.entries.iter_mut().filter(|entry| is(entry, key)) {
            entry.state = State::Trying(connection);
        }
    }

    /// The attempt came to nothing.
    pub(crate) fn failed(&mut self, connection: ConnectionId, now: Instant) {
        for entry in &mut self.entries {
            if entry.state == State::Trying(connection) {
                retry(entry, now);
            }
        }
    }

    /// Whom this connection was to reach, if that has failed so often that an operator must hear
    /// of it, and has not heard lately.
    pub(crate) fn complaint_of(
        &mut self,
        connection: ConnectionId,
        now: Instant,
    ) -> Option<(PublicKey, Vec<Multiaddr>)> {
        let entry = self.entries.iter_mut().find(|at| at.state == State::Trying(connection))?;
        let recent = |at| now.saturating_duration_since(at) < UNREACHABLE_LOG_INTERVAL;
        if entry.failures < FAILURES_TOLERATED || entry.told.is_some_and(recent) {
            return None;
        }
        entry.told = Some(now);
        Some((entry.target.validator, addresses_of(&self.said, &entry.target)))
    }

    /// The two sides do not want each other: no reason to hurry.
    pub(crate) fn refused(&mut self, connection: ConnectionId, now: Instant) {
        for entry in &mut self.entries {
            if entry.state == State::Trying(connection) {
                entry.failures = u32::MAX;
                retry(entry, now);
            }
        }
    }

    /// The validator is connected.
    pub(crate) fn connected(&mut self, key: &PublicKey) {
        for entry in self.entries.iter_mut().filter(|entry| is(entry, key)) {
            entry.state = State::Connected;
            entry.failures = 0;
        }
    }

    /// The validator is no longer connected.
    pub(crate) fn lost(&mut self, key: &PublicKey, now: Instant) {
        let wait = self.politeness(key);
        for entry in self.entries.iter_mut().filter(|entry| is(entry, key)) {
            if entry.state == State::Connected {
                entry.state = State::Waiting(now + jittered(DIAL_BACKOFF) + wait);
            }
        }
    }

    /// Whom this connection was meant to reach.
    pub(crate) fn meant(&self, connection: ConnectionId) -> Option<(PublicKey, Vec<Multiaddr>)> {
        let of = self.entries.iter().find(|entry| entry.state == State::Trying(connection))?;
        Some((of.target.validator, addresses_of(&self.said, &of.target)))
    }

    fn is_own(&self, key: &PublicKey) -> bool {
        self.own.is_some_and(|own| own.x() == key.x())
    }

    /// The lower key dials at once, the higher a little later.
    fn politeness(&self, key: &PublicKey) -> Duration {
        match self.own {
            Some(own) if own.x() > key.x() => DIAL_YIELD + jittered(DIAL_BACKOFF),
            _ => Duration::ZERO,
        }
    }
}

fn is(entry: &Entry, key: &PublicKey) -> bool {
    entry.target.validator.x() == key.x()
}

/// What it says itself, then what else is known.
fn addresses_of(said: &BTreeMap<[u8; 32], Vec<Multiaddr>>, target: &Target) -> Vec<Multiaddr> {
    let said = said.get(&target.validator.x()).map(Vec::as_slice).unwrap_or_default();
    let others = target.addresses.iter().filter(|address| !said.contains(address));
    said.iter().chain(others).cloned().collect()
}

/// As if it had never failed.
fn begin_anew(entry: &mut Entry, now: Instant) {
    (entry.failures, entry.next_address) = (0, 0);
    if let State::Waiting(_) = entry.state {
        entry.state = State::Waiting(now);
    }
}

fn retry(entry: &mut Entry, now: Instant) {
    let doublings = entry.failures.min(16);
    let wait = DIAL_BACKOFF.saturating_mul(1 << doublings).min(DIAL_BACKOFF_MAX);
    entry.failures = entry.failures.saturating_add(1);
    entry.state = State::Waiting(now + jittered(wait));
}

/// Between half of it and all of it.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        let mut bytes = [byte; 33];
        bytes[0] = 2;
        PublicKey::new(bytes)
    }

    fn target(byte: u8) -> Target {
        let addresses = ["/ip4/127.0.0.1/tcp/1", "/dns/a.example/tcp/2"];
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Target { validator: key(byte), addresses }
    }

    fn connection(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn waiting_doubles_up_to_the_cap_and_addresses_take_turns() {
        let mut dialer = Dialer::new(None);
        dialer.set(vec![target(1)], |_| false);
        let mut now = Instant::now();
        let mut seen = Vec::new();
        for attempt in 0..12 {
            let due = dialer.due(now);
            let (validator, address) = due[0].clone();
            seen.push(address);
            dialer.trying(&validator, connection(attempt));
            assert!(dialer.due(now + DIAL_BACKOFF_MAX).is_empty(), "one attempt at a time");
            dialer.failed(connection(attempt), now);
            let doublings = u32::try_from(attempt.min(16)).unwrap();
            let most = DIAL_BACKOFF.saturating_mul(1 << doublings).min(DIAL_BACKOFF_MAX);
            assert!(dialer.due(now + most / 2 - Duration::from_millis(1)).is_empty());
            now += most;
        }
        assert_ne!(seen[0], seen[1]);
        assert_eq!(seen[0], seen[2]);
    }

    #[test]
    fn what_a_validator_says_of_itself_is_tried_first_and_at_once() {
        let mut dialer = Dialer::new(None);
        dialer.set(vec![target(1), Target { addresses: vec![], ..target(2) }], |_| false);
        let now = Instant::now();
        assert_eq!(dialer.due(now).len(), 1, "nobody knows where the second is");
        dialer.trying(&key(1), connection(1));
        dialer.refused(connection(1), now);
        let new: Multiaddr = "/dns/b.example/tcp/3".parse().unwrap();
        for at in [1, 2] {
            dialer.learn(&key(at), vec![new.clone()], now);
        }
        assert_eq!(dialer.due(now), [(key(1), new.clone()), (key(2), new.clone())]);
        let second: Vec<_> = dialer.due(now).into_iter().map(|(_, address)| address).collect();
        assert_eq!(second, [target(1).addresses[0].clone(), new]);
        dialer.retain_said(|x| *x == key(1).x());
        assert_eq!(dialer.due(now).len(), 1);
    }

    #[test]
    fn who_may_be_let_in_now_waits_no_longer() {
        let mut dialer = Dialer::new(None);
        dialer.set(vec![target(1), target(2)], |_| false);
        let now = Instant::now();
        for (at, number) in [(1, 1), (2, 2)] {
            dialer.trying(&key(at), connection(number));
            dialer.refused(connection(number), now);
        }
        assert!(dialer.due(now).is_empty());
        dialer.hurry(|at| *at == key(2), now);
        assert_eq!(dialer.due(now).len(), 1);
    }

    #[test]
    fn a_connected_target_is_left_alone_until_it_is_lost() {
        let mut dialer = Dialer::new(Some(key(1)));
        dialer.set(vec![target(1), target(2)], |_| false);
        let now = Instant::now();
        assert_eq!(dialer.due(now).len(), 1, "never ourselves");
        dialer.connected(&key(2));
        dialer.set(vec![target(2)], |_| false);
        assert!(dialer.due(now + DIAL_BACKOFF_MAX).is_empty());
        dialer.lost(&key(2), now);
        assert!(dialer.due(now).is_empty());
        assert_eq!(dialer.due(now + DIAL_BACKOFF).len(), 1);
    }

    #[test]
    fn who_is_never_reached_is_complained_of_at_intervals() {
        let mut dialer = Dialer::new(None);
        dialer.set(vec![target(1)], |_| false);
        let (start, mut now) = (Instant::now(), Instant::now());
        let mut complaints = Vec::new();
        for attempt in 0.. {
            dialer.trying(&key(1), connection(attempt));
            if let Some((validator, _)) = dialer.complaint_of(connection(attempt), now) {
                assert_eq!(validator, key(1));
                complaints.push((attempt, now - start));
            }
            dialer.failed(connection(attempt), now);
            now += DIAL_BACKOFF_MAX;
            if now - start > UNREACHABLE_LOG_INTERVAL * 2 {
                break;
            }
        }
        assert_eq!(complaints[0].0, FAILURES_TOLERATED as usize, "{complaints:?}");
        assert_eq!(complaints[1].1 - complaints[0].1, UNREACHABLE_LOG_INTERVAL, "{complaints:?}");
        dialer.trying(&key(1), connection(1000));
        dialer.connected(&key(1));
        assert_eq!(dialer.complaint_of(connection(1000), now), None);
    }

    #[test]
    fn the_higher_key_yields_and_a_refusal_waits_long() {
        let mut dialer = Dialer::new(Some(key(9)));
        dialer.set(vec![target(2)], |_| false);
        let now = Instant::now();
        assert!(dialer.due(now).is_empty());
        let later = now + DIAL_YIELD + DIAL_BACKOFF;
        assert_eq!(dialer.due(later).len(), 1);
        dialer.trying(&key(2), connection(1));
        assert_eq!(dialer.meant(connection(1)).map(|(key, _)| key), Some(key(2)));
        dialer.refused(connection(1), later);
        assert!(dialer.due(later + DIAL_BACKOFF_MAX / 2 - Duration::from_millis(1)).is_empty());
        assert_eq!(dialer.due(later + DIAL_BACKOFF_MAX).len(), 1);
    }
}
