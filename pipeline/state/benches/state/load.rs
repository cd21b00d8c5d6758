//! Rules of every kind, and events of old and new groups.

use bytes::Bytes;
use engine::{Input, Offset, Timestamp};
use rules::{Command, RuleBook, read_rule};
use serde_json::{Value, json};

/// How many rules there are.
pub(crate) const RULES: usize = 1_000;
/// How many kinds of rules; an event meets one of each.
const KINDS: usize = 10;
/// How many groups a customer has.
const GROUPS_EACH: usize = 100;
/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000;

/// A thousand global rules: a hundred of each kind, each for events of its own topic.
pub(crate) fn book() -> RuleBook {
    let mut book = RuleBook::default();
    for number in 0..RULES {
        let rule = rule(number).to_string();
        let (rule, _) = read_rule(rule.as_bytes(), None).unwrap_or_else(|invalid| panic!("{invalid:?}"));
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
    }
    book
}

fn rule(number: usize) -> Value {
    let topic = number / KINDS;
    let of = |condition: &str| format!("$.topic == {topic} && {condition}");
    let steps = |within: &str, kind: &str| {
        json!({"type": kind, "within": within, "steps": [
            {"id": "a", "match": of("$.up == true")}, {"id": "b", "match": of("$.up == false")}
        ]})
    };
    let change =
        json!({"increment": {"match": of("$.up == true")}, "decrement": {"match": of("$.up == false")}});
    let mut rule = match number % KINDS {
        0 => json!({"threshold": 1_000}),
        1 => json!({"window": {"type": "sliding", "size": "1h"}, "threshold": 100}),
        2 => json!({"window": {"type": "tumbling", "size": "1h"}, "threshold": {"gt": 1_000_000},
                    "aggregate": {"function": "sum", "jsonPath": "$.amount"}}),
        3 => json!({"window": {"type": "session", "gap": "30m"}, "threshold": 100}),
        4 => json!({"threshold": 1_000, "aggregate": {"function": "distinct", "jsonPath": "$.host"}}),
        5 => {
            let mut set = change;
            set["entityPath"] = json!("$.host");
            json!({"aggregate": set, "threshold": 1_000})
        },
        6 => json!({"aggregate": change, "threshold": 1_000}),
        7 => {
            json!({"pattern": steps("10m", "sequence"), "alertPolicy": {"mode": "cooldown", "cooldown": "1d"}})
        },
        8 => json!({"pattern": steps("1d", "absence")}),
        _ => json!({"window": {"type": "sliding", "size": "1d"}, "threshold": {"lt": -1_000},
                    "aggregate": {"function": "min", "jsonPath": "$.amount"}}),
    };
    if rule.get("pattern").is_none() && rule["aggregate"].get("increment").is_none() {
        rule["match"] = json!(of("$.amount exists"));
    }
    rule["customerId"] = json!("deadbeef-dead-beef-dead-beefdeadbeef");
    rule["alertId"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
    rule["alertName"] = json!(format!("rule {number}"));
    rule["groupBy"] = json!([{"name": "user", "jsonPath": "$.user"}]);
    rule
}

/// Makes events.
pub(crate) struct Load {
    chance: u64,
    offset: u64,
    groups: usize,
}

impl Load {
    pub(crate) fn new() -> Self {
        Self { chance: 1, offset: 0, groups: 0 }
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Events of groups that are new.
    pub(crate) fn new_groups(&mut self, count: usize) -> Vec<Input> {
        let event = |_| {
            self.groups += 1;
            self.event(self.groups - 1)
        };
        (0..count).map(event).collect()
    }

    /// Events of any of so many groups.
    pub(crate) fn known(&mut self, count: usize, groups: usize) -> Vec<Input> {
        let event = |_| {
            let group = usize::try_from(self.next()).unwrap_or(0) % groups;
            self.event(group)
        };
        (0..count).map(event).collect()
    }

    fn event(&mut self, group: usize) -> Input {
        let offset = self.offset;
        self.offset += 1;
        let chance = self.next();
        let customer = format!("{:08x}-0000-4000-8000-000000000000", group / GROUPS_EACH);
        let payload = json!({
            "topic": group % (RULES / KINDS), "user": format!("user-{}", group % GROUPS_EACH), "up": chance.is_multiple_of(3),
            "amount": chance % 1_000, "host": format!("host-{}", chance % 7), "note": "a text that no rule looks at",
        });
        let value = json!({"customerId": customer, "payload": payload.to_string()}).to_string();
        // Ten thousand events a second.
        let timestamp = Timestamp(BEGIN + i64::try_from(offset / 10).unwrap_or(i64::MAX));
        Input { offset: Offset(offset), timestamp, key: None, value: Some(Bytes::from(value)) }
    }

    /// SplitMix64, whose state is a counter.
    fn next(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
