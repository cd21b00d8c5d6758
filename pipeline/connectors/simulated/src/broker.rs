//! Topics and transactions, as Kafka has them: records of open transactions are not readable, nor is what stands behind
//! them; the end of a transaction takes a place in every partition that it touched, and so do records that were aborted.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Offset, Partition, Timestamp, partition_of};
use ports::{Committed, Error, ErrorKind, Outgoing, Place, Record, Result, Retention, TopicSpec, TopicState};

/// After so many milliseconds the coordinator aborts a transaction that nobody ended.
const TRANSACTION_TIMEOUT: u64 = 6_000;

/// The longest record, in bytes of its key and value.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// What stands at an offset.
#[derive(Debug, Clone)]
struct Entry {
    /// None for the end of a transaction.
    record: Option<Record>,
    transaction: Option<u64>,
}

#[derive(Debug)]
struct Topic {
    retention: Retention,
    partitions: Vec<Vec<Entry>>,
    /// The first place that is not forgotten, by partition.
    starts: BTreeMap<Partition, Offset>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug)]
struct Transaction {
    writer: String,
    phase: Phase,
    began: u64,
    touched: BTreeSet<(String, Partition)>,
    positions: Vec<(String, String, Partition, Committed)>,
}

/// The brokers.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    topics: BTreeMap<String, Topic>,
    transactions: BTreeMap<u64, Transaction>,
    epochs: BTreeMap<String, u64>,
    /// By group, topic and partition.
    committed: BTreeMap<(String, String, Partition), Committed>,
}

impl Broker {
    pub(crate) fn create(&mut self, spec: &TopicSpec) -> bool {
        if self.topics.contains_key(&spec.name) {
            return false;
        }
        let (partitions, starts) = (vec![Vec::new(); spec.partitions as usize], BTreeMap::new());
        self.topics.insert(spec.name.clone(), Topic { retention: spec.retention, partitions, starts });
        true
    }

    pub(crate) fn describe(&self, name: &str) -> TopicState {
        let topic = self.topics.get(name);
        let partitions = topic.map(|topic| count(topic.partitions.len()));
        let keeps = topic.is_some_and(|topic| topic.retention == Retention::Forever);
        let settings =
            if keeps { BTreeMap::from([("retention.ms".into(), "-1".into())]) } else { BTreeMap::new() };
        TopicState { name: name.to_owned(), partitions, settings }
    }

    fn topic(&self, name: &str) -> Result<&Topic> {
        self.topics.get(name).ok_or_else(|| {
            let problem = format!("topic `{name}` does not exist: create it with `tocsin topics create`");
            Error::new(ErrorKind::Misconfigured, problem)
        })
    }

    pub(crate) fn partitions(&self, name: &str) -> Result<u32> {
        Ok(count(self.topic(name)?.partitions.len()))
    }

    fn partition(&self, name: &str, partition: Partition) -> Result<&Vec<Entry>> {
        self.topic(name)?.partitions.get(partition.0 as usize).ok_or_else(|| {
            Error::new(ErrorKind::Misconfigured, format!("topic `{name}` has no partition {partition}"))
        })
    }

    /// Where a record would be written, if it can be.
    pub(crate) fn place(&self, outgoing: &Outgoing) -> Result<Partition> {
        let topic = &outgoing.topic;
        let partitions = self.partitions(topic)?;
        let key = outgoing.key.clone().unwrap_or_default();
        let partition = outgoing.partition.unwrap_or_else(|| partition_of(&key, partitions));
        self.partition(topic, partition)?;
        let bytes = key.len() + outgoing.value.as_ref().map_or(0, bytes::Bytes::len);
        if bytes > RECORD_BYTES_MAX {
            let problem = format!("a record of {bytes} bytes for topic `{topic}` is too large");
            return Err(Error::new(ErrorKind::Refused, problem));
        }
        Ok(partition)
    }

    /// Writes a record whose place is known.
    pub(crate) fn append(
        &mut self,
        partition: Partition,
        outgoing: Outgoing,
        now: Timestamp,
        transaction: Option<u64>,
    ) -> Place {
        let Outgoing { topic, timestamp, key, value, headers, .. } = outgoing;
        if let Some(open) = transaction.and_then(|id| self.transactions.get_mut(&id)) {
            open.touched.insert((topic.clone(), partition));
        }
        let place =
            self.topics.get_mut(&topic).and_then(|topic| topic.partitions.get_mut(partition.0 as usize));
        let entries = place.expect("the place was looked up before");
        let offset = Offset(entries.len() as u64);
        let timestamp = timestamp.unwrap_or(now);
        let record = Some(Record { partition, offset, timestamp, key, value, headers });
        entries.push(Entry { record, transaction });
        Place { partition, offset }
    }

    fn is_open(&self, entry: &Entry) -> bool {
        self.phase(entry) == Some(Phase::Open)
    }

    fn phase(&self, entry: &Entry) -> Option<Phase> {
        Some(self.transactions.get(&entry.transaction?)?.phase)
    }

    /// Ends an open transaction; answers whether it was one.
    pub(crate) fn end(&mut self, transaction: u64, commits: bool) -> bool {
        let Some(open) = self.transactions.get_mut(&transaction).filter(|open| open.phase == Phase::Open)
        else {
            return false;
        };
        open.phase = if commits { Phase::Committed } else { Phase::Aborted };
        let (touched, positions) = (std::mem::take(&mut open.touched), std::mem::take(&mut open.positions));
        for (topic, partition) in touched {
            let topic = self.topics.get_mut(&topic).expect("it was written to");
            topic.partitions[partition.0 as usize].push(Entry { record: None, transaction: None });
        }
        if commits {
            self.commit_positions(positions);
        }
        true
    }

    pub(crate) fn commit_positions(&mut self, positions: Vec<(String, String, Partition, Committed)>) {
        for (group, topic, partition, committed) in positions {
            self.committed.insert((group, topic, partition), committed);
        }
    }

    /// Forgets what lies before an offset; answers whether anything did.
    pub(crate) fn forget(&mut self, topic: &str, partition: Partition, until: Offset) -> bool {
        let Some(topic) = self.topics.get_mut(topic) else { return false };
        let start = topic.starts.entry(partition).or_default();
        let moves = *start < until;
        *start = until.max(*start);
        moves
    }

    /// The first place of a partition that is not forgotten.
    pub(crate) fn start(&self, topic: &str, partition: Partition) -> Offset {
        let starts = self.topics.get(topic).map(|topic| &topic.starts);
        starts.and_then(|starts| starts.get(&partition).copied()).unwrap_or_default()
    }

    /// The offset behind the last record that is readable.
    pub(crate) fn readable_end(&self, topic: &str, partition: Partition) -> Result<Offset> {
        let entries = self.partition(topic, partition)?;
        let open = entries.iter().position(|entry| self.is_open(entry));
        Ok(Offset(open.unwrap_or(entries.len()) as u64))
    }

    /// Up to so many readable records from an offset on, and the offset from which to go on; `dirty` reads everything.
    pub(crate) fn read(
        &self,
        topic: &str,
        partition: Partition,
        from: Offset,
        records_max: usize,
        dirty: bool,
    ) -> Result<(Vec<Record>, Offset)> {
        let end = if dirty { self.len(topic, partition)? } else { self.readable_end(topic, partition)? };
        let entries = self.partition(topic, partition)?;
        let (mut records, mut next) = (Vec::new(), from);
        while next < end && records.len() < records_max {
            let entry = &entries[usize::try_from(next.0).unwrap_or(usize::MAX)];
            if dirty || self.phase(entry) != Some(Phase::Aborted) {
                records.extend(entry.record.clone());
            }
            next = next.next();
        }
        Ok((records, next))
    }

    /// Starts a writer anew: its former life can write no more, and what it left open is aborted.
    pub(crate) fn start_writer(&mut self, writer: &str) -> u64 {
        let epoch = self.epochs.entry(writer.to_owned()).or_default();
        *epoch += 1;
        let epoch = *epoch;
        let open =
            self.transactions.iter().filter(|(_, open)| open.phase == Phase::Open && open.writer == writer);
        for transaction in open.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end(transaction, false);
        }
        epoch
    }

    /// Whether a writer of this epoch may still write.
    pub(crate) fn is_current(&self, writer: &str, epoch: u64) -> bool {
        self.epochs.get(writer) == Some(&epoch)
    }

    pub(crate) fn begin(&mut self, writer: &str, now: u64) -> u64 {
        let id = self.transactions.len() as u64;
        let (touched, positions) = Default::default();
        let open =
            Transaction { writer: writer.to_owned(), phase: Phase::Open, began: now, touched, positions };
        self.transactions.insert(id, open);
        id
    }

    pub(crate) fn is_still_open(&self, transaction: u64) -> bool {
        self.transactions.get(&transaction).is_some_and(|open| open.phase == Phase::Open)
    }

    /// Makes positions part of a transaction.
    pub(crate) fn send(&mut self, transaction: u64, positions: Vec<(String, String, Partition, Committed)>) {
        if let Some(open) = self.transactions.get_mut(&transaction) {
            open.positions.extend(positions);
        }
    }

    /// The open transactions that were not ended in time.
    pub(crate) fn timed_out(&self, now: u64) -> Vec<u64> {
        let open = self.transactions.iter().filter(|(_, open)| open.phase == Phase::Open);
        open.filter(|(_, open)| now >= open.began + TRANSACTION_TIMEOUT).map(|(id, _)| *id).collect()
    }

    /// The writer whose open transaction may still change what a group has committed for a partition.
    pub(crate) fn pending(&self, group: &str, topic: &str, partition: Partition) -> Option<String> {
        let mut open = self.transactions.values().filter(|open| open.phase == Phase::Open);
        let about = |open: &&Transaction| {
            open.positions.iter().any(|(of, on, at, _)| of == group && on == topic && *at == partition)
        };
        open.find(about).map(|open| open.writer.clone())
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: Partition) -> Option<Committed> {
        self.committed.get(&(group.to_owned(), topic.to_owned(), partition)).cloned()
    }

    /// How many places a partition has, readable or not.
    pub(crate) fn len(&self, topic: &str, partition: Partition) -> Result<Offset> {
        Ok(Offset(self.partition(topic, partition)?.len() as u64))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
