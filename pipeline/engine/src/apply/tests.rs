use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use rules::{Command, Matcher, RuleBook, Snapshot};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::plan::{Input, plan};
use crate::stream::Offset;
use crate::write::Table;

/// A store in memory, driven the way a worker drives the real one.
#[derive(Default)]
struct World {
    book: RuleBook,
    store: BTreeMap<Key, Bytes>,
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
        let fetched: Vec<_> =
            plan.reads().into_iter().map(|key| (key.clone(), self.store.get(&key).cloned())).collect();
        let context = Context { topic: "events", partition: Partition(0), now: Timestamp(0) };
        let effects = apply(plan, View::new(fetched), &context).unwrap();
        for write in &effects.writes {
            let Write::Put { table: Table::State, key, value } = write else { panic!("{write:?}") };
            self.store.insert(key.clone(), value.clone());
        }
        effects
    }

    fn count(&self, customer: u128, alert: u128) -> u64 {
        let customer = customer_id(customer);
        let active =
            self.book.iter().find(|active| active.rule.key.alert.uuid() == Uuid::from_u128(alert)).unwrap();
        let bytes = self.store.get(&count_key(customer, active.generation));
        bytes.map_or(0, |bytes| Count::from_bytes(bytes).unwrap().value)
    }
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

/// The original system never read the threshold and emitted nothing.
#[test]
fn a_rule_fires_once_when_its_count_reaches_the_threshold() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    let events: Vec<_> = (0..6).map(|offset| event(offset, 1, &json!({"a": 1}))).collect();
    let effects = world.run(&events);
    assert_eq!(fired(&effects), [(1, 1, 2)]);
    assert_eq!((world.count(1, 1), effects.events, effects.matches), (6, 6, 6));
    let alert = &effects.alerts[0];
    assert_eq!((alert.value, alert.threshold.clone()), (3, Some(json!({"gte": 3}))));
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
    assert_eq!([1, 2, 3].map(|customer| world.count(customer, 1)), [1, 2, 1]);
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
    world.rule(tenant(1), 1, "$.a", 5);
    assert_eq!(world.count(1, 1), 2);
    world.rule(tenant(1), 1, "$.b", 5);
    assert_eq!(world.count(1, 1), 0);
}

#[test]
fn customers_without_rules_leave_no_state() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    let effects = world.run(&[event(0, 2, &json!({"a": 1}))]);
    assert!(effects.writes.is_empty());
    assert_eq!(effects.events, 1);
}

#[test]
fn damaged_state_stops_the_batch() {
    let mut world = World::default();
    world.rule(tenant(1), 1, "$.a", 3);
    world.run(&[event(0, 1, &json!({"a": 1}))]);
    let active = Arc::clone(world.book.iter().next().unwrap());
    let plan = plan(&world.snapshot(), Partition(0), 1, vec![event(1, 1, &json!({"a": 1}))]);
    let damaged = plan.reads().into_iter().map(|key| {
        let count = key == count_key(customer_id(1), active.generation);
        (key, count.then(|| Bytes::from_static(&[9])))
    });
    let view = View::new(damaged);
    let context = Context { topic: "events", partition: Partition(0), now: Timestamp(0) };
    assert_eq!(apply(plan, view, &context).unwrap_err().problem, CountError::Format(9));
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
        let expected = whole.run(&inputs).alerts;
        let mut split = world();
        let mut alerts = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().filter(|cut| *cut < inputs.len()).chain([inputs.len()]) {
            alerts.extend(split.run(&inputs[from..cut]).alerts);
            from = cut;
        }
        prop_assert_eq!(alerts, expected);
        prop_assert_eq!(split.store, whole.store);
    }
}
