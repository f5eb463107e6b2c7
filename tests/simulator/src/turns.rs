//! Turns of engines: what comes to a node, and what becomes of what it does.
//!
//! A node whose disk syncs what a turn wrote does nothing else meanwhile, and nobody sees anything
//! of that turn before: what comes waits for it.

use std::{mem, sync::Arc, time::Duration};

use mokka::{Engine, Fatal, LocalSigner, Plugs, Start};
use mokka_consensus::{CheckedBlock, Event, FinalizedBlock, Input, Restored, WorkWaiting};
use mokka_crypto::Verified;
use mokka_types::{Monotonic, ValidatorSet};

use crate::{
    Flaw,
    clock::LOOKS_EVERY,
    desk::{Asked, Power, WatchedSigner},
    disk::Entry,
    machine,
    node::Waiting,
    trace::{Name, told},
    world::{Happening, Outcome, World},
};

/// Deadlines in a row that may come at one instant before we say that time stands still.
const MOST_WAKES_AT_ONCE: u32 = 50;

impl World {
    /// What this node's own clock shows.
    pub(crate) fn own_time(&self, node: usize) -> Monotonic {
        self.nodes[node].clock.shows(self.now)
    }

    pub(crate) fn starts(&mut self, node: usize) -> Outcome {
        if self.nodes[node].engine.is_some() || self.nodes[node].silenced {
            return Ok(());
        }
        self.nodes[node].life += 1;
        self.nodes[node].clock = self.nodes[node].clock.begun(self.now);
        let desk = self.nodes[node].desk.clone();
        desk.reopen().map_err(|why| format!("{} cannot read its log: {why}", Name(node)))?;
        self.liar_lifts_its_mark(node);
        let (restored, committed, uncertain) = {
            let mut notes = desk.notes();
            let newest = notes.chain.newest();
            let (epoch, set, began) = notes.chain.epoch();
            let restored = Restored {
                safety: notes.durable.clone(),
                committed: notes.chain.tip(),
                certificate: newest.map(|block| block.certificate.clone()),
                epoch,
                set,
                began,
            };
            let committed = notes.chain.tip();
            (restored, committed, mem::take(&mut notes.uncertain))
        };
        self.oracle.restarted(node, committed, &restored.safety, &uncertain)?;
        self.note(format_args!("{} starts at height {}", Name(node), committed.height));
        // The wall clock of a machine may stand or go back; run numbers grow all the same.
        let skew = self.random.millis(0, 2000);
        let start = Start {
            chain: self.chain,
            genesis: machine::genesis(),
            settings: self.timers_of(node),
            seed: self.random.below(u64::MAX),
            wall_clock: self.nodes[node].clock.wall_clock(self.now) - skew,
            restored,
        };
        let key = Arc::clone(&self.nodes[node].key);
        let nonces = Box::new(self.random.fork());
        let signer = LocalSigner::with_random(self.chain, key, nonces);
        let plugs = Plugs {
            transport: Box::new(desk.clone()),
            machine: Box::new(desk.clone()),
            store: Box::new(desk.clone()),
            signer: Box::new(WatchedSigner { signer, desk: desk.clone(), offered: None }),
        };
        let without = self.scenario.flaw.and_then(Flaw::rule);
        let started = Engine::start_without(plugs, start, self.own_time(node), without);
        if self.is_dark(node) {
            return self.went_dark(node, &[]);
        }
        let (engine, report) =
            started.map_err(|fatal| format!("{} cannot start: {fatal}", Name(node)))?;
        self.liar_runs(node, engine.run());
        self.nodes[node].engine = Some(engine);
        (0..self.works).for_each(|work| desk.notes().chain.take_in(work));
        self.turned(node, report.events)?;
        self.looks_at_clock(node)?;
        self.tell_of_members(node)?;
        self.tell_of_work(node)
    }

    pub(crate) fn wakes(&mut self, node: usize, life: u64) -> Outcome {
        let now = self.now;
        let sleeper = &mut self.nodes[node];
        if sleeper.life != life || sleeper.wakes_at != Some(now) {
            return Ok(());
        }
        sleeper.wakes_at = None;
        if sleeper.syncing.is_some() {
            return Ok(());
        }
        self.turn(node, Input::DeadlineReached)?;
        if self.nodes[node].looks_at_clock <= now {
            self.looks_at_clock(node)?;
        }
        let own = self.own_time(node);
        let sleeper = &mut self.nodes[node];
        let again = sleeper.engine.as_ref().and_then(Engine::next_deadline);
        sleeper.wakes_at_once = match again.is_some_and(|again| again <= own) {
            true => sleeper.wakes_at_once + 1,
            false => 0,
        };
        match sleeper.wakes_at_once > MOST_WAKES_AT_ONCE {
            true => Err(format!("{} wakes again and again at one instant", Name(node))),
            false => Ok(()),
        }
    }

    fn looks_at_clock(&mut self, node: usize) -> Outcome {
        let looks = &mut self.nodes[node];
        looks.looks_at_clock = self.now.after(LOOKS_EVERY);
        let shows = looks.clock.wall_clock(self.now);
        self.comes(node, Waiting::Told(Input::WallClock(shows)))
    }

    /// Something comes to a node, which hears it at once or when its disk has synced.
    pub(crate) fn comes(&mut self, node: usize, waiting: Waiting) -> Outcome {
        let receiver = &mut self.nodes[node];
        match (&receiver.engine, &receiver.syncing) {
            (None, _) => Ok(()),
            (Some(_), Some(_)) => {
                receiver.waiting.push_back(waiting);
                Ok(())
            }
            (Some(_), None) => self.hears(node, waiting),
        }
    }

    fn hears(&mut self, node: usize, waiting: Waiting) -> Outcome {
        match waiting {
            Waiting::Packet(packet) => {
                self.note_arrival(node, &packet);
                self.liar_hears(node, &packet)?;
                self.turn(node, Input::Packet(Box::new(Verified::clone(&packet))))
            }
            Waiting::Answer(asked) => self.answered(node, asked),
            Waiting::Told(input) => self.turn(node, input),
        }
    }

    /// Its application gives an answer, unless a story holds it back.
    pub(crate) fn answers(&mut self, node: usize, asked: Asked) -> Outcome {
        let Some(asked) = self.waylay_answer(node, asked) else { return Ok(()) };
        match &mut self.nodes[node].held {
            Some(held) => {
                held.push(asked);
                Ok(())
            }
            None => self.comes(node, Waiting::Answer(asked)),
        }
    }

    fn answered(&mut self, node: usize, asked: Asked) -> Outcome {
        let desk = self.nodes[node].desk.clone();
        let input = match asked {
            Asked::Build(request) => Input::Built(desk.notes().chain.build(request)),
            Asked::Check(request) => Input::Checked(CheckedBlock {
                ticket: request.ticket,
                verdict: desk.notes().chain.check(&request),
            }),
            Asked::Finalize(block) => {
                let id = block.id;
                let next_set = self.finalize(node, &Entry::from(*block))?;
                Input::Finalized(FinalizedBlock { id, next_set, next_settings: None })
            }
        };
        self.note(format_args!("{}'s application: {}", Name(node), told(&input)));
        let finalized = matches!(input, Input::Finalized(_));
        self.turn(node, input)?;
        if finalized {
            self.tell_of_members(node)?;
            self.tell_of_work(node)?;
        }
        Ok(())
    }

    /// Into the log, unsynced (§6.5).
    fn finalize(&mut self, node: usize, entry: &Entry) -> Result<Option<ValidatorSet>, String> {
        let mut announced = None;
        let mut notes = self.nodes[node].desk.notes();
        if let Entry::Commit(block) = entry {
            self.oracle.block_is_final(node, block)?;
            let extended = notes.chain.extend(block.clone());
            announced = extended.map_err(|why| format!("{}: {why}", Name(node)))?;
        }
        notes.disk.write(entry);
        Ok(announced)
    }

    /// Who is approved, as far as this node's chain goes.
    pub(crate) fn tell_of_members(&mut self, node: usize) -> Outcome {
        let approved = self.nodes[node].desk.notes().chain.want_epoch(self.wanted_epoch);
        self.comes(node, Waiting::Told(Input::Approved(approved)))
    }

    pub(crate) fn tell_of_work(&mut self, node: usize) -> Outcome {
        let work = match self.nodes[node].desk.notes().chain.has_work() {
            true => WorkWaiting::Yes,
            false => WorkWaiting::No,
        };
        self.comes(node, Waiting::Told(Input::WorkWaiting(work)))
    }

    pub(crate) fn turn(&mut self, node: usize, input: Input) -> Outcome {
        let now = self.own_time(node);
        let Some(engine) = &mut self.nodes[node].engine else {
            return Ok(());
        };
        let turned = engine.turn(now, input);
        if self.is_dark(node) {
            let events = turned.map(|report| report.events).unwrap_or_default();
            return self.went_dark(node, &events);
        }
        let report = match turned {
            Err(Fatal::KeyInUse { .. }) if self.nodes[node].liar.is_some() => {
                self.liar_starts_over(node);
                return Ok(());
            }
            turned => turned.map_err(|fatal| format!("{} stops: {fatal}", Name(node)))?,
        };
        if let Some(accused) = report.accused.first() {
            let who = self.name(&accused.who);
            self.note(format_args!("{} accuses {who}: {:?}", Name(node), accused.fault));
        }
        self.turned(node, report.events)
    }

    fn is_dark(&self, node: usize) -> bool {
        self.nodes[node].desk.notes().power == Power::Off
    }

    /// A turn is over: it shows once everything that it wrote is synced.
    pub(crate) fn turned(&mut self, node: usize, events: Vec<Event>) -> Outcome {
        if !self.nodes[node].desk.notes().unsynced {
            return self.after_turn(node, &events);
        }
        let after = self.random.between(Duration::ZERO, self.nodes[node].syncs_in);
        let life = self.nodes[node].life;
        self.nodes[node].syncing = Some(events);
        if self.nodes[node].fails_in_sync {
            let fails = self.random.between(Duration::ZERO, after);
            self.schedule(fails, Happening::Fails { node });
            let starts = fails + self.random.millis(1, 2500);
            self.restart_after(node, starts);
        }
        self.schedule(after, Happening::Synced { node, life });
        Ok(())
    }

    /// Its disk has synced: the turn shows, and what has come meanwhile is heard.
    pub(crate) fn synced(&mut self, node: usize, life: u64) -> Outcome {
        if self.nodes[node].life != life {
            return Ok(());
        }
        let Some(events) = self.nodes[node].syncing.take() else { return Ok(()) };
        self.nodes[node].desk.notes().sync();
        self.after_turn(node, &events)?;
        while self.nodes[node].syncing.is_none() {
            let Some(waiting) = self.nodes[node].waiting.pop_front() else { break };
            self.hears(node, waiting)?;
        }
        Ok(())
    }

    /// Acts on what the node put on its desk.
    pub(crate) fn after_turn(&mut self, node: usize, events: &[Event]) -> Outcome {
        for event in events {
            let what = self.happened_to(node, event);
            self.note(format_args!("{what}"));
            if let Event::Evidence(evidence) = event {
                self.oracle.evidence(node, evidence)?;
                self.report.evidence += 1;
            }
        }
        let (deeds, asked, posted) = {
            let mut notes = self.nodes[node].desk.notes();
            let deeds = mem::take(&mut notes.deeds);
            (deeds, mem::take(&mut notes.asked), mem::take(&mut notes.posted))
        };
        for deed in deeds {
            self.oracle.did(node, &deed)?;
            self.watch(node, &deed);
        }
        for asked in asked {
            let life = self.nodes[node].life;
            let after = match asked {
                Asked::Build(_) => self.random.millis(0, 20),
                Asked::Check(_) => self.random.millis(0, 15),
                Asked::Finalize(_) => self.random.millis(0, 10),
            };
            let slowness = self.nodes[node].slowness;
            let after = after + self.random.between(Duration::ZERO, slowness);
            self.schedule(after, Happening::Answered { node, life, asked });
        }
        match self.nodes[node].liar.is_some() {
            true => self.liar_says(node, posted)?,
            false => posted.iter().try_for_each(|posted| self.post(node, posted))?,
        }
        self.wake_later(node);
        if events.iter().any(|event| matches!(event, Event::Marked(_))) {
            self.liar_starts_over(node);
        }
        self.ends_if_it_may(node)
    }

    fn wake_later(&mut self, node: usize) {
        let sleeper = &self.nodes[node];
        let due = sleeper.engine.as_ref().and_then(Engine::next_deadline);
        let due = due.map(|due| sleeper.clock.instant_of(due).max(self.now));
        if due != sleeper.wakes_at {
            let life = sleeper.life;
            self.nodes[node].wakes_at = due;
            if let Some(due) = due {
                self.schedule(due.since(self.now), Happening::Wakes { node, life });
            }
        }
    }
}
