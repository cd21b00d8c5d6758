//! Compares what the log holds with what must come out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use engine::{Offset, Partition};
use ports::{Log, Record};
use serde_json::Value;

/// Every record of a topic.
pub fn records(log: &dyn Log, topic: &str) -> Vec<Record> {
    let partitions = log.partitions(topic).unwrap();
    let from: Vec<_> = (0..partitions).map(|partition| (Partition(partition), Offset(0))).collect();
    let mut reader = log.reader(topic, &from).unwrap();
    let mut records = Vec::new();
    loop {
        let polled = reader.poll(10_000, Duration::from_millis(200)).unwrap();
        let done = polled.at_end && polled.records.is_empty();
        records.extend(polled.records);
        if done {
            return records;
        }
    }
}

/// The JSON values of a topic's records.
pub fn values(log: &dyn Log, topic: &str) -> Vec<Value> {
    let value = |record: Record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
    records(log, topic).into_iter().map(value).collect()
}

/// Whether a group has evaluated every event there is.
pub fn is_caught_up(log: &dyn Log, group: &str, events: &str) -> bool {
    let committed = log.committed(group, events).unwrap();
    committed.into_iter().zip(0..).all(|(committed, partition)| {
        let end = log.bounds(events, Partition(partition)).unwrap().end;
        let next = committed.map_or(Offset(0), |committed| committed.next);
        next >= end || holds_nothing(log, events, Partition(partition), next)
    })
}

/// Whether a partition has no record from an offset on: the ends of transactions take offsets, too.
fn holds_nothing(log: &dyn Log, topic: &str, partition: Partition, from: Offset) -> bool {
    let mut reader = log.reader(topic, &[(partition, from)]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let polled = reader.poll(1, Duration::from_millis(100)).unwrap();
        if !polled.records.is_empty() || polled.at_end {
            return polled.records.is_empty();
        }
    }
    false
}

/// Fails if an alert is lost, extra or doubled.
pub fn check(alerts: &[Value], expected: &BTreeSet<(String, String, u64)>) {
    let field = |alert: &Value, name: &str| alert[name].as_str().unwrap().to_owned();
    let read = |alert: &Value| {
        (field(alert, "customerId"), field(alert, "alertId"), alert["value"].as_u64().unwrap())
    };
    let seen: BTreeSet<_> = alerts.iter().map(read).collect();
    println!("{} alerts, {} expected", alerts.len(), expected.len());
    assert_eq!(seen.difference(expected).collect::<Vec<_>>(), Vec::<&_>::new(), "extra alerts");
    assert_eq!(expected.difference(&seen).collect::<Vec<_>>(), Vec::<&_>::new(), "lost alerts");
    assert_eq!(alerts.len(), expected.len(), "no alert comes twice");
}
