//! Lengths of time as people write them.

use std::{fmt, time::Duration};

/// A length of time in words, as the genesis file has it: `1m 30s`.
pub(crate) struct Words(pub(crate) Duration);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u128); 7] = [
            ("day", 86_400_000_000_000),
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ];
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in UNITS {
            let (count, before) = (rest / unit, rest < self.0.as_nanos());
            rest %= unit;
            if count > 0 {
                let space = if before { " " } else { "" };
                let plural = if name == "day" && count > 1 { "s" } else { "" };
                write!(f, "{space}{count}{name}{plural}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_in_the_largest_units() {
        for (millis, words) in [
            (0, "0s"),
            (200, "200ms"),
            (1_500, "1s 500ms"),
            (60_000, "1m"),
            (3_600_001, "1h 1ms"),
            (86_400_000, "1day"),
            (2 * 86_400_000 + 60_000, "2days 1m"),
            (u64::MAX, "213503982334days 14h 25m 51s 615ms"),
        ] {
            assert_eq!(Words(Duration::from_millis(millis)).to_string(), words);
        }
        assert_eq!(Words(Duration::new(1, 1_001)).to_string(), "1s 1us 1ns");
    }
}
