//! Amounts, numbers and times as people write and read them.

use std::time::Duration;

use alloy_primitives::U256;

/// Digits after the point of an amount of coins.
const DECIMALS: usize = 18;

/// Reads an amount of coins, such as `10000` or `0.5`, in the smallest unit.
pub(crate) fn parse_coins(text: &str) -> Result<U256, String> {
    let advice = || format!("`{text}` is no amount of coins; write it like 10000 or 0.5");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
        return Err(advice());
    }
    if part.len() > DECIMALS {
        return Err(format!("`{text}` has more than {DECIMALS} digits after the point"));
    }
    let all = format!("{whole}{part:0<DECIMALS$}");
    U256::from_str_radix(&all, 10).map_err(|_| format!("`{text}` coins are more than 2^256"))
}

/// An amount of the smallest unit in coins, without needless zeros.
pub(crate) fn coins(amount: U256) -> String {
    let (whole, part) = amount.div_rem(U256::from(10).pow(U256::from(DECIMALS)));
    let part = format!("{:0>DECIMALS$}", part.to_string());
    let part = part.trim_end_matches('0');
    let whole = grouped(&whole.to_string());
    if part.is_empty() { whole } else { format!("{whole}.{part}") }
}

/// A number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 block`, `2 blocks`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(count))
}

/// A length of time in its two largest units.
pub(crate) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, s) => format!("{m}m {s}s"),
        (0, h, m, _) => format!("{h}h {m}m"),
        (d, h, _, _) => format!("{d}d {h}h"),
    }
}

/// A short length of time, such as a latency.
pub(crate) fn millis(length: Duration) -> String {
    let ms = length.as_secs_f64() * 1e3;
    match ms {
        ..10.0 => format!("{ms:.2} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.2} s", ms / 1e3),
    }
}

/// A moment in UTC, to the millisecond.
pub(crate) fn moment(ms_since_1970: u64) -> String {
    let time = std::time::UNIX_EPOCH.checked_add(Duration::from_millis(ms_since_1970));
    match time {
        // The format cannot show years beyond 9999; neither can a calendar on a wall.
        Some(time) if ms_since_1970 < 253_402_300_800_000 => {
            humantime::format_rfc3339_millis(time).to_string()
        }
        _ => format!("{ms_since_1970} ms"),
    }
}

/// The time of day of a moment, in UTC.
pub(crate) fn time_of_day(ms_since_1970: u64) -> String {
    let (seconds, ms) = (ms_since_1970 / 1000 % 86_400, ms_since_1970 % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The beginning of a hash.
pub(crate) fn short(hash: &impl ToString) -> String {
    let text = hash.to_string();
    match text.char_indices().nth(12) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_are_read_to_the_last_digit() {
        let unit = U256::from(10).pow(U256::from(18));
        assert_eq!(parse_coins("10000").unwrap(), unit * U256::from(10_000));
        assert_eq!(parse_coins("0.5").unwrap(), unit / U256::from(2));
        assert_eq!(parse_coins("0.000000000000000001").unwrap(), U256::from(1));
        for wrong in ["", ".", "1.", ".5", "-1", "1e3", "0x1", "1,000", "1.0000000000000000001"] {
            assert!(parse_coins(wrong).is_err(), "{wrong}");
        }
        assert!(parse_coins(&"9".repeat(80)).is_err());
    }

    #[test]
    fn coins_are_shown_without_needless_zeros() {
        for text in ["0", "1", "10,000", "0.5", "1,234.000000000000000001"] {
            assert_eq!(coins(parse_coins(&text.replace(',', "")).unwrap()), text);
        }
    }

    #[test]
    fn times_are_shown_as_people_say_them() {
        assert_eq!(span(Duration::from_secs(59)), "59s");
        assert_eq!(span(Duration::from_secs(3_725)), "1h 2m");
        assert_eq!(span(Duration::from_secs(90_000)), "1d 1h");
        assert_eq!(millis(Duration::from_micros(1_500)), "1.50 ms");
        assert_eq!(millis(Duration::from_millis(1_500)), "1.50 s");
        assert_eq!(time_of_day(86_400_000 + 3_661_007), "01:01:01.007");
        assert_eq!(moment(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(moment(u64::MAX), format!("{} ms", u64::MAX));
    }

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(12), "12");
        assert_eq!((counted(1, "tx").as_str(), counted(2, "block").as_str()), ("1 tx", "2 blocks"));
    }
}
