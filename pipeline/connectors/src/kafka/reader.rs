//! Reading chosen partitions from chosen offsets on, outside of any group.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Offset, Partition, Timestamp};
use ports::{Error, ErrorKind, Polled, Reader, Record, Result};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;

use super::context::Watch;
use super::errors::{error, from_kafka};
use super::ffi::{self, Fetched, QueuedConsumer};
use super::observer::{Observer, number, raw};
use super::settings::Settings;

/// How long records are waited for before the client's events are served.
pub(super) const SLICE: Duration = Duration::from_millis(5);

/// The most records taken in one go, a bound on what is held twice.
pub(super) const TAKE_MAX: usize = 10_000;

/// Reads some partitions of a topic.
pub(super) struct KafkaReader {
    topic: String,
    client: Option<QueuedConsumer<Watch>>,
    next: BTreeMap<Partition, Offset>,
    at_end: BTreeSet<Partition>,
    failure: Option<Error>,
}

impl KafkaReader {
    pub(super) fn open(
        settings: &Settings,
        observer: &Observer,
        topic: &str,
        from: &[(Partition, Offset)],
    ) -> Result<Self> {
        for (partition, offset) in from {
            check_range(observer, topic, *partition, *offset)?;
        }
        let consumer = settings.reader().create_with_context(Watch::default());
        let consumer: BaseConsumer<Watch> =
            consumer.map_err(|problem| from_kafka(&format!("reading topic `{topic}`"), &problem))?;
        let client = QueuedConsumer::new(consumer);
        let name = ffi::topic_name(topic)?;
        let mut list = TopicPartitionList::with_capacity(from.len());
        for (partition, offset) in from {
            client.forward(&name, number(*partition));
            list.add_partition_offset(topic, number(*partition), rdkafka::Offset::Offset(raw(*offset)))
                .map_err(|problem| from_kafka(&format!("reading topic `{topic}`"), &problem))?;
        }
        client
            .consumer()
            .assign(&list)
            .map_err(|problem| from_kafka(&format!("reading topic `{topic}`"), &problem))?;
        Ok(Self {
            topic: topic.to_owned(),
            client: Some(client),
            next: from.iter().copied().collect(),
            at_end: BTreeSet::new(),
            failure: None,
        })
    }

    fn is_at_end(&self) -> bool {
        self.at_end.len() == self.next.len()
    }

    /// Sorts what came into records and news of partitions; stops at a failure.
    fn sort(&mut self, fetched: Vec<Fetched>) -> Vec<Record> {
        let mut records = Vec::with_capacity(fetched.len());
        for fetched in fetched {
            let partition = Partition(u32::try_from(fetched.partition).unwrap_or(u32::MAX));
            match fetched.problem {
                None => {
                    let record = record(partition, fetched);
                    self.at_end.remove(&partition);
                    self.next.insert(partition, record.offset.next());
                    records.push(record);
                },
                Some((RDKafkaErrorCode::PartitionEOF, _)) => {
                    self.at_end.insert(partition);
                },
                Some((code, detail)) => {
                    let next = self.next.get(&partition).copied().unwrap_or_default();
                    if let Some(failure) = partition_failure(&self.topic, partition, next, code, &detail) {
                        self.failure = Some(failure);
                        break;
                    }
                },
            }
        }
        records
    }
}

impl Reader for KafkaReader {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Polled> {
        let deadline = Instant::now() + timeout;
        // A failure is told after the records before it.
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let was_at_end = self.is_at_end();
        loop {
            let client = self.client.as_ref().expect("the client is there until the reader is dropped");
            // Serves log lines and errors; records go to the private queue.
            client.consumer().poll(Duration::ZERO);
            let left = deadline.saturating_duration_since(Instant::now());
            let fetched = client.take(records_max.min(TAKE_MAX), left.min(SLICE), true);
            let records = self.sort(fetched);
            let news = !records.is_empty() || (self.is_at_end() && !was_at_end);
            if news || self.failure.is_some() || left.is_zero() {
                if let (true, Some(failure)) = (records.is_empty(), self.failure.take()) {
                    return Err(failure);
                }
                return Ok(Polled { at_end: self.is_at_end(), records });
            }
        }
    }
}

/// Closing a consumer may take a tenth of a second and more, so nobody waits for it.
impl Drop for KafkaReader {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            dispose(client);
        }
    }
}

/// Drops a client on a thread of its own, and answers that thread.
pub(super) fn dispose<T: Send + 'static>(client: T) -> Option<thread::JoinHandle<()>> {
    let closing = thread::Builder::new().name("kafka-close".to_owned());
    // If there is no thread to be had, the closure, and with it the client, is dropped right here.
    closing.spawn(move || drop(client)).ok()
}

/// Whether a partition still has what is to be read from an offset on.
pub(super) fn check_range(
    observer: &Observer,
    topic: &str,
    partition: Partition,
    offset: Offset,
) -> Result<()> {
    let bounds = observer.bounds(topic, partition)?;
    if offset >= bounds.start {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Gone,
        format!(
            "topic `{topic}`, partition {partition}: offset {offset} is asked for, but the topic begins at {}: its \
             retention has removed what is needed",
            bounds.start
        ),
    ))
}

/// What the failure of a partition means; none if librdkafka goes on by itself.
pub(super) fn partition_failure(
    topic: &str,
    partition: Partition,
    next: Offset,
    code: RDKafkaErrorCode,
    detail: &str,
) -> Option<Error> {
    let action = format!("reading topic `{topic}`, partition {partition}, from offset {next} on");
    let failure = error(&action, code, detail);
    match failure.kind {
        ErrorKind::Unavailable => None,
        ErrorKind::Misconfigured if code == RDKafkaErrorCode::UnknownTopicOrPartition => None,
        ErrorKind::Misconfigured
        | ErrorKind::Fenced
        | ErrorKind::Gone
        | ErrorKind::Corrupt
        | ErrorKind::Full
        | ErrorKind::Refused => Some(failure),
    }
}

fn record(partition: Partition, fetched: Fetched) -> Record {
    Record {
        partition,
        offset: Offset(u64::try_from(fetched.offset).unwrap_or(0)),
        timestamp: timestamp(fetched.timestamp),
        key: fetched.key,
        value: fetched.value,
        headers: fetched.headers,
    }
}

/// Records without a timestamp, which only very old producers write, get the beginning of time.
pub(super) fn timestamp(raw: i64) -> Timestamp {
    Timestamp(raw.max(0))
}
