//! `kill -9` at random moments: what was acknowledged is there, exactly once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use connectors::embedded::{EmbeddedLog, Settings};
use engine::{Offset, Partition};
use ports::{Committed, ErrorKind, Log, Membership, Retention, Stores};
use state::RocksStores;

use super::support::{CHILD, child, create, open, read_all, record, text};

const KILLS: u64 = 20;
const PARTITIONS: u32 = 3;

/// Batches of 1 to 7 records, so that a part of a batch would show.
fn batch_from(first: u64) -> std::ops::Range<u64> {
    first..first + 1 + first % 7
}

fn home(number: u64) -> Partition {
    Partition(u32::try_from(number % u64::from(PARTITIONS)).unwrap())
}

fn membership() -> Membership {
    Membership { group: "writers".to_owned(), topic: "numbers".to_owned(), name: "writer".to_owned() }
}

/// The child: commits batches of numbered records with the last number as position, prints each that is
/// acknowledged, and has another thread append so that writes are shared.
#[test]
fn child_that_writes() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let log = open(Path::new(&dir));
    create(&log, "numbers", PARTITIONS, Retention::Forever);
    create(&log, "noise", 1, Retention::Forever);
    let noise = log.clone();
    std::thread::spawn(move || {
        loop {
            noise.append(vec![record("noise", Partition(0), vec![0; 3000])]).unwrap();
        }
    });
    let mut member = log.join(membership()).unwrap();
    let mut next = count(&log);
    loop {
        let numbers = batch_from(next);
        next = numbers.end;
        let records = numbers.map(|number| record("numbers", home(number), number.to_string()));
        member.commit(records.collect(), &|_| vec![(Partition(0), position(next))]).unwrap();
        println!("\nacknowledged {next}");
    }
}

fn position(next: u64) -> Committed {
    Committed { next: Offset(next), metadata: format!("up to {next}") }
}

fn count(log: &EmbeddedLog) -> u64 {
    let end = |partition| log.bounds("numbers", Partition(partition)).unwrap().end.0;
    (0..PARTITIONS).map(end).sum()
}

/// The numbers that a child acknowledges, until it is killed.
fn acknowledged(output: ChildStdout) -> Receiver<u64> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("acknowledged ").and_then(|n| n.parse().ok()) {
                sender.send(number).unwrap_or_default();
            }
        }
    });
    receiver
}

#[test]
fn acknowledged_records_survive_kills_exactly_once() {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for kill in 0..KILLS {
        let mut child = child("kill::child_that_writes", dir.path());
        let acks = acknowledged(child.stdout.take().unwrap());
        // Progress first, then a delay that differs from kill to kill, in no step with anything.
        let mut last = acks.recv_timeout(Duration::from_secs(60)).expect("the child writes");
        std::thread::sleep(Duration::from_micros(1 + kill * 7919 % 40_011));
        child.kill().unwrap();
        child.wait().unwrap();
        last = acks.iter().last().unwrap_or(last);
        assert!(last > before, "kill {kill}");
        before = check(dir.path(), last);
    }
}

/// Everything acknowledged is there once, at dense offsets, and nothing of a batch without the rest. Answers how
/// many numbers there are.
fn check(dir: &Path, acknowledged: u64) -> u64 {
    let log = open(dir);
    let mut numbers = Vec::new();
    for partition in (0..PARTITIONS).map(Partition) {
        let records = read_all(&log, "numbers", partition);
        assert!(records.iter().zip(0..).all(|(record, offset)| record.offset == Offset(offset)));
        let values: Vec<u64> = records.iter().map(|record| text(record).parse().unwrap()).collect();
        assert!(values.is_sorted());
        numbers.extend(values);
    }
    numbers.sort_unstable();
    let next = numbers.len() as u64;
    assert_eq!(numbers, (0..next).collect::<Vec<_>>());
    assert!(next >= acknowledged, "{acknowledged} acknowledged, {next} there");
    let committed = log.committed("writers", "numbers").unwrap().remove(0);
    assert_eq!(committed, Some(position(next)), "positions belong to the records they were committed with");
    next
}

/// The child: has the log and a store until its input ends.
#[test]
fn child_that_holds() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let _log = open(Path::new(&dir));
    let _store = stores(Path::new(&dir)).open(Partition(0)).unwrap();
    println!("\nacknowledged 0");
    std::io::stdin().lines().for_each(drop);
}

fn stores(dir: &Path) -> RocksStores {
    RocksStores::open(state::Settings::new(dir.join("state"))).unwrap()
}

#[test]
fn a_folder_in_use_is_refused_with_the_number_of_its_process() {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = child("kill::child_that_holds", dir.path());
    let ready = acknowledged(child.stdout.take().unwrap());
    ready.recv_timeout(Duration::from_secs(60)).expect("the child opens the log");
    let error = EmbeddedLog::open(Settings::new(dir.path())).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Misconfigured);
    let expected = format!("is in use by another tocsin process (pid {})", child.id());
    assert!(error.message.contains(&expected), "{error}");
    let stores = stores(dir.path());
    let error = stores.open(Partition(0)).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Misconfigured);
    assert!(error.message.contains("is in use by another tocsin process"), "{error}");

    // A killed process leaves the files, not the locks.
    child.kill().unwrap();
    child.wait().unwrap();
    drop(open(dir.path()));
    drop(stores.open(Partition(0)).unwrap());
}
