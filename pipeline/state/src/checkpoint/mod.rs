//! Checkpoints: copies of the stores where they survive the machine.
//!
//! `{location}/sst/…` holds files, `{location}/apps/{app}/checkpoints/{partition}/…` manifests that name them. A file
//! is sent once and named by every manifest that needs it ([`upload`]); a manifest is written last and never again
//! ([`manifest`]); what is not named is removed ([`collect`]). What comes back is compared with what was sent
//! ([`fetch`]).

mod bucket;
mod catalog;
mod collect;
mod fetch;
mod manifest;
mod names;
mod objects;
mod parts;
mod place;
mod rescale;
mod service;
mod snapshot;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::Partition;
use ports::{Position, Restore, Result, Topics, Usable};
use rocksdb::DB;
use rules::SavepointId;

pub use bucket::Bucket;
pub use collect::Collected;
pub use place::{Book, Kept, Place};
pub use rescale::Rescale;
pub(crate) use service::Watched;

/// Where checkpoints go and how often.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A folder, or `s3://bucket/prefix`.
    pub location: String,
    /// Options of the client for buckets, by the names of `object_store`, such as `aws_endpoint`.
    pub options: BTreeMap<String, String>,
    /// The deployment whose checkpoints they are.
    pub app: String,
    /// Its topics, which manifests name: a fork must not write to them.
    pub topics: Topics,
    /// How long after one checkpoint of a partition the next is taken, if anything has changed.
    pub interval: Duration,
    /// After how many bytes of changes it is taken earlier.
    pub bytes: u64,
    /// How many checkpoints of each partition are kept.
    pub kept: usize,
    /// How many bytes a second are sent at most.
    pub bytes_per_second: Option<u64>,
}

impl Settings {
    /// Checkpoints of a deployment, every minute or gigabyte, at up to 64 MiB a second; three are kept.
    pub fn new(location: impl Into<String>, app: impl Into<String>) -> Self {
        let app = app.into();
        Self {
            location: location.into(),
            options: BTreeMap::new(),
            topics: Topics::of(&app),
            app,
            interval: Duration::from_secs(60),
            bytes: 1 << 30,
            kept: 3,
            bytes_per_second: Some(64 << 20),
        }
    }
}

/// Takes checkpoints of the stores that are open, and brings them back. Clones share the thread that does it, which
/// ends with the last of them.
#[derive(Clone)]
pub(crate) struct Checkpoints(Arc<service::Service>);

impl Checkpoints {
    /// Starts the thread. `dir` is on the file system of the stores and this one's alone.
    pub(crate) fn start(settings: Settings, dir: &Path, partitions: u32) -> Result<Self> {
        Ok(Self(Arc::new(service::Service::start(settings, dir.to_owned(), partitions)?)))
    }

    pub(crate) fn watch(&self, partition: Partition, db: &Arc<DB>) -> Arc<Watched> {
        self.0.shared.watch(partition, db)
    }

    pub(crate) fn savepoint(&self, partition: Partition, savepoint: SavepointId, db: &DB) -> Result<()> {
        self.0.shared.savepoint(partition, savepoint, db)
    }

    pub(crate) fn restore(
        &self,
        partition: Partition,
        wanted: &Usable,
        replace: impl FnOnce(&Path, &Position) -> Result<()>,
    ) -> Result<Restore> {
        self.0.shared.restore(partition, wanted, replace)
    }

    pub(crate) fn has_checkpoint(&self, partition: Partition) -> Result<bool> {
        self.0.shared.has_checkpoint(partition)
    }
}
