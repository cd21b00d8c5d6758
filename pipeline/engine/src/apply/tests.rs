use bytes::Bytes;
use proptest::prelude::*;
use rules::{Command, Matcher, RuleBook, Snapshot};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::plan::{Input, plan};
use crate::stream::Offset;
use crate::view::MemoryState;

/// A store in memory, driven the way a worker drives the real one.
#[derive(Default)]
struct World {
    book: RuleBook,
    store: MemoryState,
}

impl World {
    fn rule(&mut self, customer: Value, alert: u128, path: &str, threshold: i64) {
        let document = json!({
            "customerId": customer, "alertId": Uuid::from_u128(alert), "alertName": format!("rule {alert}"),
            "jsonPath": path, "threshold": threshold
        });
        let (rule, _) = rules::read_rule(document.to_string().as_bytes(), None).unwrap();
        self.book.apply(Command::Put { rule: Box::new(rule), expected: None });
    }

    fn snapshot(&self) -> Snapshot {
        Matcher::compile(&self.book)
    }

    fn run(&mut self, inputs: &[Input]) -> Effects {
        let plan = plan(&self.snapshot(), Partition(0), 1, inputs.to_vec());
        let effects = apply(plan, View::new(&self.store, []), &context(&self.book)).unwrap();
        self.store.write(effects.writes.clone());
        effects
    }
}

fn context(rules: &RuleBook) -> Context<'_> {
    let (partition, now) = (Partition(0), Timestamp(0));
    Context { topic: "events", partition, now, rules, clamps: true, waits: true, idle: None, past: None }
}

fn customer_id(customer: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(customer))
}

fn tenant(customer: u128) -> Value {
    json!(Uuid::from_u128(customer))
}

fn event(offset: u64, customer: u128, payload: &Value) -> Input {
    let envelope = json!({"customerId": Uuid::from_u128(customer), "payload": payload.to_string()});
    Input {
        offset: Offset(offset),
        timestamp: Timestamp(1000 + i64::try_from(offset).unwrap()),
        key: None,
        value: Some(envelope.to_string().into_bytes().into()),
    }
}

fn fired(effects: &Effects) -> Vec<(u128, u128, u64)> {
    let key = |alert: &Alert| {
        (
            alert.customer_id.uuid().as_u128(),
            alert.alert_id.uuid().as_u128(),
            alert.evidence.last().unwrap().offset.0,
        )
    };
    effects.alerts.iter().map(key).collect()
}

fn told(effects: &Effects) -> Vec<String> {
    effects.alerts.iter().map(|alert| String::from_utf8(alert.to_json()).unwrap()).collect()
}

/// The original system never read the threshold and emitted nothing.
#[test]
fn a_rule_fires_once_when_its_count_reaches_the_threshold() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    let events: Vec<_> = (0..6).map(|offset| event(offset, 1, &json!({"a": 1}))).collect();
    let effects = world.run(&events);
    assert_eq!(fired(&effects), [(1, 1, 2)]);
    assert_eq!((effects.counts.events, effects.counts.matches), (6, 6));
    let alert = &effects.alerts[0];
    assert_eq!((alert.value, alert.threshold.clone()), (Some(3_u64.into()), Some(json!({"gte": 3}))));
    assert_eq!((alert.first_seen, alert.last_seen), (Timestamp(1000), Timestamp(1002)));
}

#[test]
fn a_global_rule_counts_each_customer_apart() {
    let mut world = World::default();
    world.rule(json!(CustomerId::GLOBAL), 1, "$.a", 2);
    let effects = world.run(
        &[(1, 1), (2, 2), (3, 3), (4, 2)].map(|(offset, customer)| event(offset, customer, &json!({"a": 1}))),
    );
    assert_eq!(fired(&effects), [(2, 1, 4)]);
    assert_eq!(fired(&world.run(&[event(5, 3, &json!({"a": 1}))])), [(3, 1, 5)]);
}

#[test]
fn a_bad_record_is_a_dead_letter_with_its_bytes_and_the_others_count() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 2);
    let bad = Input { offset: Offset(1), value: Some(Bytes::from_static(b"{")), ..Input::default() };
    let effects = world.run(&[event(0, 1, &json!({"a": 1})), bad.clone(), event(2, 1, &json!({"a": 1}))]);
    assert_eq!(fired(&effects), [(1, 1, 2)]);
    let letter = &effects.dead_letters[0];
    assert_eq!((letter.offset, &letter.value), (Offset(1), &bad.value));
}

#[test]
fn an_event_in_another_partition_than_its_customers_is_a_dead_letter() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 1);
    let home = crate::partition_of(customer_id(1).to_string().as_bytes(), 8);
    let other = Partition((home.0 + 1) % 8);
    let reasons = |partition| {
        let plan = plan(&world.snapshot(), partition, 8, vec![event(0, 1, &json!({"a": 1}))]);
        plan.steps[0].event.as_ref().err().map(|letter| letter.reason)
    };
    assert_eq!(reasons(home), None);
    assert_eq!(reasons(other), Some(crate::Reason::Misplaced));
}

#[test]
fn an_edit_that_keeps_the_meaning_keeps_the_count_and_one_that_changes_it_starts_anew() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    world.run(&[event(0, 1, &json!({"a": 1})), event(1, 1, &json!({"a": 1}))]);
    world.rule(tenant(1), 1, "$.a", 4);
    assert_eq!(fired(&world.run(&[2, 3].map(|offset| event(offset, 1, &json!({"a": 1}))))), [(1, 1, 3)]);
    world.rule(tenant(1), 1, "$.b", 2);
    let anew: Vec<_> = (4..7).map(|offset| event(offset, 1, &json!({"b": 1}))).collect();
    assert_eq!(fired(&world.run(&anew)), [(1, 1, 5)]);
}

/// One record that no message can hold would stop a partition for good.
#[test]
fn an_alert_is_never_longer_than_a_message() {
    let mut world = World::default();
    let document = json!({
        "customerId": tenant(1), "alertId": Uuid::from_u128(1), "alertName": "n", "match": "$.a", "threshold": 100,
        "evidence": {"mode": "full", "max": 100, "redact": ["$.secret"]}
    });
    let (rule, _) = rules::read_rule(document.to_string().as_bytes(), None).unwrap();
    world.book.apply(Command::Put { rule: Box::new(rule), expected: None });
    let payload = |length: usize| json!({"a": "x".repeat(length), "secret": "hunter2"});
    let events = |length: usize, from: u64| -> Vec<_> {
        (from..from + 100).map(|offset| event(offset, 1, &payload(length))).collect()
    };
    let alert = world.run(&events(15_000, 0)).alerts.remove(0);
    assert!(alert.evidence.iter().all(|evidence| evidence.payload.is_some()));
    let json = String::from_utf8(alert.to_json()).unwrap();
    assert!(json.len() <= crate::ALERT_BYTES_MAX && json.contains(r#""truncated":true"#));
    assert!(!format!("{alert:?}").contains("xxx") && json.contains(r#""offset":99"#));

    let mut world = world;
    world.book = RuleBook::default();
    world.store = MemoryState::default();
    let (rule, _) = rules::read_rule(document.to_string().as_bytes(), None).unwrap();
    world.book.apply(Command::Put { rule: Box::new(rule), expected: None });
    let alert = world.run(&events(17_000, 0)).alerts.remove(0);
    assert!(alert.evidence.iter().all(|evidence| evidence.payload.is_none()), "too long to be kept");
}

#[test]
fn customers_without_rules_leave_no_state() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    let effects = world.run(&[event(0, 2, &json!({"a": 1}))]);
    assert!(effects.writes.is_empty());
    assert_eq!(effects.counts.events, 1);
}

#[test]
fn damaged_state_stops_the_batch() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    world.run(&[event(0, 1, &json!({"a": 1}))]);
    let plan = plan(&world.snapshot(), Partition(0), 1, vec![event(1, 1, &json!({"a": 1}))]);
    let damaged = plan.reads().into_iter().map(|(table, key)| (table, key, Some(Bytes::from_static(&[9]))));
    let failure = apply(plan, View::new(&world.store, damaged), &context(&world.book)).unwrap_err();
    assert!(matches!(failure, Failure::Corrupt { problem: StoredError::Format(9), .. }), "{failure}");
}

proptest! {
    /// Any split of the same input into batches gives the same alerts and the same state.
    #[test]
    fn batches_do_not_matter(
        events in proptest::collection::vec((1u128..4, 0u8..3), 1..40),
        cuts in proptest::collection::btree_set(0usize..40, 0..10),
    ) {
        let inputs: Vec<_> = events.iter().enumerate().map(|(offset, (customer, kind))| {
            event(offset as u64, *customer, &json!({["a", "b", "c"][usize::from(*kind)]: 1}))
        }).collect();
        let world = || {
            let mut world = World::default();
            world.rule(tenant(1), 1, "$.a", 2);
            world.rule(tenant(2), 1, "$.b", 3);
            world.rule(json!(CustomerId::GLOBAL), 2, "$.a", 4);
            world
        };
        let mut whole = world();
        let expected = told(&whole.run(&inputs));
        let mut split = world();
        let mut alerts = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().filter(|cut| *cut < inputs.len()).chain([inputs.len()]) {
            alerts.extend(told(&split.run(&inputs[from..cut])));
            from = cut;
        }
        prop_assert_eq!(alerts, expected);
        prop_assert_eq!(split.store, whole.store);
    }
}

/// The index of silent customers may name a moment at which nothing is due any more.
#[test]
fn silence_moves_a_clock_only_if_something_is_due() {
    let mut world = World::default();
    let rule = json!({
        "customerId": tenant(1), "alertId": Uuid::from_u128(7), "alertName": "late",
        "pattern": {"type": "absence", "within": "5s", "steps": [
            {"id": "start", "match": "$.a == 1"}, {"id": "end", "match": "$.a == 2"}
        ]}
    });
    let (rule, _) = rules::read_rule(rule.to_string().as_bytes(), None).unwrap();
    world.book.apply(Command::Put { rule: Box::new(rule), expected: None });
    let book = world.book.clone();
    let at = |ingestion| Context {
        now: Timestamp(10_000),
        idle: Some(Idle { ingestion: Timestamp(ingestion), after: Span::from_millis(60_000) }),
        ..context(&book)
    };
    let clock = |world: &World| -> Timestamp {
        let key = crate::key::clock_key(customer_id(1), ClockId::default());
        let stored = crate::view::Source::get(&world.store, Table::State, &key).unwrap().unwrap();
        crate::stored::from_bytes::<crate::clock::Clock>(&stored).unwrap().now
    };
    let step = |world: &mut World, offset, value: i64| {
        let inputs = vec![event(offset, 1, &json!({"a": value}))];
        let plan = plan(&world.snapshot(), Partition(0), 1, inputs);
        let effects = apply(plan, View::new(&world.store, []), &at(0)).unwrap();
        world.store.write(effects.writes);
    };
    step(&mut world, 0, 1);
    step(&mut world, 1, 2);
    // Past the deadline, before the moment at which the two events are forgotten.
    let effects = wake(View::new(&world.store, []), &at(69_000)).unwrap();
    world.store.write(effects.writes);
    assert_eq!((effects.alerts.len(), clock(&world)), (0, Timestamp(1001)), "the end came in time");
    step(&mut world, 2, 1);
    let effects = wake(View::new(&world.store, []), &at(1_000_000)).unwrap();
    world.store.write(effects.writes);
    assert_eq!(effects.alerts.len(), 1);
    assert!(clock(&world) > Timestamp(900_000), "what is due takes the clock along");
}
