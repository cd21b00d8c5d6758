//! The router on a log in memory: everything comes once, in its customer's partition, whatever fails on the way.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use engine::{Timestamp, partition_of};
use ports::memory::MemoryLog;
use ports::{Retention, TopicSpec, header};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::clock::Moment;

const OUTPUTS: u32 = 5;

/// A clock that goes on by itself, so that commits come due after some turns.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Moment {
        let millis = self.0.fetch_add(1, Ordering::Relaxed) * 5;
        Moment { wall: Timestamp(0), monotonic: Duration::from_millis(millis) }
    }
}

fn log() -> MemoryLog {
    let log = MemoryLog::default();
    let spec = |name: &str, partitions| TopicSpec {
        name: name.to_owned(),
        partitions,
        retention: Retention::Forever,
    };
    log.create_topics(&[spec("raw", 3), spec("events", OUTPUTS), spec("letters", 2)]).unwrap();
    log
}

fn settings() -> RouterSettings {
    RouterSettings {
        group: "app.router".to_owned(),
        name: "one".to_owned(),
        input: "raw".to_owned(),
        events: "events".to_owned(),
        dead_letters: "letters".to_owned(),
        mapping: Mapping {
            customer: Customer::Field(Field::parse("$.tenant").unwrap()),
            payload: Field::parse("$").unwrap(),
        },
        from: Some(Begin::Beginning),
    }
}

fn join(log: &MemoryLog, settings: RouterSettings) -> Result<Router> {
    let clock = Box::new(Ticking(AtomicU64::new(0)));
    Router::join(settings, Arc::new(log.clone()), clock, StatusBoard::default())
}

fn send(log: &MemoryLog, partition: u32, value: String) {
    let record = Outgoing {
        topic: "raw".to_owned(),
        partition: Some(Partition(partition)),
        timestamp: Some(Timestamp(7)),
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    };
    log.append(vec![record]).unwrap();
}

fn raw(tenant: u32, number: usize) -> String {
    format!(r#"{{"tenant":"{}","number":{number}}}"#, Uuid::from_u128(u128::from(tenant)))
}

fn is_settled(log: &MemoryLog) -> bool {
    let committed = log.committed("app.router", "raw").unwrap();
    committed.into_iter().zip(0..).all(|(committed, partition)| {
        committed
            .is_some_and(|committed| committed.next == log.bounds("raw", Partition(partition)).unwrap().end)
    })
}

fn settle(log: &MemoryLog, router: &mut Router) {
    for _ in 0..5000 {
        router.step().unwrap();
        if is_settled(log) {
            return;
        }
    }
    panic!("not everything was committed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn everything_comes_once_and_in_its_customers_partition(
        tenants in prop::collection::vec((0..6_u32, 0..3_u32), 1..80),
        cuts in prop::collection::vec((0..80_usize, prop::bool::ANY), 0..6),
    ) {
        let log = log();
        let mut router = join(&log, settings()).unwrap();
        for (number, (tenant, partition)) in tenants.iter().enumerate() {
            send(&log, *partition, raw(*tenant, number));
            router.step().unwrap();
            match cuts.iter().find(|(at, _)| *at == number) {
                // It dies with what it has not committed.
                Some((_, true)) => router = join(&log, settings()).unwrap(),
                Some((_, false)) => log.refuse_commits(2),
                None => {},
            }
        }
        settle(&log, &mut router);
        let events = log.records("events");
        let mut expected: Vec<_> = tenants.iter().enumerate().map(|(number, (tenant, _))| raw(*tenant, number)).collect();
        let mut seen = Vec::new();
        for event in &events {
            let (key, value) = (event.key.as_deref().unwrap(), event.value.as_deref().unwrap());
            prop_assert_eq!(event.partition, partition_of(key, OUTPUTS));
            prop_assert_eq!(event.timestamp, Timestamp(7));
            let customer = String::from_utf8(key.to_vec()).unwrap();
            let text = std::str::from_utf8(value).unwrap();
            let payload = text.strip_prefix(&format!(r#"{{"customerId":"{customer}","payload":"#)).unwrap();
            seen.push(payload.strip_suffix('}').unwrap().to_owned());
        }
        // Of one customer and one input partition, in order.
        for tenant in 0..6 {
            for partition in 0..3 {
                let of: Vec<_> = tenants.iter().enumerate().filter(|(_, of)| **of == (tenant, partition)).map(|(number, _)| raw(tenant, number)).collect();
                let came: Vec<_> = seen.iter().filter(|event| of.contains(event)).cloned().collect();
                prop_assert_eq!(of, came);
            }
        }
        expected.sort_unstable();
        seen.sort_unstable();
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn what_cannot_be_an_event_is_a_dead_letter_with_reason_and_place() {
    let log = log();
    send(&log, 2, "{}".to_owned());
    send(&log, 2, raw(1, 1));
    let mut router = join(&log, settings()).unwrap();
    settle(&log, &mut router);
    assert_eq!(log.records("events").len(), 1);
    let letters = log.records("letters");
    let header = |name: &str| header(&letters[0].headers, name).unwrap();
    assert_eq!((letters.len(), letters[0].value.as_deref()), (1, Some(&b"{}"[..])));
    for (name, value) in [("reason", "TOC-2004"), ("topic", "raw"), ("partition", "2"), ("offset", "0")] {
        assert_eq!(header(name), &Bytes::from(value));
    }
}

#[test]
fn a_group_without_positions_is_told_where_to_begin_and_one_with_some_begins_new_partitions_at_their_start() {
    let log = log();
    send(&log, 0, raw(1, 1));
    let unsaid = RouterSettings { from: None, ..settings() };
    let mut router = join(&log, unsaid.clone()).unwrap();
    let error = (0..10).find_map(|_| router.step().err()).unwrap();
    assert_eq!(error.kind, ErrorKind::Misconfigured);
    assert!(error.message.contains("--from beginning"), "{error}");

    let mut router = join(&log, RouterSettings { from: Some(Begin::End), ..settings() }).unwrap();
    settle(&log, &mut router);
    assert_eq!(log.records("events").len(), 0);

    send(&log, 0, raw(1, 2));
    let mut router = join(&log, unsaid).unwrap();
    settle(&log, &mut router);
    assert_eq!(log.records("events").len(), 1);
}

#[test]
fn it_does_not_read_what_it_writes() {
    let error = join(&log(), RouterSettings { input: "events".to_owned(), ..settings() }).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Misconfigured);
}
