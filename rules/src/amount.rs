//! Amounts: what rules count and compare. Exact decimals with nine digits after the point.

use std::fmt;

use serde::Serialize;
use serde::ser::{Error as _, Serializer};
use serde_json::value::RawValue;

use crate::document::Number;

/// Digits after the point.
const PLACES: u32 = 9;
const ONE: i128 = 1_000_000_000;
/// Contributions reach up to here, not included: 10^18. Sums of very many of them still fit.
const CONTRIBUTION_END: i128 = 1_000_000_000_000_000_000 * ONE;
/// What a rule may write as a bound: 10^19 covers every integer of 64 bits.
const BOUND_END: i128 = 10 * CONTRIBUTION_END;

/// A number of billionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One event.
    pub const ONE: Self = Self(ONE);

    /// What an event contributes: rounded half to even at the ninth digit; nothing from 10^18 on.
    pub fn contribution(number: &Number) -> Option<Self> {
        let billionths = number.scaled(PLACES)?;
        (-CONTRIBUTION_END < billionths && billionths < CONTRIBUTION_END).then_some(Self(billionths))
    }

    /// A bound that a rule writes: exact, or nothing.
    pub fn bound(number: &Number) -> Option<Self> {
        let amount = Self(number.scaled(PLACES)?);
        (-BOUND_END < amount.0 && amount.0 < BOUND_END && amount.to_number() == *number).then_some(amount)
    }

    /// So many billionths.
    pub const fn from_billionths(billionths: i128) -> Self {
        Self(billionths)
    }

    /// How many billionths.
    pub const fn billionths(self) -> i128 {
        self.0
    }

    /// The sum; at the far ends of the range it stays there.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; at the far ends of the range it stays there.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// A part of it, rounded half to even at the ninth digit; nothing of zero parts.
    pub fn divided_by(self, parts: u64) -> Option<Self> {
        let parts = i128::from(parts);
        let floor = self.0.checked_div_euclid(parts)?;
        let twice = self.0.rem_euclid(parts) * 2;
        let up = twice > parts || (twice == parts && floor % 2 != 0);
        Some(Self(floor + i128::from(up)))
    }

    /// The number that it is.
    pub fn to_number(self) -> Number {
        Number::parse(&self.to_string()).expect("amounts are written as JSON numbers")
    }
}

impl From<u64> for Amount {
    fn from(count: u64) -> Self {
        Self(i128::from(count) * ONE)
    }
}

impl From<i64> for Amount {
    fn from(integer: i64) -> Self {
        Self(i128::from(integer) * ONE)
    }
}

/// As a JSON number without an exponent and without zeros at the end.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let fraction = format!("{:09}", magnitude % one);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{fraction}", magnitude / one)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A JSON number of any length; `f64` would round it.
        RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contribution(text: &str) -> Option<String> {
        Amount::contribution(&Number::parse(text)?).map(|amount| amount.to_string())
    }

    #[test]
    fn contributions_are_rounded_half_to_even_at_the_ninth_digit() {
        for (text, expected) in [
            ("0", "0"),
            ("-3", "-3"),
            ("1.10", "1.1"),
            ("0.0000000005", "0"),
            ("0.0000000015", "0.000000002"),
            ("0.00000000250001", "0.000000003"),
            ("-0.0000000015", "-0.000000002"),
            ("1e-10", "0"),
            ("1e-999999999", "0"),
            ("123456789012345678.123456789", "123456789012345678.123456789"),
            ("999999999999999999.999999999", "999999999999999999.999999999"),
        ] {
            assert_eq!(contribution(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["1e18", "-1e18", "999999999999999999.9999999999", "1e400", "1e999999999999"] {
            assert_eq!(contribution(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_exact_and_cover_integers_of_64_bits() {
        let bound = |text: &str| Amount::bound(&Number::parse(text).unwrap());
        assert_eq!(bound("-9223372036854775808"), Some(Amount::from(i64::MIN)));
        assert_eq!(bound("0.000000001"), Some(Amount::from_billionths(1)));
        assert_eq!((bound("0.0000000001"), bound("1e19")), (None, None));
    }

    #[test]
    fn a_mean_is_rounded_half_to_even() {
        let mean =
            |billionths, parts| Amount::from_billionths(billionths).divided_by(parts).map(Amount::billionths);
        assert_eq!(mean(5, 2), Some(2));
        assert_eq!(mean(7, 2), Some(4));
        assert_eq!(mean(-5, 2), Some(-2));
        assert_eq!(mean(-7, 2), Some(-4));
        assert_eq!(mean(10, 3), Some(3));
        assert_eq!(mean(1, 0), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_the_same_number(billionths in -BOUND_END + 1..BOUND_END) {
            let amount = Amount::from_billionths(billionths);
            prop_assert_eq!(Amount::bound(&amount.to_number()), Some(amount));
        }
    }
}
