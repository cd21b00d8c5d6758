//! The archive as a table: Parquet files, and a log of numbered entries that alone says which of them count.
//!
//! An entry is an object that is created once, `_delta_log/{version}.json`. It carries files and, for every partition, the offset
//! up to which they hold it, so both become visible together or not at all. The format is that of Delta Lake (reader 1, writer 2),
//! so that other programs read the table as it is; none but this one may write it.

pub(crate) mod action;
mod checkpoint;
mod data_file;
mod snapshot;

use bytes::Bytes;
use engine::Timestamp;
use serde_json::json;
use uuid::Uuid;

use self::action::{Action, Format, MetaData, Protocol, read_entry, write_entry};
use crate::error::{Error, Result};
use crate::file::schema::delta_schema;
use crate::objects::{Created, Objects};

pub(crate) use data_file::DAY;
#[cfg(test)]
pub(crate) use data_file::tests::sample;
pub use data_file::{Buckets, DataFile, Level, Span, Spans};
pub use snapshot::Snapshot;
pub(crate) use snapshot::{import_id, partition_id};

/// The folder of the log.
pub(crate) const LOG: &str = "_delta_log";
/// After so many entries the whole table is written down, so that a reader need not read all of them.
const CHECKPOINT_EVERY: u64 = 100;
/// How often one commit is tried when others win the race for the next version.
const ATTEMPTS_MAX: u32 = 100;
/// How often an entry is created again when it is unknown whether it is there.
const DOUBTS_MAX: u32 = 3;

/// What became of a commit.
#[derive(Debug)]
pub enum Committed {
    /// It counts, in this version.
    Done(Snapshot),
    /// Others have changed what it stands on, so it must not count. The table is now this.
    Lost(Snapshot),
}

/// What is to be committed.
pub(crate) struct Change<'a> {
    /// What it is, for readers of the log.
    pub(crate) operation: &'a str,
    /// More about it.
    pub(crate) parameters: serde_json::Value,
    /// Its lines.
    pub(crate) actions: Vec<Action>,
    /// When.
    pub(crate) now: Timestamp,
}

/// The table at a place.
#[derive(Debug, Clone)]
pub struct Table {
    objects: Objects,
}

pub(crate) fn entry_path(version: u64) -> String {
    format!("{LOG}/{version:020}.json")
}

impl Table {
    /// The table at this place; it need not be there yet.
    pub fn new(objects: Objects) -> Self {
        Self { objects }
    }

    /// Where it is.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The table as it is now.
    ///
    /// # Errors
    /// The store's, and entries that are missing or cannot be understood.
    pub fn load(&self) -> Result<Snapshot> {
        let mut snapshot = checkpoint::last(&self.objects)?.unwrap_or_default();
        if snapshot.version().is_none() {
            self.check_whole()?;
        }
        self.refresh(&mut snapshot)?;
        Ok(snapshot)
    }

    /// Brings a snapshot up to now.
    ///
    /// # Errors
    /// As [`Table::load`].
    pub fn refresh(&self, snapshot: &mut Snapshot) -> Result<()> {
        loop {
            let version = following(snapshot);
            let Some(bytes) = self.objects.get(&entry_path(version))? else { return Ok(()) };
            take(snapshot, version, &bytes)?;
        }
    }

    /// Without a checkpoint the entries must go from 0 on: a missing one would be taken for the end.
    fn check_whole(&self) -> Result<()> {
        let entries = self.objects.list(LOG)?;
        let versions = entries.iter().filter_map(|entry| {
            entry.path.strip_prefix(LOG)?.strip_prefix('/')?.strip_suffix(".json")?.parse::<u64>().ok()
        });
        for (expected, version) in (0u64..).zip(versions) {
            if version != expected {
                let problem = format!("it is missing, and entry {version} is there");
                return Err(Error::Format { entry: entry_path(expected), problem });
            }
        }
        Ok(())
    }

    /// Makes a change visible, on top of whatever others commit meanwhile as long as it `still` fits.
    ///
    /// # Errors
    /// The store's: then it is unknown whether the change counts, now or later. Whoever reads the log again and goes on from there
    /// counts nothing twice, since no version can be created twice.
    pub(crate) fn commit(
        &self,
        mut base: Snapshot,
        change: Change<'_>,
        still: impl Fn(&Snapshot) -> bool,
    ) -> Result<Committed> {
        let id = Uuid::new_v4().to_string();
        let Change { operation, parameters, actions, now } = change;
        let info = json!({
            "timestamp": now.0, "operation": operation, "operationParameters": parameters,
            "engineInfo": concat!("tocsin/", env!("CARGO_PKG_VERSION")), "txnId": id,
        });
        for _ in 0..ATTEMPTS_MAX {
            let version = following(&base);
            let mut lines = vec![Action::CommitInfo(info.clone())];
            if base.version().is_none() {
                lines.extend(first_lines(now));
            }
            lines.extend(actions.iter().cloned());
            let bytes = Bytes::from(write_entry(&lines));
            let there = self.create_entry(version, bytes)?;
            let is_ours = is_of(&there, &id);
            take(&mut base, version, &there)?;
            if is_ours {
                self.checkpoint(&mut base, now);
                return Ok(Committed::Done(base));
            }
            self.refresh(&mut base)?;
            if !still(&base) {
                return Ok(Committed::Lost(base));
            }
        }
        let problem = format!("{ATTEMPTS_MAX} versions in a row were taken by others");
        Err(Error::Unavailable { path: entry_path(following(&base)), problem })
    }

    /// Creates an entry, and answers what stands in its place afterwards: that, or what another has written.
    fn create_entry(&self, version: u64, bytes: Bytes) -> Result<Bytes> {
        let path = entry_path(version);
        let mut doubts = 0;
        loop {
            match self.objects.create(&path, bytes.clone()) {
                Ok(Created::Made) => return Ok(bytes),
                Ok(Created::Taken) => {
                    // By another, or by ourselves where the answer to an earlier attempt was lost.
                    let gone =
                        || Error::Format { entry: path.clone(), problem: "it came and went".to_owned() };
                    return self.objects.get(&path)?.ok_or_else(gone);
                },
                Err(error @ Error::Unavailable { .. }) => {
                    if let Some(there) = self.objects.get(&path)? {
                        return Ok(there);
                    }
                    doubts += 1;
                    if doubts == DOUBTS_MAX {
                        return Err(error);
                    }
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the table down from time to time. If that fails, readers read more entries.
    fn checkpoint(&self, snapshot: &mut Snapshot, now: Timestamp) {
        if following(snapshot).is_multiple_of(CHECKPOINT_EVERY) {
            snapshot.forget_removed(now.0 - crate::retention::GRACE.as_i64() * 2);
            if let Err(error) = checkpoint::write(&self.objects, snapshot) {
                tracing::warn!(%error, "the archive's log could not be checkpointed");
            }
        }
    }
}

fn following(snapshot: &Snapshot) -> u64 {
    snapshot.version().map_or(0, |version| version + 1)
}

fn take(snapshot: &mut Snapshot, version: u64, bytes: &[u8]) -> Result<()> {
    let taken = read_entry(bytes).and_then(|actions| snapshot.apply(version, actions));
    taken.map_err(|problem| Error::Format { entry: entry_path(version), problem })
}

fn is_of(entry: &[u8], id: &str) -> bool {
    let Ok(actions) = read_entry(entry) else { return false };
    actions.iter().any(|action| matches!(action, Action::CommitInfo(info) if info["txnId"] == id))
}

/// What the first entry says besides.
fn first_lines(now: Timestamp) -> [Action; 2] {
    let meta_data = MetaData {
        id: Uuid::new_v4().to_string(),
        format: Format { provider: "parquet".to_owned(), options: [].into() },
        schema_string: delta_schema(),
        partition_columns: vec![DAY.to_owned()],
        configuration: [].into(),
        created_time: Some(now.0),
    };
    [Action::Protocol(Protocol { min_reader_version: 1, min_writer_version: 2 }), Action::MetaData(meta_data)]
}

#[cfg(test)]
mod tests;
