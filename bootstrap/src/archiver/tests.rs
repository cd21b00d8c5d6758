use std::collections::BTreeMap;

use bytes::Bytes;
use engine::partition_of;
use ports::memory::MemoryLog;
use ports::{Header, Outgoing, Retention, TopicSpec};
use proptest::prelude::*;

use super::*;
use crate::compaction::compact;
use crate::objects::Objects;
use crate::row::Row;
use crate::scan::Selection;
use crate::testing::{Fault, Faulty, customer, event, rows};

const TOPIC: &str = "events";
const PARTITIONS: u32 = 2;

fn log() -> MemoryLog {
    let log = MemoryLog::default();
    let spec = TopicSpec { name: TOPIC.to_owned(), partitions: PARTITIONS, retention: Retention::Any };
    log.create_topics(&[spec]).unwrap();
    log
}

fn send(log: &MemoryLog, number: u8, value: Bytes) {
    let outgoing = Outgoing {
        topic: TOPIC.to_owned(),
        partition: Some(partition_of(customer(number).to_string().as_bytes(), PARTITIONS)),
        timestamp: Some(Timestamp(i64::from(number))),
        key: Some(Bytes::from(customer(number).to_string())),
        value: Some(value),
        headers: vec![Header::new("n", vec![number])],
    };
    log.append(vec![outgoing]).unwrap();
}

fn archiver(log: &MemoryLog, table: &Table) -> Result<Archiver> {
    let settings = Settings { flush_after: Duration::from_millis(10), ..Settings::new(TOPIC) };
    Archiver::open(Arc::new(log.clone()), table.clone(), settings)
}

/// What the archive must hold: the records below what the table says it has, each once.
fn expected(log: &MemoryLog, table: &Table) -> Vec<Row> {
    let snapshot = table.load().unwrap();
    let decoder = Matcher::compile(&RuleBook::default());
    let mut rows = Vec::new();
    for record in log.records(TOPIC) {
        if snapshot.next(TOPIC, record.partition).is_some_and(|next| record.offset < next) {
            rows.push(Row {
                customer: engine::customer_of(&decoder, record.value.as_deref()).ok(),
                partition: record.partition,
                offset: i64::try_from(record.offset.0).unwrap(),
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
                headers: crate::row::encode_headers(&record.headers),
            });
        }
    }
    rows.sort_by_key(|row| (row.partition, row.offset));
    rows
}

#[test]
fn every_record_is_archived_also_one_that_is_no_event() {
    let (log, table) = (log(), Table::new(Objects::memory()));
    send(&log, 2, event(2, "{}"));
    send(&log, 3, Bytes::from_static(b"no json"));
    send(&log, 4, Bytes::from_static(b"\xff\xff"));
    let mut archiver = archiver(&log, &table).unwrap();
    assert_eq!(archiver.lag().unwrap(), 3);
    assert_eq!(archiver.step(Duration::ZERO, Timestamp(0)).unwrap(), Step::Gathered { records: 3 });
    assert_eq!(
        archiver.step(Duration::ZERO, Timestamp(10)).unwrap(),
        Step::Committed { rows: 3, version: 0 }
    );
    assert_eq!(archiver.lag().unwrap(), 0);
    let rows = rows(&table);
    assert_eq!(rows, expected(&log, &table));
    assert_eq!(rows.iter().filter(|row| row.customer.is_none()).count(), 2);
}

#[test]
fn a_gap_between_table_and_log_stops_the_archiver_until_it_is_accepted() {
    let bounds = |start, end| ports::Bounds { start: Offset(start), end: Offset(end) };
    let partition = Partition(3);
    assert_eq!(start(partition, None, bounds(4, 9)).unwrap(), Offset(4));
    assert_eq!(start(partition, Some(Offset(9)), bounds(4, 9)).unwrap(), Offset(9));
    let gap = start(partition, Some(Offset(2)), bounds(4, 9)).unwrap_err();
    assert!(
        gap.to_string().starts_with("partition 3: the records from offset 2 up to 4 are neither"),
        "{gap}"
    );
    let anew = start(partition, Some(Offset(10)), bounds(4, 9)).unwrap_err();
    assert!(anew.to_string().contains("archived up to offset 10, and the log ends at 9"), "{anew}");
    let refused = accept_gap(&log(), &Table::new(Objects::memory()), TOPIC, Partition(0), Timestamp(0));
    assert!(matches!(refused, Err(Error::Refused(_))));
}

#[derive(Debug, Clone)]
enum Act {
    Send(u8),
    Step(usize),
    Flush(usize),
    Kill(usize),
    Compact,
    Fail(Vec<Fault>),
}

fn act() -> impl Strategy<Value = Act> {
    let fault = prop_oneof![
        3 => Just(Fault::None), 1 => Just(Fault::Refused), 1 => Just(Fault::TimedOut),
        1 => Just(Fault::Conflict), 1 => Just(Fault::Late),
    ];
    prop_oneof![
        4 => (0u8..9).prop_map(Act::Send),
        4 => (0usize..2).prop_map(Act::Step),
        3 => (0usize..2).prop_map(Act::Flush),
        1 => (0usize..2).prop_map(Act::Kill),
        1 => Just(Act::Compact),
        2 => proptest::collection::vec(fault, 1..6).prop_map(Act::Fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Two archivers, a compaction, and a store that refuses, loses answers, answers a conflict with itself, or does things late: after
    /// every act the table holds each record below its ends once and nothing else, and the ends never go back.
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(acts in proptest::collection::vec(act(), 1..60)) {
        let (log, store) = (log(), Faulty::default());
        let faulty = Table::new(store.objects());
        let mut archivers = [archiver(&log, &faulty).ok(), archiver(&log, &faulty).ok()];
        let mut ends: BTreeMap<Partition, Option<Offset>> = BTreeMap::new();
        let mut pending = Vec::new();
        for (now, act) in (0i64..).map(|step| Timestamp(step * 3_600_000)).zip(acts) {
            store.fail(std::mem::take(&mut pending));
            match act {
                Act::Send(number) => send(&log, number, event(number, "{\"a\": 1}")),
                Act::Step(index) => {
                    archivers[index].as_mut().map(|archiver| archiver.step(Duration::ZERO, now));
                },
                Act::Flush(index) => {
                    archivers[index].as_mut().map(|archiver| archiver.flush(now));
                },
                Act::Kill(index) => archivers[index] = archiver(&log, &faulty).ok(),
                Act::Compact => drop(compact(&faulty, now)),
                Act::Fail(faults) => pending = faults,
            }
            store.heal();
            prop_assert_eq!(rows(&faulty), expected(&log, &faulty));
            let snapshot = faulty.load().unwrap();
            for partition in (0..PARTITIONS).map(Partition) {
                let next = snapshot.next(TOPIC, partition);
                prop_assert!(next >= ends.insert(partition, next).flatten());
            }
        }
        let mut last = archiver(&log, &faulty).unwrap();
        last.step(Duration::ZERO, Timestamp(0)).unwrap();
        last.flush(Timestamp(1)).unwrap();
        prop_assert_eq!(last.lag().unwrap(), 0);
        prop_assert_eq!(rows(&faulty).len(), log.records(TOPIC).len());
        let everything = (0..PARTITIONS).map(Partition).map(|partition| {
            (partition, 0..i64::try_from(log.bounds(TOPIC, partition).unwrap().end.0).unwrap())
        });
        Selection::all().within(everything.collect()).check(&faulty.load().unwrap()).unwrap();
    }
}
