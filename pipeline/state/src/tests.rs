//! What a store does on disk: restarts, torn logs, formats, locks.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use engine::{Key, Partition, Table, Write};
use ports::{ErrorKind, Store, Stores};
use rocksdb::{DB, Options};

use crate::{RocksStores, Settings};

const PARTITION: Partition = Partition(7);

fn stores(dir: &Path) -> RocksStores {
    RocksStores::open(Settings { dir: dir.to_owned(), cache_bytes: 8 << 20, write_buffer_bytes: 4 << 20 })
        .unwrap()
}

fn put(table: Table, key: &str, value: impl Into<Bytes>) -> Write {
    Write::Put { table, key: Key::from(key.to_owned()), value: value.into() }
}

fn get(store: &dyn Store, table: Table, keys: &[&str]) -> Vec<Option<Bytes>> {
    let keys: Vec<_> = keys.iter().map(|key| Key::from((*key).to_owned())).collect();
    store.get_many(table, &keys).unwrap()
}

#[test]
fn writes_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let stores = stores(dir.path());
    let mut store = stores.open(PARTITION).unwrap();
    let writes = [
        put(Table::State, "customer-1", "one"),
        put(Table::State, "customer-2", "two"),
        put(Table::State, "customer-3", "three"),
        put(Table::Timers, "customer-2", "timer"),
    ];
    store.write(&writes).unwrap();
    let range = |from: &'static str, to: &'static str| Write::DeleteRange {
        table: Table::State,
        from: Key::from(from),
        to: Key::from(to),
    };
    store.write(&[range("customer-2", "customer-3"), range("customer-3", "customer-1")]).unwrap();
    drop(store);

    let store = stores.open(PARTITION).unwrap();
    let found = get(&*store, Table::State, &["customer-3", "customer-2", "customer-1", ""]);
    assert_eq!(found, [Some("three".into()), None, Some("one".into()), None]);
    let left = [("customer-1", "one"), ("customer-3", "three")];
    let left = left.map(|(key, value)| (Key::from(key), Bytes::from(value)));
    assert_eq!(store.scan(Table::State).unwrap(), left);
    assert_eq!(store.scan(Table::Timers).unwrap().len(), 1);
    assert_eq!(store.scan(Table::Meta).unwrap(), []);
}

fn newest_wal(dir: &Path) -> PathBuf {
    let entries = fs::read_dir(dir.join("partition-00007")).unwrap();
    let logs = entries.map(|entry| entry.unwrap().path());
    logs.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().unwrap()
}

/// Every write sets the same number in two tables, so that a part of a write would show.
#[test]
fn a_torn_log_leaves_a_prefix_of_whole_writes() {
    for cut in [1, 5, 40, 333, 2000] {
        let dir = tempfile::tempdir().unwrap();
        let stores = stores(dir.path());
        let mut store = stores.open(PARTITION).unwrap();
        for number in 0..100 {
            let number = format!("{number:03}");
            let writes = [
                put(Table::State, &format!("customer-{number}"), number.clone()),
                put(Table::Meta, "position", number),
            ];
            store.write(&writes).unwrap();
        }
        drop(store);
        let wal = newest_wal(dir.path());
        let file = OpenOptions::new().write(true).open(&wal).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - cut).unwrap();

        let store = stores.open(PARTITION).unwrap();
        let customers = store.scan(Table::State).unwrap();
        assert!((10..100).contains(&customers.len()), "{} writes after a cut of {cut}", customers.len());
        for (number, (key, _)) in customers.iter().enumerate() {
            assert_eq!(*key, format!("customer-{number:03}"));
        }
        let position = get(&*store, Table::Meta, &["position"]);
        assert_eq!(position, [customers.last().map(|(_, value)| value.clone())]);
    }
}

#[test]
fn a_store_is_open_once_and_can_be_removed() {
    let dir = tempfile::tempdir().unwrap();
    let first = stores(dir.path());
    let mut store = first.open(PARTITION).unwrap();
    store.write(&[put(Table::Rules, "r", "rule")]).unwrap();
    let error = stores(dir.path()).open(PARTITION).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Misconfigured);
    assert!(error.message.contains("in use by another tocsin process"), "{error}");
    assert_eq!(first.remove(PARTITION).unwrap_err().kind, ErrorKind::Misconfigured);
    assert_eq!(get(&*store, Table::Rules, &["r"]), [Some("rule".into())]);
    drop(store);

    first.remove(PARTITION).unwrap();
    first.remove(PARTITION).unwrap();
    assert!(!dir.path().join("partition-00007").exists());
    assert_eq!(first.open(PARTITION).unwrap().scan(Table::Rules).unwrap(), []);
}

#[test]
fn a_store_that_cannot_be_read_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let stores = stores(dir.path());
    drop(stores.open(PARTITION).unwrap());
    let path = dir.path().join("partition-00007");
    let db = DB::open_cf(&Options::default(), &path, Table::ALL.map(Table::name)).unwrap();
    db.put("format", "2").unwrap();
    drop(db);
    let error = stores.open(PARTITION).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Misconfigured, "it is not damaged, and stays");
    assert!(error.message.contains("has format `2`"), "{error}");

    fs::write(path.join("CURRENT"), "MANIFEST-000000\n").unwrap();
    assert_eq!(stores.open(PARTITION).err().unwrap().kind, ErrorKind::Corrupt);
    stores.remove(PARTITION).unwrap();
    assert_eq!(stores.open(PARTITION).unwrap().scan(Table::State).unwrap(), []);
}

#[test]
fn partitions_share_memory_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let stores = stores(dir.path());
    let mut opened: Vec<_> = (0..8).map(|partition| stores.open(Partition(partition)).unwrap()).collect();
    for (number, store) in opened.iter_mut().enumerate() {
        // More than the shared write buffers hold, so that they are flushed in turns.
        for key in 0..64 {
            let value = vec![u8::try_from(number).unwrap(); 16 * 1024];
            store.write(&[put(Table::State, &format!("customer-{key}"), value)]).unwrap();
        }
    }
    for (number, store) in opened.iter().enumerate() {
        let found = store.scan(Table::State).unwrap();
        assert_eq!(found.len(), 64);
        assert!(found.iter().all(|(_, value)| usize::from(value[0]) == number));
    }
}
