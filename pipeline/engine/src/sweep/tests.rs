use rules::{Command, Matcher, Outcome, RuleBook};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::alert::Alert;
use crate::apply::apply;
use crate::plan::{Input, plan};
use crate::stream::{Offset, Partition};
use crate::view::MemoryState;

/// Rules over state in memory. Whatever is not in `state` is lost after every step, so each step is a restart.
#[derive(Default)]
struct World {
    book: RuleBook,
    state: MemoryState,
    next: u64,
    steps: usize,
}

impl World {
    fn context<'a>(&self, rules: &'a RuleBook) -> Context<'a> {
        let (partition, now) = (Partition(0), Timestamp(0));
        Context { topic: "events", partition, now, rules, clamps: true, waits: true, idle: None, past: None }
    }

    /// A rule of customer 1, or a global one, and how it differs from a count by `$.k` with threshold 3.
    fn put(&mut self, customer: Value, change: Value) {
        let mut rule = json!({
            "customerId": customer, "alertId": Uuid::from_u128(7), "alertName": "many", "match": "$.a == 1",
            "groupBy": [{"name": "k", "jsonPath": "$.k"}], "threshold": 3,
            "alertPolicy": {"mode": "once"}, "eventTime": {"jsonPath": "$.at", "format": "unixMillis"},
        });
        let Value::Object(change) = change else { panic!("a change is an object") };
        rule.as_object_mut().unwrap().extend(change);
        let (rule, _) = rules::read_rule(rule.to_string().as_bytes(), None).unwrap();
        match self.book.apply(Command::Put { rule: Box::new(rule), expected: None }) {
            Outcome::Replaced { now, before } if now.generation != before.generation => {
                self.state.write([erase(&before)]);
            },
            Outcome::Replaced { now, .. } => self.state.write([judge_anew(&now)]),
            _ => {},
        }
    }

    fn delete(&mut self) {
        let key = self.book.iter().next().unwrap().rule.key;
        let Outcome::Deleted(before) = self.book.apply(Command::Delete { key, expected: None }) else {
            panic!("the rule is there")
        };
        self.state.write([erase(&before)]);
    }

    fn event(&mut self, customer: u128, payload: &Value) -> Vec<Alert> {
        let envelope = json!({"customerId": Uuid::from_u128(customer), "payload": payload.to_string()});
        self.next += 1;
        let value = Some(envelope.to_string().into_bytes().into());
        let input = Input { offset: Offset(self.next), timestamp: Timestamp(0), key: None, value };
        let plan = plan(&Matcher::compile(&self.book), Partition(0), 1, vec![input]);
        let effects = apply(plan, View::new(&self.state, []), &self.context(&self.book)).unwrap();
        self.state.write(effects.writes);
        effects.alerts
    }

    /// One step of the sweeps that are not done; nothing where there are none.
    fn step(&mut self, looks: usize) -> Option<Vec<Alert>> {
        let (from, to) = sweeps();
        crate::view::Source::first(&self.state, Table::Meta, &from, &to).unwrap()?;
        let swept = sweep(View::new(&self.state, []), &self.context(&self.book), looks).unwrap();
        self.state.write(swept.effects.writes);
        self.steps += 1;
        Some(swept.effects.alerts)
    }

    fn sweep(&mut self, looks: usize) -> Vec<Alert> {
        std::iter::from_fn(|| self.step(looks)).flatten().collect()
    }
}

fn mine() -> Value {
    json!(Uuid::from_u128(1))
}

fn values(alerts: &[Alert]) -> Vec<(String, String)> {
    let value = |alert: &Alert| format!("{:?}", alert.value.map(|value| value.to_number().as_i64().unwrap()));
    let mut all: Vec<_> = alerts.iter().map(|alert| (alert.group.text().to_owned(), value(alert))).collect();
    all.sort();
    all
}

#[test]
fn a_lowered_threshold_fires_once_for_every_group_however_the_sweep_is_cut_and_whatever_comes_between() {
    for looks in [1, 7, 1000] {
        let mut world = World::default();
        world.put(mine(), json!({}));
        for k in 0..50 {
            for at in 0..2 {
                assert!(world.event(1, &json!({"a": 1, "k": k, "at": at})).is_empty());
            }
        }
        world.put(mine(), json!({"threshold": 2}));
        // An event finds a group before the sweep does: what was there fires first, and the event does not fire again.
        let mut alerts = world.event(1, &json!({"a": 1, "k": 49, "at": 5}));
        assert_eq!(values(&alerts), [(r#"{"k":49}"#.to_owned(), "Some(2)".to_owned())]);
        alerts.extend(world.step(looks).unwrap());
        alerts.extend(world.event(1, &json!({"a": 1, "k": 0, "at": 6})));
        alerts.extend(world.sweep(looks));
        let told = values(&alerts);
        assert_eq!(told.len(), 50, "with {looks} looks");
        assert!(told.iter().all(|(_, value)| value == "Some(2)"), "{told:?}");
        assert!(told.windows(2).all(|pair| pair[0].0 != pair[1].0));
        assert!(world.steps >= 50 / looks);
        world.put(mine(), json!({"threshold": 1}));
        assert!(world.sweep(looks).is_empty(), "once is once");
    }
}

#[test]
fn every_mode_fires_once_on_save_where_the_threshold_did_not_hold() {
    for (mode, window) in
        [("every", "total"), ("cooldown", "total"), ("perWindow", "tumbling"), ("once", "sliding")]
    {
        let rule = |threshold: u32| {
            let mut policy = json!({"mode": mode});
            if mode == "cooldown" {
                policy["cooldown"] = json!("1h");
            }
            let window = if window == "total" {
                json!({"type": window})
            } else {
                json!({"type": window, "size": "1h"})
            };
            json!({"threshold": threshold, "alertPolicy": policy, "aggregate": {"function": "count"}, "window": window})
        };
        let mut world = World::default();
        world.put(mine(), rule(3));
        (0..2).for_each(|at| drop(world.event(1, &json!({"a": 1, "k": 1, "at": at}))));
        world.put(mine(), rule(2));
        assert_eq!(world.sweep(10).len(), 1, "{mode}");
        world.put(mine(), rule(1));
        assert_eq!(world.sweep(10).len(), 0, "{mode}: it held before");
    }
}

#[test]
fn a_raised_threshold_arms_a_rule_that_its_default_arms_and_resolves_by_limits_of_the_edit() {
    let sliding = json!({"aggregate": {"function": "count"}, "window": {"type": "sliding", "size": "1h"}});
    let with = |change: Value| {
        let mut rule = sliding.clone();
        rule.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        rule
    };
    let mut world = World::default();
    world.put(mine(), with(json!({"threshold": 1, "alertPolicy": null})));
    assert_eq!(world.event(1, &json!({"a": 1, "k": 1, "at": 0})).len(), 1);
    world.put(mine(), with(json!({"threshold": 3, "alertPolicy": null})));
    assert_eq!(world.sweep(10).len(), 0);
    assert_eq!(world.event(1, &json!({"a": 1, "k": 1, "at": 1})).len(), 0);
    assert_eq!(world.event(1, &json!({"a": 1, "k": 1, "at": 2})).len(), 1, "it crosses the new threshold");
    let resolving = json!({"threshold": {"gte": 5}, "alertPolicy": {"mode": "once", "resolve": {"lte": 4}}});
    world.put(mine(), with(resolving));
    let resolved = world.sweep(10);
    assert_eq!(resolved.iter().map(|alert| alert.state).collect::<Vec<_>>(), [rules::AlertState::Resolved]);
}

#[test]
fn a_paused_rule_says_nothing_and_is_judged_when_it_goes_on() {
    let mut world = World::default();
    world.put(mine(), json!({}));
    (0..2).for_each(|at| drop(world.event(1, &json!({"a": 1, "k": 1, "at": at}))));
    world.put(mine(), json!({"status": "paused", "threshold": 2}));
    assert!(world.sweep(10).is_empty());
    assert!(world.event(1, &json!({"a": 1, "k": 1, "at": 5})).is_empty(), "a paused rule does not collect");
    world.put(mine(), json!({"threshold": 2}));
    assert_eq!(values(&world.sweep(10)), [(r#"{"k":1}"#.to_owned(), "Some(2)".to_owned())]);
}

#[test]
fn a_deadline_that_passes_while_a_rule_is_paused_is_not_told() {
    let absence = |status: &str| {
        json!({"match": null, "threshold": null, "status": status, "alertPolicy": null, "pattern": {
            "type": "absence", "within": "10ms",
            "steps": [{"id": "start", "match": "$.a == 1"}, {"id": "end", "match": "$.a == 2"}]
        }})
    };
    let mut world = World::default();
    world.put(mine(), absence("active"));
    world.event(1, &json!({"a": 1, "k": 1, "at": 0}));
    world.put(mine(), absence("paused"));
    world.sweep(10);
    let clock = ClockId::of(world.book.iter().next().unwrap().rule.timing.event_time.as_ref());
    let customer = CustomerId::from_uuid(Uuid::from_u128(1));
    let to = [(customer, clock, Timestamp(1000))];
    let effects =
        crate::apply::advance(&to, View::new(&world.state, []), &world.context(&world.book)).unwrap();
    assert!(effects.alerts.is_empty());
    world.state.write(effects.writes);
    world.put(mine(), absence("active"));
    assert!(world.sweep(10).is_empty());
    assert!(world.event(1, &json!({"a": 3, "k": 1, "at": 2000})).is_empty());
}

#[test]
fn a_threshold_for_one_customer_concerns_its_groups_alone() {
    let mut world = World::default();
    let global = json!(CustomerId::GLOBAL);
    world.put(global.clone(), json!({}));
    for customer in 1..=5 {
        (0..2).for_each(|at| drop(world.event(customer, &json!({"a": 1, "k": 1, "at": at}))));
    }
    let third = Uuid::from_u128(3).to_string();
    world.put(global, json!({"scope": {"overrides": {(third): {"threshold": 2}}}}));
    let alerts = world.sweep(1);
    assert_eq!(alerts.iter().map(|alert| alert.customer_id.uuid().as_u128()).collect::<Vec<_>>(), [3]);
}

/// What is left but clocks and sweeps: nothing that any rule has collected.
fn left(state: &MemoryState) -> Vec<(Table, Key)> {
    let clock = |key: &Key| key.get(24..32) == Some(&[0; 8]);
    let mut found = Vec::new();
    for table in [Table::Meta, Table::State, Table::Timers] {
        let (mut from, to) = (Key::new(), Key::from_static(&[0xFF; 64]));
        while let Some((key, _)) = crate::view::Source::first(state, table, &from, &to).unwrap() {
            from = after(&key);
            if table != Table::State || !clock(&key) {
                found.push((table, key));
            }
        }
    }
    found
}

#[test]
fn what_a_rule_has_collected_is_erased_with_its_timers_when_it_is_deleted() {
    let rule = json!({
        "aggregate": {"function": "count"}, "window": {"type": "sliding", "size": "1h"}, "alertPolicy": {
            "mode": "once", "maxPerHour": 1, "resolve": {"after": "2h"}
        }, "threshold": 1, "eventId": {"jsonPath": "$.id"}
    });
    for owner in [mine(), json!(CustomerId::GLOBAL)] {
        for looks in [1, 2, 3, 1000] {
            let mut world = World::default();
            world.put(owner.clone(), rule.clone());
            for customer in 1..=3 {
                for k in 0..5 {
                    world.event(customer, &json!({"a": 1, "k": k, "at": k, "id": k}));
                }
            }
            assert!(left(&world.state).len() > 15);
            world.delete();
            assert!(world.sweep(looks).is_empty());
            assert_eq!(left(&world.state), [], "{owner} with {looks} looks");
        }
    }
}

#[test]
fn another_meaning_erases_what_the_one_before_has_collected_and_nothing_else() {
    let mut world = World::default();
    world.put(mine(), json!({}));
    (0..2).for_each(|at| drop(world.event(1, &json!({"a": 1, "k": 1, "at": at}))));
    world.put(mine(), json!({"match": "$.a == 2"}));
    world.event(1, &json!({"a": 2, "k": 1, "at": 3}));
    let before = left(&world.state).len();
    world.sweep(1);
    assert_eq!(left(&world.state).len(), before - 3, "a head, what its groups share, and the sweep");
    world.event(1, &json!({"a": 2, "k": 1, "at": 4}));
    assert_eq!(world.event(1, &json!({"a": 2, "k": 1, "at": 5})).len(), 1);
}

/// A change here is a change of the stored format and needs a new format version.
#[test]
fn the_stored_form_of_a_sweep_is_fixed() {
    let sweep = Sweep { task: Task::Erase, owner: [1; 16], alert: [2; 16], clock: 300, from: vec![7] };
    let expected = [&[2, 1][..], &[1; 16], &[2; 16], &[0xAC, 2, 1, 7]].concat();
    assert_eq!(stored::to_bytes(&sweep), expected);
    assert_eq!(sweep_key(Generation(258)), b"sweep/\0\0\0\0\0\0\x01\x02".as_slice());
}
