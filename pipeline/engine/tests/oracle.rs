//! The engine against the oracle, which recomputes everything from all events at each step: random rules and histories,
//! the same records in the same order.

use engine::{Alert, Offset, Rehearsal};
use oracle::generate::{Case, case};
use rules::{Command, Payload, RuleBook};
use serde_json::Value;

/// Where a run starts; `TOCSIN_TEST_SEED` replays another one.
fn first_seed() -> u64 {
    let seed = std::env::var("TOCSIN_TEST_SEED").ok();
    seed.map_or(1, |seed| seed.parse().expect("a seed is a number"))
}

fn engine_says(case: &Case) -> Vec<Value> {
    let mut book = RuleBook::default();
    for rule in &case.rules {
        book.apply(Command::Put { rule: Box::new(rule.clone()), expected: None });
    }
    let mut rehearsal = Rehearsal::new(book, "events");
    let mut alerts: Vec<Alert> = Vec::new();
    for event in &case.history.events {
        let payload = Payload::from(event.payload.clone());
        let outcome = rehearsal.event(event.customer, &payload, event.timestamp, Offset(event.position));
        alerts.extend(outcome.expect("memory can be read").alerts);
    }
    alerts.extend(rehearsal.finish(case.history.advance_to).expect("memory can be read").alerts);
    let record = |alert: &Alert| {
        let mut record: Value = serde_json::from_slice(&alert.to_json()).expect("an alert is JSON");
        record.as_object_mut().expect("an alert is an object").remove("emitTime");
        // A later rule with the same key replaces the earlier, which the oracle does not count as a version.
        record["ruleVersion"] = 1.into();
        record
    };
    alerts.iter().map(record).collect()
}

/// Panics with the first record that differs.
fn compare(case: &Case) -> usize {
    let expected = oracle::evaluate(&case.rules, &case.history);
    let found = engine_says(case);
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(found, expected, "record {index} of seed {}", case.seed);
    }
    assert_eq!(found.len(), expected.len(), "records of seed {}: {expected:#?}\n{found:#?}", case.seed);
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
    compare_many(2_000);
}

#[test]
#[ignore = "takes minutes; cargo test -p engine --test oracle -- --ignored --nocapture"]
fn the_engine_says_what_the_oracle_says_at_length() {
    compare_many(200_000);
}
