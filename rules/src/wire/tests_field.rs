//! `tests`: example events of a rule, and the alerts that must come of them.

use serde_json::Value;

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::{Members, number};
use super::values::{self, Read, problem, wrong_type};
use crate::document::{Document, DocumentError, Node};
use crate::payload::DEPTH_MAX;
use crate::problem::ProblemCode;
use crate::rule::{AlertState, Expectation, Grouping, RuleTest, Span, TestEvent};
use crate::timestamp::Timestamp;

/// The most tests of one rule.
pub(super) const TESTS_MAX: usize = 64;
/// The most events of one test.
const EVENTS_MAX: usize = 1_000;
/// The most alerts that one test expects.
const ALERTS_MAX: usize = 1_000;

pub(super) static TEST: Form = Form {
    name: "a test",
    fields: &[
        Field::new("name", Kind::Text, "For people."),
        Field::new("events", Kind::Objects(&EVENT, 0, EVENTS_MAX), "What happens, in this order."),
        Field::new("advanceTo", Kind::Moment, "Until when time goes on after the last event."),
        Field::new(
            "expect",
            Kind::Objects(&EXPECTATION, 0, ALERTS_MAX),
            "The alerts that come, in number and order.",
        ),
    ],
};

static EVENT: Form = Form {
    name: "an event of a test",
    fields: &[
        Field::needed(
            "at",
            Kind::Moment,
            "The timestamp of its record: a time, or a duration since 1970-01-01T00:00:00Z.",
        ),
        Field::needed(
            "payload",
            Kind::Payload,
            "What it says: an object, or a string that holds a JSON document.",
        ),
        Field::new(
            "customerId",
            Kind::Customer,
            "Whose it is. Default: the rule's customer; for a global rule 00000000-0000-4000-8000-000000000001.",
        ),
    ],
};

static EXPECTATION: Form = Form {
    name: "an expected alert",
    fields: &[
        Field::new("at", Kind::Moment, "Its event time."),
        Field::new("group", Kind::Group, "Its group."),
        Field::new("state", Kind::OneOf(AlertState::NAMES), "Its state."),
        Field::new("value", Kind::NumberOrNull, "Its value."),
        Field::new("customerId", Kind::Customer, "Whose it is."),
    ],
};

/// Reads the tests among the fields of a rule.
pub(super) fn read(fields: &mut Fields<'_, '_>, grouping: &Grouping) -> Vec<RuleTest> {
    fields.objects("tests", |test| {
        Some(RuleTest {
            name: test.text("name").unwrap_or_default(),
            events: test.objects("events", |event| {
                let (at, payload) = (event.value("at", values::moment), event.value("payload", payload));
                let customer = event.value("customerId", values::customer);
                Some(TestEvent { at: at?, payload: payload?, customer })
            }),
            advance_to: test.value("advanceTo", values::moment),
            expect: test.objects("expect", |expected| Some(expectation(expected, grouping))),
        })
    })
}

fn expectation(fields: &mut Fields<'_, '_>, grouping: &Grouping) -> Expectation {
    let group = fields.value("group", group);
    let has_key = |name: &str| grouping.keys.iter().any(|key| key.name == name);
    if let Some(Node::Object(keys)) = &group
        && keys.iter().any(|(name, _)| !has_key(name))
    {
        let message = "the rule has no key of groups of such a name";
        let names: Vec<_> = grouping.keys.iter().map(|key| key.name.as_str()).collect();
        let expected = format!("the names of `groupBy`: {}", names.join(", "));
        let expected =
            if names.is_empty() { "`{}`, since the rule has no `groupBy`".to_owned() } else { expected };
        fields.conflict("group", message, expected);
    }
    Expectation {
        at: fields.value("at", values::moment),
        group,
        state: fields.one_of("state", AlertState::from_name),
        value: if fields.is_null("value") { Some(None) } else { fields.number("value").map(Some) },
        customer: fields.value("customerId", values::customer),
    }
}

fn payload(pointer: &str, value: &Node) -> Read<Node> {
    let too_deep = || {
        let message = "the payload nests too deep";
        let expected = format!("at most {DEPTH_MAX} arrays and objects within each other");
        problem(ProblemCode::LimitPassed, pointer, message, expected)
    };
    match value {
        Node::Object(_) if depth(value) <= DEPTH_MAX => Ok(value.clone()),
        Node::Object(_) => Err(too_deep()),
        Node::String(text) => match Document::parse(text, DEPTH_MAX) {
            Ok(document) => Ok(document.root),
            Err(DocumentError::TooDeep { .. }) => Err(too_deep()),
            Err(DocumentError::Syntax { place, expected }) => {
                let message = "the string is not JSON that can be read";
                let mut problem = problem(ProblemCode::NotJson, pointer, message, expected);
                problem.place = Some((place.line, place.column));
                Err(problem)
            },
        },
        other => Err(wrong_type(pointer, other, "an object, or a string that holds a JSON document")),
    }
}

/// How deep arrays and objects stand within each other; the whole rule is not deep.
fn depth(node: &Node) -> usize {
    match node {
        Node::Array(_) | Node::Object(_) => 1 + node.children().map(depth).max().unwrap_or(0),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => 0,
    }
}

/// The values of a group's keys, by name.
fn group(pointer: &str, value: &Node) -> Read<Node> {
    if !matches!(value, Node::Object(_)) {
        return Err(wrong_type(pointer, value, "an object of the group's keys"));
    }
    if value.children().any(|key| matches!(key, Node::Array(_) | Node::Object(_))) {
        let message = "a key of the group is an array or an object";
        return Err(problem(
            ProblemCode::OutOfRange,
            pointer,
            message,
            "strings, numbers, true, false or null",
        ));
    }
    if value.to_value().is_none() {
        let message = "a number would have to be rounded";
        return Err(problem(ProblemCode::OutOfRange, pointer, message, "numbers of 64 bits"));
    }
    Ok(value.clone())
}

pub(super) fn write(test: &RuleTest) -> Members {
    let mut members = Members::default();
    members.put("name", test.name.as_str());
    members.put_list(
        "events",
        test.events.iter().map(|event| {
            let mut members = Members::default();
            members.put("at", moment(event.at));
            members.put("payload", write_payload(&event.payload));
            members.put_some("customerId", event.customer.map(|customer| customer.to_string()));
            members
        }),
    );
    members.put_some("advanceTo", test.advance_to.map(moment));
    members.put_list(
        "expect",
        test.expect.iter().map(|expected| {
            let mut members = Members::default();
            members.put_some("at", expected.at.map(moment));
            members.put_some("group", expected.group.as_ref().and_then(Node::to_value));
            members.put_some("state", expected.state.map(AlertState::name));
            members.put_some("value", expected.value.map(|value| value.map_or(Value::Null, number)));
            members.put_some("customerId", expected.customer.map(|customer| customer.to_string()));
            members
        }),
    );
    members
}

/// An object as it is; in a string what is none, or holds numbers that programs would round.
fn write_payload(payload: &Node) -> Value {
    let object = Some(payload).filter(|payload| matches!(payload, Node::Object(_)));
    object.and_then(Node::to_value).unwrap_or_else(|| payload.to_string().into())
}

/// A time near 1970 as the duration since then.
fn moment(time: Timestamp) -> String {
    match u64::try_from(time.0).map(Span::from_millis) {
        Ok(span) if span <= Span::MAX => span.to_string(),
        _ => time.to_string(),
    }
}
