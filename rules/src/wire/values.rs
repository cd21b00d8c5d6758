//! Reads single values: each answers the value, or what is wrong with it at its pointer.

use crate::amount::Amount;
use crate::book::RuleVersion;
use crate::condition::path_advice;
use crate::document::Node;
use crate::id::{AlertId, CustomerId};
use crate::path::Path;
use crate::problem::{Problem, ProblemCode};
use crate::rule::{Span, SpanError};
use crate::timestamp::Timestamp;

/// The longest description, label or other text, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 4096;
/// The longest name of a step, of a key of groups and the like, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 256;

/// What a reader answers.
pub(super) type Read<T> = Result<T, Problem>;

pub(super) fn problem(
    code: ProblemCode,
    pointer: &str,
    message: impl Into<String>,
    expected: impl Into<String>,
) -> Problem {
    Problem {
        code,
        pointer: pointer.to_owned(),
        place: None,
        message: message.into(),
        expected: expected.into(),
    }
}

pub(super) fn wrong_type(pointer: &str, value: &Node, expected: &str) -> Problem {
    problem(ProblemCode::WrongType, pointer, format!("this is {}", value.kind()), expected)
}

pub(super) fn string<'a>(pointer: &str, value: &'a Node) -> Read<&'a str> {
    value.as_str().ok_or_else(|| wrong_type(pointer, value, "a string"))
}

pub(super) fn text(pointer: &str, value: &Node) -> Read<String> {
    up_to(pointer, value, TEXT_BYTES_MAX)
}

pub(super) fn name(pointer: &str, value: &Node) -> Read<String> {
    let text = up_to(pointer, value, NAME_BYTES_MAX)?;
    if text.is_empty() {
        return Err(problem(ProblemCode::OutOfRange, pointer, "the name is empty", "one character or more"));
    }
    Ok(text)
}

fn up_to(pointer: &str, value: &Node, bytes_max: usize) -> Read<String> {
    let text = string(pointer, value)?;
    if text.len() > bytes_max {
        let message = format!("the text has {} bytes", text.len());
        return Err(problem(ProblemCode::LimitPassed, pointer, message, format!("at most {bytes_max}")));
    }
    Ok(text.to_owned())
}

pub(super) fn flag(pointer: &str, value: &Node) -> Read<bool> {
    match value {
        Node::Bool(flag) => Ok(*flag),
        other => Err(wrong_type(pointer, other, "true or false")),
    }
}

pub(super) fn alert(pointer: &str, value: &Node) -> Read<AlertId> {
    string(pointer, value)?.parse().map_err(|error: crate::id::IdError| {
        problem(ProblemCode::OutOfRange, pointer, error.to_string(), "the rule's UUID")
    })
}

/// A customer, or the one of the global rules.
pub(super) fn owner(pointer: &str, value: &Node) -> Read<CustomerId> {
    parse_customer(pointer, string(pointer, value)?)
}

/// A customer that events can have.
pub(super) fn customer(pointer: &str, value: &Node) -> Read<CustomerId> {
    one_customer(pointer, string(pointer, value)?)
}

/// Reads a customer that events can have.
pub(super) fn one_customer(pointer: &str, text: &str) -> Read<CustomerId> {
    let customer = parse_customer(pointer, text)?;
    if customer.is_global() {
        let message = "this is the id of the global rules, which no event has";
        return Err(problem(ProblemCode::OutOfRange, pointer, message, "a customer's UUID"));
    }
    Ok(customer)
}

fn parse_customer(pointer: &str, text: &str) -> Read<CustomerId> {
    text.parse().map_err(|error: crate::id::IdError| {
        problem(ProblemCode::OutOfRange, pointer, error.to_string(), "a customer's UUID")
    })
}

pub(super) fn path(pointer: &str, value: &Node) -> Read<Path> {
    Path::parse(string(pointer, value)?).map_err(|error| {
        let (code, expected) = path_advice(&error);
        problem(code, pointer, error.to_string(), expected)
    })
}

pub(super) fn integer(pointer: &str, value: &Node) -> Read<i64> {
    let integer = value.as_number().and_then(crate::document::Number::as_i64);
    integer.ok_or_else(|| wrong_type(pointer, value, "an integer of 64 bits"))
}

pub(super) fn whole(pointer: &str, value: &Node, least: u32, most: u32) -> Read<u32> {
    let expected = format!("an integer from {least} to {most}");
    let Some(number) = value.as_number() else { return Err(wrong_type(pointer, value, &expected)) };
    let whole = number.as_i64().and_then(|integer| u32::try_from(integer).ok());
    whole
        .filter(|whole| (least..=most).contains(whole))
        .ok_or_else(|| problem(ProblemCode::OutOfRange, pointer, "this number is not allowed here", expected))
}

pub(super) fn version(pointer: &str, value: &Node) -> Read<RuleVersion> {
    let version = value.as_number().and_then(crate::document::Number::as_i64);
    let version = version.and_then(|version| u32::try_from(version).ok());
    version
        .map(RuleVersion)
        .ok_or_else(|| wrong_type(pointer, value, "a version: 0 for `no rule yet`, or the last one seen"))
}

/// A number that is kept exactly, here and by programs that read the rule with numbers of 64 bits.
pub(super) fn number(pointer: &str, value: &Node) -> Read<Amount> {
    let expected = "up to nine digits after the point and 17 in all, or an integer of 64 bits";
    let Some(number) = value.as_number() else {
        return Err(wrong_type(pointer, value, "a number"));
    };
    let amount = Amount::bound(number).filter(|_| value.to_value().is_some());
    amount.ok_or_else(|| {
        problem(ProblemCode::OutOfRange, pointer, "the number would have to be rounded", expected)
    })
}

pub(super) fn span(pointer: &str, value: &Node) -> Read<Span> {
    string(pointer, value)?.parse().map_err(|error: SpanError| {
        let code = match error {
            SpanError::Form => ProblemCode::OutOfRange,
            SpanError::TooLong => ProblemCode::LimitPassed,
        };
        problem(code, pointer, error.to_string(), Span::EXPECTED)
    })
}

pub(super) fn span_above_zero(pointer: &str, value: &Node) -> Read<Span> {
    let span = span(pointer, value)?;
    if span == Span::ZERO {
        let message = "the duration is zero";
        return Err(problem(ProblemCode::OutOfRange, pointer, message, "one that is longer than nothing"));
    }
    Ok(span)
}

pub(super) fn time(pointer: &str, value: &Node) -> Read<Timestamp> {
    parse_time(string(pointer, value)?)
        .map_err(|message| problem(ProblemCode::OutOfRange, pointer, message, "as in 2026-01-31T12:00:00Z"))
}

/// Reads RFC 3339 within the years that it can be written with.
pub(super) fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    let time: Timestamp = text.parse().map_err(|_| "this is no time in RFC 3339")?;
    if time.is_writable() { Ok(time) } else { Err("the time is outside of the years 0001 to 9999") }
}

/// A time, or a duration since 1970.
pub(super) fn moment(pointer: &str, value: &Node) -> Read<Timestamp> {
    let text = string(pointer, value)?;
    if let Ok(span) = text.parse::<Span>() {
        return Ok(Timestamp(span.as_i64()));
    }
    parse_time(text).map_err(|message| {
        let expected =
            "a duration since 1970-01-01T00:00:00Z as in 90s, or a time as in 2026-01-31T12:00:00Z";
        problem(ProblemCode::OutOfRange, pointer, message, expected)
    })
}

pub(super) fn one_of<T>(
    pointer: &str,
    value: &Node,
    names: &[&'static str],
    from_name: impl Fn(&str) -> Option<T>,
) -> Read<T> {
    let text = string(pointer, value)?;
    from_name(text).ok_or_else(|| {
        let expected = match super::suggest::nearest(text, names.iter().copied()) {
            Some(nearest) => format!("one of {}; did you mean `{nearest}`?", names.join(", ")),
            None => format!("one of {}", names.join(", ")),
        };
        problem(ProblemCode::OutOfRange, pointer, "no such name here", expected)
    })
}
