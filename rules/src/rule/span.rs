//! Spans of time as rules write them: digits and one unit.

use std::fmt;
use std::str::FromStr;

/// The units, from the longest on, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// A text that is no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It has another form.
    #[error("this is no duration")]
    Form,
    /// It is longer than [`Span::MAX`].
    #[error("the duration is too long")]
    TooLong,
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest that rules may write: 3,650 days.
    pub const MAX: Self = Self::from_days(3650);
    /// What is expected of a text.
    pub const EXPECTED: &'static str = "digits and one unit of ms, s, m, h, d, for instance 15m, up to 3650d";

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// So many hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours * 3_600_000)
    }

    /// So many days.
    pub const fn from_days(days: u64) -> Self {
        Self(days * 86_400_000)
    }

    /// In milliseconds. At most that of [`Span::MAX`] where a rule wrote it.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// In milliseconds, as times are counted.
    pub const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0).ok_or(SpanError::Form)?;
        let (digits, unit) = text.split_at(unit_at);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SpanError::Form)?;
        let count: u64 = digits.parse().map_err(|_| SpanError::TooLong)?;
        let span = Self(count.checked_mul(*millis).ok_or(SpanError::TooLong)?);
        if span > Self::MAX { Err(SpanError::TooLong) } else { Ok(span) }
    }
}

/// In the longest unit of which it is a whole number.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, millis)| self.0.is_multiple_of(*millis) && self.0 > 0);
        let (unit, millis) = whole.unwrap_or(&("s", 1_000));
        write!(f, "{}{unit}", self.0 / millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print_in_their_longest_unit() {
        for (text, millis, printed) in [
            ("250ms", 250, "250ms"),
            ("30s", 30_000, "30s"),
            ("60s", 60_000, "1m"),
            ("48h", 172_800_000, "2d"),
            ("0m", 0, "0s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.as_millis(), span.to_string().as_str()), (millis, printed));
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "5", "s", "-5s", "1.5h", "5 s", "5S", "1h30m", "٣s"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::Form), "{text}");
        }
        for text in ["3651d", "99999999999999999999ms", "18446744073709551615d"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::TooLong), "{text}");
        }
    }
}
