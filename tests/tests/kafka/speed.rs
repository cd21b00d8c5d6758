//! What the connector costs, printed for people. It only fails where a wait of whole steps of 100 ms would show.

use std::time::{Duration, Instant};

use engine::Partition;
use ports::Log;
use tests::contract::{create, join, membership, position, record};
use tests::harness::kafka::{broker, prefix};

/// (median, 99th percentile) in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    (at(50), at(99))
}

#[test]
fn commits_do_not_wait_in_steps() {
    const COMMITS: u64 = 200;
    let Some((broker, _lease)) = broker("commits_do_not_wait_in_steps") else {
        return;
    };
    let (log, prefix) = (broker.log(), prefix("cycle"));
    let (topic, changelog) = (create(&log, &prefix, "in", 4), create(&log, &prefix, "changelog", 4));
    let (mut member, _) = join(&log, membership(&prefix, &topic, "one"), 4);
    let mut times = Vec::new();
    for next in 0..COMMITS {
        let records = (0..4).map(|partition| record(&changelog, partition, vec![b'x'; 16 << 10]));
        let began = Instant::now();
        member
            .commit(records.collect(), &|places| {
                let next =
                    |place: &ports::Place| (place.partition, position(next, &format!("at {}", place.offset)));
                places.iter().map(next).collect()
            })
            .unwrap();
        times.push(began.elapsed());
        member.poll(1, Duration::from_millis(20)).unwrap();
    }
    let (median, high) = percentiles(times);
    eprintln!("commit of 4 partitions, every 20 ms: p50 {median:.1} ms, p99 {high:.1} ms");
    assert!(median < 50.0, "a median of {median} ms");
    member.leave().unwrap();
}

#[test]
fn large_appends_are_not_sent_record_by_record() {
    const RECORDS: usize = 160_000;
    let Some((broker, _lease)) = broker("large_appends_are_not_sent_record_by_record") else {
        return;
    };
    let (log, prefix) = (broker.log(), prefix("large"));
    let topic = create(&log, &prefix, "in", 4);
    let keyed = |number: usize| ports::Outgoing {
        partition: None,
        key: Some(number.to_string().into()),
        ..record(&topic, 0, vec![b'x'; 100])
    };
    let records = (0..RECORDS).map(keyed).collect();
    let began = Instant::now();
    assert_eq!(log.append(records).unwrap().len(), RECORDS);
    eprintln!("appended {RECORDS} records of 100 bytes in {:?}", began.elapsed());
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let began = Instant::now();
            log.committed(&format!("{prefix}.group"), &topic).unwrap();
            began.elapsed()
        })
        .collect();
    let (median, high) = percentiles(asked);
    eprintln!("asking for committed positions: p50 {median:.2} ms, p99 {high:.2} ms");
    assert!(log.bounds(&topic, Partition(3)).unwrap().end.0 > 0);
}
