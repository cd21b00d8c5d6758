//! The matcher against the reference evaluation of every rule, on rules and events by chance.
//!
//! `TOCSIN_TEST_SEED` replays a run; the long run is
//! `cargo test -p rules --test matching -- --ignored --nocapture`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a seed may be given by the environment, and is printed for whoever must replay it"
)]

mod made;

use made::{Chance, book, customer, event, put_any, sets};
use proptest::prelude::*;
use rules::{AlertId, Command, CustomerId, Matcher, Part, Payload, RuleBook, RuleKey, Snapshot};
use serde_json::Value;
use uuid::Uuid;

fn chance() -> Chance {
    let seed = std::env::var("TOCSIN_TEST_SEED")
        .ok()
        .map_or(20_250_707, |seed| seed.parse().expect("a seed is a number"));
    println!("TOCSIN_TEST_SEED={seed}");
    Chance(seed)
}

type Found = Vec<(RuleKey, Vec<Part>)>;

fn one_by_one(book: &RuleBook, customer: CustomerId, payload: &Payload) -> Found {
    let applying = book.iter().filter(|active| active.rule.applies_to(customer));
    let met = applying.map(|active| (active.rule.key, active.rule.met(payload.root())));
    let mut met: Vec<_> = met.filter(|(_, parts)| !parts.is_empty()).collect();
    met.sort_by_key(|(key, _)| (key.alert, key.customer));
    met
}

fn matched(snapshot: &Snapshot, customer: CustomerId, payload: &Payload) -> Found {
    let met = snapshot.matches(customer, payload).into_iter();
    met.map(|met| (met.active.rule.key, met.parts.iter().collect())).collect()
}

/// Answers how many pairs were compared and how many matched.
fn compare(chance: &mut Chance, rules: usize, customers: usize, events: usize) -> (usize, usize) {
    let events: Vec<Value> = (0..events).map(|_| event(chance)).collect();
    let book = book(chance, &events, rules, customers);
    compare_book(chance, &book, customers, &events)
}

fn compare_book(chance: &mut Chance, book: &RuleBook, customers: usize, events: &[Value]) -> (usize, usize) {
    let snapshot = Matcher::compile(book);
    let (mut pairs, mut matches) = (0, 0);
    for event in events {
        let payload = Payload::parse(&event.to_string()).expect("it was made here");
        let customer = customer(1 + chance.below(customers));
        let found = matched(&snapshot, customer, &payload);
        let part = snapshot.read(customer, &event.to_string()).expect("it was made here");
        assert_eq!(matched(&snapshot, customer, &part), found, "read in part: {event}");
        let expected = one_by_one(book, customer, &payload);
        if found != expected {
            let wrong =
                found.iter().chain(&expected).find(|met| !(found.contains(met) && expected.contains(met)));
            let rule = &book.get(&wrong.unwrap_or(&expected[0]).0).expect("it was made here").rule;
            panic!(
                "{:?} of {event}: found {found:?}, expected {expected:?}",
                rule.parts().into_iter().map(|(_, _, stated)| stated.condition.to_text()).collect::<Vec<_>>()
            );
        }
        pairs += book.iter().filter(|active| active.rule.applies_to(customer)).count();
        matches += found.len();
    }
    (pairs, matches)
}

fn compare_often(rounds: usize) {
    let mut chance = chance();
    let (mut pairs, mut matches) = (0, 0);
    for round in 0..rounds {
        let customers = [1, 2, 5][round % 3];
        let (more_pairs, more_matches) = compare(&mut chance, 400, customers, 60);
        pairs += more_pairs;
        matches += more_matches;
    }
    println!("{pairs} rules compared with events, {matches} matches");
}

#[test]
fn the_same_rules_as_one_by_one() {
    compare_often(40);
}

/// Very many rules that differ in one operand: here whole groups of rules are passed over at once.
#[test]
fn the_same_rules_as_one_by_one_of_sets_of_one_kind() {
    let mut chance = chance();
    let (mut pairs, mut matches) = (0, 0);
    for set in sets::NAMES {
        let events: Vec<Value> = (0..40).map(|_| event(&mut chance)).collect();
        let (more_pairs, more_matches) =
            compare_book(&mut chance, &sets::book(set, 1_000, &sets::MADE), 1, &events);
        pairs += more_pairs;
        matches += more_matches;
    }
    println!("{pairs} rules compared with events, {matches} matches");
}

#[test]
#[ignore = "10^8 pairs, takes half an hour; cargo test -p rules --test matching -- --ignored --nocapture"]
fn the_same_rules_as_one_by_one_at_length() {
    // Several seeds may share the rounds.
    let rounds = std::env::var("TOCSIN_TEST_ROUNDS").ok();
    compare_often(rounds.map_or(6_000, |rounds| rounds.parse().expect("a count of rounds is a number")));
}

/// Texts that are nearly JSON are accepted and refused, with reason and place, as if all of them were kept.
#[test]
fn a_text_read_in_part_is_refused_where_it_is_refused_as_a_whole() {
    let mut chance = chance();
    let events: Vec<Value> = (0..50).map(|_| event(&mut chance)).collect();
    let snapshot = Matcher::compile(&book(&mut chance, &events, 12, 4));
    let pieces = [
        "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "1e5", ".", "\\ud800", "\\u00e9", " ", "\n",
        "\u{1}", "null", "tru", "é",
    ];
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..20_000 {
        let mut text = events[round % events.len()].to_string();
        for _ in 0..=chance.below(2) {
            let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let from = bounds[chance.below(bounds.len())];
            let to = if chance.one_in(3) { bounds[chance.below(bounds.len())].max(from) } else { from };
            let until = if chance.one_in(2) { to } else { from };
            text.replace_range(from..until, chance.pick(&pieces));
        }
        if chance.one_in(100) {
            text = format!("{}{text}{}", "[".repeat(62), "]".repeat(62));
        }
        let customer = customer(1 + chance.below(4));
        let literal = Value::from(text.as_str()).to_string();
        for (whole, part) in [
            (Payload::parse(&text), snapshot.read(customer, &text)),
            (Payload::parse_quoted(&literal), snapshot.read_quoted(customer, &literal)),
        ] {
            assert_eq!(whole.as_ref().err(), part.as_ref().err(), "{text}");
            if let (Ok(whole), Ok(part)) = (whole, part) {
                assert_eq!(whole.is_altered(), part.is_altered(), "{text}");
                assert_eq!(
                    matched(&snapshot, customer, &part),
                    matched(&snapshot, customer, &whole),
                    "{text}"
                );
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    println!("{accepted} texts accepted, {refused} refused");
}

/// Long runs of changes, with merges that are taken up late, early or never, are as good as a fresh start.
#[test]
fn merges_that_end_at_any_time_change_nothing() {
    let mut chance = chance();
    let events: Vec<Value> = (0..12).map(|_| event(&mut chance)).collect();
    let payloads: Vec<Payload> =
        events.iter().map(|event| Payload::parse(&event.to_string()).unwrap()).collect();
    let mut book = book(&mut chance, &events, 700, 2);
    let mut snapshot = Matcher::compile(&book);
    let mut running: Vec<rules::Merge> = Vec::new();
    let mut adopted = 0;
    for round in 0..1_600 {
        let mut keys = Vec::new();
        for _ in 0..=chance.below(12) {
            let owner = customer(chance.below(2));
            let alert = chance.below(900);
            let key = RuleKey { customer: owner, alert: AlertId::from_uuid(Uuid::from_u128(alert as u128)) };
            book.apply(match chance.below(3) {
                0 => Command::Delete { key, expected: None },
                _ => put_any(&mut chance, &events, owner, alert),
            });
            keys.push(key);
        }
        snapshot = snapshot.with(&book, keys);
        if running.is_empty() || chance.one_in(100) {
            running.extend(snapshot.merge());
        }
        if !running.is_empty() && chance.one_in(40) {
            let merged = running.swap_remove(chance.below(running.len())).run();
            snapshot = snapshot.adopt(merged);
            adopted += 1;
        }
        if round % 60 == 0 {
            for (payload, event) in payloads.iter().zip(&events) {
                let expected = one_by_one(&book, customer(1), payload);
                assert_eq!(matched(&snapshot, customer(1), payload), expected);
                let part = snapshot.read(customer(1), &event.to_string()).unwrap();
                assert_eq!(matched(&snapshot, customer(1), &part), expected, "read in part");
            }
        }
    }
    assert!(adopted > 5, "{adopted} merges");
}

#[derive(Debug, Clone)]
enum Change {
    Put(usize, usize, u64),
    Delete(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let put = (0..3_usize, 0..300_usize, any::<u64>())
        .prop_map(|(owner, alert, seed)| Change::Put(owner, alert, seed));
    let delete = (0..3_usize, 0..300_usize).prop_map(|(owner, alert)| Change::Delete(owner, alert));
    let change = prop_oneof![put, delete];
    prop::collection::vec(prop::collection::vec(change, 0..60), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes and goes in whatever order, the snapshot is that of the book as it stands.
    #[test]
    fn a_snapshot_with_changes_is_that_of_the_changed_book(batches in changes()) {
        let mut chance = Chance(7);
        let events: Vec<Value> = (0..20).map(|_| event(&mut chance)).collect();
        let payloads: Vec<Payload> =
            events.iter().map(|event| Payload::parse(&event.to_string()).unwrap()).collect();
        let mut book = book(&mut chance, &events, 300, 2);
        let mut snapshot = Matcher::compile(&book);
        for batch in batches {
            let mut keys = Vec::new();
            for change in batch {
                let (owner, alert) = match change {
                    Change::Put(owner, alert, _) | Change::Delete(owner, alert) => (owner, alert),
                };
                let key = RuleKey { customer: customer(owner), alert: AlertId::from_uuid(Uuid::from_u128(alert as u128)) };
                book.apply(match change {
                    Change::Put(_, _, seed) => put_any(&mut Chance(seed), &events, key.customer, alert),
                    Change::Delete(..) => Command::Delete { key, expected: None },
                });
                keys.push(key);
            }
            snapshot = snapshot.with(&book, keys);
            let fresh = Matcher::compile(&book);
            for owner in 1..4 {
                prop_assert_eq!(snapshot.concerns(customer(owner)), fresh.concerns(customer(owner)));
                for payload in &payloads {
                    let expected = one_by_one(&book, customer(owner), payload);
                    prop_assert_eq!(matched(&snapshot, customer(owner), payload), expected);
                }
            }
        }
    }
}
