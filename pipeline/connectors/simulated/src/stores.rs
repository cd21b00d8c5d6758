//! Stores on the disks of the world. A disk belongs to a lasting name; what its processes wrote last can be lost.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use engine::{Key, Partition, Table, Write};
use ports::{Error, ErrorKind, Restore, Result, Store, Stores, Usable};
use rules::SavepointId;
use xxhash_rust::xxh3::xxh3_64;

use crate::fault::Point;
use crate::process::ProcessId;
use crate::seen::Seen;
use crate::world::{Verdict, World};

/// So many writes of a store may be lost with the machine.
const UNSYNCED_MAX: usize = 8;

/// Under which key of `meta` a store keeps its own position.
const POSITION: &[u8] = b"position";

/// Under which key of `meta` a store keeps the last savepoint that it went through.
const SAVEPOINT: &[u8] = b"savepoint";

/// The tables of a store, and a fingerprint of all they hold but what the store says of itself: position and savepoint.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    entries: BTreeMap<(Table, Key), Bytes>,
    fingerprint: u64,
}

impl Tables {
    /// Makes changes.
    pub fn write(&mut self, writes: &[Write]) {
        for write in writes.iter().cloned() {
            match write {
                Write::Put { table, key, value } => {
                    self.remove(table, &key);
                    self.fingerprint ^= fingerprint(table, &key, &value);
                    self.entries.insert((table, key), value);
                },
                Write::Delete { table, key } => self.remove(table, &key),
                Write::DeleteRange { table, from, to } => {
                    let range = self.entries.range((table, from.clone())..(table, to.clone()));
                    let keys: Vec<Key> = range.map(|((_, key), _)| key.clone()).collect();
                    keys.iter().for_each(|key| self.remove(table, key));
                },
            }
        }
    }

    fn remove(&mut self, table: Table, key: &Key) {
        if let Some(old) = self.entries.remove(&(table, key.clone())) {
            self.fingerprint ^= fingerprint(table, key, &old);
        }
    }

    /// Names what is in the tables; equal for equal contents, whatever came before.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// All entries, by table and key.
    pub fn entries(&self) -> impl Iterator<Item = (Table, &Key, &Bytes)> {
        self.entries.iter().map(|((table, key), value)| (*table, key, value))
    }

    pub(crate) fn position(&self) -> Option<String> {
        let bytes = self.entries.get(&(Table::Meta, Key::from_static(POSITION)))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

fn fingerprint(table: Table, key: &[u8], value: &[u8]) -> u64 {
    if table == Table::Meta && (key == POSITION || key == SAVEPOINT) {
        return 0;
    }
    let place = Table::ALL.iter().position(|other| *other == table).unwrap_or(0) as u64;
    let head = [place.to_be_bytes(), (key.len() as u64).to_be_bytes()].concat();
    xxh3_64(&[&head[..], key, value].concat())
}

/// The store of a partition on a disk.
#[derive(Debug, Default)]
struct OnDisk {
    tables: Tables,
    /// What survives the machine, and what came after it.
    synced: Tables,
    unsynced: VecDeque<Vec<Write>>,
    damaged: bool,
}

/// The stores of one lasting name.
#[derive(Debug, Default)]
pub(crate) struct Disk(BTreeMap<Partition, OnDisk>);

impl Disk {
    /// Each store loses so many of its last writes.
    pub(crate) fn lose_tails(&mut self, count: impl Fn(u64) -> u64) {
        for (partition, store) in &mut self.0 {
            let lost = usize::try_from(count(partition.0.into())).unwrap_or(usize::MAX);
            store.unsynced.truncate(store.unsynced.len().saturating_sub(lost));
            store.tables = store.synced.clone();
            store.unsynced.iter().for_each(|writes| store.tables.write(writes));
        }
    }

    /// What the store of a partition holds, if it can be read.
    pub(crate) fn sound(&self, partition: Partition) -> Option<Tables> {
        self.0.get(&partition).filter(|store| !store.damaged).map(|store| store.tables.clone())
    }

    pub(crate) fn damage(&mut self) {
        self.0.values_mut().for_each(|store| store.damaged = true);
    }
}

/// The stores of a process.
#[derive(Clone)]
pub struct SimulatedStores {
    pub(crate) world: World,
    pub(crate) process: ProcessId,
    name: String,
}

impl SimulatedStores {
    /// The stores on the disk of a process.
    pub fn new(world: World, process: ProcessId) -> Self {
        let name = world.lock().processes[process.0 as usize].name.clone();
        Self { world, process, name }
    }

    /// What the store of a partition holds, if there is one on this disk.
    pub fn contents(&self, partition: Partition) -> Option<Tables> {
        let state = self.world.lock();
        Some(state.disks.get(&self.name)?.0.get(&partition)?.tables.clone())
    }

    /// Puts tables in the place of a store.
    pub(crate) fn replace(&self, partition: Partition, tables: Tables) {
        let (synced, unsynced, damaged) = (tables.clone(), VecDeque::new(), false);
        self.on_disk(partition, |store| *store = OnDisk { tables, synced, unsynced, damaged });
    }

    fn on_disk<T>(&self, partition: Partition, work: impl FnOnce(&mut OnDisk) -> T) -> T {
        let mut state = self.world.lock();
        work(state.disks.entry(self.name.clone()).or_default().0.entry(partition).or_default())
    }
}

impl Stores for SimulatedStores {
    fn open(&self, partition: Partition) -> Result<Box<dyn Store>> {
        self.world.reach(self.process, Point::StoreOpen, &partition).or_refused()?;
        if self.on_disk(partition, |store| store.damaged) {
            return Err(Error::new(ErrorKind::Corrupt, "the store cannot be read"));
        }
        Ok(Box::new(SimulatedStore { stores: self.clone(), partition }))
    }

    fn remove(&self, partition: Partition) -> Result<()> {
        self.world.reach(self.process, Point::StoreOpen, &format_args!("remove {partition}")).or_refused()?;
        self.on_disk(partition, |store| *store = OnDisk::default());
        Ok(())
    }

    fn restore(&self, partition: Partition, wanted: &Usable) -> Result<Restore> {
        let verdict = self.world.reach(self.process, Point::Restore, &partition);
        verdict.or_refused()?;
        if let Verdict::Slow { millis } = verdict {
            self.world.pass(millis);
            return Ok(Restore::Running { done: 0, total: 1 });
        }
        Ok(self.fetch(partition, wanted))
    }

    fn has_checkpoint(&self, partition: Partition) -> Result<bool> {
        Ok(self.world.lock().kept.has(partition))
    }
}

struct SimulatedStore {
    stores: SimulatedStores,
    partition: Partition,
}

impl SimulatedStore {
    fn read<T>(&self, work: impl FnOnce(&Tables) -> T) -> T {
        self.stores.world.reach(self.stores.process, Point::StoreRead, &self.partition);
        self.stores.on_disk(self.partition, |store| work(&store.tables))
    }
}

impl Store for SimulatedStore {
    fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        Ok(self.read(|tables| {
            keys.iter().map(|key| tables.entries.get(&(table, key.clone())).cloned()).collect()
        }))
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>> {
        if from >= to {
            return Ok(None);
        }
        Ok(self.read(|tables| {
            let first = tables.entries.range((table, from.clone())..(table, to.clone())).next();
            first.map(|((_, key), value)| (key.clone(), value.clone()))
        }))
    }

    fn scan(&self, table: Table) -> Result<Vec<(Key, Bytes)>> {
        Ok(self.read(|tables| {
            let of = tables.entries.iter().filter(|((of, _), _)| *of == table);
            of.map(|((_, key), value)| (key.clone(), value.clone())).collect()
        }))
    }

    fn write(&mut self, writes: &[Write]) -> Result<()> {
        let SimulatedStores { world, process, .. } = &self.stores;
        world.reach(*process, Point::StoreWrite, &self.partition).or_refused()?;
        let (fingerprint, position) = self.stores.on_disk(self.partition, |store| {
            store.tables.write(writes);
            store.unsynced.push_back(writes.to_vec());
            if store.unsynced.len() > UNSYNCED_MAX
                && let Some(oldest) = store.unsynced.pop_front()
            {
                store.synced.write(&oldest);
            }
            (store.tables.fingerprint(), store.tables.position())
        });
        let (process, partition) = (*process, self.partition);
        world.lock().seen.push(Seen::Stored { process, partition, fingerprint, position });
        world.reach(process, Point::StoreWritten, &partition);
        Ok(())
    }

    fn savepoint(&mut self, savepoint: SavepointId) -> Result<()> {
        let (SimulatedStores { world, process, .. }, partition) = (&self.stores, self.partition);
        world.reach(*process, Point::Part, &format_args!("{partition} {savepoint}"));
        let (fingerprint, position) =
            self.stores.on_disk(partition, |store| (store.tables.fingerprint(), store.tables.position()));
        let process = *process;
        let mut state = world.lock();
        if state.kept.take_part(savepoint, partition) {
            state.seen.push(Seen::Part { process, partition, savepoint, fingerprint, position });
        }
        Ok(())
    }
}
