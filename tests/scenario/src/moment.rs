//! Times as scenarios write them.

use rules::{Span, Timestamp};

/// What a time looks like, for errors.
pub(crate) const EXPECTED: &str = "a time: durations since 1970 such as `90s` or `1h30m`, or RFC 3339";

/// Reads durations since 1970 in a row (`1h30m`), or RFC 3339.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let mut total = Timestamp::default();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = rest.get(digits..)?;
        let unit = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (span, after) = rest.split_at_checked(digits + unit)?;
        total = total.plus(span.parse::<Span>().ok()?);
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// Writes a time as [`read`] takes it.
pub(crate) fn write(time: Timestamp) -> String {
    if !(0..=Span::MAX.as_i64()).contains(&time.0) {
        return time.to_string();
    }
    let mut rest = time.0;
    let mut text = String::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= millis {
            text += &format!("{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_and_are_written_back() {
        for (text, millis, back) in [
            ("0s", 0, "0s"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("2d1ms", 172_800_001, "2d1ms"),
            ("2026-01-01T00:00:00Z", 1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(read(text), Some(Timestamp(millis)), "{text}");
            assert_eq!(write(Timestamp(millis)), back);
        }
        for wrong in ["", "5", "s", "1s2", "-1s", "soon", "1s é"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
