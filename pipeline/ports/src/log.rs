//! A log: topics of ordered partitions, as Kafka has them and the embedded log imitates them.

use std::time::Duration;

use bytes::Bytes;
use engine::{Offset, Partition, Timestamp};

use crate::error::{Error, ErrorKind, Result};
use crate::member::{Member, Membership};
use crate::topics::{TopicSpec, TopicState};

/// A record header.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name; several headers may share one.
    pub name: String,
    /// Its value.
    pub value: Bytes,
}

impl Header {
    /// A header of that name and value.
    pub fn new(name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Values may come from tenants, so the debug form shows the name alone.
impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Header({})", self.name)
    }
}

/// The value of the last header of that name.
pub fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a Bytes> {
    headers.iter().rev().find(|header| header.name == name).map(|header| &header.value)
}

/// A record as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The partition it was read from.
    pub partition: Partition,
    /// Its place there.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none for a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

/// Records hold payloads, so the debug form shows the place alone.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({}@{})", self.partition, self.offset)
    }
}

/// A record to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// To which topic.
    pub topic: String,
    /// To which partition; if not given, the key decides by [`engine::partition_of`].
    pub partition: Option<Partition>,
    /// With which timestamp; if not given, the log sets the time of writing.
    pub timestamp: Option<Timestamp>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none for a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
}

/// Records hold payloads, so the debug form shows topic and size alone.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({}, {} bytes)", self.topic, self.value.as_ref().map_or(0, Bytes::len))
    }
}

/// Where a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its partition.
    pub partition: Partition,
    /// Its offset there.
    pub offset: Offset,
}

/// A group's position in one partition, as committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The offset of the next record to be read.
    pub next: Offset,
    /// What the group stored beside it: a [`crate::Position`] as text.
    pub metadata: String,
}

/// The readable range of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset that is still there.
    pub start: Offset,
    /// The offset after the last record that is readable: records of open transactions lie above it.
    pub end: Offset,
}

/// What a reader answers.
#[derive(Debug, Default)]
pub struct Polled {
    /// Records, in order within each partition. Offsets may have holes.
    pub records: Vec<Record>,
    /// Whether every partition was read to its present end.
    pub at_end: bool,
}

/// Reads chosen partitions of a topic from chosen offsets on, committed records only, outside of any group.
pub trait Reader: Send {
    /// Answers up to `records_max` records, waiting up to `timeout` for the first.
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Polled>;
}

/// A log of topics. Calls block; implementations are shared between threads.
pub trait Log: Send + Sync {
    /// Creates the topics that are missing and answers their names; those that exist are left as they are.
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<String>>;

    /// Tells what the topics of these names are like, in the same order.
    fn inspect_topics(&self, names: &[&str]) -> Result<Vec<TopicState>>;

    /// The number of partitions of a topic.
    fn partitions(&self, topic: &str) -> Result<u32>;

    /// Appends records and answers their places, in order, once all are durable. On an error some of them may have
    /// been written.
    fn append(&self, records: Vec<Outgoing>) -> Result<Vec<Place>>;

    /// Opens a reader at these positions. An offset below the partition's start is [`crate::ErrorKind::Gone`].
    fn reader(&self, topic: &str, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>>;

    /// The readable range of a partition.
    fn bounds(&self, topic: &str, partition: Partition) -> Result<Bounds>;

    /// What a group has committed for each partition of a topic, by partition.
    fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>>;

    /// Sets what a group without members has committed for these partitions of a topic.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Refused`] while the group has members.
    fn seed(&self, _group: &str, _topic: &str, _positions: &[(Partition, Committed)]) -> Result<()> {
        Err(Error::new(ErrorKind::Refused, "this log cannot set positions"))
    }

    /// Joins a group that reads a topic and commits its positions atomically with what it writes.
    fn join(&self, membership: Membership) -> Result<Box<dyn Member>>;
}
