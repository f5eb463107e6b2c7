//! What kind of world a story begins in.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use mokka_types::{CrashModel, Settings};

use crate::{Flaw, Lie, Weather, World};

/// Whether liars know of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minds {
    /// Each lies for itself.
    Own,
    /// They help each other.
    Shared,
}

/// Who hears what happens in a world.
#[derive(Clone, Debug)]
pub(crate) enum Telling {
    Nobody,
    /// Whoever reads the standard output.
    Everybody,
    /// The last lines are kept for somebody.
    Last(Rc<RefCell<VecDeque<String>>>),
}

/// Describes a world; [`Scenario::start`] makes it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) validators: usize,
    pub(crate) epochs: Vec<Vec<usize>>,
    pub(crate) model: CrashModel,
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) settings: Settings,
    pub(crate) telling: Telling,
    pub(crate) liars: Vec<(usize, Lie)>,
    pub(crate) minds: Minds,
    /// What is wrong with every node, on purpose.
    pub(crate) flaw: Option<Flaw>,
    /// How many milliseconds the clock of each node shows in a second; the rest are right.
    pub(crate) clocks: Vec<u64>,
}

impl Scenario {
    /// So many validators, in the BFT model, over a calm network.
    pub fn validators(validators: usize) -> Self {
        Self {
            validators,
            epochs: vec![(0..validators).collect()],
            model: CrashModel::Bft,
            seed: 1,
            weather: Weather::CALM,
            settings: Settings::default(),
            telling: Telling::Nobody,
            liars: Vec::new(),
            minds: Minds::Own,
            flaw: None,
            clocks: Vec::new(),
        }
    }

    /// Of these nodes, those of the first list are the validators of the first epoch, and so on;
    /// [`World::want_epoch`] asks for the next one. The others follow as observers (§9).
    #[must_use]
    pub fn epochs(mut self, epochs: &[&[usize]]) -> Self {
        self.epochs = epochs.iter().map(|places| places.to_vec()).collect();
        self
    }

    /// In the CFT model.
    #[must_use]
    pub fn cft(self) -> Self {
        self.model(CrashModel::Cft)
    }

    /// In this crash model.
    #[must_use]
    pub fn model(mut self, model: CrashModel) -> Self {
        self.model = model;
        self
    }

    /// With this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Over this network.
    #[must_use]
    pub fn weather(mut self, weather: Weather) -> Self {
        self.weather = weather;
        self
    }

    /// With these timers and limits.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// This validator lies, from its first start on.
    #[must_use]
    pub fn liar(mut self, place: usize, lie: Lie) -> Self {
        self.liars.push((place, lie));
        self
    }

    /// The clocks of the first nodes show so many milliseconds in a second.
    #[must_use]
    pub fn clocks(mut self, rates: &[u64]) -> Self {
        self.clocks = rates.to_vec();
        self
    }

    /// Its liars help each other.
    #[must_use]
    pub fn gang(mut self) -> Self {
        self.minds = Minds::Shared;
        self
    }

    /// Every set of validators tolerates those of its members that lie.
    pub(crate) fn tolerates_its_liars(&self) -> bool {
        self.epochs.iter().all(|set| {
            let liars = self.liars.iter().filter(|(liar, _)| set.contains(liar)).count();
            liars <= tolerated(self.model, set.len())
        })
    }

    /// What kind of world it is.
    pub(crate) fn kind(&self) -> String {
        let Self { validators, model, .. } = self;
        let liars: Vec<_> =
            self.liars.iter().map(|(place, lie)| format!(", n{place} is the {lie}")).collect();
        let together = if self.minds == Minds::Shared { ", together" } else { "" };
        format!("{validators} validators, {model}{}{together}", liars.concat())
    }

    /// Prints everything that happens.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.telling = Telling::Everybody;
        self
    }

    /// All validators start, at slightly different instants.
    ///
    /// # Panics
    /// When more validators of one epoch lie than the model tolerates.
    pub fn start(self) -> World {
        assert!(self.tolerates_its_liars(), "too many liars: {}", self.kind());
        World::new(self)
    }
}

/// How many liars a set tolerates (§2).
pub(crate) const fn tolerated(model: CrashModel, validators: usize) -> usize {
    match model {
        CrashModel::Cft => 0,
        CrashModel::Bft => validators.saturating_sub(1) / 3,
    }
}
