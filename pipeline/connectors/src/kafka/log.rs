//! The log as a whole: what of it is asked from which client.

use std::sync::Arc;

use engine::{Offset, Partition};
use ports::{
    Bounds, Committed, Log, Member, Membership, Outgoing, Place, Reader, Result, TopicSpec, TopicState,
};

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
    observer: Arc<Observer>,
    appender: Appender,
}

impl KafkaLog {
    /// Makes the clients, which connect by themselves; a broker that is away now makes later calls
    /// [`ports::ErrorKind::Unavailable`].
    ///
    /// # Errors
    /// A setting is refused.
    pub fn connect(settings: Settings) -> Result<Self> {
        settings.check()?;
        let observer = Arc::new(Observer::new(settings.clone())?);
        Ok(Self(Arc::new(Clients { appender: Appender::new(settings.clone())?, observer, settings })))
    }
}

impl Log for KafkaLog {
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<String>> {
        Admin::new(&self.0.settings)?.create(&self.0.observer, specs)
    }

    fn inspect_topics(&self, names: &[&str]) -> Result<Vec<TopicState>> {
        Admin::new(&self.0.settings)?.inspect(&self.0.observer, names)
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

    fn seed(&self, group: &str, topic: &str, positions: &[(Partition, Committed)]) -> Result<()> {
        self.0.observer.seed(group, topic, positions)
    }

    fn join(&self, membership: Membership) -> Result<Box<dyn Member>> {
        let member = KafkaMember::join(&self.0.settings, Arc::clone(&self.0.observer), membership)?;
        Ok(Box::new(member))
    }
}
