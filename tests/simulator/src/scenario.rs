//! What kind of world a story begins in.

use mokka_types::{CrashModel, Settings};

use crate::{Weather, World};

/// Describes a world; [`Scenario::start`] makes it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) validators: usize,
    pub(crate) epochs: Vec<Vec<usize>>,
    pub(crate) model: CrashModel,
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) settings: Settings,
    pub(crate) traced: bool,
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
            traced: false,
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

    /// Prints everything that happens.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// All validators start, at slightly different instants.
    pub fn start(self) -> World {
        World::new(self)
    }
}
