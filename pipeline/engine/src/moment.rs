//! Reads the time at which an event happened, in the formats that rules name. Milliseconds, the rest cut off.

use rules::{Node, Number, TimeFormat, Timestamp};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// The moment that a node tells; nothing if it cannot be read, or lies outside of the years 0001 to 9999.
pub fn read(node: &Node, format: TimeFormat) -> Option<Timestamp> {
    match format {
        TimeFormat::Rfc3339 => from_moment(OffsetDateTime::parse(node.as_str()?, &Rfc3339).ok()?),
        TimeFormat::Iso8601 => iso(node.as_str()?),
        TimeFormat::UnixSeconds => unix(node, 3),
        TimeFormat::UnixMillis => unix(node, 0),
        TimeFormat::UnixMicros => unix(node, -3),
        TimeFormat::UnixNanos => unix(node, -6),
    }
}

fn iso(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = OffsetDateTime::parse(text, &Iso8601::PARSING) {
        return from_moment(moment);
    }
    // Without a zone it is UTC, and without a time of day the day begins.
    if let Ok(moment) = PrimitiveDateTime::parse(text, &Iso8601::PARSING) {
        return from_moment(moment.assume_utc());
    }
    from_moment(Date::parse(text, &Iso8601::PARSING).ok()?.midnight().assume_utc())
}

fn from_moment(moment: OffsetDateTime) -> Option<Timestamp> {
    in_range(moment.unix_timestamp_nanos().div_euclid(1_000_000))
}

fn unix(node: &Node, shift: i32) -> Option<Timestamp> {
    let number = match node {
        Node::Number(number) => number.floor_scaled(shift)?,
        Node::String(text) => digits(text)?.floor_scaled(shift)?,
        Node::Null | Node::Bool(_) | Node::Array(_) | Node::Object(_) => return None,
    };
    in_range(number)
}

/// A text of digits, with a sign and a fraction at most; unlike in JSON, zeros may stand in front.
fn digits(text: &str) -> Option<Number> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if !digits.starts_with(|first: char| first.is_ascii_digit()) || digits.contains(['e', 'E']) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    let zero = if significant.is_empty() || significant.starts_with('.') { "0" } else { "" };
    Number::parse(&format!("{sign}{zero}{significant}"))
}

fn in_range(millis: i128) -> Option<Timestamp> {
    let timestamp = Timestamp(i64::try_from(millis).ok()?);
    timestamp.is_writable().then_some(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(json: &str, format: TimeFormat) -> Option<i64> {
        let document = rules::Document::parse(json, 4).unwrap();
        read(&document.root, format).map(|timestamp| timestamp.0)
    }

    #[test]
    fn every_format_is_read_to_milliseconds() {
        use TimeFormat::{Iso8601, Rfc3339, UnixMicros, UnixMillis, UnixNanos, UnixSeconds};
        for (json, format, expected) in [
            (r#""1970-01-01T00:00:01.9999Z""#, Rfc3339, Some(1999)),
            (r#""1970-01-01T01:00:01+01:00""#, Rfc3339, Some(1000)),
            (r#""1970-01-01T00:00:01""#, Rfc3339, None),
            (r#""1970-01-01T00:00:01""#, Iso8601, Some(1000)),
            (r#""19700101T000001Z""#, Iso8601, Some(1000)),
            (r#""1970-01-02""#, Iso8601, Some(86_400_000)),
            ("1.9999", UnixSeconds, Some(1999)),
            (r#""0012""#, UnixSeconds, Some(12_000)),
            (r#""12.5""#, UnixSeconds, Some(12_500)),
            ("1500", UnixMillis, Some(1500)),
            ("1999.9", UnixMillis, Some(1999)),
            ("1999999", UnixMicros, Some(1999)),
            ("1999999999", UnixNanos, Some(1999)),
            ("-1", UnixNanos, Some(-1)),
            ("-0.0001", UnixMillis, Some(-1)),
            ("1e30", UnixMillis, None),
            (r#""1e3""#, UnixMillis, None),
            (r#""""#, UnixMillis, None),
            ("true", UnixMillis, None),
            ("null", Rfc3339, None),
        ] {
            assert_eq!(at(json, format), expected, "{json} {format:?}");
        }
    }
}
