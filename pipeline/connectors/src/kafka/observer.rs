//! Questions that change nothing: partition counts, bounds, and what groups have committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Offset, Partition, partition_of};
use ports::{Bounds, Committed, Error, ErrorKind, Outgoing, Result};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::context::{Watch, lock};
use super::errors::{error, from_kafka, kind, no_topic};
use super::ffi;
use super::reader::dispose;
use super::serve::{Client, Serving, serve};
use super::settings::Settings;

/// How long a partition count is believed.
const COUNT_AGE_MAX: Duration = Duration::from_secs(10);

/// How long an outage holds up who only wants to know whether a count has changed.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(1);

/// What was found committed, by partition.
pub(super) type Found = Vec<(Partition, Option<Committed>)>;

/// Groups that a client is kept for. A process asks about its own one and, rarely, about another.
const GROUPS_MAX: usize = 8;

/// Clients for questions. Shared between threads.
pub(super) struct Observer {
    settings: Settings,
    serving: Serving,
    client: Arc<Client>,
    counts: Mutex<BTreeMap<String, (u32, Instant)>>,
    groups: Mutex<BTreeMap<String, Arc<Client>>>,
}

impl Observer {
    pub(super) fn new(settings: Settings) -> Result<Self> {
        let client = settings.observer().create_with_context(Watch::default());
        let client = Arc::new(client.map_err(|problem| from_kafka("connecting to Kafka", &problem))?);
        let serving = Serving::start()?;
        serving.add(&client);
        Ok(Self { settings, serving, client, counts: Mutex::default(), groups: Mutex::default() })
    }

    /// Why a question was not answered. If no broker can be reached, the client was told why before.
    fn unanswered(&self, action: &str, client: &Client, code: RDKafkaErrorCode) -> Error {
        if kind(code) != ErrorKind::Unavailable {
            return error(action, code, "");
        }
        serve(client);
        let action = format!("{action}: no answer from Kafka at {}", self.settings.bootstrap);
        match client.context().last() {
            Some((told, reason)) if kind(told) == ErrorKind::Misconfigured => error(&action, told, &reason),
            _ => error(&action, code, ""),
        }
    }

    /// The number of partitions of a topic, at most some seconds old while the brokers answer.
    pub(super) fn partitions(&self, topic: &str) -> Result<u32> {
        let known = lock(&self.counts).get(topic).copied();
        if let Some((count, asked)) = known
            && asked.elapsed() < COUNT_AGE_MAX
        {
            return Ok(count);
        }
        let timeout = known.map_or(self.settings.timeout, |_| REFRESH_TIMEOUT);
        let count = match (self.count_within(topic, timeout), known) {
            (Ok(Some(count)), _) => count,
            (Ok(None), _) => {
                lock(&self.counts).remove(topic);
                return Err(no_topic(topic));
            },
            // Counts hardly ever change, so an outage does not make us forget one.
            (Err(problem), Some((count, _))) if problem.is_transient() => count,
            (Err(problem), _) => return Err(problem),
        };
        lock(&self.counts).insert(topic.to_owned(), (count, Instant::now()));
        Ok(count)
    }

    /// The number of partitions of a topic, as the brokers say now; none if it does not exist.
    pub(super) fn count(&self, topic: &str) -> Result<Option<u32>> {
        self.count_within(topic, self.settings.timeout)
    }

    fn count_within(&self, topic: &str, timeout: Duration) -> Result<Option<u32>> {
        let action = || format!("asking for topic `{topic}`");
        let answer = self.client.fetch_metadata(Some(topic), timeout);
        let metadata = answer.map_err(|problem| self.unanswered(&action(), &self.client, code(&problem)))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error() {
            None => {},
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => return Ok(None),
            Some(code) => return Err(error(&action(), code.into(), "")),
        }
        let led = found.partitions().iter().all(|partition| partition.leader() >= 0);
        let count = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
        if count == 0 || !led {
            let problem = "some of its partitions have no leader yet";
            return Err(Error::new(ErrorKind::Unavailable, problem).during(action()));
        }
        Ok(Some(count))
    }

    /// The partition that a record goes to.
    pub(super) fn place(&self, record: &Outgoing) -> Result<Partition> {
        let count = self.partitions(&record.topic)?;
        let partition = record
            .partition
            .unwrap_or_else(|| partition_of(record.key.as_deref().unwrap_or_default(), count));
        if partition.0 < count {
            return Ok(partition);
        }
        Err(Error::new(
            ErrorKind::Misconfigured,
            format!("topic `{}` has {count} partitions, there is no partition {partition}", record.topic),
        ))
    }

    /// The range of a partition that can be read.
    pub(super) fn bounds(&self, topic: &str, partition: Partition) -> Result<Bounds> {
        let answer = self.client.fetch_watermarks(topic, number(partition), self.settings.timeout);
        let action = || format!("asking for the bounds of topic `{topic}`, partition {partition}");
        let (start, end) =
            answer.map_err(|problem| self.unanswered(&action(), &self.client, code(&problem)))?;
        let offset = |raw| Offset(u64::try_from(raw).unwrap_or(0));
        Ok(Bounds { start: offset(start), end: offset(end) })
    }

    /// What a group has committed for each partition of a topic. Open transactions are not waited for.
    pub(super) fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>> {
        let partitions: Vec<_> = (0..self.partitions(topic)?).map(Partition).collect();
        let client = self.group(group)?;
        let answer = committed(&client, topic, &partitions, self.settings.timeout);
        let action = || format!("asking for the positions of group `{group}`");
        let found = answer.map_err(|code| self.unanswered(&action(), &client, code))?;
        Ok(found.into_iter().map(|(_, committed)| committed).collect())
    }

    /// Sets what a group has committed. The coordinator takes positions of somebody who is no member only while the
    /// group has none.
    pub(super) fn seed(&self, group: &str, topic: &str, positions: &[(Partition, Committed)]) -> Result<()> {
        let action = || format!("setting the positions of group `{group}`");
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, committed) in positions {
            let offset = rdkafka::Offset::Offset(raw(committed.next));
            let added = list.add_partition_offset(topic, number(*partition), offset);
            added.map_err(|problem| from_kafka(&action(), &problem))?;
            if let Some(mut entry) = list.find_partition(topic, number(*partition)) {
                entry.set_metadata(committed.metadata.clone());
            }
        }
        let client = self.group(group)?;
        match client.commit(&list, CommitMode::Sync) {
            Ok(()) => Ok(()),
            Err(problem) if is_membership(code(&problem)) => Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "group `{group}` has members: stop all its workers, and wait until their sessions have ended"
                ),
            )),
            Err(problem) => Err(self.unanswered(&action(), &client, code(&problem))),
        }
    }

    fn group(&self, group: &str) -> Result<Arc<Client>> {
        let mut groups = lock(&self.groups);
        if let Some(client) = groups.get(group) {
            return Ok(Arc::clone(client));
        }
        if groups.len() >= GROUPS_MAX {
            groups.pop_first().map(dispose);
        }
        let client = self.settings.group_observer(group).create_with_context(Watch::default());
        let client =
            client.map_err(|problem| from_kafka(&format!("asking about group `{group}`"), &problem))?;
        let client = Arc::new(client);
        self.serving.add(&client);
        groups.insert(group.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

/// Closing a client of a group may take a moment, and hang while the brokers are away.
impl Drop for Observer {
    fn drop(&mut self) {
        dispose(std::mem::take(&mut *lock(&self.groups)));
    }
}

/// What the group of a client has committed for these partitions, in their order. Whether open transactions are
/// waited for is a matter of the client's isolation.
pub(super) fn committed<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[Partition],
    timeout: Duration,
) -> std::result::Result<Found, RDKafkaErrorCode> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, number(*partition));
    }
    let list = client.committed_offsets(list, timeout).map_err(|problem| code(&problem))?;
    let entries = ffi::entries(&list);
    let found = |partition: &Partition| {
        let entry = entries.iter().find(|entry| entry.partition == number(*partition));
        let Some(entry) = entry else {
            return Ok((*partition, None));
        };
        if let Some(code) = entry.problem {
            return Err(code);
        }
        // Negative stands for "nothing".
        let committed = u64::try_from(entry.offset)
            .ok()
            .map(|next| Committed { next: Offset(next), metadata: entry.metadata.clone() });
        Ok((*partition, committed))
    };
    partitions.iter().map(found).collect()
}

/// Whether a commit was refused because the group has members, and we are none.
fn is_membership(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::RebalanceInProgress
            | RDKafkaErrorCode::FencedInstanceId
    )
}

fn code(problem: &KafkaError) -> RDKafkaErrorCode {
    problem.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

/// A partition as librdkafka counts it.
pub(super) fn number(partition: Partition) -> i32 {
    i32::try_from(partition.0).unwrap_or(i32::MAX)
}

/// An offset as librdkafka counts it.
pub(super) fn raw(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}
