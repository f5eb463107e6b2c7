//! Many measurements in three numbers, and a line through some.

use std::{fmt, time::Duration};

/// How long the same thing took, again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times(Vec<Duration>);

impl Times {
    /// The least time that this many of a hundred did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100);
        self.0.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Half of them took no longer.
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// 99 of a hundred took no longer; with fewer than a hundred that is the longest.
    pub fn p99(&self) -> Duration {
        self.percentile(99)
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.percentile(100)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, max] = [self.median(), self.p99(), self.max()].map(|it| it.as_millis());
        write!(f, "{median} / {p99} / {max}")
    }
}

/// The straight line that lies closest to some points, by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where it begins.
    pub at_zero: f64,
    /// By how much it rises with each step.
    pub slope: f64,
    /// How far the farthest point lies off it, as a part of what the line says there.
    pub worst: f64,
}

impl Line {
    /// Through at least two points of different `x`.
    pub fn through(points: &[(f64, f64)]) -> Self {
        let sum = |what: fn(&(f64, f64)) -> f64| points.iter().map(what).sum::<f64>();
        let (x, y) = (sum(|at| at.0), sum(|at| at.1));
        let (xx, xy) = (sum(|at| at.0 * at.0), sum(|at| at.0 * at.1));
        let count = sum(|_| 1.0);
        let slope = (count * xy - x * y) / (count * xx - x * x);
        let at_zero = (y - slope * x) / count;
        let off = |(x, y): &(f64, f64)| (y / (at_zero + slope * x) - 1.0).abs();
        let worst = points.iter().map(off).fold(0.0, f64::max);
        Self { at_zero, slope, worst }
    }
}
