use super::*;
use crate::id::{AlertId, CustomerId};
use crate::rule::{BootstrapMode, OnEdit};
use crate::suspension::{Suspension, SuspensionReason};
use crate::timestamp::Timestamp;
use crate::wire::read_rule;
use uuid::Uuid;

fn rule(customer: u128, alert: u128, path: &str, name: &str) -> Rule {
    let document = json!({
        "customerId": Uuid::from_u128(customer), "alertId": Uuid::from_u128(alert), "alertName": name, "match": path
    });
    read_rule(document.to_string().as_bytes(), None).unwrap().0
}

fn put(rule: &Rule, expected: Option<u32>) -> Command {
    Command::Put { rule: Box::new(rule.clone()), expected: expected.map(RuleVersion) }
}

fn key(customer: u128, alert: u128) -> RuleKey {
    RuleKey {
        customer: CustomerId::from_uuid(Uuid::from_u128(customer)),
        alert: AlertId::from_uuid(Uuid::from_u128(alert)),
    }
}

fn in_force(book: &RuleBook, key: RuleKey) -> (u32, u64) {
    let active = book.get(&key).unwrap();
    (active.version.0, active.generation.0)
}

#[test]
fn versions_count_writes_and_generations_count_meanings() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "first"), None));
    assert_eq!(in_force(&book, key(1, 1)), (1, 1));
    book.apply(put(&rule(1, 1, "$.a", "renamed"), None));
    assert_eq!(in_force(&book, key(1, 1)), (2, 1));
    book.apply(put(&rule(1, 1, "$.b", "renamed"), None));
    assert_eq!(in_force(&book, key(1, 1)), (3, 2));
    book.apply(Command::Delete { key: key(1, 1), expected: None });
    book.apply(put(&rule(1, 1, "$.b", "again"), None));
    assert_eq!(in_force(&book, key(1, 1)), (1, 3), "a rule that comes back starts with empty state");
}

#[test]
fn an_edit_that_judges_otherwise_is_told_from_one_that_does_not() {
    let mut book = RuleBook::default();
    let mut since = |rule: &Rule| {
        book.apply(put(rule, None));
        let active = book.get(&rule.key).unwrap();
        (active.version.0, active.generation.0, active.judges_since.0)
    };
    let mut edited = rule(1, 1, "$.a", "first");
    assert_eq!(since(&edited), (1, 1, 1));
    edited.name = "second".to_owned();
    assert_eq!(since(&edited), (2, 1, 1));
    edited.status = crate::rule::Status::Paused;
    assert_eq!(since(&edited), (3, 1, 3));
    edited.name = "third".to_owned();
    assert_eq!(since(&edited), (4, 1, 3));
    edited.policy.max_per_hour = Some(1);
    assert_eq!(since(&edited), (5, 1, 5));
    assert_eq!(since(&rule(1, 1, "$.b", "third")), (6, 2, 6));
}

#[test]
fn writing_the_same_rule_again_changes_nothing() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), None));
    let before = book.clone();
    assert!(matches!(book.apply(put(&rule(1, 1, "$.a", "a"), None)), Outcome::Unchanged(_)));
    assert_eq!(book, before);
}

/// The original system dropped every rule that shared its customer or its alert id with a new one.
#[test]
fn adding_a_rule_leaves_rules_of_the_same_customer_or_the_same_id_alone() {
    let mut book = RuleBook::default();
    for (customer, alert) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        book.apply(put(&rule(customer, alert, "$.a", "a"), None));
    }
    assert_eq!(book.len(), 4);
    book.apply(Command::Delete { key: key(1, 1), expected: None });
    let left: Vec<_> = book.iter().map(|active| active.rule.key).collect();
    assert_eq!(left, [key(1, 2), key(2, 1), key(2, 2)]);
}

#[test]
fn a_stale_write_loses_and_changes_nothing() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), Some(0)));
    let before = book.clone();
    let stale = |expected, actual| {
        Outcome::Rejected(Rejection::Stale { expected: RuleVersion(expected), actual: RuleVersion(actual) })
    };
    assert_eq!(book.apply(put(&rule(1, 1, "$.b", "b"), Some(0))), stale(0, 1));
    assert_eq!(book.apply(put(&rule(1, 1, "$.b", "b"), Some(2))), stale(2, 1));
    assert_eq!(book.apply(Command::Delete { key: key(1, 1), expected: Some(RuleVersion(3)) }), stale(3, 1));
    assert_eq!(book.apply(put(&rule(1, 2, "$.b", "b"), Some(1))), stale(1, 0));
    let absent = Command::Delete { key: key(1, 2), expected: None };
    assert_eq!(book.apply(absent), Outcome::Rejected(Rejection::NoSuchRule));
    assert_eq!(book, before);
}

#[test]
fn a_book_restores_from_its_stored_entries() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), None));
    book.apply(put(&rule(1, 1, "$.b", "b"), None));
    let original = br#"{"customerId": "deadbeef-dead-beef-dead-beefdeadbeef",
        "alertId": "00000000-0000-0000-0000-000000000009", "jsonPath": "$.a"}"#;
    let (global, _) = read_rule(original, None).unwrap();
    book.apply(put(&global, None));
    let entries: Vec<_> = book.iter().map(|active| (active.rule.key, active.to_bytes())).collect();
    assert_eq!(RuleBook::restore(entries, book.next_generation()).unwrap(), book);
}

#[test]
fn a_corrupt_entry_refuses_the_book() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), None));
    let bytes = book.get(&key(1, 1)).unwrap().to_bytes();
    for (key, bytes) in
        [(key(1, 2), bytes.clone()), (key(1, 1), bytes[1..].to_vec()), (key(1, 1), b"{}".to_vec())]
    {
        assert!(RuleBook::restore([(key, bytes)], Generation(2)).is_err());
    }
}

fn suspend(key: RuleKey, version: u32, generation: u64, customer: u128) -> Command {
    Command::Suspend(Suspend {
        key,
        version: RuleVersion(version),
        generation: Generation(generation),
        customer: CustomerId::from_uuid(Uuid::from_u128(customer)),
        suspension: Suspension {
            reason: SuspensionReason::StepBudget,
            since: Timestamp(1000),
            partition: 3,
            offset: 17,
        },
    })
}

#[test]
fn a_suspension_holds_for_its_customer_until_the_rule_is_written_again() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), None));
    let changed = book.apply(suspend(key(1, 1), 1, 1, 1));
    assert!(matches!(changed, Outcome::Replaced { now, before } if now != before));
    let active = Arc::clone(book.get(&key(1, 1)).unwrap());
    assert!(!active.applies_to(key(1, 1).customer) && active.rule.applies_to(key(1, 1).customer));
    assert_eq!(in_force(&book, key(1, 1)), (1, 1), "it is no write of the rule");
    let restored = ActiveRule::from_bytes(key(1, 1), &active.to_bytes()).unwrap();
    assert_eq!(restored, *active);
    assert!(matches!(book.apply(suspend(key(1, 1), 1, 1, 1)), Outcome::Unchanged(_)), "asked for twice");
    book.apply(put(&active.rule, Some(1)));
    assert_eq!(in_force(&book, key(1, 1)), (2, 1), "the same text again is a write, and the state stays");
    assert!(book.get(&key(1, 1)).unwrap().applies_to(key(1, 1).customer));
}

#[test]
fn a_suspension_of_what_is_not_in_force_any_more_changes_nothing() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), None));
    book.apply(put(&rule(1, 1, "$.b", "a"), None));
    let before = book.clone();
    let stale = Rejection::Stale { expected: RuleVersion(1), actual: RuleVersion(2) };
    assert_eq!(book.apply(suspend(key(1, 1), 1, 1, 1)), Outcome::Rejected(stale));
    assert_eq!(book.apply(suspend(key(1, 2), 0, 1, 1)), Outcome::Rejected(Rejection::NoSuchRule));
    book.apply(suspend(key(1, 1), 2, 1, 1));
    assert_eq!(book, before, "a rule of another generation has the same version");
}

#[test]
fn suspensions_for_several_customers_add_up_to_a_limit() {
    let mut book = RuleBook::default();
    book.apply(put(&rule(1, 1, "$.a", "a"), None));
    for customer in 0..u128::try_from(SUSPENDED_MAX).unwrap() + 5 {
        book.apply(suspend(key(1, 1), 1, 1, customer));
    }
    assert_eq!(book.get(&key(1, 1)).unwrap().suspended.len(), SUSPENDED_MAX);
}

#[test]
fn to_take_no_history_any_more_counts_anew_if_the_edit_says_so() {
    let mut book = RuleBook::default();
    let mut generation = |mode, on_edit| {
        let mut rule = rule(1, 1, "$.a", "first");
        (rule.bootstrap.mode, rule.bootstrap.on_edit) = (mode, on_edit);
        book.apply(put(&rule, None));
        in_force(&book, key(1, 1)).1
    };
    assert_eq!(generation(BootstrapMode::State, OnEdit::Auto), 1);
    assert_eq!(generation(BootstrapMode::None, OnEdit::Auto), 1);
    assert_eq!(generation(BootstrapMode::Alerts, OnEdit::Reset), 1);
    assert_eq!(generation(BootstrapMode::None, OnEdit::Reset), 2, "filling it is stopped");
    assert_eq!(generation(BootstrapMode::None, OnEdit::Auto), 2);
    assert_eq!(
        generation(BootstrapMode::None, OnEdit::Reset),
        2,
        "no history was taken that could be dropped"
    );
}
