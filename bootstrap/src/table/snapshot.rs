//! The table as of one version: its files, and how far every partition was archived.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Offset, Partition};

use super::action::{Action, Protocol, Txn};
use super::data_file::DataFile;
use crate::row::Sum;

/// The table as of one version. It stays readable until the files that it names are swept, which takes at least
/// [`crate::retention::GRACE`] from the moment at which they were replaced.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The version; none before the first entry.
    version: Option<u64>,
    files: BTreeMap<String, Arc<DataFile>>,
    progress: BTreeMap<String, i64>,
    /// Files that no longer belong to it, and when they were taken away, in milliseconds since 1970.
    removed: BTreeMap<String, i64>,
    pub(super) protocol: Option<Protocol>,
    pub(super) meta_data: Option<super::action::MetaData>,
}

/// The name under which a partition's next offset stands in the log.
pub(crate) fn partition_id(topic: &str, partition: Partition) -> String {
    format!("tocsin/{topic}/{partition}")
}

/// The name under which an imported file stands in the log.
pub(crate) fn import_id(digest: &str) -> String {
    format!("tocsin-import/{digest}")
}

impl Snapshot {
    /// Its version; none if there is no table yet.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// Its files by path.
    pub fn files(&self) -> impl Iterator<Item = &Arc<DataFile>> {
        self.files.values()
    }

    /// Whether a file belongs to it.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// How far a partition of the topic was archived: the next offset that is not.
    pub fn next(&self, topic: &str, partition: Partition) -> Option<Offset> {
        let next = self.progress.get(&partition_id(topic, partition))?;
        u64::try_from(*next).ok().map(Offset)
    }

    /// The first offset of a partition that is still there, without what was imported.
    pub fn start(&self, partition: Partition) -> Option<Offset> {
        let spans = self.files.values().flat_map(|file| file.spans.of(partition));
        let starts = spans.filter(|span| span.next > 0).map(|span| span.from.max(0));
        starts.min().and_then(|start| u64::try_from(start).ok()).map(Offset)
    }

    /// The partitions of a topic that have been archived, however little of them.
    pub fn partitions(&self, topic: &str) -> Vec<Partition> {
        let prefix = format!("tocsin/{topic}/");
        let ids = self.progress.keys().filter_map(|id| id.strip_prefix(&prefix)?.parse().ok());
        let mut partitions: Vec<_> = ids.map(Partition).collect();
        partitions.sort();
        partitions
    }

    /// Whether a file of these bytes was imported.
    pub fn imported(&self, digest: &str) -> bool {
        self.progress.contains_key(&import_id(digest))
    }

    /// All its rows, counted and summed, as the log tells.
    pub fn sum(&self) -> Sum {
        self.files.values().fold(Sum::default(), |sum, file| sum.and(file.sum))
    }

    /// Files that no longer belong to it, and when they were taken away.
    pub fn removed(&self) -> impl Iterator<Item = (&str, i64)> {
        self.removed.iter().map(|(path, at)| (path.as_str(), *at))
    }

    /// Takes an entry in.
    ///
    /// # Errors
    /// What in it cannot be.
    pub(super) fn apply(&mut self, version: u64, actions: Vec<Action>) -> Result<(), String> {
        for action in actions {
            match action {
                Action::Add(add) => {
                    self.removed.remove(&add.path);
                    let file = DataFile::read(&add)?;
                    self.files.insert(add.path, Arc::new(file));
                },
                Action::Remove(remove) => {
                    self.files.remove(&remove.path);
                    self.removed.insert(remove.path, remove.deletion_timestamp.unwrap_or(0));
                },
                Action::Txn(Txn { app_id, version, .. }) => {
                    let before = self.progress.insert(app_id.clone(), version);
                    if before.is_some_and(|before| before > version) {
                        return Err(format!("{app_id} goes back to {version}"));
                    }
                },
                Action::Protocol(protocol) => self.protocol = Some(protocol),
                Action::MetaData(meta_data) => self.meta_data = Some(meta_data),
                Action::CommitInfo(_) => {},
            }
        }
        self.version = Some(version);
        Ok(())
    }

    /// Lines that, read alone, make the same snapshot.
    pub(super) fn actions(&self) -> Vec<Action> {
        let protocol = self.protocol.clone().map(Action::Protocol);
        let meta_data = self.meta_data.clone().map(Action::MetaData);
        let progress = self.progress.iter().map(|(app_id, version)| {
            Action::Txn(Txn { app_id: app_id.clone(), version: *version, last_updated: None })
        });
        let removed = self.removed.iter().map(|(path, at)| {
            Action::Remove(super::action::Remove {
                path: path.clone(),
                deletion_timestamp: Some(*at),
                data_change: false,
                extended_file_metadata: None,
                partition_values: None,
                size: None,
            })
        });
        let files = self.files.values().map(|file| file.add(false));
        protocol.into_iter().chain(meta_data).chain(progress).chain(removed).chain(files).collect()
    }

    /// Forgets files that were taken away before this time and that nobody may read any more.
    pub(super) fn forget_removed(&mut self, before: i64) {
        self.removed.retain(|_, at| *at >= before);
    }
}
