//! How much a peer may say.

use std::time::Instant;

/// Allowed per second, and what may come at once after a silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Messages per second.
    pub messages: f64,
    /// Payload bytes per second.
    pub bytes: f64,
    /// The burst, in seconds of the above.
    pub burst_seconds: f64,
}

/// Two token buckets, one for messages and one for bytes, both of which must suffice.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Rate,
    messages: f64,
    bytes: f64,
    filled: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            messages: rate.messages * rate.burst_seconds,
            bytes: rate.bytes * rate.burst_seconds,
            filled: now,
        }
    }

    /// Takes one message of this size, or nothing.
    pub fn take(&mut self, size: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        let Rate { messages, bytes, burst_seconds } = self.rate;
        self.messages = (self.messages + passed * messages).min(messages * burst_seconds);
        self.bytes = (self.bytes + passed * bytes).min(bytes * burst_seconds);
        #[allow(clippy::cast_precision_loss)]
        let size = size as f64;
        if self.messages < 1.0 || self.bytes < size {
            return false;
        }
        self.messages -= 1.0;
        self.bytes -= size;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let start = Instant::now();
        let rate = Rate { messages: 10.0, bytes: 1000.0, burst_seconds: 2.0 };
        let mut bucket = Bucket::new(rate, start);
        assert_eq!((0..100).filter(|_| bucket.take(1, start)).count(), 20);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(1, later)).count(), 10);
        let much_later = start + Duration::from_secs(1000);
        assert!(!bucket.take(2001, much_later), "more than the burst never fits");
        assert!(bucket.take(2000, much_later));
        assert!(!bucket.take(1, much_later));
    }
}
