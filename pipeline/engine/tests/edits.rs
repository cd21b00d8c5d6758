//! Edits of rules that keep what was collected, against the oracle: whatever the steps of the sweeps, the split into batches and
//! the number of partitions, and with a restart after each of them.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads its seed and tells it")]

mod made;

use std::collections::BTreeMap;

use engine::{
    Alert, Context, Input, MemoryState, Offset, Partition, Timestamp, View, Write, apply, plan, sweep,
};
use made::{first_seed, record};
use oracle::Edit;
use oracle::generate::{Case, edited_case};
use rules::{Command, CustomerId, Matcher, Node, Outcome, RuleBook};
use serde_json::json;

/// How a history is worked through.
#[derive(Debug, Clone, Copy)]
struct Way {
    partitions: u32,
    batch: usize,
    looks: usize,
}

fn context(rules: &RuleBook) -> Context<'_> {
    Context {
        topic: "events",
        partition: Partition(0),
        now: Timestamp(0),
        rules,
        clamps: false,
        waits: true,
        idle: None,
        past: None,
    }
}

/// One partition with its rules; nothing outlives a step but `state`, so each step is a restart.
struct World {
    partition: Partition,
    way: Way,
    book: RuleBook,
    state: MemoryState,
    records: BTreeMap<CustomerId, Vec<Node>>,
}

impl World {
    fn take(&mut self, writes: Vec<Write>, alerts: &[Alert]) {
        self.state.write(writes);
        for alert in alerts {
            self.records.entry(alert.customer_id).or_default().push(record(alert));
        }
    }

    fn events(&mut self, inputs: &[Input]) {
        let snapshot = Matcher::compile(&self.book);
        for batch in inputs.chunks(self.way.batch) {
            let plan = plan(&snapshot, self.partition, self.way.partitions, batch.to_vec());
            let effects = apply(plan, View::new(&self.state, []), &context(&self.book)).expect("memory");
            self.take(effects.writes, &effects.alerts);
        }
    }

    /// What an edit brings about comes in order of customers and groups, as the oracle says it.
    fn edit(&mut self, edit: &Edit) {
        let rule = Box::new(edit.rule.clone());
        let outcome = self.book.apply(Command::Put { rule, expected: None });
        if let Outcome::Replaced { now, before } = outcome {
            assert_eq!(now.generation, before.generation, "the edit keeps what was collected");
            if now.judges_since != before.judges_since {
                self.state.write([engine::judge_anew(&now)]);
            }
        }
        let mut alerts = Vec::new();
        loop {
            let view = View::new(&self.state, []);
            let swept = sweep(view, &context(&self.book), self.way.looks).expect("memory");
            self.state.write(swept.effects.writes);
            alerts.extend(swept.effects.alerts);
            if !swept.is_unfinished {
                break;
            }
        }
        alerts.sort_by(|left, right| {
            (left.customer_id, left.group.text()).cmp(&(right.customer_id, right.group.text()))
        });
        self.take(Vec::new(), &alerts);
    }
}

fn worked(case: &Case, edits: &[Edit], way: Way) -> BTreeMap<CustomerId, Vec<Node>> {
    let mut records = BTreeMap::new();
    for partition in (0..way.partitions).map(Partition) {
        let (book, state) = Default::default();
        let mut world = World { partition, way, book, state, records: BTreeMap::new() };
        for rule in &case.rules {
            world.book.apply(Command::Put { rule: Box::new(rule.clone()), expected: None });
        }
        let mut waiting = Vec::new();
        for (index, event) in case.history.events.iter().enumerate() {
            for edit in edits.iter().filter(|edit| edit.before == index) {
                world.events(&std::mem::take(&mut waiting));
                world.edit(edit);
            }
            if engine::partition_of(event.customer.to_string().as_bytes(), way.partitions) == partition {
                let envelope = json!({"customerId": event.customer, "payload": event.payload.to_string()});
                waiting.push(Input {
                    offset: Offset(event.position),
                    timestamp: event.timestamp,
                    key: None,
                    value: Some(envelope.to_string().into()),
                });
            }
        }
        world.events(&waiting);
        records.extend(world.records);
    }
    records
}

fn compare_many(count: u64) {
    let first = first_seed();
    println!("TOCSIN_TEST_SEED={first}");
    let mut compared = 0;
    for seed in first..first + count {
        let (case, edits) = edited_case(seed);
        let mut expected: BTreeMap<CustomerId, Vec<Node>> = BTreeMap::new();
        for record in oracle::evaluate_edited(&case.rules, &case.history, &edits) {
            let Node::Object(members) = &record else { panic!("a record is an object") };
            let customer = members.get("customerId").and_then(Node::as_str).expect("it names a customer");
            expected.entry(customer.parse().expect("it is an id")).or_default().push(record);
        }
        for (partitions, batch, looks) in [(1, 1, 1000), (1, usize::MAX, 1), (4, 3, 2)] {
            let way = Way { partitions, batch, looks };
            let found = worked(&case, &edits, way);
            if found != expected {
                for (customer, records) in &expected {
                    let found = found.get(customer).cloned().unwrap_or_default();
                    for (at, (expected, found)) in records.iter().zip(&found).enumerate() {
                        assert!(
                            found == expected,
                            "record {at} of seed {seed}, {way:?}:\n{found}\n{expected}"
                        );
                    }
                    assert_eq!(found.len(), records.len(), "records of {customer}, seed {seed}, {way:?}");
                }
                panic!("customers of seed {seed}, {way:?}");
            }
        }
        compared += expected.values().map(Vec::len).sum::<usize>();
    }
    println!("{count} histories, {compared} records");
    assert!(compared > 0, "nothing fired, so nothing was compared");
}

/// Any edit at any moment: the oracle judges every group anew from all events there are.
#[test]
fn an_edit_judges_every_group_by_the_rule_as_it_is_now() {
    compare_many(1_500);
}

#[test]
#[ignore = "takes minutes; cargo test -p engine --test edits -- --ignored --nocapture"]
fn an_edit_judges_every_group_by_the_rule_as_it_is_now_at_length() {
    compare_many(50_000);
}
