//! Copies of stores that are to become parts of savepoints.
//!
//! A copy is made at once and sent in its turn. It survives the process, so that a savepoint is whole even if a worker
//! is killed in between.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use engine::Partition;
use ports::{Error, ErrorKind, Result};
use rules::SavepointId;

use super::snapshot;

const PREFIX: &str = "savepoint-";

/// A copy of a store, as it was at its line of a savepoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) dir: PathBuf,
    pub(crate) savepoint: SavepointId,
    pub(crate) partition: Partition,
}

impl Copied {
    pub(crate) fn new(folder: &Path, savepoint: SavepointId, partition: Partition) -> Self {
        let dir = folder.join(format!("{PREFIX}{savepoint}-{:05}", partition.0));
        Self { dir, savepoint, partition }
    }

    fn read(folder: &Path, name: &str) -> Option<Self> {
        let (savepoint, partition) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
        let copied = Self::new(folder, savepoint.parse().ok()?, Partition(partition.parse().ok()?));
        copied.dir.ends_with(name).then_some(copied)
    }
}

/// The copies that an earlier process has not sent. Everything else in the folder is removed.
pub(crate) fn left_behind(folder: &Path) -> Result<VecDeque<Copied>> {
    let unread = |error: std::io::Error| {
        Error::new(ErrorKind::Misconfigured, format!("{} cannot be read: {error}", folder.display()))
    };
    let mut left = VecDeque::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let name = entry.map_err(unread)?.file_name().to_string_lossy().into_owned();
        match Copied::read(folder, &name) {
            Some(copied) => left.push_back(copied),
            None => snapshot::remove(&folder.join(&name))?,
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_is_found_again_and_other_leftovers_go() {
        let dir = tempfile::tempdir().unwrap();
        let copied = Copied::new(dir.path(), SavepointId::from_bytes([3; 16]), Partition(12));
        for name in
            [copied.dir.clone(), dir.path().join("checkpoint-00001"), dir.path().join("savepoint-x-1.tmp")]
        {
            std::fs::create_dir(name).unwrap();
        }
        assert_eq!(left_behind(dir.path()).unwrap(), [copied]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
