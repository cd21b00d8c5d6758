//! The sentences of the language, each with a history worked out by hand.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

mod absence;
mod aggregates;
mod examples;
mod groups;
mod limits;
mod patterns;
mod policy;
mod properties;
mod records;
mod time;
mod windows;

use rules::{
    Aggregate, AlertPolicy, Amount, By, Change, Comparator, Condition, CustomerId, Evaluation, Form,
    GroupKey, Limits, Mode, Number, Path, Pattern, PatternKind, PatternStep, Payload, Rearm, Resolve, Rule,
    Span, Stated, Timestamp, Window,
};
use serde_json::Value;

use crate::{Event, History, evaluate};

pub(crate) const OWNER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
pub(crate) const ALERT: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";

/// A rule that counts the events with `$.a == 1`, at least `least` of them, and says so once.
pub(crate) fn count(least: i64) -> Rule {
    let json = format!(
        r#"{{"customerId":"{OWNER}","alertId":"{ALERT}","alertName":"made","match":"$.a == 1","threshold":{least}}}"#
    );
    rules::read_rule(json.as_bytes(), None).unwrap().0
}

/// The counting rule with changes to its aggregate, and the default policy of what it has become.
pub(crate) fn aggregate(least: i64, change: impl FnOnce(&mut Aggregate)) -> Rule {
    let mut rule = count(least);
    let Evaluation::Aggregate(made) = &mut rule.evaluation else { unreachable!("it counts") };
    change(made);
    rule.policy = AlertPolicy::default_of(&rule.evaluation);
    rule
}

/// The counting rule over a window.
pub(crate) fn over(window: Window, least: i64) -> Rule {
    aggregate(least, |made| made.window = window)
}

/// A pattern whose steps are the events with these values of `$.a`.
pub(crate) fn pattern(kind: PatternKind, steps: &[&str], within: Option<&str>) -> Rule {
    let step = |(index, condition): (usize, &&str)| PatternStep {
        id: format!("s{index}"),
        condition: stated(condition),
        min: None,
        entity_path: None,
        expected_count_path: None,
    };
    let steps = steps.iter().enumerate().map(step).collect();
    let mut rule = count(1);
    rule.evaluation = Evaluation::Pattern(Pattern { kind, steps, within: within.map(span), until: None });
    rule.policy = AlertPolicy::default_of(&rule.evaluation);
    rule
}

pub(crate) fn pattern_of(rule: &mut Rule) -> &mut Pattern {
    match &mut rule.evaluation {
        Evaluation::Pattern(pattern) => pattern,
        Evaluation::Aggregate(_) => unreachable!("the rule is a pattern"),
    }
}

/// The rule with a change.
pub(crate) fn with(mut rule: Rule, change: impl FnOnce(&mut Rule)) -> Rule {
    change(&mut rule);
    rule
}

pub(crate) fn stated(text: &str) -> Stated {
    Stated { condition: Condition::parse(text, &[]).unwrap(), form: Form::Text }
}

pub(crate) fn change(condition: &str, by: Option<By>) -> Change {
    Change { condition: stated(condition), by }
}

pub(crate) fn span(text: &str) -> Span {
    text.parse().unwrap()
}

pub(crate) fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

pub(crate) fn amount(text: &str) -> Amount {
    Amount::bound(&Number::parse(text).unwrap()).unwrap()
}

pub(crate) fn limit(comparator: Comparator, bound: &str) -> Limits {
    Limits::new(vec![(comparator, amount(bound))]).unwrap()
}

pub(crate) fn below(bound: &str) -> Limits {
    limit(Comparator::Lt, bound)
}

pub(crate) fn grouped(rule: Rule, path: &str) -> Rule {
    with(rule, |rule| {
        rule.grouping.keys = vec![GroupKey { name: "k".to_owned(), path: Path::parse(path).unwrap() }];
    })
}

pub(crate) fn mode(rule: Rule, mode: Mode) -> Rule {
    with(rule, |rule| {
        rule.policy = AlertPolicy { mode, rearm: None, resolve: None, hold: None, max_per_hour: None }
    })
}

pub(crate) fn rearm(rule: Rule, limits: Limits) -> Rule {
    with(rule, |rule| rule.policy.rearm = Some(Rearm::Limits(limits)))
}

pub(crate) fn resolve(rule: Rule, limits: Option<Limits>, after: Option<&str>, on_step: Option<u8>) -> Rule {
    with(rule, |rule| rule.policy.resolve = Some(Resolve { limits, after: after.map(span), on_step }))
}

pub(crate) fn lateness(rule: Rule, span: &str) -> Rule {
    with(rule, |rule| rule.timing.allowed_lateness = span.parse().unwrap())
}

/// A history under way.
pub(crate) struct Story {
    rules: Vec<Rule>,
    history: History,
}

/// A history under these rules. Record timestamps are seconds since 1970, and the times of events.
pub(crate) fn under(rules: impl Into<Vec<Rule>>) -> Story {
    Story { rules: rules.into(), history: History::default() }
}

pub(crate) fn rule(rule: Rule) -> Story {
    under([rule])
}

impl Story {
    /// Events with `a` of 1 at these times.
    pub(crate) fn ones(self, seconds: &[f64]) -> Self {
        seconds.iter().fold(self, |story, at| story.at(*at, r#"{"a":1}"#))
    }

    /// An event of the owner.
    pub(crate) fn at(self, seconds: f64, payload: &str) -> Self {
        self.of(OWNER, seconds, payload)
    }

    /// An event of a customer.
    pub(crate) fn of(mut self, customer: &str, seconds: f64, payload: &str) -> Self {
        let customer: CustomerId = customer.parse().unwrap();
        let payload = Payload::parse(payload).unwrap().root().clone();
        let position = self.history.events.len() as u64;
        self.history.events.push(Event { customer, payload, timestamp: millis(seconds), position });
        self
    }

    /// Time goes on.
    pub(crate) fn until(mut self, seconds: f64) -> Self {
        self.history.advance_to = Some(millis(seconds));
        self
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        evaluate(&self.rules, &self.history)
    }

    /// Compares states, times, groups, values and lateness.
    #[track_caller]
    pub(crate) fn says(&self, expected: &[&str]) {
        let told: Vec<String> = self.records().iter().map(line).collect();
        assert_eq!(told, expected);
    }
}

fn millis(seconds: f64) -> Timestamp {
    #[allow(clippy::cast_possible_truncation, reason = "tests use small numbers")]
    Timestamp((seconds * 1000.0).round() as i64)
}

/// `10s firing 3 {"k":"x"} late`
pub(crate) fn line(record: &Value) -> String {
    let time: Timestamp = record["eventTime"].as_str().unwrap().parse().unwrap();
    let seconds = amount(&format!("{}e-3", time.0));
    let group = match &record["group"] {
        Value::Object(members) if members.is_empty() => String::new(),
        group => format!(" {group}"),
    };
    let late = if record["late"] == true { " late" } else { "" };
    format!("{seconds}s {} {}{group}{late}", record["state"].as_str().unwrap(), record["value"])
}

/// The window of a record in seconds.
pub(crate) fn window_of(record: &Value) -> (Option<i64>, i64) {
    let seconds = |value: &Value| value.as_str().map(|text| text.parse::<Timestamp>().unwrap().0 / 1000);
    (seconds(&record["window"]["start"]), seconds(&record["window"]["end"]).unwrap())
}
