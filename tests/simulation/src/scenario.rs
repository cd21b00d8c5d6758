//! Random scenarios: two generated histories woven together, their rules coming, changing and going meanwhile, and what
//! producers do wrong.

use std::collections::{BTreeMap, BTreeSet};

use oracle::Event;
use oracle::generate::{Case, case, edited_rule};
use ports::{Header, Outgoing, Topics};
use rules::{
    AlertId, Command, CommandRecord, Control, CustomerId, EXPECTED_VERSION_HEADER, Rule, RuleKey,
    RuleVersion, SavepointId, Severity, Timestamp,
};
use serde_json::json;
use simulated::{Faults, Mutation, Rates, draw};
use uuid::Uuid;

use crate::{APP, BASE};

/// Everything that a run depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Decides what is left open: who goes on next, how much comes at once.
    pub seed: u64,
    /// How many partitions there are.
    pub partitions: u32,
    /// How many workers.
    pub workers: u32,
    /// What happens from outside, in order of time.
    pub items: Vec<Item>,
    /// What goes wrong inside.
    pub faults: Faults,
    /// What is broken in this world.
    pub mutation: Option<Mutation>,
}

/// Something that happens from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// When, in milliseconds from the beginning.
    pub at: u64,
    /// What.
    pub what: What,
    /// What the counts call it, if it is a fault.
    pub fault: Option<&'static str>,
}

/// What happens from outside.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Records are written.
    Write(Vec<Outgoing>, How),
    /// A worker is asked to stop, and comes back later.
    StopWorker(u32),
    /// Checkpoints are taken.
    Checkpoint {
        /// Whether the changelog then forgets what lies before them.
        forgets: bool,
    },
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Plainly.
    Plain,
    /// In a transaction that is aborted.
    Aborted,
}

/// The header of records that cannot be evaluated.
pub(crate) const BAD: &str = "bad";

/// The header of events at which the greedy rule looks too long.
pub(crate) const VAST: &str = "vast";

/// The id of the rule that looks at too much of some events.
pub(crate) const GREEDY: AlertId = AlertId::from_uuid(Uuid::from_u128(0x6EED));

struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.drawn += 1;
        draw(self.seed, self.drawn, 100) % bound.max(1)
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let mut chance = Chance { seed, drawn: 0 };
    let mut cases = vec![moved(case(draw(seed, 0, 101)), 0)];
    if chance.percent(60) {
        cases.push(moved(case(draw(seed, 1, 101)), 3));
    }
    let partitions = 1 + u32::try_from(chance.below(4)).unwrap_or(0);
    let workers = 1 + u32::try_from(chance.below(3)).unwrap_or(0);
    let mut items = Vec::new();
    for case in &cases {
        events(&mut chance, case, partitions, &mut items);
    }
    let span = items.iter().map(|item| item.at).max().unwrap_or(0);
    for case in &cases {
        changes(&mut chance, case, span, &mut items);
    }
    for _ in 0..chance.below(3) {
        let worker = u32::try_from(chance.below(workers.into())).unwrap_or(0);
        let fault = Some("worker stopped in order");
        items.push(Item { at: chance.below(span + 1), what: What::StopWorker(worker), fault });
    }
    copies(&mut chance, seed, span, &mut items);
    if chance.percent(10) {
        greedy(&mut chance, &cases[0], span, &mut items);
    }
    items.sort_by_key(|item| item.at);
    Scenario { seed, partitions, workers, items, faults: Faults::Random(Rates::USUAL), mutation: None }
}

/// Checkpoints now and then, and savepoints.
fn copies(chance: &mut Chance, seed: u64, span: u64, items: &mut Vec<Item>) {
    for _ in 0..chance.below(5) {
        let forgets = chance.percent(60);
        items.push(Item { at: chance.below(span + 1), what: What::Checkpoint { forgets }, fault: None });
    }
    for number in 0..chance.below(3) {
        let id = SavepointId::from_uuid(Uuid::from_u64_pair(seed, number));
        let record = Outgoing {
            topic: Topics::of(APP).controls,
            partition: None,
            timestamp: None,
            key: Some(Control::savepoint_key(id).into()),
            value: None,
            headers: Vec::new(),
        };
        let (what, fault) = (What::Write(vec![record], How::Plain), Some("savepoint asked for"));
        items.push(Item { at: chance.below(span + 1), what, fault });
    }
}

/// A rule that looks at more of some events than a rule may, so that workers ask for its suspension, and is written again.
fn greedy(chance: &mut Chance, case: &Case, span: u64, items: &mut Vec<Item>) {
    let begin = chance.below(span / 2 + 1);
    let rule = |name: &str| {
        let rule = json!({
            "customerId": CustomerId::GLOBAL, "alertId": GREEDY, "alertName": name, "threshold": 2,
            "match": "$.vast..*",
        });
        let key = RuleKey { customer: CustomerId::GLOBAL, alert: GREEDY };
        control(key, rule.to_string())
    };
    let mut put = |at: u64, record: Outgoing, fault: Option<&'static str>| {
        items.push(Item { at, what: What::Write(vec![record], How::Plain), fault });
    };
    put(begin, rule("greedy"), None);
    put(begin + chance.below(span + 1), rule("greedy, again"), Some("suspended rule written again"));
    let customers: BTreeSet<CustomerId> = case.history.events.iter().map(|event| event.customer).collect();
    let customers: Vec<CustomerId> = customers.into_iter().collect();
    for _ in 0..2 + chance.below(8) {
        let at = begin + chance.below(span + 1);
        let customer = customers[usize::try_from(chance.below(customers.len() as u64)).unwrap_or(0)];
        let is_vast = chance.percent(35);
        // A rule may look at 100,000 nodes.
        let payload = format!("{{\"vast\":[{}0]}}", "0,".repeat(if is_vast { 101_000 } else { 3 }));
        let timestamp = Timestamp(BASE + i64::try_from(at).unwrap_or(0));
        let mut record = written(customer, timestamp, &payload);
        if is_vast {
            record.headers.push(Header::new(VAST, "1"));
        }
        put(at, record, is_vast.then_some("event at which a rule looks too long"));
    }
}

/// The case with other customers and other rule ids.
fn moved(mut case: Case, by: u128) -> Case {
    let customer =
        |id: CustomerId| if id.is_global() { id } else { CustomerId::from_uuid(next(id.as_bytes(), by)) };
    for rule in &mut case.rules {
        rule.key.customer = customer(rule.key.customer);
        rule.key.alert = AlertId::from_uuid(next(rule.key.alert.as_bytes(), by));
        let all = |ids: &BTreeSet<CustomerId>| ids.iter().map(|id| customer(*id)).collect();
        (rule.scope.include, rule.scope.exclude) = (all(&rule.scope.include), all(&rule.scope.exclude));
        let overrides = std::mem::take(&mut rule.scope.overrides).into_iter();
        rule.scope.overrides = overrides.map(|(id, change)| (customer(id), change)).collect();
    }
    case.history.events.iter_mut().for_each(|event| event.customer = customer(event.customer));
    case
}

fn next(bytes: &[u8; 16], by: u128) -> Uuid {
    Uuid::from_u128(u128::from_be_bytes(*bytes) + by)
}

fn events(chance: &mut Chance, case: &Case, partitions: u32, items: &mut Vec<Item>) {
    let mut front = 0;
    for event in &case.history.events {
        front = front.max(u64::try_from(event.timestamp.0 - BASE).unwrap_or(0));
        let mut put = |at: u64, records: Vec<Outgoing>, how: How, fault: Option<&'static str>| {
            items.push(Item { at, what: What::Write(records, how), fault });
        };
        let is_delayed = chance.percent(8);
        let at = front + if is_delayed { chance.below(10_000) } else { chance.below(1_500) };
        let record = record(event);
        put(at, vec![record.clone()], How::Plain, is_delayed.then_some("event delayed"));
        match chance.below(100) {
            0..=9 => put(
                at + chance.below(5_000),
                vec![record],
                How::Plain,
                Some("event repeated by its producer"),
            ),
            10..=12 => put(at, vec![record], How::Aborted, Some("transaction of a producer aborted")),
            13..=16 => put(at, vec![bad(chance, event, partitions)], How::Plain, Some("bad event")),
            _ => {},
        }
    }
}

fn record(event: &Event) -> Outgoing {
    written(event.customer, event.timestamp, &event.payload.to_string())
}

fn written(customer: CustomerId, timestamp: Timestamp, payload: &str) -> Outgoing {
    let envelope = json!({"customerId": customer, "payload": payload});
    Outgoing {
        topic: Topics::of(APP).events,
        partition: None,
        timestamp: Some(timestamp),
        key: Some(customer.to_string().into()),
        value: Some(envelope.to_string().into()),
        headers: Vec::new(),
    }
}

fn bad(chance: &mut Chance, event: &Event, partitions: u32) -> Outgoing {
    let mut record = record(event);
    record.headers.push(Header::new(BAD, "1"));
    let home = engine::partition_of(event.customer.to_string().as_bytes(), partitions).0;
    match chance.below(4) {
        0 => record.value = None,
        1 => record.value = Some("{\"customerId\":".into()),
        2 if partitions > 1 => record.partition = Some(engine::Partition((home + 1) % partitions)),
        _ => record.value = Some("{\"customerId\":\"nobody\",\"payload\":\"{}\"}".into()),
    }
    record
}

/// Rules come, are edited, go and come back.
fn changes(chance: &mut Chance, case: &Case, span: u64, items: &mut Vec<Item>) {
    let rules: BTreeMap<_, &Rule> = case.rules.iter().map(|rule| (rule.key, rule)).collect();
    for (index, rule) in rules.values().copied().enumerate() {
        let fate = chance.below(100);
        let mut rule = rule.clone();
        let is_judged_anew = (65..=84).contains(&fate);
        if is_judged_anew && !rule.grouping.keys.is_empty() {
            // Which groups an hour has room for depends on the order in which a sweep finds them.
            rule.policy.max_per_hour = None;
        }
        let rule = &rule;
        let Some(put) = put(rule) else { continue };
        let begin = if index == 0 && chance.percent(70) { 0 } else { chance.below(span * 6 / 10 + 1) };
        let mut change = |at: u64, record: Outgoing, fault: Option<&'static str>| {
            items.push(Item { at, what: What::Write(vec![record], How::Plain), fault });
        };
        change(begin, put.clone(), Some("rule posted while events come").filter(|_| begin > 0));
        if chance.percent(10) {
            let mut stale = put.clone();
            stale.headers.push(Header::new(EXPECTED_VERSION_HEADER, "77"));
            change(chance.below(span + 1), stale, Some("stale write of a rule"));
        }
        if chance.percent(10) {
            let mut malformed = put.clone();
            malformed.value = Some("{\"customerId\":1}".into());
            malformed.headers.push(Header::new(BAD, "1"));
            change(chance.below(span + 1), malformed, Some("bad control record"));
        }
        let later = |chance: &mut Chance| begin + 1 + chance.below((span - begin) + 1);
        match fate {
            0..=24 => change(later(chance), edited(rule), Some("rule renamed while events come")),
            25..=44 => {
                if let Some(other) = another(chance, rule) {
                    change(later(chance), other, Some("rule replaced while events come"));
                }
            },
            45..=64 => {
                let at = later(chance);
                let gone = Outgoing { value: None, ..put.clone() };
                change(at, gone, Some("rule deleted while events come"));
                if chance.percent(50) {
                    change(
                        at + 1 + chance.below(span / 2 + 1),
                        put,
                        Some("rule posted again while events come"),
                    );
                }
            },
            _ if is_judged_anew => {
                let edited = edited_rule(chance.below(u64::MAX), rule);
                if let Some(edited) = self::put(&edited) {
                    change(later(chance), edited, Some("threshold or policy edited while events come"));
                }
            },
            _ => {},
        }
    }
}

/// A rule as a control record, if it can be written and read.
fn put(rule: &Rule) -> Option<Outgoing> {
    let mut value = rules::write_rule(rule, RuleVersion(1));
    value.as_object_mut()?.remove("version");
    let value = value.to_string();
    let key = rule.key.to_string();
    let read =
        CommandRecord { key: Some(key.as_bytes()), value: Some(value.as_bytes()), expected_version: None };
    let Ok(Command::Put { expected: None, .. }) = Command::read(&read) else { return None };
    Some(control(rule.key, value))
}

fn control(key: RuleKey, value: String) -> Outgoing {
    Outgoing {
        topic: Topics::of(APP).controls,
        partition: None,
        timestamp: None,
        key: Some(key.to_string().into()),
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

/// An edit that changes nothing of what is counted.
fn edited(rule: &Rule) -> Outgoing {
    let severity = if rule.severity == Severity::Low { Severity::High } else { Severity::Low };
    let edited = Rule { name: "renamed".to_owned(), severity, ..rule.clone() };
    put(&edited).expect("a rule that can be written can be written under another name")
}

/// Another rule of the same key, which counts something else.
fn another(chance: &mut Chance, rule: &Rule) -> Option<Outgoing> {
    (0..8).find_map(|_| {
        let made = case(chance.below(u64::MAX)).rules.into_iter();
        let other = made.map(|other| Rule { key: rule.key, scope: rule.scope.clone(), ..other });
        let fitting = |other: &Rule| !other.keeps_state_of(rule) && rule.scope.overrides.is_empty();
        other.filter(fitting).find_map(|other| put(&other))
    })
}
