//! Audit events of many customers and fifty rules of every kind: what `tocsin eval` does with them, a rehearsal, makes the same
//! records in the same order as the oracle, the end included.
//!
//! The events are made up; with `TOCSIN_TEST_DATA=FOLDER` each carries one of `audit.ndjson` there, too. The oracle recomputes
//! everything from all events of a customer at each step, so the events are spread over many customers; some have several hundred.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a test reads its seed and data, and tells what it did"
)]

mod made;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use made::{Chance, alike, first_seed, rehearsed};
use oracle::{Event, History};
use rules::{CustomerId, Payload, Rule, Timestamp, read_rule};
use serde_json::{Value, json};
use uuid::Uuid;

/// How many events are compared, unless `TOCSIN_TEST_EVENTS` says another number: `scripts/test` takes 100,000.
const EVENTS: usize = 5_000;

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000;
/// How many events a customer has, about.
const EACH: usize = 60;
/// How many customers have more, and how many in a hundred events are theirs.
const LARGE: usize = 20;
const LARGE_SHARE: usize = 4;

const ACTIONS: [&str; 16] = [
    "login",
    "login",
    "login",
    "login",
    "share",
    "share",
    "share",
    "unshare",
    "unshare",
    "download",
    "download",
    "delete",
    "ping",
    "ping",
    "passwordReset",
    "key.create",
];

/// The customer of that number.
fn customer(index: usize) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(0x4000_8000_0000_0000_0000 + index as u128))
}

/// Real audit events, where they are at hand.
fn real() -> Vec<Value> {
    let folder = std::env::var_os("TOCSIN_TEST_DATA").map(PathBuf::from);
    let text = folder.and_then(|folder| std::fs::read_to_string(folder.join("audit.ndjson")).ok());
    text.unwrap_or_default().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn events(count: usize, chance: &mut Chance) -> Vec<Event> {
    let real = real();
    let customers = (count / EACH).max(4);
    // A day, or more where there are more events of one customer.
    let mut clock = vec![BEGIN; customers];
    let event = |number: usize| {
        let is_large = chance.below(100) < LARGE_SHARE;
        let index = chance.below(if is_large { LARGE.min(customers) } else { customers });
        let step = [0, 1_000, 60_000, 300_000, 600_000, 1_200_000, 2_400_000][chance.below(7)];
        clock[index] += step + i64::try_from(chance.below(1_000)).expect("it is small");
        let late = if chance.below(100) < 8 { [500, 45_000, 240_000, 3_000_000][chance.below(4)] } else { 0 };
        let mut payload = payload(chance, number, clock[index] - late);
        let source = real.get(number % real.len().max(1)).cloned();
        payload["source"] = source.unwrap_or_else(
            || json!({"eventName": if number.is_multiple_of(2) { "CreateUser" } else { "DeleteBucket" }}),
        );
        Event {
            customer: customer(index),
            payload: Payload::parse(&payload.to_string()).expect("it is JSON").root().clone(),
            timestamp: Timestamp(clock[index]),
            position: number as u64 + 1,
        }
    };
    (0..count).map(event).collect()
}

fn payload(chance: &mut Chance, number: usize, at: i64) -> Value {
    let user = chance.below(4);
    let actor = json!({
        "id": format!("u{user}"),
        "email": format!("u{user}@example.{}", if user == 3 { "org" } else { "com" }),
        "ip": format!("10.0.{}.{}", chance.below(3), user),
    });
    // Now and then an event comes twice, and a time cannot be read.
    let id = if chance.below(50) == 0 { number.saturating_sub(chance.below(200)) } else { number };
    let at = if chance.below(200) == 0 { json!("soon") } else { json!(Timestamp(at).to_string()) };
    let mut payload = json!({"id": format!("e{id}"), "at": at, "actor": actor});
    let order = chance.below(40);
    let kind = chance.below(100);
    let action = match kind {
        0..75 => ACTIONS[chance.below(ACTIONS.len())],
        75..80 => "purchase",
        80..83 => "refund",
        83..86 => "role.grant",
        86..91 => "order.placed",
        91..96 => "parcel",
        _ => "order.shipped",
    };
    payload["action"] = json!(action);
    match action {
        "login" => {
            payload["outcome"] = if chance.below(2) == 0 { json!("success") } else { json!("failure") }
        },
        "share" | "unshare" | "delete" | "download" => {
            let scope = ["anyone", "team"][chance.below(2)];
            payload["file"] = json!({"id": format!("f{}", chance.below(6)), "scope": scope});
            if action == "download" {
                payload["bytes"] = json!(chance.below(1_000_000));
            }
        },
        "purchase" | "refund" => {
            let amount = [json!(9.99), json!(50), json!(0.000_000_001), json!(120.5), json!("7"), json!(-3)];
            payload["amount"] = amount[chance.below(6)].clone();
        },
        "role.grant" => {
            let roles =
                [json!(["admin"]), json!(["viewer", "editor"]), json!(["admin", "admin", null]), json!([])];
            payload["roles"] = roles[chance.below(4)].clone();
        },
        "order.placed" => {
            payload["order"] = json!(order);
            payload["parcels"] = json!(chance.below(3));
        },
        "parcel" => {
            payload["order"] = json!(order);
            payload["parcel"] = json!(format!("p{}", chance.below(3)));
        },
        "order.shipped" => payload["order"] = json!(order),
        _ => {},
    }
    payload
}

fn rules() -> Vec<Rule> {
    let rule = |line: &str| {
        read_rule(line.as_bytes(), None).unwrap_or_else(|invalid| panic!("{line}\n{invalid:?}")).0
    };
    include_str!("audit.ndjson").lines().map(rule).collect()
}

#[test]
fn eval_says_what_the_oracle_says_of_audit_events() {
    let count = std::env::var("TOCSIN_TEST_EVENTS").ok();
    let count = count.map_or(EVENTS, |count| count.parse().expect("a count is a number"));
    let (rules, seed) = (rules(), first_seed());
    assert_eq!(rules.len(), 50);
    let history = History { events: events(count, &mut Chance(seed)), advance_to: None };
    let started = Instant::now();
    let found = rehearsed(&rules, &history);
    let rehearsed = started.elapsed();
    let started = Instant::now();
    let expected = oracle::evaluate_exactly(&rules, &history);
    let recomputed = started.elapsed();
    alike(&found, &expected, &format!("seed {seed}"));
    let spoke: BTreeSet<_> = found.iter().filter_map(|record| record.member("alertId")?.as_str()).collect();
    let silent: Vec<_> = rules
        .iter()
        .filter(|rule| !spoke.contains(rule.key.alert.to_string().as_str()))
        .map(|rule| &rule.name)
        .collect();
    assert!(silent.len() <= 3, "rules that never spoke: {silent:?}");
    println!(
        "{count} events, 50 rules, {} records equal; engine {rehearsed:.1?}, oracle {recomputed:.1?}",
        found.len()
    );
}
