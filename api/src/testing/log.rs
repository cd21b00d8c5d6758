//! A log in memory of which some calls can fail, some records can expire, and offsets can have holes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engine::{Offset, Partition};
use ports::memory::MemoryLog;
use ports::{
    Bounds, Committed, Log, Member, Membership, Outgoing, Place, Polled, Reader, TopicSpec, TopicState,
    Topics,
};

use super::APP;

/// The log.
#[derive(Clone, Default)]
pub(crate) struct TestLog {
    pub(crate) memory: MemoryLog,
    pub(crate) faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
pub(crate) struct Faults {
    /// Records of the alert topic before this offset have expired, in every partition.
    pub(crate) alerts_start: u64,
    /// Offsets of the alert topic have holes, as transactions leave them: every second one, the last too.
    pub(crate) alerts_have_holes: bool,
    /// Topics that cannot be reached.
    pub(crate) away: BTreeSet<String>,
    /// How long an append takes.
    pub(crate) append_takes: Duration,
}

impl TestLog {
    /// Writes an alert.
    pub(crate) fn alert(&self, partition: u32, customer: &str, value: &str) {
        let alert = Outgoing {
            topic: Topics::of(APP).alerts,
            partition: Some(Partition(partition)),
            timestamp: None,
            key: Some(Bytes::from(customer.to_owned())),
            value: Some(Bytes::from(value.to_owned())),
            headers: Vec::new(),
        };
        self.memory.append(vec![alert]).unwrap();
    }

    fn check(&self, topic: &str) -> ports::Result<()> {
        if self.faults.lock().unwrap().away.contains(topic) {
            let message = format!("`{topic}` is away");
            return Err(ports::Error::new(ports::ErrorKind::Unavailable, message));
        }
        Ok(())
    }

    /// How many offsets a record of this topic takes.
    fn stride(&self, topic: &str) -> u64 {
        let holes = topic == Topics::of(APP).alerts && self.faults.lock().unwrap().alerts_have_holes;
        if holes { 2 } else { 1 }
    }

    fn start(&self, topic: &str) -> u64 {
        if topic == Topics::of(APP).alerts { self.faults.lock().unwrap().alerts_start } else { 0 }
    }
}

impl Log for TestLog {
    fn create_topics(&self, specs: &[TopicSpec]) -> ports::Result<Vec<String>> {
        self.memory.create_topics(specs)
    }

    fn inspect_topics(&self, names: &[&str]) -> ports::Result<Vec<TopicState>> {
        names.iter().try_for_each(|name| self.check(name))?;
        self.memory.inspect_topics(names)
    }

    fn partitions(&self, topic: &str) -> ports::Result<u32> {
        self.check(topic)?;
        self.memory.partitions(topic)
    }

    fn append(&self, records: Vec<Outgoing>) -> ports::Result<Vec<Place>> {
        records.iter().try_for_each(|record| self.check(&record.topic))?;
        let takes = self.faults.lock().unwrap().append_takes;
        std::thread::sleep(takes);
        self.memory.append(records)
    }

    fn reader(&self, topic: &str, from: &[(Partition, Offset)]) -> ports::Result<Box<dyn Reader>> {
        self.check(topic)?;
        let start = self.start(topic);
        if from.iter().any(|(_, offset)| offset.0 < start) {
            return Err(ports::Error::new(ports::ErrorKind::Gone, "records have expired"));
        }
        let stride = self.stride(topic);
        let dense: Vec<_> =
            from.iter().map(|(partition, offset)| (*partition, Offset(offset.0.div_ceil(stride)))).collect();
        let reader = self.memory.reader(topic, &dense)?;
        Ok(Box::new(Sparse { reader, stride }))
    }

    fn bounds(&self, topic: &str, partition: Partition) -> ports::Result<Bounds> {
        self.check(topic)?;
        let end = Offset(self.memory.bounds(topic, partition)?.end.0 * self.stride(topic));
        Ok(Bounds { start: Offset(self.start(topic)).min(end), end })
    }

    fn committed(&self, group: &str, topic: &str) -> ports::Result<Vec<Option<Committed>>> {
        self.memory.committed(group, topic)
    }

    fn join(&self, membership: Membership) -> ports::Result<Box<dyn Member>> {
        self.memory.join(membership)
    }
}

/// Reads a dense log as one whose records take several offsets each.
struct Sparse {
    reader: Box<dyn Reader>,
    stride: u64,
}

impl Reader for Sparse {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> ports::Result<Polled> {
        let mut polled = self.reader.poll(records_max, timeout)?;
        for record in &mut polled.records {
            record.offset = Offset(record.offset.0 * self.stride);
        }
        Ok(polled)
    }
}
