//! Objects in a store, called without a runtime: a folder, memory, or a bucket behind the same trait.
//!
//! A folder and memory answer on the calling thread. Stores behind a network need a runtime that drives their sockets: whoever
//! makes one enters its runtime on the calling thread.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::error::{Error, Result};

/// What became of an attempt to create an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now, with these bytes.
    Made,
    /// Another was there before; it may be one's own of an attempt whose answer was lost.
    Taken,
}

/// An object as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path below the root.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, in milliseconds since 1970.
    pub modified: i64,
}

/// The objects below a root. Clones share them.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    root: Path,
    name: String,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.name)
    }
}

impl Objects {
    /// Those of a folder, which is made if it is not there. What is written is synced to the disk before it counts.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn folder(folder: &std::path::Path) -> Result<Self> {
        let wrong = |problem: String| Error::Misconfigured { path: folder.display().to_string(), problem };
        std::fs::create_dir_all(folder).map_err(|error| wrong(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| wrong(error.to_string()))?;
        // Without it a crash of the machine could keep the log entry and lose the file that it names.
        let store = store.with_fsync(true);
        Ok(Self::new(Arc::new(store), Path::default(), folder.display().to_string()))
    }

    /// Objects in memory: for tests and benchmarks.
    pub fn memory() -> Self {
        Self::new(Arc::new(InMemory::new()), Path::default(), "memory".to_owned())
    }

    /// Those below a root of any store; `name` tells people which.
    pub fn new(store: Arc<dyn ObjectStore>, root: Path, name: String) -> Self {
        Self { store, root, name }
    }

    /// What people call the place.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes sure that the store refuses to create an object twice, without which nothing here would be exact.
    ///
    /// # Errors
    /// The store cannot, or does not answer.
    pub fn probe(&self, token: &str) -> Result<()> {
        let path = format!("_probe/{token}");
        let bytes = Bytes::from_static(b"created once");
        let first = self.create(&path, bytes.clone())?;
        let second = self.create(&path, bytes)?;
        self.delete(&path)?;
        if (first, second) == (Created::Made, Created::Taken) {
            return Ok(());
        }
        let problem = format!("creating an object twice was answered {first:?} and {second:?}");
        Err(Error::Misconfigured { path, problem })
    }

    /// Creates an object if there is none.
    ///
    /// # Errors
    /// After one, the object may or may not be there, or come later.
    pub fn create(&self, path: &str, bytes: Bytes) -> Result<Created> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let at = self.at(path);
        match block_on(self.store.put_opts(&at, PutPayload::from_bytes(bytes), options)) {
            Ok(_) => Ok(Created::Made),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Created::Taken)
            },
            Err(error) => Err(told(path, &error)),
        }
    }

    /// Writes an object, in the place of what was there.
    ///
    /// # Errors
    /// The store's.
    pub fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let put = block_on(self.store.put(&self.at(path), PutPayload::from_bytes(bytes)));
        put.map(drop).map_err(|error| told(path, &error))
    }

    /// An object's bytes, if it is there.
    ///
    /// # Errors
    /// The store's.
    pub fn get(&self, path: &str) -> Result<Option<Bytes>> {
        let at = self.at(path);
        let read = async { self.store.get(&at).await?.bytes().await };
        match block_on(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(told(path, &error)),
        }
    }

    /// Parts of an object, in order. Near ones are fetched together.
    ///
    /// # Errors
    /// [`Error::Missing`] if the object is not there; [`Error::Damaged`] if it is too short; else the store's.
    pub fn ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = block_on(self.store.get_ranges(&self.at(path), ranges));
        let parts = read.map_err(|error| match error {
            object_store::Error::NotFound { .. } => Error::Missing { file: path.to_owned() },
            error => told(path, &error),
        })?;
        for (part, range) in parts.iter().zip(ranges) {
            if part.len() as u64 != range.end - range.start {
                let problem = format!("it ends before byte {}", range.end);
                return Err(Error::Damaged { file: path.to_owned(), problem });
            }
        }
        Ok(parts)
    }

    /// The objects below a folder, by path.
    ///
    /// # Errors
    /// The store's.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let at = self.at(folder);
        let listed = block_on(self.store.list(Some(&at)).try_collect::<Vec<_>>());
        let listed = listed.map_err(|error| told(folder, &error))?;
        let mut objects: Vec<_> = listed
            .into_iter()
            .filter_map(|meta| {
                let parts = meta.location.prefix_match(&self.root)?;
                let path = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
                Some(Listed { path, size: meta.size, modified: meta.last_modified.timestamp_millis() })
            })
            .collect();
        objects.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(objects)
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// The store's.
    pub fn delete(&self, path: &str) -> Result<()> {
        let at = self.at(path);
        let paths = futures_util::stream::iter([Ok(at)]).boxed();
        let removed = block_on(self.store.delete_stream(paths).try_collect::<Vec<_>>());
        match removed {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(path, &error)),
        }
    }

    fn at(&self, path: &str) -> Path {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.fold(self.root.clone(), |at, part| at.join(part))
    }
}

fn told(path: &str, error: &object_store::Error) -> Error {
    use object_store::Error as Store;
    let (path, problem) = (path.to_owned(), error.to_string());
    match error {
        Store::NotSupported { .. }
        | Store::NotImplemented { .. }
        | Store::PermissionDenied { .. }
        | Store::Unauthenticated { .. }
        | Store::InvalidPath { .. }
        | Store::UnknownConfigurationKey { .. } => Error::Misconfigured { path, problem },
        _ => Error::Unavailable { path, problem },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_memory_create_once() {
        let dir = tempfile::tempdir().unwrap();
        for objects in [Objects::folder(&dir.path().join("a/b")).unwrap(), Objects::memory()] {
            objects.probe("x").unwrap();
            assert_eq!(objects.list("_probe").unwrap(), []);
            assert_eq!(objects.create("d/day=1/x", Bytes::from_static(b"12345")).unwrap(), Created::Made);
            assert_eq!(objects.ranges("d/day=1/x", &[1..3, 4..5]).unwrap(), ["23", "5"]);
            assert!(matches!(
                objects.ranges("d/day=1/y", std::slice::from_ref(&(0..1))),
                Err(Error::Missing { .. })
            ));
            assert!(objects.ranges("d/day=1/x", std::slice::from_ref(&(3..9))).is_err());
            let listed: Vec<_> = objects.list("d").unwrap().into_iter().map(|listed| listed.path).collect();
            assert_eq!(listed, ["d/day=1/x"]);
            assert_eq!(objects.get("d/none").unwrap(), None);
        }
    }
}
