use std::sync::Arc;

use serde_json::json;

use super::action::Txn;
use super::*;
use crate::testing::{Fault, Faulty};

fn now() -> Timestamp {
    "2025-11-01T13:00:00Z".parse().unwrap()
}

fn txn(version: i64) -> Action {
    Action::Txn(Txn { app_id: partition_id("events", engine::Partition(0)), version, last_updated: None })
}

fn change(actions: Vec<Action>) -> Change<'static> {
    Change { operation: "WRITE", parameters: json!({}), actions, now: now() }
}

fn next(snapshot: &Snapshot) -> Option<u64> {
    snapshot.next("events", engine::Partition(0)).map(|offset| offset.0)
}

#[test]
fn a_commit_is_seen_by_whoever_reads_afterwards() {
    let table = Table::new(Objects::memory());
    let empty = table.load().unwrap();
    assert_eq!((empty.version(), next(&empty)), (None, None));
    let done = table.commit(empty, change(vec![sample().add(true), txn(5)]), |_| true).unwrap();
    assert!(matches!(done, Committed::Done(_)));
    let read = table.load().unwrap();
    assert_eq!((read.version(), next(&read)), (Some(0), Some(5)));
    assert_eq!(read.files().map(|file| file.as_ref().clone()).collect::<Vec<_>>(), [sample()]);
}

#[test]
fn who_stands_on_an_old_version_commits_only_if_it_still_fits() {
    let table = Table::new(Objects::memory());
    let base = table.load().unwrap();
    table.commit(base.clone(), change(vec![txn(5)]), |_| true).unwrap();
    let unmoved = |snapshot: &Snapshot| next(snapshot).is_none();
    let lost = table.commit(base.clone(), change(vec![txn(4)]), unmoved).unwrap();
    let Committed::Lost(seen) = lost else { panic!("it must not count") };
    assert_eq!(next(&seen), Some(5));
    let done = table.commit(base, change(vec![sample().add(true)]), |_| true).unwrap();
    assert!(matches!(done, Committed::Done(snapshot) if snapshot.version() == Some(1)));
}

#[test]
fn an_answer_that_was_lost_is_looked_up() {
    for fault in [Fault::TimedOut, Fault::Conflict, Fault::Refused] {
        let store = Faulty::default();
        let table = Table::new(store.objects());
        let base = table.load().unwrap();
        store.fail([fault]);
        let done = table.commit(base, change(vec![txn(5)]), |_| panic!("it did not lose")).unwrap();
        assert!(matches!(done, Committed::Done(snapshot) if snapshot.version() == Some(0)), "{fault:?}");
        assert_eq!(next(&table.load().unwrap()), Some(5));
    }
}

#[test]
fn a_checkpoint_reads_as_all_the_entries_before_it() {
    let table = Table::new(Objects::memory());
    let mut snapshot = table.load().unwrap();
    for version in 0..205 {
        let file = DataFile { path: format!("data/{version}"), ..sample() };
        let mut actions = vec![file.add(true), txn(version)];
        if version > 0 {
            let old = DataFile { path: format!("data/{}", version - 1), ..sample() };
            actions.push(old.remove(now(), true));
        }
        let Committed::Done(done) = table.commit(snapshot, change(actions), |_| true).unwrap() else {
            panic!()
        };
        snapshot = done;
    }
    // Nothing but the checkpoint is left of the entries that it covers.
    for version in 0..199 {
        table.objects().delete(&entry_path(version)).unwrap();
    }
    let read = table.load().unwrap();
    assert_eq!((read.version(), next(&read)), (Some(204), Some(204)));
    let files: Vec<_> = read.files().map(Arc::as_ref).cloned().collect();
    assert_eq!(files, [DataFile { path: "data/204".to_owned(), ..sample() }]);
    assert_eq!(read.removed().count(), 204);
}

#[test]
fn an_entry_that_is_missing_or_broken_is_named() {
    let table = Table::new(Objects::memory());
    let mut snapshot = table.load().unwrap();
    for version in 0..3 {
        let Committed::Done(done) = table.commit(snapshot, change(vec![txn(version)]), |_| true).unwrap()
        else {
            panic!()
        };
        snapshot = done;
    }
    table.objects().put(&entry_path(2), Bytes::from_static(b"{\"txn\": {}}\n")).unwrap();
    assert!(table.load().unwrap_err().to_string().contains("00000000000000000002.json: line 1"));
    table.objects().delete(&entry_path(1)).unwrap();
    let error = table.load().unwrap_err().to_string();
    assert!(error.contains("00000000000000000001.json: it is missing, and entry 2 is there"), "{error}");
    let newer = b"{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}\n";
    table.objects().put(&entry_path(1), Bytes::from_static(newer)).unwrap();
    assert!(table.load().unwrap_err().to_string().contains("needs a reader of version 3"));
}
