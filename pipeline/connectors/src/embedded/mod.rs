//! A durable log inside the process: topics as Kafka has them, kept in RocksDB, for installations without Kafka.
//!
//! A column family per topic holds its records, `default` holds notes (see `notes`). One synced write is one atomic
//! commit of records and positions. The way of a record: the caller checks and encodes it ([`draft`]), the queue
//! numbers it ([`queue`]), the writer thread writes what waits in one step and shows it ([`writer`]), and those who
//! wait for the topic wake up ([`topic`]). One process has the folder at a time ([`folder`]).
//!
//! When a write fails, for instance because the disk is full, the log takes no more until it is opened again; what
//! was acknowledged stays readable. After a crash everything acknowledged is there, and of a batch that was not, all
//! or nothing.

mod codec;
mod cursor;
mod database;
mod draft;
mod folder;
mod member;
mod notes;
mod queue;
mod recovery;
mod retention;
mod shared;
#[cfg(test)]
mod tests;
mod topic;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use engine::{Offset, Partition};
use ports::{
    Bounds, Committed, Error, ErrorKind, Log, Member, Membership, Outgoing, Place, Reader, Result, TopicSpec,
    TopicState,
};
use tracing::info;

pub use retention::Limits;

use cursor::{Cursor, EmbeddedReader};
use database::Database;
use draft::{Draft, find};
use folder::FolderLock;
use member::EmbeddedMember;
use notes::Note;
use shared::Shared;
use topic::Topic;

/// Where the log is and how long it keeps records.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder. One process has it at a time.
    pub dir: PathBuf,
    /// How long records are kept in topics that have no limits of their own and are not to be kept for ever.
    pub limits: Limits,
    /// Limits of single topics, by name. A topic that is to be kept for ever has none.
    pub limits_by_topic: BTreeMap<String, Limits>,
    /// How often to look for records that are no longer to be kept.
    pub retention_check_interval: Duration,
}

impl Settings {
    /// A log in that folder that keeps records for seven days.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            limits: Limits::default(),
            limits_by_topic: BTreeMap::new(),
            retention_check_interval: Duration::from_secs(60),
        }
    }
}

/// An open log. Clones share it, and so do its readers and members; it closes when the last of them is dropped.
#[derive(Clone)]
pub struct EmbeddedLog(Arc<Open>);

/// The log with its threads.
struct Open {
    shared: Arc<Shared>,
    closed: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    // Declared last, so dropped last: the folder is free once the database is closed.
    _folder: FolderLock,
}

impl EmbeddedLog {
    /// Opens the log, an empty one if there is none.
    ///
    /// # Errors
    /// Another process has the folder, the disk is full, or what is stored cannot be read.
    pub fn open(settings: Settings) -> Result<Self> {
        let folder = FolderLock::take(&settings.dir)?;
        let database = Database::open(&settings.dir)?;
        let shared = Arc::new(recovery::recover(database, &settings)?);
        let (closed, until_closed) = channel();
        let mut open =
            Open { shared: Arc::clone(&shared), closed: Some(closed), threads: Vec::new(), _folder: folder };
        let writing = Arc::clone(&shared);
        open.spawn("log-writer", move || writer::run(&writing))?;
        let every = settings.retention_check_interval;
        open.spawn("log-retention", move || {
            retention::run(&shared, every, &until_closed);
        })?;
        let log = Self(Arc::new(open));
        log.note_format()?;
        info!(dir = %settings.dir.display(), topics = log.shared().topics().len(), "log opened");
        Ok(log)
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        find(&self.shared().topics(), name).cloned()
    }

    fn cursor(&self, topic: &str) -> Result<Cursor> {
        Ok(Cursor::new(Arc::clone(&self.0), self.topic(topic)?))
    }

    fn note_format(&self) -> Result<()> {
        let note = || Ok(vec![Note::format()]);
        self.shared().queue.submit(Draft::default(), |_, _| note())?;
        Ok(())
    }
}

impl Open {
    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Misconfigured, format!("could not start the thread {name}: {error}"))
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.closed.take());
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            // Its panic was reported when it happened.
            drop(thread.join());
        }
    }
}

impl Log for EmbeddedLog {
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<String>> {
        let shared = self.shared();
        let _one_at_a_time = shared.creating.lock().unwrap_or_else(PoisonError::into_inner);
        let mut created = Vec::new();
        for spec in specs {
            let is_there = shared.topics().contains_key(&spec.name);
            if !is_there {
                shared.create(spec)?;
                created.push(spec.name.clone());
            }
        }
        Ok(created)
    }

    fn inspect_topics(&self, names: &[&str]) -> Result<Vec<TopicState>> {
        let topics = self.shared().topics();
        let inspect = |name: &&str| {
            let topic = topics.get(*name);
            TopicState {
                name: (*name).to_owned(),
                partitions: topic.map(|topic| topic.partitions()),
                settings: topic.map_or_else(BTreeMap::new, |topic| self.shared().settings(topic)),
            }
        };
        Ok(names.iter().map(inspect).collect())
    }

    fn partitions(&self, topic: &str) -> Result<u32> {
        Ok(self.topic(topic)?.partitions())
    }

    /// All records are written or none.
    fn append(&self, records: Vec<Outgoing>) -> Result<Vec<Place>> {
        let draft = Draft::new(&self.shared().topics(), &records)?;
        self.shared().queue.submit(draft, |_, _| Ok(Vec::new()))
    }

    fn reader(&self, topic: &str, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>> {
        let mut cursor = self.cursor(topic)?;
        for (partition, offset) in from {
            cursor.start(*partition, *offset)?;
        }
        Ok(Box::new(EmbeddedReader(cursor)))
    }

    fn bounds(&self, topic: &str, partition: Partition) -> Result<Bounds> {
        Ok(self.topic(topic)?.partition(partition)?.bounds())
    }

    fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>> {
        let partitions = self.topic(topic)?.partitions();
        let mut committed = self.shared().committed(group, topic);
        Ok((0..partitions).map(|partition| committed.remove(&Partition(partition))).collect())
    }

    /// One process has the folder, so a group has no member but in this process; one that was there is fenced.
    fn seed(&self, group: &str, topic: &str, positions: &[(Partition, Committed)]) -> Result<()> {
        let known = self.topic(topic)?;
        for (partition, _) in positions {
            known.partition(*partition)?;
        }
        let shared = self.shared();
        shared.queue.submit(Draft::default(), |generations, _| {
            let generation = generations.get(group).map_or(1, |generation| generation + 1);
            generations.insert(group.to_owned(), generation);
            let fence = Note::Generation { group: group.to_owned(), generation };
            let note = |(partition, committed): &(Partition, Committed)| Note::Committed {
                group: group.to_owned(),
                topic: topic.to_owned(),
                partition: *partition,
                committed: committed.clone(),
            };
            Ok([fence].into_iter().chain(positions.iter().map(note)).collect())
        })?;
        Ok(())
    }

    fn join(&self, membership: Membership) -> Result<Box<dyn Member>> {
        let cursor = self.cursor(&membership.topic)?;
        Ok(Box::new(EmbeddedMember::join(cursor, membership)?))
    }
}
