//! What the tests over random histories have in common.
#![allow(dead_code, reason = "every test takes its own part of this")]

use engine::{
    Alert, Context, Input, MemoryState, Offset, Partition, Rehearsal, Timestamp, View, apply, partition_of,
    plan,
};
use oracle::generate::Case;
use oracle::{Event, History};
use rules::{Command, Document, Matcher, Node, Payload, Rule, RuleBook, RuleKey, Snapshot};
use serde_json::json;

/// Where a run starts; `TOCSIN_TEST_SEED` replays another one.
pub(crate) fn first_seed() -> u64 {
    let seed = std::env::var("TOCSIN_TEST_SEED").ok();
    let seed = seed.map_or(1, |seed| seed.parse().expect("a seed is a number"));
    println!("TOCSIN_TEST_SEED={seed}");
    seed
}

pub(crate) fn book(rules: &[Rule]) -> RuleBook {
    let mut book = RuleBook::default();
    for rule in rules {
        book.apply(Command::Put { rule: Box::new(rule.clone()), expected: None });
    }
    book
}

/// The record as the oracle writes it: without the time of emission, and a replaced rule is not counted as a version.
pub(crate) fn record(alert: &Alert) -> Node {
    let text = String::from_utf8(alert.to_json()).expect("JSON is UTF-8");
    let Node::Object(members) = Document::parse(&text, 64).expect("an alert is JSON").root else {
        panic!("an alert is an object");
    };
    let kept = members.iter().filter(|(name, _)| *name != "emitTime");
    let member = |(name, value): (&str, &Node)| {
        let value = if name == "ruleVersion" { Node::Number(1_i64.into()) } else { value.clone() };
        (Box::from(name), value)
    };
    Node::Object(kept.map(member).collect())
}

/// The record without some of its fields.
pub(crate) fn without(record: &Node, fields: &[&str]) -> Node {
    let Node::Object(members) = record else { panic!("a record is an object") };
    let kept = members.iter().filter(|(name, _)| !fields.contains(name));
    Node::Object(kept.map(|(name, value)| (Box::from(name), value.clone())).collect())
}

pub(crate) fn rehearsed(rules: &[Rule], history: &History) -> Vec<Node> {
    let mut rehearsal = Rehearsal::new(book(rules), "events");
    let mut alerts: Vec<Alert> = Vec::new();
    for event in &history.events {
        let payload = Payload::from(event.payload.clone());
        let outcome = rehearsal.event(event.customer, &payload, event.timestamp, Offset(event.position));
        alerts.extend(outcome.expect("memory can be read").alerts);
    }
    alerts.extend(rehearsal.finish(history.advance_to).expect("memory can be read").alerts);
    alerts.iter().map(record).collect()
}

/// Rules at work on one partition, batch by batch, as in a worker. They may change between two batches.
pub(crate) struct Work {
    partition: Partition,
    partitions: u32,
    book: RuleBook,
    snapshot: Snapshot,
    state: MemoryState,
}

impl Work {
    pub(crate) fn new(rules: &[Rule], partition: Partition, partitions: u32) -> Self {
        let book = book(rules);
        let snapshot = Matcher::compile(&book);
        Self { partition, partitions, book, snapshot, state: MemoryState::default() }
    }

    pub(crate) fn put(&mut self, rule: Rule) {
        let key = rule.key;
        self.book.apply(Command::Put { rule: Box::new(rule), expected: None });
        self.snapshot = self.snapshot.with(&self.book, [key]);
    }

    pub(crate) fn delete(&mut self, key: RuleKey) {
        self.book.apply(Command::Delete { key, expected: None });
        self.snapshot = self.snapshot.with(&self.book, [key]);
    }

    /// The records of events, those of other partitions left out.
    pub(crate) fn events(&mut self, events: &[Event], batch: usize) -> Vec<Alert> {
        let is_here = |event: &&Event| {
            partition_of(event.customer.to_string().as_bytes(), self.partitions) == self.partition
        };
        let inputs: Vec<Input> = events.iter().filter(is_here).map(input).collect();
        let mut alerts = Vec::new();
        for batch in inputs.chunks(batch) {
            let plan = plan(&self.snapshot, self.partition, self.partitions, batch.to_vec());
            let context = Context {
                topic: "events",
                partition: Partition(0),
                now: Timestamp(0),
                rules: &self.book,
                clamps: false,
                waits: true,
                idle: None,
                past: None,
            };
            let effects = apply(plan, View::new(&self.state, []), &context).expect("memory can be read");
            self.state.write(effects.writes);
            alerts.extend(effects.alerts);
        }
        alerts
    }

    /// One event a batch, as records.
    pub(crate) fn records(&mut self, events: &[Event]) -> Vec<Node> {
        self.events(events, 1).iter().map(record).collect()
    }
}

/// All events of a case on one partition.
pub(crate) fn work(case: &Case) -> Work {
    Work::new(&case.rules, Partition(0), 1)
}

fn input(event: &Event) -> Input {
    let envelope = json!({"customerId": event.customer, "payload": event.payload.to_string()});
    Input {
        offset: Offset(event.position),
        timestamp: event.timestamp,
        key: None,
        value: Some(envelope.to_string().into()),
    }
}

/// SplitMix64: enough for tests.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("it is below the bound")
    }
}

/// A number of its own, so that a test does not depend on the order in which a case draws.
pub(crate) fn mix(seed: u64) -> usize {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    usize::try_from((mixed >> 32) & 0xFFFF).expect("sixteen bits")
}

/// Panics with the first record that differs.
#[track_caller]
pub(crate) fn alike(found: &[Node], expected: &[Node], place: &str) {
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(found == expected, "{place}, record {index}:\n{found}\n{expected}");
    }
    assert_eq!(found.len(), expected.len(), "records of {place}");
}
