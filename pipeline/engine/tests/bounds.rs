//! What state may cost: looks at it are counted, not timed, and what would make it grow without end is refused and told.

#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong")]

use std::cell::Cell;

use bytes::Bytes;
use engine::{
    Context, Counts, DISTINCT_EXACT_MAX, Effects, Idle, Input, Key, MemoryState, Offset, Partition, Source,
    Table, Timestamp, Unavailable, View, apply, plan,
};
use rules::{AlertState, Command, Matcher, RuleBook, Snapshot, Span};
use serde_json::{Value, json};
use uuid::Uuid;

/// State that counts how often it is looked at.
#[derive(Default)]
struct Counting {
    state: MemoryState,
    looks: Cell<u64>,
}

impl Source for Counting {
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        self.looks.set(self.looks.get() + 1);
        self.state.get(table, key)
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable> {
        self.looks.set(self.looks.get() + 1);
        self.state.first(table, from, to)
    }
}

/// One rule, or several, over events of one customer, a batch each.
struct World {
    book: RuleBook,
    snapshot: Snapshot,
    source: Counting,
    groups_max: u64,
    next: u64,
    counts: Counts,
}

impl World {
    fn new(rules: &[Value]) -> Self {
        let mut book = RuleBook::default();
        for (number, rule) in (7..).zip(rules) {
            let mut document = json!({
                "customerId": Uuid::from_u128(1), "alertId": Uuid::from_u128(number), "alertName": "bounded",
                "eventTime": {"jsonPath": "$.at", "format": "unixMillis"}
            });
            document.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
            let (rule, _) = rules::read_rule(document.to_string().as_bytes(), None).unwrap();
            book.apply(Command::Put { rule: Box::new(rule), expected: None });
        }
        let snapshot = Matcher::compile(&book);
        let (source, counts) = Default::default();
        Self { book, snapshot, source, groups_max: u64::MAX, next: 0, counts }
    }

    fn event(&mut self, payload: &Value) -> Effects {
        let envelope = json!({"customerId": Uuid::from_u128(1), "payload": payload.to_string()});
        self.next += 1;
        let input = Input {
            offset: Offset(self.next),
            timestamp: Timestamp(1_700_000_000_000),
            key: None,
            value: Some(envelope.to_string().into()),
        };
        let plan = plan(&self.snapshot, Partition(0), 1, vec![input]);
        let context = Context {
            topic: "events",
            partition: Partition(0),
            now: Timestamp(1_700_000_000_000),
            rules: &self.book,
            clamps: false,
            waits: true,
            idle: Some(Idle { ingestion: Timestamp(0), after: Span::from_millis(60_000) }),
            past: None,
        };
        let view = View::new(&self.source, []).with_customer_groups_max(self.groups_max);
        let mut effects = apply(plan, view, &context).unwrap();
        self.source.state.write(std::mem::take(&mut effects.writes));
        self.counts.add(&effects.counts);
        effects
    }

    /// The most looks that one of these events costs.
    fn looks(&mut self, payloads: impl Iterator<Item = Value>) -> u64 {
        let cost = |payload: Value| {
            self.source.looks.set(0);
            self.event(&payload);
            self.source.looks.get()
        };
        payloads.map(cost).max().unwrap_or_default()
    }
}

fn step(id: &str, name: &str) -> Value {
    json!({"id": id, "match": format!("$.{name} exists")})
}

/// An event that comes in order costs the same whatever the window, the set or the pattern holds already.
#[test]
fn the_cost_of_an_event_does_not_grow_with_what_is_kept() {
    let (count, sum) = (json!({"function": "count"}), json!({"function": "sum", "jsonPath": "$.n"}));
    let aggregate = |aggregate: &Value, window: Value| json!({"match": "$.a exists", "aggregate": aggregate, "window": window, "threshold": 1_000_000});
    let pattern = |pattern: Value| json!({"pattern": pattern});
    let per_id = |id: &str, name: &str| json!({"id": id, "match": format!("$.{name} exists"), "entityPath": "$.e", "min": 9999});
    let rules = [
        aggregate(&count, json!({"type": "total"})),
        aggregate(&count, json!({"type": "tumbling", "size": "90d"})),
        aggregate(&count, json!({"type": "sliding", "size": "90d"})),
        aggregate(&sum, json!({"type": "sliding", "size": "90d"})),
        aggregate(&sum, json!({"type": "session", "gap": "1h"})),
        aggregate(
            &json!({"function": "distinct", "jsonPath": "$.e"}),
            json!({"type": "sliding", "size": "90d"}),
        ),
        aggregate(&json!({"function": "max", "jsonPath": "$.n"}), json!({"type": "sliding", "size": "90d"})),
        pattern(
            json!({"type": "sequence", "within": "1h", "steps": [step("one", "b"), step("two", "a"), step("three", "c")]}),
        ),
        pattern(json!({"type": "all", "within": "1h", "steps": [step("one", "a"), step("two", "never")]})),
        pattern(json!({"type": "all", "within": "1h", "steps": [per_id("one", "a"), per_id("two", "b")]})),
        pattern(
            json!({"type": "atLeast", "n": 2, "within": "1h", "steps": [step("one", "a"), step("two", "never"), step("three", "d")]}),
        ),
        pattern(
            json!({"type": "absence", "within": "1h", "steps": [step("start", "a"), step("end", "never")]}),
        ),
    ];
    for rule in rules {
        let mut world = World::new(std::slice::from_ref(&rule));
        // The middle step comes again and again, the last one now and then, the first one never.
        let payload = |at: i64| {
            let mut payload = json!({"a": 1, "at": at * 10, "n": at % 7, "e": format!("e{at}")});
            if at % 5 == 0 {
                payload["c"] = json!(1);
            }
            payload
        };
        let few = world.looks((1..100).map(payload));
        let many = world.looks((100..3000).map(payload));
        assert!(many <= few.max(16), "{many} looks with many events kept, {few} with few: {rule}");
    }
}

#[test]
fn different_values_are_counted_exactly_up_to_a_limit_and_estimated_beyond_in_every_window_but_a_sliding_one()
{
    let windows = [
        json!({"type": "total"}),
        json!({"type": "tumbling", "size": "90d"}),
        json!({"type": "session", "gap": "1h"}),
    ];
    for window in windows {
        let mut world = World::new(&[json!({
            "match": "$.e exists", "aggregate": {"function": "distinct", "jsonPath": "$.e[*]"}, "window": window,
            "threshold": {"gte": 1000}, "alertPolicy": {"mode": "every"}
        })]);
        let (mut values, mut size) = (Vec::new(), 0);
        for batch in 0..30_i64 {
            let new: Vec<i64> = (batch * 1000..batch * 1000 + 1000).collect();
            let effects = world.event(&json!({"at": batch, "e": new}));
            let alert: Value = serde_json::from_slice(&effects.alerts[0].to_json()).unwrap();
            values.push((alert["value"].as_f64().unwrap(), alert.get("valueIsEstimate").cloned()));
            size = size.max(world.source.state.len());
        }
        let exact = usize::try_from(DISTINCT_EXACT_MAX / 1000).unwrap();
        for (number, (value, is_estimate)) in (1..).zip(&values[..exact]) {
            assert_eq!((*value, is_estimate), (f64::from(number) * 1000.0, &None));
        }
        for (number, (value, is_estimate)) in (1..).zip(&values).skip(exact) {
            assert!(
                (value / (f64::from(number) * 1000.0) - 1.0).abs() < 0.065,
                "{value} instead of {number}000"
            );
            assert_eq!(is_estimate, &Some(json!(true)));
        }
        assert!(values.is_sorted_by(|before, after| before.0 <= after.0), "values do not leave");
        assert!(world.source.state.len() < 10, "what is estimated is not kept one by one");
        // The same values again change nothing.
        let again: Vec<i64> = (0..1000).collect();
        let effects = world.event(&json!({"at": 40, "e": again}));
        let alert: Value = serde_json::from_slice(&effects.alerts[0].to_json()).unwrap();
        assert_eq!(alert["value"].as_f64().unwrap(), values[29].0);
    }
}

#[test]
fn sessions_of_many_values_that_a_late_event_joins_are_one_estimate() {
    let mut world = World::new(&[json!({
        "match": "$.e exists", "aggregate": {"function": "distinct", "jsonPath": "$.e[*]"},
        "window": {"type": "session", "gap": "10s"}, "allowedLateness": "1h", "threshold": {"gte": 1},
        "alertPolicy": {"mode": "every"}
    })]);
    for (at, from) in [(0, 0), (15_000, 5000)] {
        for part in 0..12 {
            let values: Vec<i64> = (from + part * 1000..from + part * 1000 + 1000).collect();
            world.event(&json!({"at": at + part, "e": values}));
        }
    }
    let effects = world.event(&json!({"at": 9_000, "e": [0]}));
    let alert: Value = serde_json::from_slice(&effects.alerts[0].to_json()).unwrap();
    let value = alert["value"].as_f64().unwrap();
    assert!((value / 17_000.0 - 1.0).abs() < 0.065, "{value}");
    assert_eq!(alert["valueIsEstimate"], json!(true));
    assert!(world.source.state.len() < 10, "{}", world.source.state.len());
}

#[test]
fn a_customer_has_room_for_so_many_groups_over_all_its_rules_and_is_told() {
    let rule = json!({"match": "$.a exists", "groupBy": [{"name": "k", "jsonPath": "$.k"}], "threshold": 1});
    let mut world = World::new(&[rule.clone(), rule]);
    world.groups_max = 30;
    let told: usize =
        (0..100_000).map(|k| world.event(&json!({"a": 1, "at": k / 100, "k": k})).alerts.len()).sum();
    assert_eq!(told, 30);
    assert_eq!((world.counts.groups_refused, world.counts.customer_groups_refused), (199_970, 199_970));
    assert!(world.source.state.len() < 100, "{}", world.source.state.len());
    let effects = world.event(&json!({"a": 1, "at": 3_600_000, "k": 0}));
    let summaries: Vec<_> = effects.alerts.iter().map(|alert| (alert.state, alert.value)).collect();
    assert_eq!(
        summaries,
        [(AlertState::Suppressed, Some(99_985_u64.into())); 2],
        "an hour's summary for each rule"
    );
}

#[test]
fn ten_million_groups_are_no_more_than_a_rule_has_room_for() {
    let mut world = World::new(&[json!({
        "match": "$.a exists", "groupBy": [{"name": "k", "jsonPath": "$.k[*]"}], "maxGroups": 50, "threshold": 1
    })]);
    // A thousand groups an event are looked at, however many there are.
    for event in 0..100 {
        let keys: Vec<i64> = (event * 1500..event * 1500 + 1500).collect();
        world.event(&json!({"a": 1, "at": 0, "k": keys}));
    }
    assert_eq!((world.counts.groups_cut, world.counts.groups_refused), (100, 100_000 - 50));
    assert!(world.source.state.len() < 60, "{}", world.source.state.len());
}

#[test]
fn keys_too_long_times_out_of_range_and_amounts_out_of_range_leave_nothing_behind() {
    let mut world = World::new(&[json!({
        "groupBy": [{"name": "k", "jsonPath": "$.k"}],
        "aggregate": {
            "function": "sum", "floor": 0, "increment": {"match": "$.a == 1", "by": "$.by"},
            "decrement": {"match": "$.a == 2", "by": "$.by"}
        },
        "threshold": {"gte": 1}, "alertPolicy": {"mode": "every"}
    })]);
    let long = "x".repeat(1 << 20);
    assert!(world.event(&json!({"a": 1, "by": 1, "at": 5, "k": long})).alerts.is_empty());
    assert!(world.event(&json!({"a": 1, "by": -2, "at": 5, "k": 1})).alerts.is_empty());
    let kept = world.source.state.len();
    for by in [json!(-1), json!("1"), json!("NaN"), json!(null), json!([1, 2])] {
        assert!(world.event(&json!({"a": 1, "by": by, "at": 5, "k": 1})).alerts.is_empty());
    }
    assert!(world.event(&json!({"a": 1, "by": 1e300, "at": 5, "k": 1})).alerts.is_empty());
    assert_eq!(world.source.state.len(), kept);
    assert_eq!(world.event(&json!({"a": 1, "by": 3, "at": 5, "k": 1})).alerts.len(), 1);
    // Below the floor it stays at the floor.
    assert!(world.event(&json!({"a": 2, "by": 1_000_000, "at": 6, "k": 1})).alerts.is_empty());
    let effects = world.event(&json!({"a": 1, "by": 1, "at": 7, "k": 1}));
    assert_eq!(effects.alerts[0].value, Some(1_u64.into()));
    for at in [json!("9999-12-31"), json!(1e30), json!("soon"), json!(-62_135_596_800_001_i64), json!(null)] {
        world.event(&json!({"a": 1, "by": 1, "at": at, "k": 1}));
    }
    assert_eq!(world.counts.unreadable_times, 5);
}

#[test]
fn ids_are_forgotten_when_their_time_is_over_whether_or_not_they_come_again() {
    let mut world = World::new(&[json!({
        "match": "$.a exists", "eventId": {"jsonPath": "$.id", "retention": "1s"}, "threshold": 1_000_000
    })]);
    for id in 0..5000 {
        world.event(&json!({"a": 1, "at": id, "id": id}));
        assert!(world.source.state.len() < 2100, "at {id}: {}", world.source.state.len());
    }
    world.event(&json!({"a": 1, "at": 4999, "id": 4999}));
    assert_eq!(world.counts.repeated, 1);
    // A clock that jumps forgets so many at a moment, and the rest at the next.
    world.event(&json!({"at": 100_000}));
    world.event(&json!({"at": 100_001}));
    assert!(world.source.state.len() < 10, "{}", world.source.state.len());
}

/// What people see of the groups of a rule: those with the greatest values first, page by page, and what each lacks.
#[test]
fn groups_are_shown_by_value_in_pages_with_what_they_lack() {
    for window in [
        json!({"type": "total"}),
        json!({"type": "tumbling", "size": "1h"}),
        json!({"type": "sliding", "size": "1h"}),
    ] {
        let mut world = World::new(&[json!({
            "match": "$.a exists", "groupBy": [{"name": "k", "jsonPath": "$.k"}], "threshold": 5, "window": window,
            "aggregate": {"function": "count"}, "alertPolicy": {"mode": "once"}
        })]);
        for k in 0..10 {
            (0..k).for_each(|_| drop(world.event(&json!({"a": 1, "at": 7_200_000 + k, "k": k}))));
        }
        let active = std::sync::Arc::clone(world.book.iter().next().unwrap());
        let page = |customer: u128, behind: Option<&engine::GroupCursor>, limit: usize| {
            let customer = rules::CustomerId::from_uuid(Uuid::from_u128(customer));
            engine::group_page(&world.source, &active, customer, behind, limit).unwrap()
        };
        let (mut shown, mut behind, mut pages) = (Vec::new(), None, 0);
        loop {
            let found = page(1, behind.as_ref(), 4);
            assert_eq!((found.groups_seen, found.is_partial), (9, false));
            shown.extend(found.groups);
            pages += 1;
            behind = found.next.map(|next| engine::GroupCursor::from_text(&next.to_text()).unwrap());
            if behind.is_none() {
                break;
            }
        }
        assert_eq!(pages, 3);
        let values: Vec<_> = shown.iter().map(|view| view.value.unwrap()).collect();
        assert_eq!(values, (1..10_u64).rev().map(Into::into).collect::<Vec<_>>());
        assert_eq!(shown.iter().filter(|view| view.firing).count(), 5);
        assert!(shown[0].missing.is_empty());
        assert_eq!(shown[8].missing, ["a value gte 5; it is 1"]);
        assert_eq!(page(2, None, 4).groups.len(), 0, "another customer has none");
        let json = serde_json::to_value(page(1, None, 1)).unwrap();
        assert_eq!(json["groups"][0]["group"], json!({"k": 9}));
        assert_eq!(
            (&json["ruleVersion"], &json["groupsSeen"], &json["isPartial"]),
            (&json!(1), &json!(9), &json!(false))
        );
        assert!(json["next"].as_str().unwrap().starts_with("g1."));
    }
}
