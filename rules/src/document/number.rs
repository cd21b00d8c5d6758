//! Numbers: exact decimals of any size, compared by value.
//!
//! A number is an integer of 64 bits where it can be one, else its significant digits and the place of its point:
//! `0.DIGITS × 10^point`, without zeros at either end. The form of a value is unique, so equality is that of the form,
//! and no comparison ever writes `1e999999999` out.

use std::cmp::Ordering;
use std::fmt;

mod exponent;

/// The most zeros that a printed number is filled up with.
const ZEROS_MAX: i64 = 5;

use exponent::Exponent;

use crate::cursor::Cursor;

/// An exact number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(Form);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Form {
    /// Every integer in the range of the type.
    Integer(i64),
    /// Everything else.
    Decimal(Box<Decimal>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Decimal {
    negative: bool,
    /// ASCII digits; the first and the last one are not `0`.
    digits: Box<str>,
    point: Exponent,
}

impl Number {
    /// The number, if it is an integer of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Form::Integer(integer) => Some(*integer),
            Form::Decimal(_) => None,
        }
    }

    /// The number in units of `10^-places`, rounded half to even; nothing if that has more than 38 digits.
    pub(crate) fn scaled(&self, places: u32) -> Option<i128> {
        let decimal = match &self.0 {
            Form::Integer(integer) => return i128::from(*integer).checked_mul(10_i128.checked_pow(places)?),
            Form::Decimal(decimal) => decimal,
        };
        let sign = if decimal.negative { -1 } else { 1 };
        let Some(point) = decimal.point.as_i64() else {
            // Beyond 64 bits of exponent a number is nothing or out of reach.
            return (decimal.point < Exponent::from(0)).then_some(0);
        };
        // The digits in front of the point once it has moved by the places.
        let Ok(whole) = usize::try_from(point.saturating_add(i64::from(places))) else { return Some(0) };
        if whole > 38 {
            return None;
        }
        let kept = decimal.digits.get(..whole).unwrap_or(&decimal.digits);
        let zeros = u32::try_from(whole - kept.len()).ok()?;
        let magnitude = if kept.is_empty() { 0 } else { kept.parse::<i128>().ok()? };
        let magnitude = magnitude.checked_mul(10_i128.checked_pow(zeros)?)?;
        let rest = decimal.digits.get(whole..).unwrap_or_default();
        // The digits after the point have no zeros at their end, so `5` alone is exactly a half.
        let up = rest > "5" || (rest == "5" && magnitude % 2 == 1);
        Some(sign * magnitude.checked_add(i128::from(up))?)
    }

    /// Reads a number as JSON writes it; nothing else is one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut cursor = Cursor::new(text);
        let number = literal(&mut cursor)?;
        cursor.is_done().then_some(number)
    }

    fn from_parts(negative: bool, integer: &str, fraction: &str, exponent: &str) -> Self {
        let all = [integer, fraction].concat();
        let from_first = all.trim_start_matches('0');
        let digits = from_first.trim_end_matches('0');
        if digits.is_empty() {
            return Self(Form::Integer(0));
        }
        // A text is never longer than `i64::MAX`, so the differences of its lengths are in range.
        let leading = i64::try_from(all.len() - from_first.len()).unwrap_or(i64::MAX);
        let point = i64::try_from(integer.len()).unwrap_or(i64::MAX) - leading;
        let point = Exponent::parse(exponent).plus(point);
        if let Some(integer) = small(negative, digits, &point) {
            return Self(Form::Integer(integer));
        }
        Self(Form::Decimal(Box::new(Decimal { negative, digits: digits.into(), point })))
    }
}

/// The integer of 64 bits that the parts make, if they make one.
fn small(negative: bool, digits: &str, point: &Exponent) -> Option<i64> {
    let length =
        usize::try_from(point.as_i64()?).ok().filter(|length| (digits.len()..=19).contains(length))?;
    let sign = if negative { "-" } else { "" };
    format!("{sign}{digits}{}", "0".repeat(length - digits.len())).parse().ok()
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(Form::Integer(integer))
    }
}

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        i64::try_from(count).map_or_else(|_| Self::from_parts(false, &count.to_string(), "", ""), Self::from)
    }
}

/// Reads a JSON number at the cursor, as far as it goes. Leaves the cursor where it was if there is none.
pub(crate) fn literal(cursor: &mut Cursor<'_>) -> Option<Number> {
    let start = cursor.at();
    let parts = parts(cursor);
    if parts.is_none() {
        cursor.return_to(start);
    }
    let (negative, integer, fraction, exponent) = parts?;
    if fraction.is_empty() && exponent.is_empty() && integer.len() <= 18 {
        let magnitude: i64 = integer.parse().ok()?;
        return Some(Number::from(if negative { -magnitude } else { magnitude }));
    }
    Some(Number::from_parts(negative, integer, fraction, exponent))
}

/// Passes a JSON number, as far as it goes. Leaves the cursor where it was if there is none.
pub(super) fn skip(cursor: &mut Cursor<'_>) -> Option<()> {
    let start = cursor.at();
    let parts = parts(cursor);
    if parts.is_none() {
        cursor.return_to(start);
    }
    parts.map(|_| ())
}

fn parts<'a>(cursor: &mut Cursor<'a>) -> Option<(bool, &'a str, &'a str, &'a str)> {
    let digit = |byte: u8| byte.is_ascii_digit();
    let negative = cursor.eat("-");
    let integer = cursor.eat_while(digit);
    if integer.is_empty() || (integer.len() > 1 && integer.starts_with('0')) {
        return None;
    }
    let mut fraction = "";
    if cursor.eat(".") {
        fraction = cursor.eat_while(digit);
        if fraction.is_empty() {
            return None;
        }
    }
    let mut exponent = "";
    if cursor.eat("e") || cursor.eat("E") {
        let from = cursor.at();
        if !cursor.eat("-") {
            cursor.eat("+");
        }
        if cursor.eat_while(digit).is_empty() {
            return None;
        }
        exponent = cursor.between(from, cursor.at());
    }
    Some((negative, integer, fraction, exponent))
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Integer(left), Form::Integer(right)) => left.cmp(right),
            (Form::Integer(left), Form::Decimal(right)) => compare(*left, right),
            (Form::Decimal(left), Form::Integer(right)) => compare(*right, left).reverse(),
            (Form::Decimal(left), Form::Decimal(right)) => left.cmp(right),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare(integer: i64, decimal: &Decimal) -> Ordering {
    if integer == 0 {
        return if decimal.negative { Ordering::Greater } else { Ordering::Less };
    }
    let written = integer.unsigned_abs().to_string();
    let point = Exponent::from(i64::try_from(written.len()).expect("an integer has at most 19 digits"));
    let digits = written.trim_end_matches('0').into();
    Decimal { negative: integer < 0, digits, point }.cmp(decimal)
}

impl Decimal {
    fn magnitude(&self, other: &Self) -> Ordering {
        // Of equal points, the digits compare like text: both begin right behind the point.
        self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits))
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// Writes the value as JSON: plainly where that is short, else with an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = match &self.0 {
            Form::Integer(integer) => return write!(f, "{integer}"),
            Form::Decimal(decimal) => decimal,
        };
        let digits = &*decimal.digits;
        if decimal.negative {
            f.write_str("-")?;
        }
        let most = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_add(ZEROS_MAX);
        let plain = decimal.point.as_i64().filter(|point| (-ZEROS_MAX..=most).contains(point));
        match plain.map(|point| (usize::try_from(point), point.unsigned_abs())) {
            Some((Ok(point), _)) if point >= digits.len() => write!(f, "{digits:0<point$}"),
            Some((Ok(point), _)) if point > 0 => {
                let (integer, fraction) = digits.split_at(point);
                write!(f, "{integer}.{fraction}")
            },
            Some((_, below)) => {
                f.write_str("0.")?;
                (0..below).try_for_each(|_| f.write_str("0"))?;
                f.write_str(digits)
            },
            None => {
                let (first, others) = digits.split_at(1);
                let dot = if others.is_empty() { "" } else { "." };
                write!(f, "{first}{dot}{others}e{}", decimal.point.plus(-1))
            },
        }
    }
}

#[cfg(test)]
mod tests;
