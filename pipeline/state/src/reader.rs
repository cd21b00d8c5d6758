//! Reading a store beside its owner, as it is at one moment.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Key, Source, Table, Unavailable};
use ports::StateReader;
use rocksdb::{ColumnFamily, DB, DBRawIterator, ReadOptions, Snapshot};

use crate::error::failed;

/// Shares an open store; it closes when the last one who shares it is gone.
pub(crate) struct RocksReader {
    pub(crate) db: Arc<DB>,
    pub(crate) name: String,
}

impl RocksReader {
    fn family(&self, table: Table) -> &ColumnFamily {
        self.db.cf_handle(table.name()).expect("every table was opened")
    }

    fn unavailable(&self, error: &rocksdb::Error) -> Unavailable {
        Unavailable(Box::new(failed(&self.name, "read", error)))
    }
}

impl StateReader for RocksReader {
    fn look(&self, look: &mut dyn FnMut(&dyn Source)) {
        let snapshot = self.db.snapshot();
        look(&Frozen { reader: self, snapshot: &snapshot, cursor: RefCell::new(None) });
    }
}

/// The store at the moment of the snapshot.
struct Frozen<'a> {
    reader: &'a RocksReader,
    snapshot: &'a Snapshot<'a>,
    /// The iterator of the last range: to make one costs more than to move it, and ranges are read key after key.
    cursor: RefCell<Option<(Table, DBRawIterator<'a>)>>,
}

impl<'a> Frozen<'a> {
    fn cursor(&self, table: Table) -> DBRawIterator<'a> {
        let mut read = ReadOptions::default();
        // A table with a prefix extractor would otherwise promise order within one prefix only.
        read.set_total_order_seek(true);
        self.snapshot.raw_iterator_cf_opt(self.reader.family(table), read)
    }
}

impl Source for Frozen<'_> {
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        let found = self.snapshot.get_cf(self.reader.family(table), key);
        Ok(found.map_err(|error| self.reader.unavailable(&error))?.map(Bytes::from))
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable> {
        let mut kept = self.cursor.borrow_mut();
        let (_, cursor) = match kept.take() {
            Some((of, cursor)) if of == table => kept.insert((of, cursor)),
            _ => kept.insert((table, self.cursor(table))),
        };
        cursor.seek(from);
        // A damaged block ends an iterator as quietly as the end does.
        cursor.status().map_err(|error| self.reader.unavailable(&error))?;
        let found = cursor.item().filter(|(key, _)| *key < to.as_ref());
        Ok(found.map(|(key, value)| (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value))))
    }
}
