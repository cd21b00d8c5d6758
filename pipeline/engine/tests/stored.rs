//! The stored forms: the bytes of a state in which everything that is kept occurs, and what damaged bytes do.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a test reads and writes the file of its bytes"
)]

mod made;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use engine::{
    Context, Failure, Idle, Input, Key, MemoryState, Offset, Partition, Table, Timestamp, View, Write, apply,
    plan,
};
use rules::{Matcher, Rule, RuleBook, Span, read_rule};
use serde_json::{Value, json};

const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";

type Contents = BTreeMap<(Table, Key), Bytes>;

/// Rules that between them keep everything that is ever kept.
fn rules() -> Vec<Rule> {
    let step = |id: &str, kind: &str| json!({"id": id, "match": format!("$.kind == '{kind}'")});
    let rules = [
        json!({"match": "$.n", "window": {"type": "sliding", "size": "1h"}, "threshold": 2,
               "groupBy": [{"name": "g", "jsonPath": "$.g"}], "maxGroups": 2, "eventId": {"jsonPath": "$.id"},
               "alertPolicy": {"mode": "once", "resolve": {"lt": 1, "after": "2h"}, "for": "1s", "rearm": {"lt": 1}},
               "entities": [{"type": "user", "idPath": "$.g", "displayPath": "$.id"}], "evidence": {"mode": "full"}}),
        json!({"match": "$.n", "window": {"type": "tumbling", "size": "1h"}, "threshold": {"lt": 3},
               "aggregate": {"function": "avg", "jsonPath": "$.n"}, "allowedLateness": "5m"}),
        json!({"match": "$.n", "window": {"type": "session", "gap": "10m"}, "threshold": 2,
               "alertPolicy": {"mode": "every", "maxPerHour": 1}}),
        json!({"match": "$.n", "window": {"type": "sliding", "size": "1h"}, "threshold": {"gt": 1.5},
               "aggregate": {"function": "max", "jsonPath": "$.n"}}),
        json!({"match": "$.n", "aggregate": {"function": "distinct", "jsonPath": "$.id"}, "threshold": 9}),
        json!({"aggregate": {"increment": {"match": "$.kind == 'a'"}, "decrement": {"match": "$.kind == 'b'"},
               "entityPath": "$.g"}, "threshold": 1, "alertPolicy": {"mode": "once", "resolve": {"lt": 1}}}),
        json!({"pattern": {"type": "sequence", "within": "1h", "steps": [step("a", "a"), step("b", "c")]}}),
        json!({"pattern": {"type": "absence", "within": "1h", "steps": [step("a", "a"), step("b", "c")]},
               "eventTime": {"jsonPath": "$.at", "format": "unixMillis"}}),
        json!({"pattern": {"type": "all", "within": "1h", "steps": [
               {"id": "a", "match": "$.kind == 'a'", "expectedCountPath": "$.n"},
               {"id": "b", "match": "$.kind == 'b'", "entityPath": "$.g"}]},
               "alertPolicy": {"mode": "cooldown", "cooldown": "1h", "resolve": {"after": "2h"}}}),
    ];
    let rule = |(mut rule, number): (Value, u32)| {
        rule["customerId"] = json!(CUSTOMER);
        rule["alertId"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
        rule["alertName"] = json!(format!("rule {number}"));
        read_rule(rule.to_string().as_bytes(), None)
            .unwrap_or_else(|invalid| panic!("{number}: {invalid:?}"))
            .0
    };
    rules.into_iter().zip(1..).map(rule).collect()
}

fn inputs() -> Vec<Input> {
    let events = [
        (0, json!({"n": 1, "g": "x", "id": "i1", "kind": "a", "at": 500})),
        (60, json!({"n": 2.5, "g": "y", "id": 7, "kind": "b", "at": 60_500})),
        (61, json!({"n": 2, "g": "x", "id": "i3", "kind": "a", "at": 61_500})),
        (62, json!({"n": 1, "g": "z", "id": "i4"})),
        (30, json!({"n": 1, "g": "x", "id": "i5", "kind": "b"})),
    ];
    let input = |((second, payload), offset): ((i64, Value), u64)| Input {
        offset: Offset(offset),
        timestamp: Timestamp(1_767_225_600_000 + second * 1_000),
        key: None,
        value: Some(json!({"customerId": CUSTOMER, "payload": payload}).to_string().into()),
    };
    events.into_iter().zip(0..).map(input).collect()
}

fn evaluate(book: &RuleBook, state: &MemoryState, inputs: &[Input]) -> Result<engine::Effects, Failure> {
    let plan = plan(&Matcher::compile(book), Partition(0), 1, inputs.to_vec());
    let now = inputs.last().map_or(Timestamp(0), |input| input.timestamp);
    let idle = Some(Idle { ingestion: now, after: Span::from_millis(60_000) });
    let context = Context {
        topic: "events",
        partition: Partition(0),
        now,
        rules: book,
        clamps: true,
        waits: true,
        idle,
        past: None,
    };
    apply(plan, View::new(state, []), &context)
}

/// The state after all events, one a batch.
fn contents(book: &RuleBook) -> Contents {
    let (mut contents, mut state) = (Contents::new(), MemoryState::default());
    for input in inputs() {
        let effects = evaluate(book, &state, &[input]).expect("memory can be read");
        for write in effects.writes.clone() {
            match write {
                Write::Put { table, key, value } => drop(contents.insert((table, key), value)),
                Write::Delete { table, key } => drop(contents.remove(&(table, key))),
                Write::DeleteRange { .. } => panic!("events erase no ranges"),
            }
        }
        state.write(effects.writes);
    }
    contents
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text grows");
        text
    })
}

/// What differs from the file would be misread in the state of running systems: a change of a stored form needs another version
/// byte, and its readers. `TOCSIN_TEST_WRITE=1` writes the file anew.
#[test]
fn the_stored_form_is_fixed() {
    let contents = contents(&made::book(&rules()));
    let line = |((table, key), value): (&(Table, Key), &Bytes)| {
        format!("{} {} {}\n", table.name(), hex(key), hex(value))
    };
    let found: String = contents.iter().map(line).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored.txt");
    if std::env::var_os("TOCSIN_TEST_WRITE").is_some() {
        std::fs::write(&file, &found).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(&file).expect("the file is there");
    for (index, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert!(found == expected, "line {} of tests/stored.txt:\n{found}\n{expected}", index + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// A value that is cut or changed is told as damage, or read as another value; it stops no more than its partition.
#[test]
fn damaged_state_is_told_and_never_a_panic() {
    let book = made::book(&rules());
    let contents = contents(&book);
    let (mut told, mut tried) = (0, 0);
    for (at, value) in contents.iter().filter(|(_, value)| !value.is_empty()) {
        let cuts = (0..value.len()).map(|length| value.slice(..length));
        let flips = (0..value.len()).map(|index| {
            let mut bytes = value.to_vec();
            bytes[index] ^= 0x80;
            Bytes::from(bytes)
        });
        for damaged in cuts.chain(flips) {
            let mut state = MemoryState::default();
            let put = |((table, key), value): (&(Table, Key), &Bytes)| Write::Put {
                table: *table,
                key: key.clone(),
                value: value.clone(),
            };
            state.write(contents.iter().map(put));
            let (table, key) = at.clone();
            state.write([Write::Put { table, key, value: damaged }]);
            let mut next = inputs();
            for (input, offset) in next.iter_mut().zip(5..) {
                input.offset = Offset(offset);
                input.timestamp = Timestamp(input.timestamp.0 + 7_200_000);
            }
            tried += 1;
            match evaluate(&book, &state, &next) {
                Err(Failure::Corrupt { .. }) => told += 1,
                Err(Failure::Unavailable(other)) => panic!("{other}"),
                Ok(_) => {},
            }
        }
    }
    assert!(tried > 500 && told > tried / 4, "{told} of {tried} were told");
}
