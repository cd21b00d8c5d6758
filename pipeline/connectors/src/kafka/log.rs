//! The log as a whole: what of it is asked from which client.

use std::sync::Arc;

use engine::{Offset, Partition};
use ports::{Bounds, Committed, Log, Member, Membership, Outgoing, Place, Reader, Result, TopicSpec, TopicState};

use super::admin::Admin;
use super::append::Appender;
use super::member::KafkaMember;
use super::observer::Observer;
use super::reader::KafkaReader;
use super::settings::Settings;

/// A log in Apache Kafka. Clones share its clients.
#[derive(Clone)]
pub struct KafkaLog(Arc<Clients>);

struct Clients {
    settings: Settings,
    admin: Admin,
    observer: Arc<Observer>,
    appender: Appender,
}

impl KafkaLog {
    /// Connects to Kafka.
    ///
    /// # Errors
    /// A setting is refused, or no broker answers in time.
    pub fn connect(settings: Settings) -> Result<Self> {
        settings.check()?;
        let observer = Observer::new(settings.clone())?;
        observer.check()?;
        Ok(Self(Arc::new(Clients {
            admin: Admin::new(&settings)?,
            appender: Appender::new(settings.clone())?,
            observer: Arc::new(observer),
            settings,
        })))
    }
}

impl Log for KafkaLog {
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<String>> {
        self.0.admin.create(&self.0.observer, specs)
    }

    fn inspect_topics(&self, names: &[&str]) -> Result<Vec<TopicState>> {
        self.0.admin.inspect(&self.0.observer, names)
    }

    fn partitions(&self, topic: &str) -> Result<u32> {
        self.0.observer.partitions(topic)
    }

    fn append(&self, records: Vec<Outgoing>) -> Result<Vec<Place>> {
        self.0.appender.append(&self.0.observer, records)
    }

    fn reader(&self, topic: &str, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>> {
        self.0.observer.partitions(topic)?;
        let reader = KafkaReader::open(&self.0.settings, &self.0.observer, topic, from)?;
        Ok(Box::new(reader))
    }

    fn bounds(&self, topic: &str, partition: Partition) -> Result<Bounds> {
        self.0.observer.bounds(topic, partition)
    }

    fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>> {
        self.0.observer.committed(group, topic)
    }

    fn join(&self, membership: Membership) -> Result<Box<dyn Member>> {
        let member = KafkaMember::join(&self.0.settings, Arc::clone(&self.0.observer), membership)?;
        Ok(Box::new(member))
    }
}
