//! What must be true of the meaning itself, over random rules and histories: where it is not, the description is read wrongly.

use serde_json::Value;

use super::*;
use crate::clock::see;
use crate::generate::{Kind, case, case_of, customers};

fn without(mut records: Vec<Value>, fields: &[&str]) -> Vec<Value> {
    for record in &mut records {
        let members = record.as_object_mut().unwrap();
        fields.iter().for_each(|field| drop(members.remove(*field)));
    }
    records
}

/// Compares records, and shows the first that differs.
#[track_caller]
fn alike(left: &[Value], right: &[Value], place: &str) {
    let differing = (0..left.len().max(right.len())).find(|index| left.get(*index) != right.get(*index));
    if let Some(index) = differing {
        let [left, right] =
            [left, right].map(|list| list.get(index).map(ToString::to_string).unwrap_or_default());
        panic!("{place}, record {index}:\n{left}\n{right}");
    }
}

/// A small generator of its own, so that these tests do not depend on the order in which a case draws.
fn mix(seed: u64) -> i64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    i64::try_from((mixed >> 32) & 0xFFFF).unwrap()
}

#[test]
fn absence_and_closing_values_are_the_same_for_every_reordering_inside_the_allowed_lateness() {
    let mut told = 0;
    for seed in 0..4_000 {
        let case = case_of(seed, Kind::OrderFree);
        let made = &case.rules[0];
        let lateness = made.timing.allowed_lateness.as_i64();
        let time = |event: &Event| see(made, &event.payload, event.timestamp, None).time;
        let arrange = |round: u64| {
            let mut events = case.history.events.clone();
            let delay = |event: &Event| {
                let chance = mix(seed.wrapping_mul(1009) + round * 97 + event.position);
                if round == 0 { 0 } else { chance % (lateness + 1) }
            };
            events.sort_by_key(|event| (time(event) + delay(event), time(event)));
            for (position, event) in events.iter_mut().enumerate() {
                event.position = position as u64;
            }
            let history = History { events, ..case.history.clone() };
            let mut records = without(evaluate(&case.rules, &history), &["ingestTime"]);
            // What comes first of two customers depends on arrival by nature.
            records.sort_by_key(|record| record["customerId"].to_string());
            records
        };
        let in_order = arrange(0);
        told += in_order.len();
        for round in 1..4 {
            alike(&arrange(round), &in_order, &format!("seed {seed} round {round}"));
        }
    }
    assert!(told > 2_000, "only {told} records");
}

#[test]
fn it_does_not_matter_in_how_many_steps_a_clock_moves() {
    for seed in 0..2_000 {
        let case = case(seed);
        let mut events = Vec::new();
        for (index, event) in case.history.events.iter().enumerate() {
            // Somewhat before each event but the first there is one that no rule looks at.
            let shift = mix(seed * 64 + index as u64) % 9_000;
            let at = |time: i64| time.saturating_sub(shift);
            let member = |name: &str| event.payload.member(name).map(ToString::to_string).unwrap_or_default();
            let millis: Option<i64> = member("at").parse().ok();
            if let (true, Some(millis)) = (index > 0, millis) {
                let text = Timestamp(at(millis));
                let payload = format!(r#"{{"a":9,"b":9,"at":{},"ts":"{text}"}}"#, at(millis));
                let payload = Payload::parse(&payload).unwrap().root().clone();
                if case.rules.iter().all(|rule| rule.met(&payload).is_empty()) {
                    let timestamp = Timestamp(at(event.timestamp.0));
                    events.push(Event { payload, timestamp, position: event.position - 1, ..event.clone() });
                }
            }
            events.push(event.clone());
        }
        let history = History { events, ..case.history.clone() };
        // Rule by rule: two clocks of one customer do not move alike, so what comes first of two rules may depend on the steps.
        for made in case.rules.chunks(1) {
            let records = without(evaluate(made, &case.history), &["ingestTime"]);
            let stepped = without(evaluate(made, &history), &["ingestTime"]);
            alike(&stepped, &records, &format!("seed {seed}"));
        }
    }
}

#[test]
fn customers_and_rules_do_not_touch_one_another() {
    for seed in 0..1_000 {
        let case = case(seed);
        let last = case.history.events.iter().map(|event| event.timestamp).max();
        let advance_to = case.history.advance_to.or(last);
        let whole = evaluate(&case.rules, &History { advance_to, ..case.history.clone() });
        for customer in customers() {
            let events =
                case.history.events.iter().filter(|event| event.customer == customer).cloned().collect();
            let alone = evaluate(&case.rules, &History { events, advance_to });
            let own = whole.iter().filter(|record| record["customerId"] == customer.to_string());
            alike(&alone, &own.cloned().collect::<Vec<_>>(), &format!("seed {seed}"));
        }
        let keys: Vec<_> = case.rules.iter().map(|rule| rule.key).collect();
        for (index, made) in case.rules.iter().enumerate() {
            let is_shared = keys.iter().filter(|key| key.alert == made.key.alert).count() > 1;
            if !is_shared {
                let alone =
                    evaluate(&case.rules[index..=index], &History { advance_to, ..case.history.clone() });
                let own = whole.iter().filter(|record| record["alertId"] == made.key.alert.to_string());
                alike(&alone, &own.cloned().collect::<Vec<_>>(), &format!("seed {seed}"));
            }
        }
    }
}

#[test]
fn every_state_and_construct_is_met() {
    let mut states = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..3_000 {
        let case = case(seed);
        for record in evaluate(&case.rules, &case.history) {
            let late = if record["late"] == true { " late" } else { "" };
            let kind = if record["threshold"].is_null() { "pattern" } else { "value" };
            let state = record["state"].as_str().unwrap();
            *states.entry(format!("{kind} {state}{late}")).or_default() += 1;
        }
    }
    for (state, least) in [
        ("value firing", 1_000),
        ("value firing late", 100),
        ("value resolved", 100),
        ("value resolved late", 2),
        ("value updated", 30),
        ("value suppressed", 20),
        ("pattern firing", 300),
        ("pattern firing late", 20),
        ("pattern resolved", 50),
        ("pattern updated", 8),
    ] {
        assert!(states.get(state).is_some_and(|count| *count >= least), "{state}: {states:?}");
    }
}
