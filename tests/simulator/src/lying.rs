//! The part of the world in which liars live: their engines run as ever, and what these say passes
//! through their behaviour.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use mokka_crypto::{Committee, Verified};
use mokka_types::{Envelope, PublicKey, RunNumber, SafetyRecord, Settings, codec};

use crate::{
    Lie, Minds, PowerCut, Scenario,
    desk::{Desk, Posted},
    disk::Entry,
    liars::{Bonds, Gang, Liar, To, Tongue, Utterance},
    machine::{self, Chain},
    node::Node,
    random::Random,
    world::{Happening, Outcome, World},
};

/// How long a liar is away that has stopped itself.
const AWAY: Duration = Duration::from_millis(50);
/// How much faster the heart beats of a liar that wants to lead: it stands before all others.
const HURRY: u32 = 2;
/// Of a thousand others, how many reach only the first of two twins; as many only the second.
const ONE_TWIN_ONLY: u64 = 200;

impl World {
    /// Whoever lies in this scenario gets its behaviour; twins get their other half.
    pub(crate) fn bring_in_liars(
        &mut self,
        committees: &Arc<Vec<Committee>>,
        everybody: &[PublicKey],
    ) {
        // Another stream than the world's: a world without liars is as it would be anyway.
        let mut random = Random::new(self.scenario.seed ^ 0x11a2_5000);
        let gang = self.gang();
        for (place, lie) in self.scenario.liars.clone() {
            let mut places = vec![place];
            if lie == Lie::Twins {
                places.push(self.bring_in_twin(place, &mut random));
            }
            let bonds = Rc::<RefCell<Bonds>>::default();
            for place in places {
                let (key, desk) = (Arc::clone(&self.nodes[place].key), &self.nodes[place].desk);
                let own = Random::new(random.below(u64::MAX));
                let tongue = Tongue::new(key, Arc::clone(committees), everybody, desk.clone(), own);
                let mut liar = Liar::new(lie, tongue, Rc::clone(&bonds));
                if let Some(gang) = &gang {
                    liar = liar.joins(Rc::clone(gang));
                }
                self.schedule(liar.pace, Happening::LiarActs { node: place });
                self.nodes[place].liar = Some(liar);
                self.oracle.excuse(place);
            }
        }
    }

    /// The mind that they share, where they do.
    fn gang(&self) -> Option<Rc<RefCell<Gang>>> {
        let Scenario { minds, liars, .. } = &self.scenario;
        let keys = liars.iter().map(|(place, _)| self.nodes[*place].public);
        match minds {
            Minds::Own => None,
            Minds::Shared => Some(Rc::new(RefCell::new(Gang::of(keys.collect())))),
        }
    }

    /// A second node with the key of this one. Each of the others reaches one of them, or both;
    /// they never meet.
    fn bring_in_twin(&mut self, place: usize, random: &mut Random) -> usize {
        let twin = self.nodes.len();
        let builder = u64::try_from(twin).unwrap_or(u64::MAX);
        let chain = Chain::new(Arc::clone(&self.sets), builder, machine::genesis());
        let key = Arc::clone(&self.nodes[place].key);
        self.nodes.push(Node::new(key, Desk::new(chain, self.scenario.flaw)));
        self.oracle.has_twin(self.nodes[place].public);
        self.links.wall(place, twin);
        for other in (0..twin).filter(|other| *other != place) {
            match random.below(1000) {
                drawn if drawn < ONE_TWIN_ONLY => self.links.wall(other, twin),
                drawn if drawn < 2 * ONE_TWIN_ONLY => self.links.wall(other, place),
                _ => {}
            }
        }
        twin
    }

    /// Those who do not lie.
    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|node| !self.is_liar(*node))
    }

    /// How each liar lies.
    pub(crate) fn liars(&self) -> impl Iterator<Item = Lie> + '_ {
        self.scenario.liars.iter().map(|(_, lie)| *lie)
    }

    /// How long a leader that makes no progress is borne (§5.6).
    pub(crate) const fn progress_timeout(&self) -> Duration {
        self.scenario.settings.progress_timeout
    }

    /// Whether this node lies.
    pub fn is_liar(&self, node: usize) -> bool {
        self.nodes[node].liar.is_some()
    }

    /// How many lies of this kind were told so far.
    pub fn lies_told(&self, lie: Lie) -> u64 {
        let liars = self.nodes.iter().filter_map(|node| node.liar.as_ref());
        liars.filter(|liar| liar.lie == lie).map(|liar| liar.tongue.told()).sum()
    }

    /// How many lies of each kind were told so far, where somebody tells such.
    pub(crate) fn lies(&self) -> BTreeMap<Lie, u64> {
        let told = self.scenario.liars.iter().map(|(_, lie)| (*lie, self.lies_told(*lie)));
        told.collect()
    }

    /// How often liars helped each other.
    pub fn lies_told_together(&self) -> u64 {
        let liars = self.nodes.iter().filter_map(|node| node.liar.as_ref());
        liars.map(|liar| liar.tongue.conspired()).sum()
    }

    /// Liars fall silent, and do not come back.
    pub fn silence_liars(&mut self) {
        for node in (0..self.nodes.len()).filter(|node| self.is_liar(*node)).collect::<Vec<_>>() {
            self.crash(node, PowerCut::Torn);
            self.nodes[node].silenced = true;
        }
    }

    /// The liar of this machine, which sees what time it is.
    fn liar_at(&mut self, node: usize) -> Option<&mut Liar> {
        let shows = self.nodes[node].clock.wall_clock(self.now);
        let liar = self.nodes[node].liar.as_mut()?;
        liar.tongue.wall_clock = shows;
        Some(liar)
    }

    /// What its engine has on its desk goes by way of its behaviour.
    pub(crate) fn liar_says(&mut self, node: usize, posted: VecDeque<Posted>) -> Outcome {
        let Some(liar) = self.liar_at(node) else { return Ok(()) };
        for Posted { to, sealed, .. } in posted {
            let to = to.map_or(To::All, |key| To::These(vec![key]));
            liar.behaviour.says(to, sealed.envelope.packet, &mut liar.tongue);
        }
        self.send_what_was_said(node)
    }

    pub(crate) fn liar_hears(&mut self, node: usize, packet: &Arc<Verified<Envelope>>) -> Outcome {
        let Some(liar) = self.liar_at(node) else { return Ok(()) };
        liar.behaviour.hears(packet, &mut liar.tongue);
        self.send_what_was_said(node)
    }

    pub(crate) fn liar_acts(&mut self, node: usize) -> Outcome {
        let up = self.is_up(node);
        let Some(liar) = self.liar_at(node) else { return Ok(()) };
        let pace = liar.pace;
        if up {
            liar.behaviour.acts(&mut liar.tongue);
        }
        self.schedule(pace, Happening::LiarActs { node });
        self.send_what_was_said(node)
    }

    fn send_what_was_said(&mut self, node: usize) -> Outcome {
        let said = self.nodes[node].liar.as_mut().map(|liar| liar.tongue.take_said());
        for utterance in said.unwrap_or_default() {
            let Utterance { to, after, envelope } = utterance;
            let bytes = codec::encode(envelope.get());
            self.trace.update(&bytes);
            let receivers = match to {
                To::All => None,
                To::These(keys) => Some(keys.iter().flat_map(|key| self.places(key)).collect()),
            };
            self.carry(node, receivers, &envelope, after, bytes.len())?;
        }
        Ok(())
    }

    /// The timers of a node. A liar that lies when it leads hurries to do so.
    pub(crate) fn timers_of(&self, node: usize) -> Settings {
        let settings = self.scenario.settings;
        let hurries = self.nodes[node].liar.as_ref().is_some_and(|liar| liar.lie.wants_to_lead());
        let heartbeat = if hurries { settings.heartbeat / HURRY } else { settings.heartbeat };
        Settings { heartbeat, ..settings }
    }

    pub(crate) fn liar_runs(&mut self, node: usize, run: RunNumber) {
        if let Some(liar) = &mut self.nodes[node].liar {
            liar.tongue.run = run;
        }
    }

    /// Its own operator helps it: what should keep its key from signing is lifted (§8).
    pub(crate) fn liar_lifts_its_mark(&mut self, node: usize) {
        let mut notes = self.nodes[node].desk.notes();
        if self.nodes[node].liar.is_some() && notes.durable.mark.is_some() {
            let lifted = SafetyRecord::Mark(None);
            notes.disk.write(&Entry::Record(lifted.clone()));
            notes.disk.sync();
            notes.durable.apply(lifted);
        }
    }

    /// A liar whose engine has stopped, or would sign nothing any more, starts again.
    pub(crate) fn liar_starts_over(&mut self, node: usize) {
        if self.is_liar(node) {
            self.crash(node, PowerCut::Torn);
            self.restart_after(node, AWAY);
        }
    }
}
