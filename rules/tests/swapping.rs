//! Events are matched in several threads while rules come and go: every event meets the rules of one snapshot, whole.

mod made;

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use made::{Chance, book, customer, event, put_any};
use rules::{Command, CustomerId, Matcher, Payload, RuleBook, RuleKey, Snapshot};
use serde_json::Value;

fn met(snapshot: &Snapshot, customer: CustomerId, payload: &Payload) -> Vec<RuleKey> {
    snapshot.matches(customer, payload).iter().map(|met| met.active.rule.key).collect()
}

fn expected(book: &RuleBook, customer: CustomerId, payload: &Payload) -> Vec<RuleKey> {
    let applying = book.iter().filter(|active| active.rule.applies_to(customer));
    let mut met: Vec<RuleKey> = applying
        .filter(|active| !active.rule.met(payload.root()).is_empty())
        .map(|active| active.rule.key)
        .collect();
    met.sort_by_key(|key| (key.alert, key.customer));
    met
}

#[test]
fn threads_that_match_see_whole_snapshots_while_rules_change() {
    let mut chance = Chance(11);
    let events: Vec<Value> = (0..12).map(|_| event(&mut chance)).collect();
    let payloads: Vec<Payload> =
        events.iter().map(|event| Payload::parse(&event.to_string()).unwrap()).collect();
    let mut book = book(&mut chance, &events, 200, 3);
    let current = RwLock::new((Matcher::compile(&book), book.clone()));
    let (done, compared) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..3 {
            let (current, done, compared, payloads) = (&current, &done, &compared, &payloads);
            scope.spawn(move || {
                let mut at = number;
                while !done.load(Ordering::Relaxed) || at < 60 {
                    let (snapshot, book) = current.read().unwrap().clone();
                    let (owner, payload) = (customer(1 + at % 2), &payloads[at % payloads.len()]);
                    assert_eq!(met(&snapshot, owner, payload), expected(&book, owner, payload));
                    compared.fetch_add(1, Ordering::Relaxed);
                    at += 1;
                }
            });
        }
        for round in 0..80 {
            let alert = chance.below(250);
            let owner = customer(chance.below(3));
            let command = if round % 4 == 0 {
                let key = put_any(&mut chance, &events, owner, alert).key();
                Command::Delete { key, expected: None }
            } else {
                put_any(&mut chance, &events, owner, alert)
            };
            let key = command.key();
            book.apply(command);
            let snapshot = current.read().unwrap().0.with(&book, [key]);
            *current.write().unwrap() = (snapshot, book.clone());
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(compared.load(Ordering::Relaxed) >= 3 * 57);
}
