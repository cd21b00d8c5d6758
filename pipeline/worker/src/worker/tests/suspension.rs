//! A rule that looks at more of an event than it may is switched off for the event's customer: once, durably, for this
//! customer alone, and until it is written again.

use rules::{Command, CommandRecord, RuleBook, RuleKey};

use super::*;

/// Looks at every node.
const GREEDY: &str = "$..a";

/// More nodes than a rule may look at.
fn huge() -> Value {
    json!({"b": vec![0; 120_000]})
}

fn key(owner: CustomerId, alert: u128) -> RuleKey {
    RuleKey { customer: owner, alert: rules::AlertId::from_uuid(Uuid::from_u128(alert)) }
}

impl World {
    /// The book that everybody makes of the control topic, and how many suspensions were asked for.
    fn book(&self) -> (RuleBook, usize) {
        let (mut book, mut asked) = (RuleBook::default(), 0);
        for record in self.log.records("app.controls") {
            asked += usize::from(record.key.as_ref().is_some_and(|key| key.starts_with(b"!")));
            let command = Command::read(&CommandRecord {
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                expected_version: None,
            });
            book.apply(command.unwrap());
        }
        (book, asked)
    }

    fn suspended_for(&self, key: RuleKey) -> Vec<CustomerId> {
        self.book().0.get(&key).unwrap().suspended.keys().copied().collect()
    }
}

#[test]
fn a_rule_is_suspended_once_and_survives_a_crash_until_it_is_written_again() {
    let mut world = World::new();
    world.rule(customer(1), 7, GREEDY, 1);
    world.rule(customer(1), 8, "$.b", 1);
    world.settle();
    (0..3).for_each(|_| world.event(customer(1), &huge()));
    world.settle();
    let (book, asked) = world.book();
    let active = book.get(&key(customer(1), 7)).unwrap();
    let suspension = active.suspended[&customer(1)];
    assert_eq!((asked, active.version.0, suspension.offset), (1, 1, 0), "the first event shows it");
    assert_eq!(active.to_json()["suspended"][0]["reason"], "stepBudget");
    world.crash();
    world.stores.remove(Partition(0)).unwrap();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!(world.alerts(), [(1, 8, 1)], "the other rule goes on");
    world.rule(customer(1), 7, GREEDY, 1);
    world.settle();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!((world.alerts(), world.book().1), (vec![(1, 7, 1), (1, 8, 1)], 1));
    assert_eq!(world.suspended_for(key(customer(1), 7)), []);
}

#[test]
fn a_global_rule_is_suspended_for_those_alone_whose_events_show_it() {
    let mut world = World::new();
    world.rule(CustomerId::GLOBAL, 7, GREEDY, 1);
    world.settle();
    // Of three partitions, and in one epoch.
    for id in [1, 2, 3, 4, 1, 2] {
        world.event(customer(id), &huge());
    }
    world.settle();
    let global = key(CustomerId::GLOBAL, 7);
    assert_eq!((world.suspended_for(global).len(), world.book().1), (4, 4));
    for id in [1, 4, 5] {
        world.event(customer(id), &json!({"a": 1}));
    }
    world.settle();
    assert_eq!(world.alerts(), [(5, 7, 1)]);
}

#[test]
fn a_rule_that_was_written_meanwhile_is_not_suspended() {
    let mut world = World::new();
    world.rule(customer(1), 7, GREEDY, 1);
    world.settle();
    world.log.refuse_commits(1);
    world.event(customer(1), &huge());
    // The event is evaluated in the first of these turns, and the new rule lies before the suspension in the topic.
    world.turn().unwrap();
    world.rule(customer(1), 7, "$.a", 1);
    world.settle();
    let (book, asked) = world.book();
    assert_eq!((asked, book.get(&key(customer(1), 7)).unwrap().version.0), (1, 2));
    assert_eq!(world.suspended_for(key(customer(1), 7)), []);
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!(world.alerts(), [(1, 7, 1)]);
}

#[test]
fn a_suspension_is_in_the_same_commit_as_the_event_that_shows_it() {
    let mut world = World::new();
    world.rule(customer(1), 7, GREEDY, 1);
    world.settle();
    world.event(customer(1), &huge());
    world.log.refuse_commits(2);
    world.turn().unwrap();
    world.crash();
    assert_eq!(world.book().1, 0, "nothing was committed");
    world.settle();
    assert_eq!((world.book().1, world.suspended_for(key(customer(1), 7))), (1, vec![customer(1)]));
}
