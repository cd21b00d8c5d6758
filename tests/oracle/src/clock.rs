//! When an event happened, and what a customer's clock shows.
//!
//! Reading: until a time could be read, the timestamps of the records are the times and drive the clock; a clock never goes
//! back, so a first readable time before such a timestamp is late.
//! Reading: times are cut towards the past, also before 1970 (what is cut off a text is digits).
//! Reading: a string of digits has no sign and no exponent; a number may have both.

use rules::{EventTime, Node, Rule, TimeFormat, Timestamp};

use crate::decimal::Decimal;

/// Years 0001 to 9999, in milliseconds.
const YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// The time of an event under a rule and what the clock shows once the event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The event's time.
    pub(crate) time: i64,
    /// The clock with this event.
    pub(crate) clock: i64,
    /// Whether a time could be read, now or before.
    pub(crate) is_read: bool,
}

/// What the customer's clock of this rule makes of an event; `before` is what the event before came to, if there was one.
pub(crate) fn see(rule: &Rule, payload: &Node, record: Timestamp, before: Option<Seen>) -> Seen {
    see_as(rule.timing.event_time.as_ref(), payload, record, before)
}

/// The same for a definition of event time.
pub(crate) fn see_as(
    event_time: Option<&EventTime>,
    payload: &Node,
    record: Timestamp,
    before: Option<Seen>,
) -> Seen {
    let readable = match event_time {
        Some(event_time) => read(event_time, payload),
        None => Some(record.0),
    };
    match (readable, before) {
        (Some(time), Some(before)) => Seen { time, clock: before.clock.max(time), is_read: true },
        (Some(time), None) => Seen { time, clock: time, is_read: true },
        (None, Some(before)) if before.is_read => Seen { time: record.0.min(before.clock), ..before },
        (None, Some(before)) => Seen { time: record.0, clock: before.clock.max(record.0), is_read: false },
        (None, None) => Seen { time: record.0, clock: record.0, is_read: false },
    }
}

/// The time that stands at the first node, if it can be read.
fn read(event_time: &EventTime, payload: &Node) -> Option<i64> {
    let node = *event_time.path.select(payload).first()?;
    let time = match event_time.format {
        TimeFormat::Rfc3339 => node.as_str()?.parse::<Timestamp>().ok()?.0,
        TimeFormat::Iso8601 => iso8601(node.as_str()?)?,
        TimeFormat::UnixSeconds => unix(node, 3)?,
        TimeFormat::UnixMillis => unix(node, 0)?,
        TimeFormat::UnixMicros => unix(node, -3)?,
        TimeFormat::UnixNanos => unix(node, -6)?,
    };
    YEARS.contains(&time).then_some(time)
}

fn unix(node: &Node, places: i64) -> Option<i64> {
    let number = match node {
        Node::Number(number) => Decimal::of_number(&number.to_string())?,
        Node::String(text) => Decimal::of_digits(text)?,
        Node::Null | Node::Bool(_) | Node::Array(_) | Node::Object(_) => return None,
    };
    i64::try_from(number.floor(places)?).ok()
}

/// Reading: the extended form, a date alone or with a time to the minute or finer, then a zone or none.
fn iso8601(text: &str) -> Option<i64> {
    let (date, rest) = match text.split_once('T') {
        Some((date, rest)) => (date, Some(rest)),
        None => (text, None),
    };
    let [year, month, day] = numbers(date, '-', &[4, 2, 2])?.try_into().ok()?;
    let days = days_from_civil(year, month, day)?;
    let Some(rest) = rest else { return Some(days * 86_400_000) };
    let zone_at = rest.find(['Z', '+', '-']);
    let (time, zone) = zone_at.map_or((rest, ""), |at| rest.split_at(at));
    let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, "0"));
    let parts =
        numbers(time, ':', &[2, 2, 2]).or_else(|| numbers(time, ':', &[2, 2]).filter(|_| fraction == "0"))?;
    let (hour, minute, second) = (parts[0], parts[1], parts.get(2).copied().unwrap_or(0));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let millis = i64::try_from(Decimal::of_digits(&format!("0.{fraction}"))?.floor(3)?).ok()?;
    let local = days * 86_400_000 + (hour * 3600 + minute * 60 + second) * 1000 + millis;
    Some(local - offset(zone)?)
}

/// Milliseconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match (zone, zone.strip_prefix('+'), zone.strip_prefix('-')) {
        ("" | "Z", ..) => return Some(0),
        (_, Some(rest), _) => (1, rest),
        (_, _, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let plain: String = rest.chars().filter(|c| *c != ':').collect();
    let parts = match (rest.len(), plain.len()) {
        (2, 2) => numbers(&plain, ':', &[2])?,
        (4 | 5, 4) => {
            let (hours, minutes) = plain.split_at_checked(2)?;
            [numbers(hours, ':', &[2])?, numbers(minutes, ':', &[2])?].concat()
        },
        _ => return None,
    };
    let (hours, minutes) = (parts[0], parts.get(1).copied().unwrap_or(0));
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// The numbers between separators, each with so many digits.
fn numbers(text: &str, separator: char, lengths: &[usize]) -> Option<Vec<i64>> {
    let parts: Vec<&str> = text.split(separator).collect();
    let sound = parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit()));
    if sound { parts.iter().map(|part| part.parse().ok()).collect() } else { None }
}

/// Days since 1970-01-01 in the Gregorian calendar; nothing if there is no such day.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    let length = *lengths.get(index)?;
    let before: i64 = lengths.iter().take(index).sum();
    let earlier = year - 1;
    let years = earlier * 365 + earlier.div_euclid(4) - earlier.div_euclid(100) + earlier.div_euclid(400);
    (1..=length).contains(&day).then_some(years + before + day - 1 - 719_162)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::Path;

    fn at(format: TimeFormat, json: &str) -> Option<i64> {
        let payload = rules::Payload::parse(&format!("{{\"at\":{json}}}")).unwrap();
        read(&EventTime { path: Path::parse("$.at").unwrap(), format }, payload.root())
    }

    #[test]
    fn milliseconds_truncated() {
        assert_eq!(at(TimeFormat::Rfc3339, r#""1970-01-01T00:00:01.9999Z""#), Some(1999));
        assert_eq!(at(TimeFormat::UnixSeconds, "1.9999"), Some(1999));
        assert_eq!(at(TimeFormat::UnixSeconds, r#""1.9999""#), Some(1999));
        assert_eq!(at(TimeFormat::UnixMillis, "1999.9"), Some(1999));
        assert_eq!(at(TimeFormat::UnixMicros, "1999999"), Some(1999));
        assert_eq!(at(TimeFormat::UnixNanos, "1763721600123456789"), Some(1_763_721_600_123));
    }

    #[test]
    fn years_0001_to_9999() {
        assert_eq!(at(TimeFormat::Rfc3339, r#""0001-01-01T00:00:00Z""#), Some(*YEARS.start()));
        assert_eq!(at(TimeFormat::Iso8601, r#""0001-01-01""#), Some(*YEARS.start()));
        assert_eq!(at(TimeFormat::Iso8601, r#""9999-12-31T23:59:59.9999""#), Some(*YEARS.end()));
        for json in [r#""0000-12-31T23:59:59Z""#, r#""9999-12-31T23:59:59-01:00""#] {
            assert_eq!(
                (at(TimeFormat::Rfc3339, json), at(TimeFormat::Iso8601, json)),
                (None, None),
                "{json}"
            );
        }
        assert_eq!(at(TimeFormat::UnixSeconds, "1e12"), None);
    }

    #[test]
    fn iso8601_without_a_zone_is_utc() {
        for (text, millis) in [
            ("2025-11-21T10:40:00.123", 1_763_721_600_123),
            ("2025-11-21T10:40:00.123Z", 1_763_721_600_123),
            ("2025-11-21T12:40:00+02:00", 1_763_721_600_000),
            ("2025-11-21T12:40+0200", 1_763_721_600_000),
            ("2025-11-21T12:40+02", 1_763_721_600_000),
            ("1970-01-02", 86_400_000),
        ] {
            assert_eq!(at(TimeFormat::Iso8601, &format!("\"{text}\"")), Some(millis), "{text}");
        }
        for text in ["2025-02-29", "2025-11-21T24:00", "2025-11-21T10", "x", "", "2025-11-21T10:40:00 Z"] {
            assert_eq!(at(TimeFormat::Iso8601, &format!("\"{text}\"")), None, "{text}");
        }
    }
}
