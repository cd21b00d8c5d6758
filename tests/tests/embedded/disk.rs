//! A full disk: refused loudly, and nothing acknowledged is lost.

use engine::{Offset, Partition};
use ports::{CommitError, Error, ErrorKind, Log, Membership, Retention};

use tests::harness::disk::SmallDisk;
use tests::harness::skip;

use super::support::{create, open, read_all, record};

/// Bytes that do not compress, another 100 KB for every number.
fn noise(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..12_500).flat_map(word).collect()
}

/// Appends until the disk is full; answers how many records were acknowledged, and the error.
fn fill(log: &dyn Log, from: u64) -> (u64, Error) {
    for number in from..10_000 {
        if let Err(error) = log.append(vec![record("events", Partition(0), noise(number))]) {
            return (number, error);
        }
    }
    panic!("the disk was never full");
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        return skip("a_full_disk_refuses_and_loses_nothing", "this process may not mount a tmpfs");
    };
    let log = open(disk.path());
    create(&log, "events", 1, Retention::Any);
    let mut member = log
        .join(Membership { group: "g".to_owned(), topic: "events".to_owned(), name: "one".to_owned() })
        .unwrap();
    let (acknowledged, error) = fill(&log, 0);
    assert_eq!(error.kind, ErrorKind::Full, "{error}");
    assert!(error.message.contains("the disk is full"), "{error}");
    assert!(acknowledged > 100, "{acknowledged}");

    // It stays refused although a small record might fit, and what is there can be read.
    let small = || vec![record("events", Partition(0), "small")];
    assert_eq!(log.append(small()).unwrap_err().kind, ErrorKind::Full);
    let refused = member.commit(small(), &|_| Vec::new()).unwrap_err();
    assert!(matches!(refused, CommitError::Fatal(Error { kind: ErrorKind::Full, .. })), "{refused}");
    check(&log, acknowledged);
    drop((log, member));

    disk.enlarge();
    let log = open(disk.path());
    // The record that was refused may have been written: it is there whole or not at all.
    let end = log.bounds("events", Partition(0)).unwrap().end.0;
    assert!(end == acknowledged || end == acknowledged + 1, "{acknowledged} acknowledged, {end} there");
    check(&log, end);
    let place = log.append(vec![record("events", Partition(0), noise(end))]).unwrap()[0];
    assert_eq!(place.offset, Offset(end));
    check(&log, end + 1);
}

fn check(log: &dyn Log, count: u64) {
    let records = read_all(log, "events", Partition(0));
    assert_eq!(records.len() as u64, count);
    for (record, number) in records.iter().zip(0..) {
        assert_eq!(record.offset, Offset(number));
        assert!(record.value.as_deref() == Some(&noise(number)), "record {number}");
    }
}
