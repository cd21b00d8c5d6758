//! Events of ever new groups: what a rule and a customer have room for is kept, everything else is refused, counted and told, and state
//! stays where it is. In small in every run; with ten million groups by
//! `cargo test -p engine --test many_groups -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test panics when something is wrong")]

use engine::{
    CUSTOMER_GROUPS_MAX, Context, Counts, Idle, Input, MemoryState, Offset, Partition, Timestamp, View,
    apply, plan,
};
use rules::{AlertState, Amount, Command, Matcher, RuleBook, Span};
use serde_json::json;
use uuid::Uuid;

/// How many events go into one batch.
const BATCH: u64 = 1_000;
/// How many events come in an hour of event time.
const EVENTS_AN_HOUR: u64 = 1_000_000;
const BEGIN: u64 = 1_700_000_400_000 / 3_600_000 * 3_600_000;

/// What came of it.
struct Flooded {
    counts: Counts,
    /// How many groups have fired.
    fired: u64,
    /// What each hour's record of what was withheld says.
    suppressed: Vec<Option<Amount>>,
    /// Entries and bytes of state, when half of the events had come and at the end.
    half: (usize, usize),
    end: (usize, usize),
}

/// So many events, each of a group of its own, for a rule that keeps `groups_max` of them.
fn flood(events: u64, groups_max: u64) -> Flooded {
    let rule = json!({
        "customerId": Uuid::from_u128(1), "alertId": Uuid::from_u128(7), "alertName": "many", "match": "$.k exists",
        "groupBy": [{"name": "k", "jsonPath": "$.k"}], "maxGroups": groups_max, "threshold": 1
    });
    let (rule, _) = rules::read_rule(rule.to_string().as_bytes(), None).unwrap();
    let mut book = RuleBook::default();
    book.apply(Command::Put { rule: Box::new(rule), expected: None });
    let snapshot = Matcher::compile(&book);
    let mut state = MemoryState::default();
    let (mut counts, mut fired, mut suppressed, mut half) = (Counts::default(), 0, Vec::new(), (0, 0));
    // The last event is of the hour after: it brings what the last full one has to tell.
    for first in (0..=events).step_by(usize::try_from(BATCH).unwrap()) {
        let time = |number: u64| Timestamp((BEGIN + number * 3_600_000 / EVENTS_AN_HOUR).cast_signed());
        let input = |number: u64| Input {
            offset: Offset(number),
            timestamp: time(number),
            key: None,
            value: Some(
                json!({"customerId": Uuid::from_u128(1), "payload": {"k": number}}).to_string().into(),
            ),
        };
        let inputs = (first..events.min(first + BATCH)).map(input);
        let after = (first + BATCH > events)
            .then(|| Input { timestamp: time(events + EVENTS_AN_HOUR), ..input(events) });
        let plan = plan(&snapshot, Partition(0), 1, inputs.chain(after).collect());
        let context = Context {
            topic: "events",
            partition: Partition(0),
            now: time(first),
            rules: &book,
            clamps: false,
            waits: true,
            idle: Some(Idle { ingestion: Timestamp(0), after: Span::from_millis(60_000) }),
            past: None,
        };
        let effects = apply(plan, View::new(&state, []), &context).unwrap();
        state.write(effects.writes);
        counts.add(&effects.counts);
        for alert in &effects.alerts {
            match alert.state {
                AlertState::Suppressed => suppressed.push(alert.value),
                _ => fired += 1,
            }
        }
        if first < events / 2 {
            half = (state.len(), state.bytes());
        }
    }
    Flooded { counts, fired, suppressed, half, end: (state.len(), state.bytes()) }
}

/// So many of `events` are kept, and the rest is accounted for.
fn keeps(groups_max: u64, events: u64, kept: u64) -> Flooded {
    let flooded = flood(events, groups_max);
    let refused = events + 1 - kept;
    assert_eq!((flooded.fired, flooded.counts.groups_refused), (kept, refused));
    let told: Amount = flooded.suppressed.iter().flatten().copied().fold(Amount::default(), Amount::plus);
    // That of the hour that has just begun is yet to come.
    assert_eq!(told, Amount::from(refused - 1));
    // An hour whose groups were all kept has nothing to tell.
    let hours = events.div_ceil(EVENTS_AN_HOUR) - kept / EVENTS_AN_HOUR;
    assert_eq!(flooded.suppressed.len() as u64, hours);
    let (entries, bytes) = flooded.end;
    let grown = (entries.saturating_sub(flooded.half.0), bytes.saturating_sub(flooded.half.1));
    assert!(
        grown.0 == 0 && grown.1 < 100,
        "longer numbers apart, the second half leaves nothing behind: {grown:?}"
    );
    assert!(entries as u64 <= kept + 10, "{entries} entries of {kept} groups");
    assert!(bytes as u64 <= 512 * kept + 10_000, "{bytes} bytes of {kept} groups");
    flooded
}

#[test]
fn groups_beyond_those_of_a_rule_are_refused_counted_and_told_and_state_stays_where_it_is() {
    let flooded = keeps(2_000, 100_000, 2_000);
    assert_eq!(flooded.counts.customer_groups_refused, 0);
}

/// Ten million groups, for a rule as it is without `maxGroups`, and for one that asks for all of them.
#[test]
#[ignore = "ten million events twice, minutes; cargo test -p engine --test many_groups -- --ignored --nocapture"]
fn ten_million_groups_of_one_rule_are_refused_beyond_its_limit_and_the_customers() {
    const GROUPS: u64 = 10_000_000;
    for (groups_max, kept) in [(100_000, 100_000), (GROUPS, CUSTOMER_GROUPS_MAX)] {
        let flooded = keeps(groups_max, GROUPS, kept);
        assert_eq!(flooded.counts.customer_groups_refused > 0, kept == CUSTOMER_GROUPS_MAX);
        println!(
            "maxGroups {groups_max}: {} kept, {} refused, {} hours told, {} entries and {} bytes of state",
            flooded.fired,
            flooded.counts.groups_refused,
            flooded.suppressed.len(),
            flooded.end.0,
            flooded.end.1
        );
    }
}
