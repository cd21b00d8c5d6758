//! The store of one partition: reads in batches, writes in atomic ones.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use engine::{Key, Partition, Table, Write};
use ports::{Error, ErrorKind, Result, StateReader, Store};
use rocksdb::{ColumnFamily, DB, ReadOptions, WriteBatch, WriteOptions};
use rules::SavepointId;

use crate::checkpoint::{Checkpoints, Watched};
use crate::error::failed;
use crate::metrics::{READ_SECONDS, READS_TOTAL, WRITE_SECONDS, WRITES_TOTAL};
use crate::reader::RocksReader;

/// An open store. Closes when dropped.
pub(crate) struct RocksStore {
    db: Arc<DB>,
    /// Its directory, for messages.
    name: String,
    /// The eye that checkpoints have on it.
    watched: Option<Arc<Watched>>,
    partition: Partition,
    checkpoints: Option<Checkpoints>,
}

impl RocksStore {
    pub(crate) fn new(
        db: Arc<DB>,
        name: String,
        partition: Partition,
        checkpoints: Option<Checkpoints>,
    ) -> Self {
        let watched = checkpoints.as_ref().map(|checkpoints| checkpoints.watch(partition, &db));
        Self { db, name, watched, partition, checkpoints }
    }

    fn family(&self, table: Table) -> &ColumnFamily {
        self.db.cf_handle(table.name()).expect("every table was opened")
    }
}

impl Store for RocksStore {
    fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let started = Instant::now();
        let sorted = keys.is_sorted();
        let found = self.db.batched_multi_get_cf(self.family(table), keys.iter().map(Key::as_ref), sorted);
        let values = found
            .into_iter()
            .map(|value| Ok(value?.map(|value| Bytes::copy_from_slice(&value))))
            .collect::<std::result::Result<_, rocksdb::Error>>()
            .map_err(|error| failed(&self.name, "read", &error));
        metrics::histogram!(READ_SECONDS).record(started.elapsed());
        metrics::counter!(READS_TOTAL).increment(keys.len() as u64);
        values
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>> {
        let mut read = ReadOptions::default();
        read.set_total_order_seek(true);
        read.set_iterate_upper_bound(to.as_ref());
        let mut cursor = self.db.raw_iterator_cf_opt(self.family(table), read);
        cursor.seek(from);
        let found =
            cursor.item().map(|(key, value)| (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        cursor.status().map_err(|error| failed(&self.name, "read", &error))?;
        metrics::counter!(READS_TOTAL).increment(1);
        Ok(found)
    }

    fn scan(&self, table: Table) -> Result<Vec<(Key, Bytes)>> {
        let mut read = ReadOptions::default();
        // A table with a prefix extractor would otherwise promise order within one prefix only.
        read.set_total_order_seek(true);
        let mut cursor = self.db.raw_iterator_cf_opt(self.family(table), read);
        cursor.seek_to_first();
        let mut found = Vec::new();
        while let Some((key, value)) = cursor.item() {
            found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            cursor.next();
        }
        // A damaged block ends an iterator as quietly as the end does.
        cursor.status().map_err(|error| failed(&self.name, "read", &error))?;
        Ok(found)
    }

    fn savepoint(&mut self, savepoint: SavepointId) -> Result<()> {
        match &self.checkpoints {
            Some(checkpoints) => checkpoints.savepoint(self.partition, savepoint, &self.db),
            None => Err(Error::new(
                ErrorKind::Refused,
                "checkpoints are off, and savepoints with them: set a place with --checkpoints",
            )),
        }
    }

    fn reader(&self) -> Option<Arc<dyn StateReader>> {
        Some(Arc::new(RocksReader { db: Arc::clone(&self.db), name: self.name.clone() }))
    }

    fn write(&mut self, writes: &[Write]) -> Result<()> {
        let started = Instant::now();
        let mut batch = WriteBatch::default();
        for write in writes {
            match write {
                Write::Put { table, key, value } => batch.put_cf(self.family(*table), key, value),
                Write::Delete { table, key } => batch.delete_cf(self.family(*table), key),
                // RocksDB takes a range that ends before it begins as damage of the whole store.
                Write::DeleteRange { from, to, .. } if from >= to => {},
                Write::DeleteRange { table, from, to } => {
                    batch.delete_range_cf(self.family(*table), from, to);
                },
            }
        }
        let bytes = batch.size_in_bytes() as u64;
        let written = self.db.write_opt(batch, &WriteOptions::default());
        metrics::histogram!(WRITE_SECONDS).record(started.elapsed());
        metrics::counter!(WRITES_TOTAL).increment(writes.len() as u64);
        if let Some(watched) = &self.watched {
            watched.wrote(bytes);
        }
        written.map_err(|error| failed(&self.name, "write", &error))
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        // Whoever opens the store next must find it closed.
        if let Some(watched) = &self.watched {
            watched.close();
        }
    }
}
