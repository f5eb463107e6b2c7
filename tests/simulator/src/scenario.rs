//! What kind of world a story begins in.

use mokka_types::{CrashModel, Settings};

use crate::{Weather, World};

/// Describes a world; [`Scenario::start`] makes it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) validators: usize,
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
            model: CrashModel::Bft,
            seed: 1,
            weather: Weather::CALM,
            settings: Settings::default(),
            traced: false,
        }
    }

    /// In the CFT model.
    #[must_use]
    pub const fn cft(self) -> Self {
        self.model(CrashModel::Cft)
    }

    /// In this crash model.
    #[must_use]
    pub const fn model(mut self, model: CrashModel) -> Self {
        self.model = model;
        self
    }

    /// With this seed.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Over this network.
    #[must_use]
    pub const fn weather(mut self, weather: Weather) -> Self {
        self.weather = weather;
        self
    }

    /// With these timers and limits.
    #[must_use]
    pub const fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Prints everything that happens.
    #[must_use]
    pub const fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// All validators start, at slightly different instants.
    pub fn start(self) -> World {
        World::new(self)
    }
}
