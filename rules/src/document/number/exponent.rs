//! Exponents of any size. Those beyond 64 bits are as rare as they are legal, and are kept as digits.

use std::cmp::Ordering;
use std::fmt;

/// An integer that is nearly always small.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Exponent {
    /// Every value in the range of the type.
    Small(i64),
    /// Everything else: ASCII digits without zeros in front.
    Huge { negative: bool, digits: Box<str> },
}

impl Exponent {
    /// Reads an optional sign and digits; nothing at all is 0.
    pub(super) fn parse(text: &str) -> Self {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        Self::from_digits(negative, digits)
    }

    pub(super) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Small(value) => Some(*value),
            Self::Huge { .. } => None,
        }
    }

    /// The sum with a small number.
    pub(super) fn plus(&self, other: i64) -> Self {
        match self {
            Self::Small(value) => match value.checked_add(other) {
                Some(sum) => Self::Small(sum),
                None => Self::from_i128(i128::from(*value) + i128::from(other)),
            },
            Self::Huge { negative, digits } => {
                let towards_zero = *negative != (other < 0) && other != 0;
                let sum = shift(digits.as_bytes(), other.unsigned_abs(), towards_zero);
                Self::from_digits(*negative, &sum)
            },
        }
    }

    fn from_i128(value: i128) -> Self {
        Self::from_digits(value < 0, &value.unsigned_abs().to_string())
    }

    fn from_digits(negative: bool, digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Self::Small(0);
        }
        let small = (digits.len() <= 19).then(|| digits.parse::<i128>().ok()).flatten();
        let small = small.map(|magnitude| if negative { -magnitude } else { magnitude });
        match small.and_then(|value| i64::try_from(value).ok()) {
            Some(value) => Self::Small(value),
            None => Self::Huge { negative, digits: digits.into() },
        }
    }
}

/// Adds to or subtracts from a number in digits, which is never the smaller one: it is beyond 64 bits.
fn shift(digits: &[u8], mut by: u64, subtract: bool) -> String {
    let mut sum: Vec<u8> = Vec::with_capacity(digits.len() + 1);
    let mut carry = 0u8;
    for digit in digits.iter().rev().map(|digit| digit - b'0') {
        let low = u8::try_from(by % 10).expect("a digit is below ten");
        by /= 10;
        let (value, next) = if subtract {
            let taken = low + carry;
            if digit < taken { (digit + 10 - taken, 1) } else { (digit - taken, 0) }
        } else {
            let total = digit + low + carry;
            (total % 10, total / 10)
        };
        sum.push(b'0' + value);
        carry = next;
    }
    if carry > 0 {
        sum.push(b'0' + carry);
    }
    sum.iter().rev().map(|digit| char::from(*digit)).collect()
}

impl From<i64> for Exponent {
    fn from(value: i64) -> Self {
        Self::Small(value)
    }
}

impl Ord for Exponent {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |negative: &bool| {
            if *negative { Ordering::Less } else { Ordering::Greater }
        };
        match (self, other) {
            (Self::Small(left), Self::Small(right)) => left.cmp(right),
            (Self::Huge { negative, .. }, Self::Small(_)) => sign(negative),
            (Self::Small(_), Self::Huge { negative, .. }) => sign(negative).reverse(),
            (Self::Huge { negative: true, .. }, Self::Huge { negative: false, .. }) => Ordering::Less,
            (Self::Huge { negative: false, .. }, Self::Huge { negative: true, .. }) => Ordering::Greater,
            (Self::Huge { negative, digits: left }, Self::Huge { digits: right, .. }) => {
                let magnitude = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
                if *negative { magnitude.reverse() } else { magnitude }
            },
        }
    }
}

impl PartialOrd for Exponent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Exponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(value) => write!(f, "{value}"),
            Self::Huge { negative, digits } => write!(f, "{}{digits}", if *negative { "-" } else { "" }),
        }
    }
}
