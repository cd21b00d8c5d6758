//! Questions that change nothing: partition counts, bounds, and what groups have committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Offset, Partition, partition_of};
use ports::{Bounds, Committed, Error, ErrorKind, Outgoing, Result};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::context::{Watch, lock};
use super::errors::{error, from_kafka, no_topic};
use super::ffi;
use super::settings::Settings;

/// How long a partition count is believed.
const COUNT_AGE_MAX: Duration = Duration::from_secs(10);

/// Groups that a client is kept for. A process asks about its own one and, rarely, about another.
const GROUPS_MAX: usize = 8;

/// Clients for questions. Shared between threads.
pub(super) struct Observer {
    settings: Settings,
    client: BaseConsumer<Watch>,
    counts: Mutex<BTreeMap<String, (u32, Instant)>>,
    groups: Mutex<BTreeMap<String, Arc<BaseConsumer<Watch>>>>,
}

impl Observer {
    pub(super) fn new(settings: Settings) -> Result<Self> {
        let client = settings.observer().create_with_context(Watch::default());
        Ok(Self {
            client: client.map_err(|problem| from_kafka("connecting to Kafka", &problem))?,
            settings,
            counts: Mutex::default(),
            groups: Mutex::default(),
        })
    }

    /// Waits until a broker has answered once.
    pub(super) fn check(&self) -> Result<()> {
        let answer = self.client.client().fetch_cluster_id(self.settings.timeout);
        // Serves the log lines and errors that came up meanwhile.
        self.client.poll(Duration::ZERO);
        match (answer, self.client.client().fatal_error()) {
            (_, Some((code, detail))) => Err(error("connecting to Kafka", code, &detail)),
            (Some(_), None) => Ok(()),
            (None, None) => Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "no Kafka broker answers at {} within {} s",
                    self.settings.bootstrap,
                    self.settings.timeout.as_secs()
                ),
            )),
        }
    }

    /// The number of partitions of a topic, at most some seconds old.
    pub(super) fn partitions(&self, topic: &str) -> Result<u32> {
        if let Some((count, asked)) = lock(&self.counts).get(topic)
            && asked.elapsed() < COUNT_AGE_MAX
        {
            return Ok(*count);
        }
        let count = self.count(topic)?.ok_or_else(|| no_topic(topic))?;
        lock(&self.counts).insert(topic.to_owned(), (count, Instant::now()));
        Ok(count)
    }

    /// The number of partitions of a topic, as the brokers say now; none if it does not exist.
    pub(super) fn count(&self, topic: &str) -> Result<Option<u32>> {
        let action = || format!("asking for topic `{topic}`");
        let answer = self.client.fetch_metadata(Some(topic), self.settings.timeout);
        self.client.poll(Duration::ZERO);
        let metadata = answer.map_err(|problem| from_kafka(&action(), &problem))?;
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
        let answer = self
            .client
            .fetch_watermarks(topic, number(partition), self.settings.timeout);
        self.client.poll(Duration::ZERO);
        let (start, end) = answer
            .map_err(|problem| from_kafka(&format!("asking for the bounds of `{topic}`/{partition}"), &problem))?;
        let offset = |raw| Offset(u64::try_from(raw).unwrap_or(0));
        Ok(Bounds {
            start: offset(start),
            end: offset(end),
        })
    }

    /// What a group has committed for each partition of a topic. Open transactions are not waited for.
    pub(super) fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>> {
        let partitions: Vec<_> = (0..self.partitions(topic)?).map(Partition).collect();
        let client = self.group(group)?;
        let answer = committed(&client, topic, &partitions, self.settings.timeout);
        client.poll(Duration::ZERO);
        let found = answer.map_err(|code| error(&format!("asking for the positions of group `{group}`"), code, ""))?;
        Ok(found.into_iter().map(|(_, committed)| committed).collect())
    }

    fn group(&self, group: &str) -> Result<Arc<BaseConsumer<Watch>>> {
        let mut groups = lock(&self.groups);
        if let Some(client) = groups.get(group) {
            return Ok(Arc::clone(client));
        }
        if groups.len() >= GROUPS_MAX {
            groups.pop_first();
        }
        let client = self
            .settings
            .group_observer(group)
            .create_with_context(Watch::default());
        let client: BaseConsumer<Watch> =
            client.map_err(|problem| from_kafka(&format!("asking about group `{group}`"), &problem))?;
        let client = Arc::new(client);
        groups.insert(group.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

/// What the group of a client has committed for these partitions, in their order. Whether open transactions are
/// waited for is a matter of the client's isolation.
pub(super) fn committed<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[Partition],
    timeout: Duration,
) -> std::result::Result<Vec<(Partition, Option<Committed>)>, RDKafkaErrorCode> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, number(*partition));
    }
    let list = client
        .committed_offsets(list, timeout)
        .map_err(|problem| problem.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))?;
    let entries = ffi::entries(&list);
    let found = |partition: &Partition| {
        let entry = entries.iter().find(|entry| entry.partition == number(*partition));
        let Some(entry) = entry else { return Ok((*partition, None)) };
        if let Some(code) = entry.problem {
            return Err(code);
        }
        // Negative stands for "nothing".
        let committed = u64::try_from(entry.offset).ok().map(|next| Committed {
            next: Offset(next),
            metadata: entry.metadata.clone(),
        });
        Ok((*partition, committed))
    };
    partitions.iter().map(found).collect()
}

/// A partition as librdkafka counts it.
pub(super) fn number(partition: Partition) -> i32 {
    i32::try_from(partition.0).unwrap_or(i32::MAX)
}

/// An offset as librdkafka counts it.
pub(super) fn raw(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}
