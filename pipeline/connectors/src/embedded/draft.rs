//! Drafts: records checked and encoded by the caller, ready for the writer to number them.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Offset, Partition, partition_of};
use ports::{Error, ErrorKind, Outgoing, Place, Result};

use super::codec;
use super::topic::Topic;

/// The most bytes of a record as it is stored: Kafka's default limit and some slack for its frame, so that what one
/// log takes the other takes as well.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024 + 16 * 1024;

/// The topics by name.
pub(super) type TopicsByName = BTreeMap<String, Arc<Topic>>;

/// Records that are to be written together.
#[derive(Default)]
pub(super) struct Draft {
    bytes: Vec<u8>,
    records: Vec<Drafted>,
}

struct Drafted {
    topic: Arc<Topic>,
    partition: Partition,
    /// Where its bytes end; they begin where those of the record before it end.
    end: usize,
    sum: u32,
}

/// A record of a draft with its bytes.
pub(super) struct Part<'a> {
    pub(super) topic: &'a Arc<Topic>,
    pub(super) bytes: &'a mut [u8],
    pub(super) sum: u32,
}

impl Draft {
    /// Checks and encodes all records; if one is refused, none is written.
    pub(super) fn new(topics: &TopicsByName, records: &[Outgoing]) -> Result<Self> {
        let mut draft = Self::default();
        let room = |outgoing: &Outgoing| outgoing.value.as_ref().map_or(0, bytes::Bytes::len) + 128;
        draft.bytes.reserve(records.iter().map(room).sum());
        draft.records.reserve(records.len());
        for outgoing in records {
            draft.add(topics, outgoing)?;
        }
        Ok(draft)
    }

    fn add(&mut self, topics: &TopicsByName, outgoing: &Outgoing) -> Result<()> {
        let topic = match self.records.last().map(|drafted| &drafted.topic) {
            Some(topic) if topic.name == outgoing.topic => topic,
            _ => find(topics, &outgoing.topic)?,
        };
        let topic = Arc::clone(topic);
        let partition = outgoing.partition.unwrap_or_else(|| {
            let key = outgoing.key.as_deref().unwrap_or_default();
            partition_of(key, topic.partitions())
        });
        topic.partition(partition)?;
        let from = self.bytes.len();
        let sum = codec::encode(outgoing, &mut self.bytes);
        let size = self.bytes.len() - from;
        if size > RECORD_BYTES_MAX {
            let name = &topic.name;
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "a record of {size} bytes for topic `{name}` is above the limit of {RECORD_BYTES_MAX}"
                ),
            ));
        }
        self.records.push(Drafted { topic, partition, end: self.bytes.len(), sum });
        Ok(())
    }

    /// The bytes of all records.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The places of the records, taken from the next free offsets of all partitions.
    pub(super) fn places(&self, next: &mut [Offset]) -> Vec<Place> {
        let place = |drafted: &Drafted| {
            let next = &mut next[drafted.topic.slot + drafted.partition.0 as usize];
            let offset = *next;
            *next = offset.next();
            Place { partition: drafted.partition, offset }
        };
        self.records.iter().map(place).collect()
    }

    /// The records with their bytes, in order.
    pub(super) fn parts(&mut self) -> impl Iterator<Item = Part<'_>> {
        let mut rest = self.bytes.as_mut_slice();
        let mut from = 0;
        self.records.iter().map(move |drafted| {
            let (bytes, after) = std::mem::take(&mut rest).split_at_mut(drafted.end - from);
            rest = after;
            from = drafted.end;
            Part { topic: &drafted.topic, bytes, sum: drafted.sum }
        })
    }

    /// The topics of the records, in order.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.records.iter().map(|drafted| &drafted.topic)
    }
}

/// The topic of that name.
pub(super) fn find<'a>(topics: &'a TopicsByName, name: &str) -> Result<&'a Arc<Topic>> {
    topics.get(name).ok_or_else(|| {
        Error::new(
            ErrorKind::Misconfigured,
            format!("topic `{name}` does not exist: create it with `tocsin topics create`"),
        )
    })
}
