//! What holds of every rule and history: repeats, edits, other rules and the order of arrival change nothing that they should not.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads its seed and tells it")]

mod made;

use made::{Work, alike, first_seed, mix, record, rehearsed, without, work};
use oracle::generate::{Kind, case, case_of};
use oracle::{Event, History};
use rules::{EventId, Node, Object, Path, Rule, Severity, Span, Timestamp};

/// How many histories each property is tried on.
const HISTORIES: u64 = 1_500;

fn seeds() -> std::ops::Range<u64> {
    let first = first_seed();
    first..first + HISTORIES
}

/// The event with other members in its payload.
fn with_members(event: &Event, keep: impl Fn(&str) -> bool, more: &[(&str, Node)]) -> Event {
    let Node::Object(members) = &event.payload else { panic!("payloads are objects") };
    let kept =
        members.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (Box::from(name), value.clone()));
    let more = more.iter().map(|(name, value)| (Box::from(*name), value.clone()));
    Event { payload: Node::Object(kept.chain(more).collect::<Object>()), ..event.clone() }
}

/// An event as far as clocks see it.
fn blank(event: &Event) -> Event {
    with_members(event, |name| name == "at" || name == "ts", &[])
}

/// A place in a history.
fn moment(seed: u64, history: &History) -> usize {
    mix(seed) % (history.events.len() + 1)
}

#[test]
fn a_repeat_of_an_event_changes_nothing() {
    let mut compared = 0;
    for seed in seeds() {
        let mut case = case(seed);
        for rule in &mut case.rules {
            let path = Path::parse("$.id").expect("a path");
            rule.event_id = Some(EventId { path, retention: Span::from_hours(1_000) });
            // A group that is refused for now may be taken later, and with it the repeat.
            rule.grouping.max = 100_000;
        }
        let unique = |(event, number): (&Event, i64)| {
            with_members(event, |name| name != "id", &[("id", Node::Number(number.into()))])
        };
        let events: Vec<Event> = case.history.events.iter().zip(1_i64..).map(unique).collect();
        let mut repeated = Vec::new();
        for (index, event) in events.iter().enumerate() {
            repeated.push(event.clone());
            // One of those that came before, or this one.
            let again = &events[index - mix(seed * 131 + index as u64) % (index + 1)];
            repeated.push(Event { position: event.position + 1, ..again.clone() });
        }
        let expected = work(&case).records(&events);
        let found = work(&case).records(&repeated);
        // A repeat moves a clock nowhere, but a timer may wait for it.
        let shown = |records: &[Node]| -> Vec<Node> {
            records.iter().map(|record| without(record, &["ingestTime"])).collect()
        };
        alike(&shown(&found), &shown(&expected), &format!("seed {seed}"));
        compared += expected.len();
    }
    println!("{compared} records");
    assert!(compared > 1_000);
}

#[test]
fn an_edit_of_what_a_rule_is_called_changes_nothing_at_any_moment() {
    const CALLED: [&str; 3] = ["alertName", "severity", "labels"];
    let mut compared = 0;
    for seed in seeds() {
        let case = case(seed);
        let (before, after) = case.history.events.split_at(moment(seed, &case.history));
        let mut work_edited = work(&case);
        let mut found = work_edited.records(before);
        for (index, rule) in case.rules.iter().enumerate() {
            // One that was replaced by a later one is not edited back into force.
            if case.rules[index + 1..].iter().any(|later| later.key == rule.key) {
                continue;
            }
            let mut edited = rule.clone();
            edited.name += " again";
            edited.description = "in other words".to_owned();
            edited.severity = Severity::Critical;
            edited.labels.insert("edited".to_owned(), "yes".to_owned());
            work_edited.put(edited);
        }
        found.extend(work_edited.records(after));
        let expected = work(&case).records(&case.history.events);
        let shown = |records: &[Node]| -> Vec<Node> {
            records.iter().map(|record| without(record, &CALLED)).collect()
        };
        alike(&shown(&found), &shown(&expected), &format!("seed {seed}"));
        compared += expected.len();
    }
    println!("{compared} records");
    assert!(compared > 1_000);
}

/// Another meaning, or a rule that was deleted and came again, counts what comes after it and nothing else.
#[test]
fn an_edit_of_what_a_rule_means_begins_anew_at_any_moment() {
    let (mut compared, mut tried) = (0, 0);
    for seed in seeds() {
        let case = case(seed);
        let old = &case.rules[0];
        let is_deleted = seed.is_multiple_of(3);
        let new = if is_deleted {
            old.clone()
        } else {
            in_place_of(old, case_of(seed + 1_000_000, Kind::Any).rules.remove(0))
        };
        let (before, after) = case.history.events.split_at(moment(seed, &case.history));
        let blanked: Vec<Event> = before.iter().map(blank).collect();
        let sees_blanks = blanked.iter().any(|event| !new.met(&event.payload).is_empty());
        if sees_blanks || (!is_deleted && new.keeps_state_of(old)) {
            continue;
        }
        let mut edited = Work::new(std::slice::from_ref(old), engine::Partition(0), 1);
        edited.records(before);
        if is_deleted {
            edited.delete(old.key);
        }
        edited.put(new.clone());
        let found = edited.records(after);
        let mut fresh = Work::new(&[new], engine::Partition(0), 1);
        assert_eq!(fresh.records(&blanked).len(), 0, "seed {seed}: blank events met the rule");
        alike(&found, &fresh.records(after), &format!("seed {seed}"));
        (compared, tried) = (compared + found.len(), tried + 1);
    }
    println!("{tried} histories, {compared} records");
    assert!(compared > 300);
}

/// A rule under the same name and clock as another, for the same customers.
fn in_place_of(old: &Rule, new: Rule) -> Rule {
    Rule { key: old.key, scope: old.scope.clone(), status: old.status, timing: old.timing.clone(), ..new }
}

#[test]
fn rules_share_nothing() {
    let mut compared = 0;
    for seed in seeds() {
        let case = case(seed);
        let together = work(&case).events(&case.history.events, 5);
        for rule in &case.rules {
            // The last one of an id is the one in force.
            if case.rules.iter().filter(|other| other.key.alert == rule.key.alert).count() > 1 {
                continue;
            }
            let own = together.iter().filter(|alert| alert.alert_id == rule.key.alert).map(record);
            let mut alone = Work::new(std::slice::from_ref(rule), engine::Partition(0), 1);
            alike(&alone.records(&case.history.events), &own.collect::<Vec<_>>(), &format!("seed {seed}"));
        }
        compared += together.len();
    }
    println!("{compared} records");
    assert!(compared > 1_000);
}

/// Absence and values that are judged at close: the same records for every order of arrival inside the allowed lateness.
#[test]
fn the_order_of_arrival_inside_the_allowed_lateness_does_not_matter() {
    let mut compared = 0;
    for seed in seeds() {
        let case = case_of(seed, Kind::OrderFree);
        let rule = &case.rules[0];
        let lateness = usize::try_from(rule.timing.allowed_lateness.as_millis()).expect("it is short");
        let time = |event: &Event| match &rule.timing.event_time {
            Some(event_time) => {
                let first = event_time.path.select(&event.payload).into_iter().next();
                first
                    .and_then(|node| engine::read_time(node, event_time.format))
                    .expect("all times are readable")
            },
            None => event.timestamp,
        };
        let arranged = |round: u64| {
            let mut events = case.history.events.clone();
            let delay = |event: &Event| {
                if round == 0 { 0 } else { mix(seed * 1_009 + round * 97 + event.position) % (lateness + 1) }
            };
            let arrival =
                |event: &Event| Timestamp(time(event).0 + i64::try_from(delay(event)).expect("it is short"));
            events.sort_by_key(|event| (arrival(event), time(event)));
            for (position, event) in events.iter_mut().enumerate() {
                event.position = position as u64;
            }
            let records = rehearsed(&case.rules, &History { events, ..case.history.clone() });
            // Which record moved the clock, and where it stood in the log, is arrival by nature.
            let mut records: Vec<_> =
                records.iter().map(|record| without(record, &["ingestTime", "evidence"])).collect();
            records.sort_by_key(|record| record.member("customerId").map(ToString::to_string));
            records
        };
        let in_order = arranged(0);
        for round in 1..3 {
            alike(&arranged(round), &in_order, &format!("seed {seed} round {round}"));
        }
        compared += in_order.len();
    }
    println!("{compared} records");
    assert!(compared > 500);
}
