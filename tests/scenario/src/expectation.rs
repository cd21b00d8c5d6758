//! What must come, and whether a record is that.

use ports::Record;
use rules::{AlertState, CustomerId, RuleKey, Timestamp};
use serde_json::Value;

use crate::lines::{Malformed, Words};
use crate::moment;
use crate::names::Names;
use crate::read::time;

/// What may stand after `=>`.
const KINDS: &str =
    "`firing`, `updated`, `resolved`, `suppressed`, `late`, `refused`, or `shadow` and a state";
/// What may follow.
const CLAUSES: &str =
    "`at TIME`, `value NUMBER`, `value none`, `group {…}`, `of CUSTOMER`, `as NAME` or `with {…}`";

/// Where a record comes out. The records of one stream are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Alerts.
    Alerts,
    /// Alerts of rules that are tried out.
    Shadow,
    /// Events that came too late for a rule.
    Late,
    /// Events that cannot be evaluated.
    Refused,
}

impl Stream {
    pub(crate) const ALL: [Self; 4] = [Self::Alerts, Self::Shadow, Self::Late, Self::Refused];
}

/// A record that must come. What is left out may be anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Its line, from 1.
    pub line: usize,
    /// Where it comes out.
    pub stream: Stream,
    /// The state of the alert.
    pub(crate) state: Option<AlertState>,
    /// The rule.
    pub(crate) rule: Option<RuleKey>,
    /// Whose it is.
    pub(crate) customer: Option<CustomerId>,
    at: Option<Timestamp>,
    value: Option<Value>,
    group: Option<Value>,
    /// A name for the alert: the records of one alert share it, other alerts have another.
    pub(crate) alert: Option<String>,
    /// Any other fields.
    pub(crate) with: Option<Value>,
    /// Why an event is refused.
    pub(crate) code: Option<String>,
}

/// Reads what stands after `=>`.
pub(crate) fn read(
    words: &mut Words<'_>,
    line: usize,
    known: impl Fn(&str) -> Option<RuleKey>,
    names: &mut Names,
) -> Result<Expectation, Malformed> {
    let is_shadow = words.take("shadow");
    let kind = words.word(KINDS)?;
    let state = AlertState::from_name(kind);
    let stream = match (kind, state) {
        (_, Some(_)) if is_shadow => Stream::Shadow,
        (_, Some(_)) => Stream::Alerts,
        ("late", None) => Stream::Late,
        ("refused", None) => Stream::Refused,
        _ => return Err(words.wrong(format!("`{kind}` is nothing that comes"), KINDS)),
    };
    let mut expected = Expectation {
        line,
        stream,
        state,
        rule: None,
        customer: None,
        at: None,
        value: None,
        group: None,
        alert: None,
        with: None,
        code: None,
    };
    if stream == Stream::Refused {
        expected.code = Some(words.word("a code such as TOC-2003")?.to_owned());
        words.end("the end of the line")?;
        return Ok(expected);
    }
    let rule = words.word("the name of the rule")?;
    let key = known(rule);
    expected.rule = Some(key.ok_or_else(|| {
        words.wrong(format!("there is no rule `{rule}` here"), "a rule that is in force by then")
    })?);
    while words.peek().is_some() {
        let clause = words.word(CLAUSES)?;
        match clause {
            "of" => expected.customer = Some(names.customer(words.word("the name of a customer")?)),
            _ if stream == Stream::Late => {
                return Err(words
                    .wrong(format!("`{clause}` says nothing of a late event"), "`of CUSTOMER` or nothing"));
            },
            "at" => expected.at = Some(time(words)?),
            "value" if words.take("none") => expected.value = Some(Value::Null),
            "value" => expected.value = Some(json(words, "a number, or `none`")?),
            "group" => expected.group = Some(json(words, "the keys of the group: a JSON object")?),
            "as" => expected.alert = Some(words.word("a name for the alert")?.to_owned()),
            "with" => expected.with = Some(json(words, "fields of the alert: a JSON object")?),
            other => return Err(words.wrong(format!("`{other}` says nothing of an alert"), CLAUSES)),
        }
    }
    Ok(expected)
}

fn json(words: &mut Words<'_>, expected: &str) -> Result<Value, Malformed> {
    let text = words.json(expected)?;
    serde_json::from_str(text.get()).map_err(|error| words.wrong(error.to_string(), expected))
}

/// A record that came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) stream: Stream,
    /// Of an alert its record, of others what their headers tell.
    pub(crate) fields: Value,
}

impl Came {
    pub(crate) fn of(stream: Stream, record: &Record) -> Self {
        let header = |name: &str| {
            let value = ports::header(&record.headers, name)?;
            Some(Value::from(String::from_utf8_lossy(value).into_owned()))
        };
        let fields = match stream {
            Stream::Alerts | Stream::Shadow => {
                serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap_or_default()
            },
            Stream::Late => serde_json::json!({
                "customerId": header("customerId"),
                "rule": header("rule"),
            }),
            Stream::Refused => serde_json::json!({"reason": header("reason"), "detail": header("detail")}),
        };
        Self { stream, fields }
    }

    /// Whose it is.
    pub(crate) fn customer(&self) -> Option<&str> {
        self.fields.get("customerId").and_then(Value::as_str)
    }

    pub(crate) fn instance(&self) -> Option<&str> {
        self.fields.get("alertInstanceId").and_then(Value::as_str)
    }

    /// The record as an expectation, with the other fields that are asked for.
    pub(crate) fn shown(&self, names: &Names, asked: Option<&Value>) -> String {
        let text = |name: &str| self.fields.get(name).and_then(Value::as_str).unwrap_or("?");
        let rule = |id: &str| id.parse().map_or_else(|_| id.to_owned(), |id| names.of_rule(id));
        let customer = text("customerId");
        let customer = customer.parse().map_or_else(|_| customer.to_owned(), |id| names.of_customer(id));
        let of = format!(" of {customer}");
        match self.stream {
            Stream::Refused => return format!("=> refused {} ({})", text("reason"), text("detail")),
            Stream::Late => {
                let alert = text("rule").rsplit('/').next().unwrap_or_default();
                return format!("=> late {}{of}", rule(alert));
            },
            Stream::Alerts | Stream::Shadow => {},
        }
        let shadow = if self.stream == Stream::Shadow { "shadow " } else { "" };
        let at = text("eventTime").parse().map_or_else(|_| text("eventTime").to_owned(), moment::write);
        let value = match self.fields.get("value") {
            None | Some(Value::Null) => "none".to_owned(),
            Some(value) => value.to_string(),
        };
        let group = self.fields.get("group").filter(|group| **group != serde_json::json!({}));
        let group = group.map_or_else(String::new, |group| format!(" group {group}"));
        let other = |(name, _): (&String, &Value)| Some((name.clone(), self.fields.get(name)?.clone()));
        let with: serde_json::Map<_, _> =
            asked.and_then(Value::as_object).into_iter().flatten().filter_map(other).collect();
        let with = if with.is_empty() { String::new() } else { format!(" with {}", Value::from(with)) };
        let (state, rule) = (text("state"), rule(text("alertId")));
        format!("=> {shadow}{state} {rule} at {at} value {value}{group}{of}{with}")
    }
}

impl Expectation {
    /// Whether a record is what was expected.
    pub(crate) fn is_met(&self, came: &Came) -> bool {
        let field = |name: &str| came.fields.get(name);
        let says = |name: &str, expected: Option<&str>| {
            expected.is_none_or(|expected| field(name).and_then(Value::as_str) == Some(expected))
        };
        let rule = self.rule.map(|rule| rule.alert.to_string());
        let is_rule = match self.stream {
            Stream::Late => says("rule", self.rule.map(|rule| rule.to_string()).as_deref()),
            _ => says("alertId", rule.as_deref()),
        };
        let at = field("eventTime").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
        self.stream == came.stream
            && is_rule
            && says("state", self.state.map(AlertState::name))
            && says("reason", self.code.as_deref())
            && says("customerId", self.customer.map(|customer| customer.to_string()).as_deref())
            && self.at.is_none_or(|expected| at == Some(expected))
            && self.value.as_ref().is_none_or(|value| field("value") == Some(value))
            && self.group.as_ref().is_none_or(|group| field("group") == Some(group))
            && self.with.as_ref().is_none_or(|with| holds(&came.fields, with))
    }

    /// The expectation as it is written.
    pub(crate) fn shown(&self, names: &Names) -> String {
        let mut text = match self.stream {
            Stream::Shadow => "=> shadow".to_owned(),
            Stream::Late => "=> late".to_owned(),
            Stream::Refused => "=> refused".to_owned(),
            Stream::Alerts => "=>".to_owned(),
        };
        let mut add = |part: Option<String>| text.extend(part.map(|part| format!(" {part}")));
        add(self.code.clone());
        add(self.state.map(|state| state.name().to_owned()));
        add(self.rule.map(|rule| names.of_rule(rule.alert)));
        add(self.at.map(|at| format!("at {}", moment::write(at))));
        add(self.value.as_ref().map(|value| match value {
            Value::Null => "value none".to_owned(),
            value => format!("value {value}"),
        }));
        add(self.group.as_ref().map(|group| format!("group {group}")));
        add(self.customer.map(|customer| format!("of {}", names.of_customer(customer))));
        add(self.alert.as_ref().map(|alert| format!("as {alert}")));
        add(self.with.as_ref().map(|with| format!("with {with}")));
        text
    }
}

/// Whether something has the fields that are asked for, and in them what is asked for; lists must be equal in length.
fn holds(found: &Value, asked: &Value) -> bool {
    match (found, asked) {
        (Value::Object(found), Value::Object(asked)) => {
            asked.iter().all(|(name, asked)| found.get(name).is_some_and(|found| holds(found, asked)))
        },
        (Value::Array(found), Value::Array(asked)) => {
            found.len() == asked.len() && found.iter().zip(asked).all(|(found, asked)| holds(found, asked))
        },
        _ => found == asked,
    }
}
