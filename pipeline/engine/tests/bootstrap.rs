//! Rules that are filled from the past: fold, chase and join are one pass over all events, wherever they are cut.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads its seed and tells it")]

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use engine::{
    Alert, Context, Effects, Fold, Hidden, Input, Key, MemoryState, Newcomer, Offset, Origin, Partition,
    Source, Table, Timestamp, View, Write, apply, hidden_range, hidden_write, join, plan, reveal,
};
use oracle::generate::{Case, case};
use rules::{
    ActiveRule, AlertState, BootstrapMode, Command, Evaluation, Matcher, Mode, Rule, RuleBook, Snapshot,
};
use serde_json::{Value, json};

const PARTITION: Partition = Partition(0);

/// Where a run starts; `TOCSIN_TEST_SEED` replays another one.
fn first_seed() -> u64 {
    let seed = std::env::var("TOCSIN_TEST_SEED").ok();
    seed.map_or(1, |seed| seed.parse().expect("a seed is a number"))
}

fn book(case: &Case, mode: BootstrapMode) -> RuleBook {
    let mut book = RuleBook::default();
    for rule in &case.rules {
        let mut rule = rule.clone();
        rule.bootstrap.mode = mode;
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
    }
    book
}

fn inputs(case: &Case) -> Vec<Input> {
    let input = |event: &oracle::Event| Input {
        offset: Offset(event.position),
        timestamp: event.timestamp,
        key: None,
        value: Some(
            json!({"customerId": event.customer, "payload": event.payload.to_string()}).to_string().into(),
        ),
    };
    case.history.events.iter().map(input).collect()
}

fn context(rules: &RuleBook) -> Context<'_> {
    let now = Timestamp(0);
    Context {
        topic: "events",
        partition: PARTITION,
        now,
        rules,
        clamps: true,
        waits: true,
        idle: None,
        past: None,
    }
}

/// A live stream.
struct Live {
    rules: RuleBook,
    snapshot: Snapshot,
    state: MemoryState,
}

impl Live {
    fn new(rules: RuleBook) -> Self {
        Self { snapshot: Matcher::compile(&rules), rules, state: MemoryState::default() }
    }

    /// Evaluates, but for the rules that are `withheld`.
    fn take(&mut self, inputs: &[Input], withheld: bool) -> Vec<Alert> {
        let mut plan = plan(&self.snapshot, PARTITION, 1, inputs.to_vec());
        plan.retain(|_, _, _| !withheld);
        plan.retain_clocks(|_, _| !withheld);
        let effects =
            apply(plan, View::new(&self.state, []), &context(&self.rules)).expect("memory can be read");
        self.write(effects)
    }

    /// Evaluates for rules that have not joined.
    fn chase(&mut self, inputs: &[Input]) -> Vec<Alert> {
        let plan = plan(&self.snapshot, PARTITION, 1, inputs.to_vec());
        let view = Hidden(&self.state);
        let mut effects =
            apply(plan, View::new(&view, []), &context(&self.rules)).expect("memory can be read");
        effects.writes = effects.writes.into_iter().map(hidden_write).collect();
        self.write(effects)
    }

    fn join(&mut self) -> Vec<Alert> {
        let (mut from, to) = hidden_range();
        let mut hidden = Vec::new();
        while let Some((key, value)) = self.state.first(Table::Meta, &from, &to).expect("memory can be read")
        {
            let (table, revealed) = reveal(&key).expect("it is hidden");
            hidden.push((table, revealed, value));
            from = [key.as_ref(), &[0]].concat().into();
        }
        let effects =
            join(hidden, View::new(&self.state, []), &context(&self.rules)).expect("memory can be read");
        let (from, to) = hidden_range();
        self.state.write([Write::DeleteRange { table: Table::Meta, from, to }]);
        self.write(effects)
    }

    fn write(&mut self, effects: Effects) -> Vec<Alert> {
        self.state.write(effects.writes);
        effects.alerts
    }

    /// What is stored, without clocks, which say when they were set.
    fn entries(&self) -> Vec<(Table, Key, Bytes)> {
        let is_clock = |table, key: &Key| table == Table::State && key[24..32] == [0; 8];
        let entries = self.state.iter().filter(|(table, key, _)| !is_clock(*table, key));
        entries.map(|(table, key, value)| (table, key.clone(), value.clone())).collect()
    }
}

fn record(alert: &Alert) -> Value {
    serde_json::from_slice(&alert.to_json()).expect("an alert is JSON")
}

/// All records of one pass, each with the offset of the event that it came with.
fn one_pass(rules: &RuleBook, inputs: &[Input]) -> (Vec<(Offset, Alert)>, Live) {
    let mut live = Live::new(rules.clone());
    let mut records = Vec::new();
    for input in inputs {
        let alerts = live.take(std::slice::from_ref(input), false);
        records.extend(alerts.into_iter().map(|alert| (input.offset, alert)));
    }
    (records, live)
}

fn fold(rules: &RuleBook, past: &[Input], known_at: Offset, batch: usize) -> Fold {
    let newcomer = |active: &Arc<ActiveRule>| Newcomer { active: Arc::clone(active), known_at, since: None };
    let mut fold = Fold::new(rules.iter().map(newcomer).collect(), "events", PARTITION, 1);
    for batch in past.chunks(batch) {
        fold.feed(batch.to_vec(), Timestamp(0)).expect("memory can be read");
    }
    fold.finish(known_at, Timestamp(0)).expect("memory can be read");
    fold
}

/// A rule becomes known before the event `known` and joins before the event `joined`.
fn filled(rules: &RuleBook, inputs: &[Input], known: usize, joined: usize) -> (Fold, Vec<Alert>, Live) {
    let known_at = inputs.get(known).map_or(Offset(u64::MAX), |input| input.offset);
    let fold = fold(rules, &inputs[..known], known_at, 3);
    let mut live = Live::new(rules.clone());
    live.take(&inputs[known..joined], true);
    let copies = fold.state().map(|(table, key, value)| {
        hidden_write(Write::Put { table, key: key.clone(), value: value.clone() })
    });
    live.state.write(copies);
    let mut alerts = Vec::new();
    for batch in inputs[known..joined].chunks(2) {
        alerts.extend(live.chase(batch));
    }
    alerts.extend(live.join());
    alerts.extend(inputs[joined..].chunks(5).flat_map(|batch| live.take(batch, false)));
    (fold, alerts, live)
}

#[test]
fn filling_and_joining_is_one_pass_wherever_it_is_cut() {
    let first = first_seed();
    println!("TOCSIN_TEST_SEED={first}");
    let (mut cuts, mut compared, mut opened) = (0, 0, 0);
    let mut kinds = BTreeSet::new();
    for seed in first..first + 150 {
        let case = case(seed);
        let (rules, inputs) = (book(&case, BootstrapMode::State), inputs(&case));
        let (expected, reference) = one_pass(&rules, &inputs);
        if !expected.is_empty() {
            kinds.extend(case.rules.iter().map(kind));
        }
        for known in 0..=inputs.len() {
            for joined in [known, (known + inputs.len()) / 2, inputs.len()] {
                let (mut fold, alerts, live) = filled(&rules, &inputs, known, joined);
                let known_at = inputs.get(known).map_or(Offset(u64::MAX), |input| input.offset);
                let after: Vec<_> = expected
                    .iter()
                    .filter(|(at, _)| *at >= known_at)
                    .map(|(_, alert)| record(alert))
                    .collect();
                let found: Vec<_> = alerts.iter().map(record).collect();
                assert!(
                    found == after,
                    "seed {seed}, known {known}, joined {joined}:\n{found:#?}\n{after:#?}"
                );
                assert!(
                    live.entries() == reference.entries(),
                    "state of seed {seed}, known {known}, joined {joined}"
                );
                compared += found.len();
                cuts += 1;
                let before: Vec<_> =
                    expected.iter().filter(|(at, _)| *at < known_at).map(|(_, alert)| alert).collect();
                opened += check_opened(&rules, &before, &fold.take_told().alerts, seed);
            }
        }
    }
    println!("{cuts} cuts, {compared} records, {opened} open alerts told");
    assert!(compared > 0 && opened > 0, "nothing fired, so nothing was compared");
    println!("{} kinds of rules: {kinds:?}", kinds.len());
    let functions = ["count", "sum", "min", "max", "avg", "distinct"];
    let windows = ["total", "tumbling", "sliding", "session"];
    for aggregate in
        functions.iter().flat_map(|function| windows.map(|window| format!("{function} {window}")))
    {
        assert!(kinds.contains(&aggregate), "no rule with {aggregate} was cut");
    }
    for pattern in ["sequence", "all", "atLeast", "absence"] {
        assert!(kinds.contains(pattern), "no pattern {pattern} was cut");
    }
}

/// What a rule does with its events.
fn kind(rule: &Rule) -> String {
    match &rule.evaluation {
        Evaluation::Aggregate(aggregate) => {
            format!("{} {}", aggregate.function.name(), aggregate.window.name())
        },
        Evaluation::Pattern(pattern) => pattern.kind.name().to_owned(),
    }
}

/// What is told of the past are its open alerts, each once.
fn check_opened(rules: &RuleBook, before: &[&Alert], opened: &[Alert], seed: u64) -> usize {
    let fired = |state| -> BTreeSet<_> {
        before.iter().filter(|alert| alert.state == state).map(|alert| alert.alert_instance_id).collect()
    };
    let (firing, resolved) = (fired(AlertState::Firing), fired(AlertState::Resolved));
    let told: BTreeSet<_> = opened.iter().map(|alert| alert.alert_instance_id).collect();
    let ids: BTreeSet<_> = rules.iter().map(|active| active.rule.key.alert).collect();
    if ids.len() < rules.len() {
        // The alerts of an own rule and a global one with the same id have the same names.
        return opened.len();
    }
    assert_eq!(told.len(), opened.len(), "seed {seed}: an alert is told twice");
    for alert in opened {
        assert!(
            alert.state == AlertState::Firing && matches!(alert.origin, Origin::Bootstrap | Origin::Shadow)
        );
        let id = &alert.alert_instance_id;
        assert!(firing.contains(id) && !resolved.contains(id), "seed {seed}: {alert:?} is not open");
    }
    for alert in before.iter().filter(|alert| alert.state == AlertState::Firing) {
        // Others end without a word, when they are armed again. An own rule and a global one may share an id.
        let mut namesakes = rules.iter().filter(|active| active.rule.key.alert == alert.alert_id);
        let stays = namesakes
            .all(|active| active.rule.policy.mode == Mode::Once && active.rule.policy.rearm.is_none());
        if stays && !resolved.contains(&alert.alert_instance_id) {
            assert!(told.contains(&alert.alert_instance_id), "seed {seed}: {alert:?} is open and not told");
        }
    }
    opened.len()
}

#[test]
fn a_fold_says_the_same_however_its_records_are_cut_into_batches() {
    let first = first_seed();
    println!("TOCSIN_TEST_SEED={first}");
    for seed in first..first + 300 {
        let case = case(seed);
        let (rules, inputs) = (book(&case, BootstrapMode::Alerts), inputs(&case));
        let whole = fold(&rules, &inputs, Offset(u64::MAX), usize::MAX);
        let cut = fold(&rules, &inputs, Offset(u64::MAX), 2);
        assert_eq!(whole.digest(), cut.digest(), "seed {seed}");
        let records = |fold: &Fold| fold.told().alerts.iter().map(record).collect::<Vec<_>>();
        assert_eq!(records(&whole), records(&cut), "seed {seed}");
        let (mut expected, _) = one_pass(&rules, &inputs);
        expected.sort_by_key(|(_, alert)| alert.customer_id);
        for (told, (_, live)) in whole.told().alerts.iter().zip(&expected) {
            assert_eq!(
                told.origin,
                if live.origin == Origin::Shadow { Origin::Shadow } else { Origin::Bootstrap }
            );
            assert_eq!(told.alert_instance_id, live.alert_instance_id);
        }
        assert_eq!(whole.told().alerts.len(), expected.len());
    }
}
