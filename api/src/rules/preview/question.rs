//! What is asked of a preview, read and checked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engine::Timestamp;
use ports::{PreviewBudget, PreviewQuestion};
use rules::{ActiveRule, AlertId, Command, CustomerId, Rule, RuleBook, RuleKey, Status, read_rule};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Answer, Code, Problem};

/// What a body is.
const EXPECTED: &str = "an object with `rule`, and what the contract names besides";
/// Stands for an id that a rule leaves out.
const NO_ID: AlertId = AlertId::from_bytes([0; 16]);
/// The most customers that are named.
const CUSTOMERS_MAX: usize = 1000;
/// The longest that a preview may take.
const SECONDS_MAX: u64 = 600;
/// The most that it may read: 64 GiB.
const MEBIBYTES_MAX: u64 = 64 << 10;

/// What is asked of a preview.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreviewRequest {
    /// The rule, in either form.
    #[schema(value_type = Object)]
    rule: Box<RawValue>,
    /// A rule to compare it with.
    #[schema(value_type = Option<Object>)]
    other: Option<Box<RawValue>>,
    /// Compare it with the rule in force that has the same ids.
    #[serde(default)]
    in_force: bool,
    /// Only events of these customers.
    customers: Option<Vec<String>>,
    /// Only records from this time on.
    from: Option<String>,
    /// Only records before this time.
    until: Option<String>,
    /// How long it may take, in seconds; 60 if not given.
    seconds: Option<u64>,
    /// How much of events it may read, in MiB; 4096 if not given.
    mebibytes: Option<u64>,
    /// How much of one core it may use, in per cent; 50 if not given.
    cpu_percent: Option<u32>,
}

/// Reads a question.
pub(super) fn read(
    body: &[u8],
    in_force: impl FnOnce(&RuleKey) -> Option<Arc<ActiveRule>>,
) -> Answer<PreviewQuestion> {
    let request: PreviewRequest =
        serde_json::from_slice(body).map_err(|error| Problem::unreadable_body(&error, EXPECTED))?;
    let rule = rule(&request.rule, "/rule")?;
    let other = match (request.other, request.in_force) {
        (None, false) => None,
        (Some(other), false) => Some(self::rule(&other, "/other")?),
        (None, true) => {
            let none = || Problem::new(Code::NoSuchRule, format!("there is no rule {} in force", rule.key));
            Some(in_force(&rule.key).ok_or_else(none)?.rule.clone())
        },
        (Some(_), true) => {
            return Err(Problem::bad_body(
                "/inForce",
                "there is `other` too",
                "one of `other` and `inForce`",
            ));
        },
    };
    let customers = request.customers.map(customers).transpose()?;
    let moment = |text: Option<String>, pointer| {
        let text = text.map(|text| text.parse::<Timestamp>());
        text.transpose()
            .map_err(|_| Problem::bad_body(pointer, "this is no time", "RFC 3339, as 2025-11-01T00:00:00Z"))
    };
    let (from, until) = (moment(request.from, "/from")?, moment(request.until, "/until")?);
    let times = (from.is_some() || until.is_some())
        .then(|| from.unwrap_or(Timestamp(i64::MIN))..until.unwrap_or(Timestamp(i64::MAX)));
    let usual = PreviewBudget::default();
    let seconds = within(request.seconds, 1..=SECONDS_MAX, "/seconds", "seconds from 1 to 600")?;
    let mebibytes = within(request.mebibytes, 1..=MEBIBYTES_MAX, "/mebibytes", "MiB from 1 to 65536")?;
    let cpu_percent = within(request.cpu_percent, 1..=100, "/cpuPercent", "per cent from 1 to 100")?;
    let budget = PreviewBudget {
        time: seconds.map_or(usual.time, Duration::from_secs),
        value_bytes: mebibytes.map_or(usual.value_bytes, |mebibytes| mebibytes << 20),
        cpu_percent: cpu_percent.unwrap_or(usual.cpu_percent),
    };
    Ok(PreviewQuestion { rules: book(rule), other: other.map(book), customers, times, budget })
}

fn rule(text: &RawValue, place: &str) -> Answer<Rule> {
    let read = read_rule(text.get().as_bytes(), Some(NO_ID));
    let (rule, _) = read.map_err(|mut invalid| {
        for problem in &mut invalid.problems {
            problem.pointer.insert_str(0, place);
        }
        Problem::from(&invalid)
    })?;
    Ok(rule)
}

/// A book of one rule; a draft is tried out as if it were active.
fn book(mut rule: Rule) -> RuleBook {
    rule.status = Status::Active;
    let mut book = RuleBook::default();
    book.apply(Command::Put { rule: Box::new(rule), expected: None });
    book
}

fn customers(ids: Vec<String>) -> Answer<BTreeSet<CustomerId>> {
    if ids.len() > CUSTOMERS_MAX {
        return Err(Problem::bad_body("/customers", "these are too many", "at most 1000 customers"));
    }
    let parse = |(place, id): (usize, &String)| {
        id.parse().map_err(|_| {
            Problem::bad_body(&format!("/customers/{place}"), "this is no UUID", "a UUID of 36 characters")
        })
    };
    ids.iter().enumerate().map(parse).collect()
}

fn within<T: PartialOrd>(
    value: Option<T>,
    range: std::ops::RangeInclusive<T>,
    pointer: &str,
    expected: &str,
) -> Answer<Option<T>> {
    match value {
        Some(value) if !range.contains(&value) => {
            Err(Problem::bad_body(pointer, "this is out of bounds", expected))
        },
        value => Ok(value),
    }
}
