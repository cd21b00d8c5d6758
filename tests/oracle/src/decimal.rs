//! Exact numbers from their text, for what rules read besides amounts: times and announced counts.

/// A number as `±DIGITS × 10^exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number.
    pub(crate) fn of_number(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (text, 0),
        };
        let (negative, magnitude) = match mantissa.strip_prefix('-') {
            Some(magnitude) => (true, magnitude),
            None => (false, mantissa),
        };
        let plain = Self::of_digits(magnitude)?;
        Some(Self { negative, exponent: plain.exponent + exponent, ..plain })
    }

    /// Reads a string of digits, with a fraction or without; no sign, no exponent.
    pub(crate) fn of_digits(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = [whole, fraction].concat();
        let sound = !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let exponent = -i64::try_from(fraction.len()).ok()?;
        sound.then_some(Self { negative: false, digits, exponent })
    }

    /// The greatest integer not above the number times `10^places`; nothing beyond 30 digits.
    pub(crate) fn floor(&self, places: i64) -> Option<i128> {
        let exponent = self.exponent + places;
        let digits = self.digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(0);
        }
        let length = i64::try_from(digits.len()).ok()? + exponent;
        if length > 30 {
            return None;
        }
        let kept = usize::try_from(length).unwrap_or(0);
        let zeros = kept.saturating_sub(digits.len());
        let whole: String = digits.chars().take(kept).chain("0".repeat(zeros).chars()).collect();
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let is_cut = digits.chars().skip(kept).any(|digit| digit != '0');
        Some(match self.negative {
            false => whole,
            true => -whole - i128::from(is_cut),
        })
    }

    /// The number, if it is an integer that is not negative; those beyond 30 digits are as good as without end.
    pub(crate) fn natural(&self) -> Option<u128> {
        let Some(floor) = self.floor(0) else {
            return (!self.negative && self.exponent >= 0).then_some(u128::MAX);
        };
        let is_whole = self.exponent >= 0 || {
            let digits = self.digits.trim_end_matches('0');
            let cut = self.digits.len() - digits.len();
            digits.is_empty() || self.exponent + i64::try_from(cut).ok()? >= 0
        };
        u128::try_from(floor).ok().filter(|_| is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_cut_at_a_place() {
        let floor = |text: &str, places| Decimal::of_number(text).and_then(|number| number.floor(places));
        assert_eq!(floor("1.9999", 3), Some(1999));
        assert_eq!(floor("-0.0005", 3), Some(-1));
        assert_eq!(floor("1700000000123456789", -6), Some(1_700_000_000_123));
        assert_eq!(floor("1.5e3", 3), Some(1_500_000));
        assert_eq!(floor("1e-400", 3), Some(0));
        assert_eq!(floor("1e400", 3), None);
    }

    #[test]
    fn announced_counts_are_whole_and_not_negative() {
        let natural = |text: &str| Decimal::of_number(text).and_then(|number| number.natural());
        assert_eq!(
            (natural("3"), natural("3.0"), natural("30e-1"), natural("0")),
            (Some(3), Some(3), Some(3), Some(0))
        );
        assert_eq!((natural("3.5"), natural("-1"), natural("1e-3")), (None, None, None));
        assert_eq!(natural("1e40"), Some(u128::MAX));
    }

    #[test]
    fn strings_are_digits_with_a_fraction_at_most() {
        assert!(Decimal::of_digits("0012.50").is_some());
        for text in ["", "-1", "+1", "1e3", "1.", ".5", "1.2.3", "١"] {
            assert_eq!(Decimal::of_digits(text), None, "{text}");
        }
    }
}
