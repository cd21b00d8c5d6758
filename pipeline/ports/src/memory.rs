//! A log and stores in memory: for tests of what stands on the ports.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use engine::{Input, Key, MemoryState, Offset, Partition, Source, Table, Timestamp, Write, partition_of};
use rules::SavepointId;

use crate::error::{Error, ErrorKind, Result};
use crate::groups::StateReader;
use crate::log::{Bounds, Committed, Log, Outgoing, Place, Polled, Reader, Record};
use crate::member::{CommitError, Member, MemberEvent, Membership, Positions};
use crate::position::Position;
use crate::store::{POSITION_KEY, Restore, Store, Stores, Usable};
use crate::topics::{TopicSpec, TopicState};

/// A log in memory. Clones share it. A group has one member, which gets every partition; a later one fences it.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Vec<Vec<Record>>>,
    committed: HashMap<(String, String), BTreeMap<Partition, Committed>>,
    generations: HashMap<String, u64>,
    now: Timestamp,
    refusals: u32,
    /// The first record of a topic's partitions that was not removed.
    starts: HashMap<(String, Partition), Offset>,
}

impl MemoryLog {
    /// Sets the time that records get which bring none.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// Makes the next commits fail as aborted, that many of them.
    pub fn refuse_commits(&self, count: u32) {
        self.lock().refusals = count;
    }

    /// Lets a topic forget a partition's records before an offset.
    pub fn trim(&self, topic: &str, partition: Partition, start: Offset) {
        self.lock().starts.insert((topic.to_owned(), partition), start);
    }

    /// Forgets what a group has committed.
    pub fn forget_committed(&self, group: &str, topic: &str) {
        self.lock().committed.remove(&(group.to_owned(), topic.to_owned()));
    }

    /// All records of a topic, by partition and offset.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        self.lock().topics.get(topic).map(|partitions| partitions.concat()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no holder of the lock panics")
    }

    /// Waits until the log changes or the time is over, then looks.
    fn wait<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&mut State) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut state = self.lock();
        if let Some(found) = look(&mut state)? {
            return Ok(Some(found));
        }
        let (mut state, _) =
            self.0.changed.wait_timeout(state, timeout).expect("no holder of the lock panics");
        look(&mut state)
    }
}

impl State {
    fn topic(&self, name: &str) -> Result<&Vec<Vec<Record>>> {
        self.topics.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Misconfigured,
                format!("topic `{name}` does not exist: create it with `tocsin topics create`"),
            )
        })
    }

    fn append(&mut self, outgoing: Outgoing) -> Result<Place> {
        let partitions = u32::try_from(self.topic(&outgoing.topic)?.len()).unwrap_or(u32::MAX);
        let key = outgoing.key.clone().unwrap_or_default();
        let partition = outgoing.partition.unwrap_or_else(|| partition_of(&key, partitions));
        let now = self.now;
        let records = self
            .topics
            .get_mut(&outgoing.topic)
            .and_then(|topic| topic.get_mut(partition.0 as usize))
            .ok_or_else(|| {
                Error::new(ErrorKind::Misconfigured, format!("topic has no partition {partition}"))
            })?;
        let offset = Offset(records.len() as u64);
        records.push(Record {
            partition,
            offset,
            timestamp: outgoing.timestamp.unwrap_or(now),
            key: outgoing.key,
            value: outgoing.value,
            headers: outgoing.headers,
        });
        Ok(Place { partition, offset })
    }
}

impl Log for MemoryLog {
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<String>> {
        let mut state = self.lock();
        let missing: Vec<_> = specs.iter().filter(|spec| !state.topics.contains_key(&spec.name)).collect();
        for spec in &missing {
            state.topics.insert(spec.name.clone(), vec![Vec::new(); spec.partitions as usize]);
        }
        Ok(missing.into_iter().map(|spec| spec.name.clone()).collect())
    }

    fn inspect_topics(&self, names: &[&str]) -> Result<Vec<TopicState>> {
        let state = self.lock();
        let inspect = |name: &&str| TopicState {
            name: (*name).to_owned(),
            partitions: state.topics.get(*name).map(|topic| u32::try_from(topic.len()).unwrap_or(u32::MAX)),
            settings: BTreeMap::new(),
        };
        Ok(names.iter().map(inspect).collect())
    }

    fn partitions(&self, topic: &str) -> Result<u32> {
        Ok(u32::try_from(self.lock().topic(topic)?.len()).unwrap_or(u32::MAX))
    }

    fn append(&self, records: Vec<Outgoing>) -> Result<Vec<Place>> {
        let mut state = self.lock();
        let places = records.into_iter().map(|outgoing| state.append(outgoing)).collect();
        self.0.changed.notify_all();
        places
    }

    fn reader(&self, topic: &str, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>> {
        self.lock().topic(topic)?;
        for (partition, offset) in from {
            let start = self.bounds(topic, *partition)?.start;
            if *offset < start {
                let message = format!("`{topic}` partition {partition} begins at {start}, {offset} is gone");
                return Err(Error::new(ErrorKind::Gone, message));
            }
        }
        Ok(Box::new(MemoryReader { log: self.clone(), topic: topic.to_owned(), from: from.to_vec() }))
    }

    fn bounds(&self, topic: &str, partition: Partition) -> Result<Bounds> {
        let state = self.lock();
        let end = state.topic(topic)?.get(partition.0 as usize).map_or(0, |records| records.len() as u64);
        let start = state.starts.get(&(topic.to_owned(), partition)).copied();
        Ok(Bounds { start: start.unwrap_or(Offset(0)), end: Offset(end) })
    }

    fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>> {
        let state = self.lock();
        let partitions = u32::try_from(state.topic(topic)?.len()).unwrap_or(u32::MAX);
        let committed = state.committed.get(&(group.to_owned(), topic.to_owned()));
        Ok((0..partitions).map(|partition| committed?.get(&Partition(partition)).cloned()).collect())
    }

    /// Whoever is a member is fenced, since a group in memory never knows that a member has gone.
    fn seed(&self, group: &str, topic: &str, positions: &[(Partition, Committed)]) -> Result<()> {
        let mut state = self.lock();
        *state.generations.entry(group.to_owned()).or_default() += 1;
        let committed = state.committed.entry((group.to_owned(), topic.to_owned())).or_default();
        committed.extend(positions.iter().cloned());
        Ok(())
    }

    fn join(&self, membership: Membership) -> Result<Box<dyn Member>> {
        let partitions = self.partitions(&membership.topic)?;
        let mut state = self.lock();
        let generation = state.generations.entry(membership.group.clone()).or_default();
        *generation += 1;
        let generation = *generation;
        drop(state);
        let to_assign = (0..partitions).map(Partition).collect();
        Ok(Box::new(MemoryMember {
            log: self.clone(),
            membership,
            generation,
            to_assign,
            started: BTreeMap::new(),
        }))
    }
}

struct MemoryReader {
    log: MemoryLog,
    topic: String,
    from: Vec<(Partition, Offset)>,
}

impl Reader for MemoryReader {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Polled> {
        let log = self.log.clone();
        let found = log.wait(timeout, |state| {
            let topic = state.topic(&self.topic)?;
            let mut records = Vec::new();
            for (partition, next) in &mut self.from {
                let there = topic.get(partition.0 as usize).map_or(&[][..], Vec::as_slice);
                let from = usize::try_from(next.0).unwrap_or(usize::MAX).min(there.len());
                let taken = there[from..].iter().take(records_max - records.len());
                records.extend(taken.cloned());
                let last = records.last().filter(|record| record.partition == *partition);
                *next = last.map_or(*next, |record| record.offset.next());
            }
            Ok((!records.is_empty()).then_some(records))
        })?;
        let records = found.unwrap_or_default();
        Ok(Polled { at_end: records.len() < records_max, records })
    }
}

struct MemoryMember {
    log: MemoryLog,
    membership: Membership,
    generation: u64,
    to_assign: Vec<Partition>,
    started: BTreeMap<Partition, Offset>,
}

impl MemoryMember {
    fn check(&self, state: &State) -> Result<()> {
        if state.generations.get(&self.membership.group) == Some(&self.generation) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Fenced, "another member has joined the group"))
    }
}

impl Member for MemoryMember {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Vec<MemberEvent>> {
        self.check(&self.log.lock())?;
        if !self.to_assign.is_empty() {
            let committed = self.log.committed(&self.membership.group, &self.membership.topic)?;
            let assign = |partition: Partition| MemberEvent::Assigned {
                partition,
                committed: committed.get(partition.0 as usize).cloned().flatten(),
            };
            return Ok(std::mem::take(&mut self.to_assign).into_iter().map(assign).collect());
        }
        let from: Vec<_> = self.started.iter().map(|(partition, offset)| (*partition, *offset)).collect();
        let mut reader = self.log.reader(&self.membership.topic, &from)?;
        let mut by_partition: BTreeMap<Partition, Vec<Input>> = BTreeMap::new();
        for record in reader.poll(records_max, timeout)?.records {
            self.started.insert(record.partition, record.offset.next());
            let Record { offset, timestamp, key, value, .. } = record;
            by_partition.entry(record.partition).or_default().push(Input { offset, timestamp, key, value });
        }
        Ok(by_partition
            .into_iter()
            .map(|(partition, inputs)| MemberEvent::Records { partition, inputs })
            .collect())
    }

    fn start(&mut self, partition: Partition, from: Offset) -> Result<()> {
        self.started.insert(partition, from);
        Ok(())
    }

    fn release(&mut self, partition: Partition) -> Result<()> {
        self.started.remove(&partition);
        Ok(())
    }

    fn commit(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> std::result::Result<Vec<Place>, CommitError> {
        let mut state = self.log.lock();
        self.check(&state).map_err(CommitError::Fatal)?;
        if state.refusals > 0 {
            state.refusals -= 1;
            return Err(CommitError::Aborted(Error::new(
                ErrorKind::Unavailable,
                "commits are refused by the test",
            )));
        }
        let places: Result<Vec<_>> = records.into_iter().map(|outgoing| state.append(outgoing)).collect();
        let places = places.map_err(CommitError::Fatal)?;
        let key = (self.membership.group.clone(), self.membership.topic.clone());
        state.committed.entry(key).or_default().extend(positions(&places));
        self.log.0.changed.notify_all();
        Ok(places)
    }

    fn leave(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Stores in memory. Clones share them, so that a worker can be started again on the same state.
#[derive(Clone, Default)]
pub struct MemoryStores {
    stores: Arc<Mutex<BTreeMap<Partition, MemoryTables>>>,
    checkpoints: Arc<Mutex<BTreeMap<Partition, Vec<MemoryTables>>>>,
    savepoints: Arc<Mutex<BTreeMap<(SavepointId, Partition), MemoryTables>>>,
    savepoint_failures: Arc<Mutex<u32>>,
}

type MemoryTables = BTreeMap<(Table, Key), Bytes>;

impl MemoryStores {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Partition, MemoryTables>> {
        self.stores.lock().expect("no holder of the lock panics")
    }

    fn checkpoints(&self) -> MutexGuard<'_, BTreeMap<Partition, Vec<MemoryTables>>> {
        self.checkpoints.lock().expect("no holder of the lock panics")
    }

    /// What is kept of a partition as its part of a savepoint.
    pub fn part(
        &self,
        savepoint: SavepointId,
        partition: Partition,
    ) -> Option<BTreeMap<(Table, Key), Bytes>> {
        self.savepoints.lock().expect("no holder of the lock panics").get(&(savepoint, partition)).cloned()
    }

    /// Makes the next parts of savepoints fail, that many of them, as a crash right before them would.
    pub fn refuse_savepoints(&self, count: u32) {
        *self.savepoint_failures.lock().expect("no holder of the lock panics") = count;
    }

    /// Keeps a checkpoint of a partition's store as it is now.
    pub fn checkpoint(&self, partition: Partition) {
        let contents = self.contents(partition);
        if position(&contents).is_some() {
            self.checkpoints().entry(partition).or_default().push(contents);
        }
    }

    /// All that the store of a partition holds.
    pub fn contents(&self, partition: Partition) -> BTreeMap<(Table, Key), Bytes> {
        self.lock().get(&partition).cloned().unwrap_or_default()
    }

    /// Puts these contents in the place of a partition's store, as if its disk had come back from another day.
    pub fn replace(&self, partition: Partition, contents: BTreeMap<(Table, Key), Bytes>) {
        self.lock().insert(partition, contents);
    }
}

impl Stores for MemoryStores {
    fn open(&self, partition: Partition) -> Result<Box<dyn Store>> {
        self.lock().entry(partition).or_default();
        Ok(Box::new(MemoryStore { stores: self.clone(), partition }))
    }

    fn remove(&self, partition: Partition) -> Result<()> {
        self.lock().remove(&partition);
        Ok(())
    }

    fn restore(&self, partition: Partition, wanted: &Usable) -> Result<Restore> {
        let checkpoints = self.checkpoints();
        let kept = checkpoints.get(&partition).map_or(&[][..], Vec::as_slice);
        let of_use = kept.iter().filter_map(|contents| Some((position(contents)?, contents)));
        let newest = of_use.filter(|(position, _)| wanted.takes(position)).max_by_key(|(at, _)| at.epoch);
        let Some((position, contents)) = newest else {
            return Ok(Restore::Nothing { refused: Vec::new() });
        };
        self.replace(partition, contents.clone());
        Ok(Restore::Done(position))
    }

    fn has_checkpoint(&self, partition: Partition) -> Result<bool> {
        Ok(self.checkpoints().contains_key(&partition))
    }
}

/// The position that a store of these contents is at.
fn position(contents: &MemoryTables) -> Option<Position> {
    std::str::from_utf8(contents.get(&(Table::Meta, POSITION_KEY))?).ok()?.parse().ok()
}

impl StateReader for MemoryStore {
    fn look(&self, look: &mut dyn FnMut(&dyn Source)) {
        let mut state = MemoryState::default();
        let contents = self.stores.contents(self.partition);
        state.write(contents.into_iter().map(|((table, key), value)| Write::Put { table, key, value }));
        look(&state);
    }
}

struct MemoryStore {
    stores: MemoryStores,
    partition: Partition,
}

impl Store for MemoryStore {
    fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let tables = self.stores.contents(self.partition);
        Ok(keys.iter().map(|key| tables.get(&(table, key.clone())).cloned()).collect())
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>> {
        let stores = self.stores.lock();
        let Some(tables) = stores.get(&self.partition).filter(|_| from < to) else { return Ok(None) };
        let first = tables.range((table, from.clone())..(table, to.clone())).next();
        Ok(first.map(|((_, key), value)| (key.clone(), value.clone())))
    }

    fn scan(&self, table: Table) -> Result<Vec<(Key, Bytes)>> {
        let tables = self.stores.contents(self.partition).into_iter();
        Ok(tables.filter(|((of, _), _)| *of == table).map(|((_, key), value)| (key, value)).collect())
    }

    fn savepoint(&mut self, savepoint: SavepointId) -> Result<()> {
        let mut failures = self.stores.savepoint_failures.lock().expect("no holder of the lock panics");
        if *failures > 0 {
            *failures -= 1;
            return Err(Error::new(ErrorKind::Unavailable, "savepoints are refused by the test"));
        }
        let contents = self.stores.contents(self.partition);
        let mut savepoints = self.stores.savepoints.lock().expect("no holder of the lock panics");
        savepoints.entry((savepoint, self.partition)).or_insert(contents);
        Ok(())
    }

    fn reader(&self) -> Option<Arc<dyn StateReader>> {
        Some(Arc::new(Self { stores: self.stores.clone(), partition: self.partition }))
    }

    fn write(&mut self, writes: &[Write]) -> Result<()> {
        let mut stores = self.stores.lock();
        let tables = stores.entry(self.partition).or_default();
        for write in writes.iter().cloned() {
            match write {
                Write::Put { table, key, value } => drop(tables.insert((table, key), value)),
                Write::Delete { table, key } => drop(tables.remove(&(table, key))),
                Write::DeleteRange { table, from, to } => {
                    tables.retain(|(of, key), _| *of != table || *key < from || *key >= to);
                },
            }
        }
        Ok(())
    }
}
