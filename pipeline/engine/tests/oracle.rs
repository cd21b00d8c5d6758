//! The engine against the oracle, which recomputes everything from all events at each step: random rules and histories,
//! the same records in the same order, however the events are cut into batches and spread over partitions.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads its seed and tells it")]

mod made;

use std::collections::BTreeMap;
use std::time::Instant;

use engine::Partition;
use made::{Work, alike, first_seed, record, rehearsed};
use oracle::generate::{Case, Kind, case, case_of};
use rules::{CustomerId, Node};

/// How many histories are compared, unless `TOCSIN_TEST_HISTORIES` says another number: `scripts/test` takes more.
const HISTORIES: u64 = 5_000;

/// Panics with the first record that differs.
fn compare(case: &Case) -> usize {
    let expected = oracle::evaluate_exactly(&case.rules, &case.history);
    let found = rehearsed(&case.rules, &case.history);
    alike(&found, &expected, &format!("seed {}", case.seed));
    found.len()
}

/// Every tenth history is one of those for which the order of arrival does not matter.
fn compare_many(seeds: std::ops::Range<u64>) -> usize {
    seeds
        .map(|seed| {
            compare(&case_of(seed, if seed.is_multiple_of(10) { Kind::OrderFree } else { Kind::Any }))
        })
        .sum()
}

#[test]
fn the_engine_says_what_the_oracle_says() {
    let count = std::env::var("TOCSIN_TEST_HISTORIES").ok();
    let count = count.map_or(HISTORIES, |count| count.parse().expect("a count is a number"));
    let first = first_seed();
    let started = Instant::now();
    let half = first + count / 2;
    let records = std::thread::scope(|scope| {
        let other = scope.spawn(move || compare_many(half..first + count));
        compare_many(first..half) + other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    println!("{count} histories, {records} records, {:.1?}", started.elapsed());
    assert!(records > 0, "nothing fired, so nothing was compared");
}

/// What a worker does: batches of records of one partition, state that outlives them.
fn worked(case: &Case, partitions: u32, batch: usize) -> BTreeMap<CustomerId, Vec<Node>> {
    let mut records: BTreeMap<CustomerId, Vec<Node>> = BTreeMap::new();
    for partition in (0..partitions).map(Partition) {
        for alert in Work::new(&case.rules, partition, partitions).events(&case.history.events, batch) {
            records.entry(alert.customer_id).or_default().push(record(&alert));
        }
    }
    records
}

/// Any split into batches, any restart between them, any number of partitions: every customer gets the same records.
#[test]
fn batches_restarts_and_partitions_do_not_matter() {
    let first = first_seed();
    let mut compared = 0;
    for seed in first..first + 400 {
        let case = case(seed);
        let expected = worked(&case, 1, 1);
        for (partitions, batch) in [(1, usize::MAX), (1, 7), (4, 3), (16, 1000)] {
            let found = worked(&case, partitions, batch);
            assert!(found == expected, "seed {seed}, {partitions} partitions, batches of {batch}");
        }
        compared += expected.values().map(Vec::len).sum::<usize>();
    }
    assert!(compared > 0, "nothing fired, so nothing was compared");
}
