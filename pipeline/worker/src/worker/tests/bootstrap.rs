//! Rules that are filled from the past while the stream goes on: they say what they would have said had they been there from
//! the beginning, whatever fails meanwhile.

use super::*;

/// Rules of every kind, with event times in the payload.
fn rule(index: usize) -> Value {
    let customer = if index == 1 || index == 4 { CustomerId::GLOBAL } else { customer(1) };
    let alert = Uuid::from_u128(index as u128 + 1);
    let mut rule = json!({
        "customerId": customer, "alertId": alert, "alertName": "made", "bootstrap": {"mode": "alerts"},
        "eventTime": {"jsonPath": "$.at", "format": "unixMillis"},
    });
    let meaning = match index {
        0 => json!({"match": "$.a == 0", "threshold": 3}),
        1 => {
            json!({"match": "$.a == 1", "threshold": 2, "window": {"type": "sliding", "size": "20s"}, "groupBy": [{"name": "k", "jsonPath": "$.k"}]})
        },
        2 => json!({"match": "$.a == 0", "threshold": 2, "window": {"type": "tumbling", "size": "10s"}}),
        3 => {
            json!({"pattern": {"type": "absence", "within": "15s", "steps": [{"id": "s", "match": "$.a == 1"}, {"id": "e", "match": "$.a == 2"}]}})
        },
        4 => json!({
            "match": "$.a == 2", "aggregate": {"function": "distinct", "jsonPath": "$.k"}, "threshold": {"eq": 2},
            "window": {"type": "session", "gap": "10s"}
        }),
        _ => {
            json!({"match": "$.a == 1", "threshold": 2, "alertPolicy": {"mode": "once", "resolve": {"after": "12s"}}})
        },
    };
    let (Value::Object(rule), Value::Object(meaning)) = (&mut rule, meaning) else {
        panic!("they are objects")
    };
    rule.extend(meaning);
    Value::Object(rule.clone())
}

const RULES: usize = 6;

#[derive(Debug, Clone)]
enum Happening {
    Event { customer: u128, a: u8, k: u8, passes: i64 },
    Rule(usize),
    Turns(usize),
    Crash,
    LostDisk(u32),
    RefusedCommits(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (1u128..4, 0u8..3, 0u8..2, 0i64..6000).prop_map(|(customer, a, k, passes)| {
            Happening::Event { customer, a, k, passes }
        }),
        2 => (0..RULES).prop_map(Happening::Rule),
        3 => (1usize..30).prop_map(Happening::Turns),
        2 => Just(Happening::Crash),
        1 => (0..PARTITIONS).prop_map(Happening::LostDisk),
        1 => (1u32..3).prop_map(Happening::RefusedCommits),
    ]
}

impl World {
    fn put(&self, rule: &Value) {
        let key = format!("{}/{}", rule["customerId"].as_str().unwrap(), rule["alertId"].as_str().unwrap());
        self.append("app.controls", Some(&key), Some(rule.to_string()), Vec::new());
    }

    /// What was told: state, value and time of every alert, in order for each customer and rule.
    fn told(&self) -> Vec<String> {
        let read = |record: Record| {
            let alert: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
            ["customerId", "alertId", "alertInstanceId", "state", "value", "eventTime", "window"]
                .map(|field| alert[field].to_string())
                .join(" ")
        };
        let mut told: Vec<_> = self.log.records("app.alerts").into_iter().map(read).collect();
        told.sort();
        told
    }

    fn origins(&self) -> Vec<String> {
        let read = |record: Record| {
            let alert: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
            alert["origin"].as_str().unwrap().to_owned()
        };
        self.log.records("app.alerts").into_iter().map(read).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rules_say_what_they_would_have_said_from_the_beginning(
        happenings in proptest::collection::vec(happening(), 1..80)
    ) {
        let (mut world, mut reference) = (World::new(), World::new());
        let mut at = 1_700_000_000_000_i64;
        let mut put = std::collections::BTreeSet::new();
        for happening in &happenings {
            if let Happening::Rule(index) = happening {
                put.insert(*index);
            }
        }
        put.iter().for_each(|index| reference.put(&rule(*index)));
        reference.settle();
        for happening in happenings {
            match happening {
                Happening::Event { customer: id, a, k, passes } => {
                    at += passes;
                    for world in [&world, &reference] {
                        world.event(customer(id), &json!({"at": at, "a": a, "k": k}));
                    }
                },
                Happening::Rule(index) => world.put(&rule(index)),
                Happening::Turns(count) => (0..count).for_each(|_| world.turn().unwrap()),
                Happening::Crash => world.crash(),
                Happening::LostDisk(partition) => {
                    world.crash();
                    world.stores.remove(Partition(partition)).unwrap();
                },
                Happening::RefusedCommits(count) => world.log.refuse_commits(count),
            }
        }
        world.settle();
        reference.settle();
        prop_assert_eq!(world.told(), reference.told());
        prop_assert_eq!(world.counts(), reference.counts());
        prop_assert!(world.status.reasons().is_empty());
    }
}

#[test]
fn alerts_that_are_open_when_a_rule_comes_are_told_once_and_marked() {
    let mut world = World::new();
    (0..3).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    world.rule(customer(1), 7, "$.a", 2);
    world.settle();
    assert_eq!((world.alerts(), world.origins()), (vec![(1, 7, 2)], vec!["bootstrap".to_owned()]));
    world.crash();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!((world.alerts().len(), world.counts()), (1, vec![4]));
}

#[test]
fn history_is_taken_from_where_a_rule_says() {
    let mut world = World::new();
    for at in [1000, 2000, 3000] {
        world.log.set_now(Timestamp(at));
        world.event(customer(1), &json!({"a": 1}));
    }
    world.settle();
    for (index, from) in ["1970-01-01T00:00:02Z", "1970-01-01T00:00:03Z", "beginning"].into_iter().enumerate()
    {
        let id = Uuid::from_u128(index as u128);
        world.put(&json!({
            "customerId": customer(1), "alertId": id, "alertName": from, "match": "$.a", "threshold": 9,
            "bootstrap": {"mode": "state", "from": from}
        }));
    }
    world.settle();
    assert_eq!(world.counts(), [1, 2, 3]);
}

#[test]
fn a_rule_that_goes_while_it_is_filled_leaves_nothing() {
    let mut world = World::new();
    (0..40).for_each(|index| world.event(customer(1), &json!({"a": 1, "k": index})));
    world.settle();
    world.put(&json!({
        "customerId": customer(1), "alertId": Uuid::from_u128(7), "alertName": "grouped", "match": "$.a",
        "groupBy": [{"name": "k", "jsonPath": "$.k"}], "bootstrap": {"mode": "alerts"}
    }));
    for _ in 0..6 {
        world.turn().unwrap();
    }
    assert!(
        world.status.read().bootstraps.values().any(|newcomers| !newcomers.is_empty()),
        "it is under way"
    );
    world.delete(customer(1), 7);
    world.settle();
    assert_eq!(world.counts(), [] as [u64; 0]);
    let told = world.told().len();
    world.event(customer(1), &json!({"a": 1, "k": 1}));
    world.settle();
    assert_eq!(world.told().len(), told);
}

/// A rule that counts to a threshold, filled from the past.
fn counting(threshold: u64, bootstrap: &Value) -> Value {
    json!({
        "customerId": customer(1), "alertId": Uuid::from_u128(7), "alertName": "counting", "match": "$.a",
        "threshold": threshold, "bootstrap": bootstrap
    })
}

#[test]
fn a_threshold_that_is_lowered_while_a_rule_is_filled_is_judged_when_it_joins() {
    let mut filling = 0;
    for turns in 0..40 {
        let mut world = World::new();
        (0..3).for_each(|_| world.event(customer(1), &json!({"a": 1})));
        world.settle();
        world.put(&counting(5, &json!({"mode": "state"})));
        (0..turns).for_each(|_| world.turn().unwrap());
        filling += usize::from(!world.is_settled());
        world.put(&counting(2, &json!({"mode": "state"})));
        world.settle();
        world.sweep();
        world.settle();
        let told = world.alerts();
        assert!(told.len() == 1 && (told[0].0, told[0].1) == (1, 7), "after {turns} turns: {told:?}");
        assert_eq!(world.counts(), [3], "after {turns} turns");
    }
    assert!(filling > 3, "the edit never came while it was filled");
}

#[test]
fn filling_that_is_stopped_leaves_nothing_and_the_rule_counts_from_there() {
    for turns in 0..40 {
        let mut world = World::new();
        (0..3).for_each(|_| world.event(customer(1), &json!({"a": 1})));
        world.settle();
        world.put(&counting(2, &json!({"mode": "alerts"})));
        (0..turns).for_each(|_| world.turn().unwrap());
        world.put(&counting(2, &json!({"onEdit": "reset"})));
        (0..turns % 5).for_each(|_| world.turn().unwrap());
        world.crash();
        world.settle();
        world.sweep();
        let before = world.told().len();
        world.event(customer(1), &json!({"a": 1}));
        world.settle();
        assert_eq!(world.counts(), [1], "after {turns} turns");
        world.event(customer(1), &json!({"a": 1}));
        world.settle();
        assert_eq!((world.counts(), world.told().len()), (vec![2], before + 1), "after {turns} turns");
    }
}
