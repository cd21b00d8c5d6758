//! What the threads of the log and its callers share: topics, positions, the queue and the database.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use engine::{Partition, Timestamp};
use ports::{Committed, Error, ErrorKind, Result, Retention, TopicSpec};
use tracing::info;

use super::Limits;
use super::database::Database;
use super::draft::{Draft, TopicsByName};
use super::notes::Note;
use super::queue::Queue;
use super::topic::{Progress, Topic};

/// The most partitions of a topic.
const PARTITIONS_MAX: u32 = 1024;

/// What callers and threads share.
pub(super) struct Shared {
    pub(super) topics: RwLock<TopicsByName>,
    /// Held while topics are made, one caller after the other.
    pub(super) creating: Mutex<()>,
    /// What each group has committed for each topic.
    pub(super) committed: Mutex<HashMap<(String, String), BTreeMap<Partition, Committed>>>,
    pub(super) queue: Queue,
    pub(super) database: Database,
    /// When the last record was written before the log was opened.
    pub(super) last_written: Timestamp,
    pub(super) limits: Limits,
    pub(super) limits_by_topic: BTreeMap<String, Limits>,
}

impl Shared {
    pub(super) fn topics(&self) -> RwLockReadGuard<'_, TopicsByName> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self, topic: &str) -> Limits {
        self.limits_by_topic.get(topic).copied().unwrap_or(self.limits)
    }

    pub(super) fn committed(&self, group: &str, topic: &str) -> BTreeMap<Partition, Committed> {
        let committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (group.to_owned(), topic.to_owned());
        committed.get(&key).cloned().unwrap_or_default()
    }

    /// Shows the positions among these notes.
    pub(super) fn publish_committed<'a>(&self, notes: impl Iterator<Item = &'a Note>) {
        let mut all = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        for note in notes {
            if let Note::Committed { group, topic, partition, committed } = note {
                let positions = all.entry((group.clone(), topic.clone())).or_default();
                positions.insert(*partition, committed.clone());
            }
        }
    }

    /// Makes a topic, which is known to be missing, and answers once that is durable.
    pub(super) fn create(&self, spec: &TopicSpec) -> Result<()> {
        let TopicSpec { name, partitions, retention } = spec;
        if name.is_empty() || !(1..=PARTITIONS_MAX).contains(partitions) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "topic `{name}` with {partitions} partitions: it needs a name and 1 to {PARTITIONS_MAX}"
                ),
            ));
        }
        self.database.create_family(name)?;
        let note = Note::Topic { name: name.clone(), partitions: *partitions, retention: *retention };
        self.queue.submit(Draft::default(), |_, _| Ok(vec![note]))?;
        let slot = self.queue.add_partitions(*partitions);
        let progress = (0..*partitions).map(|_| Progress::default()).collect();
        let topic = Topic::new(name.clone(), *retention, slot, progress);
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        topics.insert(name.clone(), Arc::new(topic));
        info!(topic = name, partitions, "topic created");
        Ok(())
    }

    pub(super) fn settings(&self, topic: &Topic) -> BTreeMap<String, String> {
        let limits = match topic.retention {
            Retention::Forever => Limits { age: None, bytes: None },
            Retention::Any => self.limits(&topic.name),
        };
        let shown = |limit: Option<u128>| limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
        [
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", shown(limits.age.map(|age| age.as_millis()))),
            ("retention.bytes", shown(limits.bytes.map(u128::from))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}
