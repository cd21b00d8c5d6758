//! The engine against the oracle, which recomputes everything from all events at each step: random rules and histories,
//! the same records in the same order, however the events are cut into batches and spread over partitions.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads its seed and tells it")]

use std::collections::BTreeMap;

use engine::{
    Alert, Context, Input, MemoryState, Offset, Partition, Rehearsal, Timestamp, View, apply, partition_of,
    plan,
};
use oracle::generate::{Case, case};
use rules::{Command, CustomerId, Document, Matcher, Node, Payload, RuleBook};
use serde_json::json;

/// Where a run starts; `TOCSIN_TEST_SEED` replays another one.
fn first_seed() -> u64 {
    let seed = std::env::var("TOCSIN_TEST_SEED").ok();
    seed.map_or(1, |seed| seed.parse().expect("a seed is a number"))
}

fn book(case: &Case) -> RuleBook {
    let mut book = RuleBook::default();
    for rule in &case.rules {
        book.apply(Command::Put { rule: Box::new(rule.clone()), expected: None });
    }
    book
}

/// The record as the oracle writes it: without the time of emission, and a replaced rule is not counted as a version.
fn record(alert: &Alert) -> Node {
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

fn rehearsed(case: &Case) -> Vec<Node> {
    let mut rehearsal = Rehearsal::new(book(case), "events");
    let mut alerts: Vec<Alert> = Vec::new();
    for event in &case.history.events {
        let payload = Payload::from(event.payload.clone());
        let outcome = rehearsal.event(event.customer, &payload, event.timestamp, Offset(event.position));
        alerts.extend(outcome.expect("memory can be read").alerts);
    }
    alerts.extend(rehearsal.finish(case.history.advance_to).expect("memory can be read").alerts);
    alerts.iter().map(record).collect()
}

/// Panics with the first record that differs.
fn compare(case: &Case) -> usize {
    let expected = oracle::evaluate_exactly(&case.rules, &case.history);
    let found = rehearsed(case);
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert!(found == expected, "record {index} of seed {}:\n{found}\n{expected}", case.seed);
    }
    assert_eq!(found.len(), expected.len(), "records of seed {}", case.seed);
    found.len()
}

fn compare_many(count: u64) {
    let first = first_seed();
    println!("TOCSIN_TEST_SEED={first}");
    let records: usize = (first..first + count).map(|seed| compare(&case(seed))).sum();
    println!("{count} histories, {records} records");
    assert!(records > 0, "nothing fired, so nothing was compared");
}

#[test]
fn the_engine_says_what_the_oracle_says() {
    compare_many(3_000);
}

#[test]
#[ignore = "takes minutes; cargo test -p engine --test oracle -- --ignored --nocapture"]
fn the_engine_says_what_the_oracle_says_at_length() {
    compare_many(100_000);
}

/// What a worker does: batches of records of one partition, state that outlives them, keys fetched ahead.
fn worked(case: &Case, partitions: u32, batch: usize) -> BTreeMap<CustomerId, Vec<Node>> {
    let book = book(case);
    let snapshot = Matcher::compile(&book);
    let mut records: BTreeMap<CustomerId, Vec<Node>> = BTreeMap::new();
    for partition in (0..partitions).map(Partition) {
        let mut state = MemoryState::default();
        let here =
            |customer: CustomerId| partition_of(customer.to_string().as_bytes(), partitions) == partition;
        let events = case.history.events.iter().filter(|event| here(event.customer));
        let inputs: Vec<Input> = events
            .map(|event| {
                let envelope = json!({"customerId": event.customer, "payload": event.payload.to_string()});
                Input {
                    offset: Offset(event.position),
                    timestamp: event.timestamp,
                    key: None,
                    value: Some(envelope.to_string().into()),
                }
            })
            .collect();
        for batch in inputs.chunks(batch) {
            let plan = plan(&snapshot, partition, partitions, batch.to_vec());
            let context = Context {
                topic: "events",
                partition: Partition(0),
                now: Timestamp(0),
                rules: &book,
                clamps: false,
                waits: true,
                idle: None,
            };
            let effects = apply(plan, View::new(&state, []), &context).expect("memory can be read");
            state.write(effects.writes);
            for alert in effects.alerts {
                records.entry(alert.customer_id).or_default().push(record(&alert));
            }
        }
    }
    records
}

/// Any split into batches, any restart between them, any number of partitions: every customer gets the same records.
#[test]
fn batches_restarts_and_partitions_do_not_matter() {
    let first = first_seed();
    println!("TOCSIN_TEST_SEED={first}");
    let mut compared = 0;
    for seed in first..first + 400 {
        let case = case(seed);
        let expected = worked(&case, 1, 1);
        for (partitions, batch) in [(1, usize::MAX), (1, 7), (4, 3), (16, 1000)] {
            let found = worked(&case, partitions, batch);
            assert!(found == expected, "seed {seed}, {partitions} partitions, batches of {batch}");
        }
        compared += expected.values().map(Vec::len).sum::<usize>();
    }
    assert!(compared > 0, "nothing fired, so nothing was compared");
}
