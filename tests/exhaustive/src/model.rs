//! All that can happen next in a world.

use std::sync::Arc;

use mokka_types::{Envelope, PacketKind};

use crate::{
    law::{Budget, Law, Place, Step, World},
    liar::{Liar, Lie, STANCES},
    memo::{Answers, Kept},
    node::{Flight, Node},
};

/// More validators than a small world has.
pub(crate) const MOST: usize = 4;

/// A state of the whole world. Nodes and packets are named by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Each validator; the liar has numbers of its own.
    pub(crate) nodes: [u32; MOST],
    /// The packets on their way, in order of their names.
    pub(crate) flights: Box<[Name]>,
    /// What may still happen.
    pub(crate) left: Budget,
}

/// A packet on its way: its number, and in the lowest bits to whom it goes.
type Name = u32;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A packet arrives.
    Deliver(Name),
    /// A packet arrives, and will arrive again.
    Duplicate(Name),
    Tick(Place),
    Leap(Place),
    Crash(Place),
    /// The liar stands, in one of its ways.
    Stand(u8),
}

/// What becomes of one node.
struct Turned {
    next: u32,
    sent: Box<[Name]>,
    /// Whether it did anything that a property speaks of.
    tells: bool,
}

/// What can happen next, and what becomes of it.
pub(crate) struct Next {
    pub(crate) event: Event,
    pub(crate) state: State,
    /// Whether a property may have changed.
    pub(crate) tells: bool,
}

/// A world with everything that was found out about it.
pub(crate) struct Model {
    pub(crate) law: Law,
    pub(crate) nodes: Kept<Node>,
    pub(crate) liars: Kept<Liar>,
    flights: Kept<Flight>,
    turns: Answers<(u32, u32), Option<Arc<Turned>>>,
}

/// Questions about a node that are not the name of a packet.
const TICK: u32 = u32::MAX;
const LEAP: u32 = u32::MAX - 1;
const CRASH: u32 = u32::MAX - 2;
/// The first of the liar's ways to stand.
const STAND: u32 = u32::MAX - 100;
/// Sets the numbers of liars apart from those of nodes.
const LIARS: u32 = 1 << 31;

impl Model {
    pub(crate) fn new(world: World) -> Self {
        let (nodes, liars) = (Kept::new(), Kept::new());
        Self { law: Law::new(world), nodes, liars, flights: Kept::new(), turns: Answers::new() }
    }

    /// What there is when the search begins.
    ///
    /// # Errors
    /// When a step of the opening cannot be taken.
    pub(crate) fn first(&self) -> Result<State, Step> {
        let mut state =
            State { nodes: [0; MOST], flights: Box::default(), left: self.law.world.budget };
        let mut sent = Vec::new();
        for at in self.law.honest() {
            let (node, flights) = Node::first_start(&self.law, at);
            state.nodes[usize::from(at)] = self.nodes.number(node);
            sent.extend(flights.into_iter().map(|flight| self.name(flight)));
        }
        if let Some(at) = self.law.liar() {
            state.nodes[usize::from(at)] = self.liars.number(Liar::default());
        }
        self.put(&mut state, None, &sent);
        for step in self.law.world.opening.iter().copied().flatten() {
            let next = self.take(&state, *step).ok_or(*step)?;
            state = State { left: self.law.world.budget, ..next };
        }
        Ok(state)
    }

    fn take(&self, state: &State, step: Step) -> Option<State> {
        let event = match step {
            Step::LoseAll => return Some(State { flights: Box::default(), ..state.clone() }),
            Step::Leap(at) => Event::Leap(at),
            Step::Deliver(kind, from, to) => Event::Deliver(self.newest(state, kind, from, to)?),
        };
        let free = State { left: Budget { leaps: u8::MAX, ..state.left }, ..state.clone() };
        self.apply(&free, event).map(|next| next.state)
    }

    fn newest(&self, state: &State, kind: PacketKind, from: Place, to: Place) -> Option<Name> {
        let sender = self.law.name(from);
        let fits =
            |envelope: &Envelope| envelope.sender == sender && envelope.packet.kind() == kind;
        let flights = state.flights.iter().copied().filter(|name| place(*name) == to);
        let fitting = flights.filter(|name| fits(&self.flight(*name).packet));
        fitting.max_by_key(|name| self.flight(*name).packet.counter)
    }

    fn name(&self, flight: Flight) -> Name {
        let to = flight.to;
        self.flights.number(flight) << 3 | u32::from(to)
    }

    pub(crate) fn flight(&self, name: Name) -> Arc<Flight> {
        self.flights.get(name >> 3)
    }

    /// Everything that can happen next.
    pub(crate) fn successors(&self, state: &State, found: &mut Vec<Next>) {
        let left = state.left;
        let mut try_it = |event| found.extend(self.apply(state, event));
        for name in &state.flights {
            try_it(Event::Deliver(*name));
            if left.duplicates > 0 {
                try_it(Event::Duplicate(*name));
            }
        }
        for at in self.law.honest() {
            for (budget, event) in [
                (left.ticks, Event::Tick(at)),
                (left.leaps, Event::Leap(at)),
                (left.crashes, Event::Crash(at)),
            ] {
                if budget > 0 {
                    try_it(event);
                }
            }
        }
        if left.lies > 0 && self.law.liar().is_some() {
            (0..STANCES.len()).filter_map(|way| u8::try_from(way).ok()).for_each(|way| {
                try_it(Event::Stand(way));
            });
        }
    }

    /// What becomes of this; nothing where it changes nothing. A packet that would change nothing
    /// is as good as one that never arrives, and is left for when it changes something.
    pub(crate) fn apply(&self, state: &State, event: Event) -> Option<Next> {
        let mut next = state.clone();
        let left = &mut next.left;
        let (at, question, gone) = match event {
            Event::Deliver(name) => (place(name), name, Some(name)),
            Event::Duplicate(name) => {
                left.duplicates -= 1;
                (place(name), name, None)
            }
            Event::Tick(at) => {
                left.ticks -= 1;
                (at, TICK, None)
            }
            Event::Leap(at) => {
                left.leaps -= 1;
                (at, LEAP, None)
            }
            Event::Crash(at) => {
                left.crashes -= 1;
                (at, CRASH, None)
            }
            Event::Stand(way) => {
                left.lies -= 1;
                (self.law.liar()?, STAND + u32::from(way), None)
            }
        };
        let mut tells = self.turn(&mut next, at, question, gone)?;
        tells |= self.let_the_liar_hear(&mut next);
        self.drop_dead_letters(&mut next, state);
        Some(Next { event, state: next, tells })
    }

    /// Lets something happen to one node; says whether a property may have changed.
    fn turn(&self, state: &mut State, at: Place, asks: u32, gone: Option<Name>) -> Option<bool> {
        let node = state.nodes[usize::from(at)];
        let turned = match self.law.liar() == Some(at) {
            true => self.turns.of((node | LIARS, asks), |_| self.lie(node, asks).map(Arc::new)),
            false => self.turned(node, asks),
        };
        let turned = turned?;
        state.nodes[usize::from(at)] = turned.next;
        self.put(state, gone, &turned.sent);
        Some(turned.tells)
    }

    fn turned(&self, node: u32, asks: u32) -> Option<Arc<Turned>> {
        self.turns.of((node, asks), |_| self.act(node, asks).map(Arc::new))
    }

    /// What the liar is told, it knows at once.
    fn let_the_liar_hear(&self, state: &mut State) -> bool {
        let Some(liar) = self.law.liar() else { return false };
        let mut tells = false;
        while let Some(name) = state.flights.iter().copied().find(|name| place(*name) == liar) {
            match self.turn(state, liar, name, Some(name)) {
                Some(told) => tells |= told,
                None => self.put(state, Some(name), &[]),
            }
        }
        tells
    }

    /// Answers to a candidacy or a proposal that is over change nothing any more, ever: terms and
    /// attempts do not come again. Without them more states are equal.
    fn drop_dead_letters(&self, state: &mut State, before: &State) {
        let is_dead = |name: Name| {
            let at = usize::from(place(name));
            let same = before.nodes[at] == state.nodes[at] && before.flights.contains(&name);
            let answers = [
                PacketKind::Voted,
                PacketKind::Signed,
                PacketKind::PrepareVote,
                PacketKind::CommitVote,
            ];
            !same
                && answers.contains(&self.flight(name).packet.packet.kind())
                && self.turned(state.nodes[at], name).is_none()
        };
        let alive = state.flights.iter().copied().filter(|name| !is_dead(*name));
        state.flights = alive.collect();
    }

    fn put(&self, state: &mut State, gone: Option<Name>, sent: &[Name]) {
        let stay = state.flights.iter().copied().filter(|name| Some(*name) != gone);
        let mut flights: Vec<_> = stay.chain(sent.iter().copied()).collect();
        flights.sort_unstable();
        flights.dedup();
        state.flights = flights.into_boxed_slice();
    }

    fn act(&self, number: u32, asks: u32) -> Option<Turned> {
        let node = self.nodes.get(number);
        if node.halted {
            return None;
        }
        let (next, sent) = match asks {
            TICK => node.ticked(&self.law)?,
            LEAP => node.leapt(&self.law),
            CRASH => node.crashed(&self.law),
            name => node.heard(&self.law, &self.flight(name).packet)?,
        };
        if next == *node && sent.is_empty() {
            return None;
        }
        let tells = next.ledger != node.ledger || next.blocks != node.blocks;
        let sent = sent.into_iter().map(|flight| self.name(flight)).collect();
        Some(Turned { next: self.nodes.number(next), sent, tells })
    }

    fn lie(&self, number: u32, asks: u32) -> Option<Turned> {
        let liar = self.liars.get(number);
        let mut lie = Lie::of(&self.law, (*liar).clone())?;
        match asks.checked_sub(STAND).and_then(|way| STANCES.get(way as usize)) {
            Some(stance) => lie.stand(*stance),
            None => lie.hear(&self.flight(asks).packet),
        }
        let (next, sent) = lie.end();
        if next == *liar && sent.is_empty() {
            return None;
        }
        let sent = sent.into_iter().map(|flight| self.name(flight)).collect();
        Some(Turned { next: self.liars.number(next), sent, tells: true })
    }

    /// How many different nodes were met, and how many different turns they took.
    pub(crate) fn known(&self) -> (usize, usize) {
        (self.nodes.len() + self.liars.len(), self.turns.len())
    }

    /// The event, for people.
    pub(crate) fn tell(&self, event: Event) -> String {
        match event {
            Event::Deliver(name) => self.tell_flight(name),
            Event::Duplicate(name) => format!("{} (and again)", self.tell_flight(name)),
            Event::Tick(at) => format!("node {at}: a timer fires"),
            Event::Leap(at) => format!("node {at}: a long pause"),
            Event::Crash(at) => format!("node {at}: crashes and comes back"),
            Event::Stand(way) => format!("the liar stands: {:?}", STANCES[usize::from(way)]),
        }
    }

    fn tell_flight(&self, name: Name) -> String {
        let flight = self.flight(name);
        let from = self.law.place_of(&flight.packet.sender).unwrap_or_default();
        format!("{from} → {}: {:?}", flight.to, flight.packet.packet.kind())
    }
}

fn place(name: Name) -> Place {
    (name & 7) as Place
}
