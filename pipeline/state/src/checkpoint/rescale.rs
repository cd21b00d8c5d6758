//! Rewrites a savepoint for another number of partitions.
//!
//! Every customer's entries move to the partition that its key now has. What is the deployment's as a whole, the rules,
//! goes to all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use engine::{Key, Offset, Partition, Table, Timestamp, Write, key_owner, partition_of};
use ports::{
    Error, ErrorKind, GENERATION_KEY, POSITION_KEY, Position, Result, SAVEPOINT_KEY, Savepoint, Store, Stores,
};
use rules::SavepointId;

use super::fetch::{self, Progress};
use super::place::Place;
use super::snapshot::{self, Snapshot};
use super::upload::{Hashes, Job, Pace};
use super::{catalog, service};
use crate::{RocksStores, Settings};

/// How many bytes are written to a new part at a time.
const WRITE_BYTES: usize = 4 * 1024 * 1024;

/// A savepoint and what it is to become.
#[derive(Debug)]
pub struct Rescale<'a> {
    /// What is rewritten.
    pub savepoint: &'a Savepoint,
    /// The name of the result.
    pub id: SavepointId,
    /// Where each new partition goes on in the event topic; there are as many partitions as entries.
    pub next: &'a BTreeMap<Partition, Offset>,
    /// An empty folder with room for the state twice.
    pub scratch: &'a Path,
}

impl Rescale<'_> {
    /// Writes the new savepoint.
    ///
    /// # Errors
    /// A damaged part; an entry of which is not known to whom it belongs; a place or disk that fails.
    pub fn run(&self, place: &Place) -> Result<()> {
        let first = self.savepoint.parts.first().ok_or_else(|| {
            Error::new(ErrorKind::Gone, format!("savepoint {} has no parts", self.savepoint.id))
        })?;
        let stores = RocksStores::open(Settings::new(self.scratch.join("new")))?;
        let mut new = self
            .next
            .keys()
            .map(|partition| Ok(Filling::new(stores.open(*partition)?)))
            .collect::<Result<Vec<_>>>()?;
        for name in place.parts(self.savepoint.id)? {
            let manifest = catalog::read(&place.objects, &name)?.manifest;
            let old = self.scratch.join("old");
            let stop = AtomicBool::new(false);
            fetch::store(&place.objects, &manifest, &old, &Progress::default(), &stop)?;
            self.spread(&old, manifest.partition == first.partition.0, &mut new)?;
            snapshot::remove(&old)?;
        }
        let epoch = self.savepoint.parts.iter().map(|part| part.position.epoch).max().unwrap_or_default();
        let clock = self.savepoint.parts.iter().map(|part| part.position.clock).min().unwrap_or(Timestamp(0));
        for ((partition, next), mut filling) in self.next.iter().zip(new) {
            // A customer's clock is moved by how far the partition's has come, so the slowest one is safe for all.
            let changelog = Offset(0);
            let position = Position {
                epoch,
                clock,
                next: *next,
                changelog,
                writer: String::new(),
                ..first.position.clone()
            };
            filling.take(Write::Put {
                table: Table::Meta,
                key: POSITION_KEY,
                value: position.to_string().into(),
            })?;
            filling.flush()?;
            drop(filling);
            self.send(place, *partition)?;
        }
        Ok(())
    }

    /// Deals the entries of an old part out.
    fn spread(&self, old: &Path, is_first: bool, new: &mut [Filling]) -> Result<()> {
        let opened = snapshot::open(old)?;
        let partitions = u32::try_from(new.len()).unwrap_or(u32::MAX);
        for table in Table::ALL {
            opened.each(table, |key, value| {
                let put = || Write::Put {
                    table,
                    key: Key::copy_from_slice(key),
                    value: Bytes::copy_from_slice(value),
                };
                if let Some(customer) = key_owner(table, key) {
                    let partition = partition_of(customer.to_string().as_bytes(), partitions);
                    return new[partition.0 as usize].take(put());
                }
                match table {
                    Table::Meta if key == POSITION_KEY || key == SAVEPOINT_KEY => Ok(()),
                    // The same in every part, since all are at one line of the rules.
                    Table::Rules if !is_first => Ok(()),
                    Table::Meta if key == GENERATION_KEY && !is_first => Ok(()),
                    Table::Rules => new.iter_mut().try_for_each(|part| part.take(put())),
                    Table::Meta if key == GENERATION_KEY => {
                        new.iter_mut().try_for_each(|part| part.take(put()))
                    },
                    Table::Meta | Table::State | Table::Timers => Err(Error::new(
                        ErrorKind::Refused,
                        format!(
                            "table `{}` has an entry `{}` of which this version does not know where it belongs: wait \
                             until what it is about is done, and take another savepoint",
                            table.name(),
                            key.escape_ascii()
                        ),
                    )),
                }
            })?;
        }
        Ok(())
    }

    fn send(&self, place: &Place, partition: Partition) -> Result<()> {
        let dir = self.scratch.join("new").join(format!("partition-{:05}", partition.0));
        let snapshot = Snapshot::read(&dir)?.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("the rewritten part of partition {partition} is empty"))
        })?;
        let job = Job {
            objects: &place.objects,
            partition,
            partitions: u32::try_from(self.next.len()).unwrap_or(u32::MAX),
            upload: service::new_upload()?,
            topics: &place.settings.topics,
            savepoint: Some(self.id),
            parent: None,
        };
        let stop = AtomicBool::new(false);
        let mut pace = Pace::new(&stop, place.settings.bytes_per_second);
        job.run(&snapshot, &mut Hashes::default(), &mut pace).map(drop)
    }
}

/// A new part, written in larger steps.
struct Filling {
    store: Box<dyn Store>,
    writes: Vec<Write>,
    bytes: usize,
}

impl Filling {
    fn new(store: Box<dyn Store>) -> Self {
        Self { store, writes: Vec::new(), bytes: 0 }
    }

    fn take(&mut self, write: Write) -> Result<()> {
        if let Write::Put { key, value, .. } = &write {
            self.bytes += key.len() + value.len();
        }
        self.writes.push(write);
        if self.bytes >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        self.store.write(&std::mem::take(&mut self.writes))
    }
}
