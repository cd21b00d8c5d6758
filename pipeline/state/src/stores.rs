//! The folder of stores: one directory per partition.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use engine::{Partition, Table};
use ports::{
    Error, ErrorKind, POSITION_KEY, Position, Restore, Result, SAVEPOINT_KEY, Store, Stores, Usable,
};
use rocksdb::{DB, IteratorMode, Options, WriteBatch, WriteOptions};
use tracing::info;

use crate::checkpoint::{self, Checkpoints};
use crate::error::failed;
use crate::options::{self, Memory};
use crate::store::RocksStore;

/// The key under which a store says how it is laid out. It stands in RocksDB's own column family `default`, where
/// no write to a table can reach it.
const FORMAT_KEY: &[u8] = b"format";

/// The layout that this version reads and writes.
const FORMAT: &[u8] = b"1";

/// Where the stores are and how much memory they share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder that holds one directory per partition.
    pub dir: PathBuf,
    /// Bytes for cached blocks and write buffers together.
    pub cache_bytes: usize,
    /// Bytes of writes that are kept in memory before they become files.
    pub write_buffer_bytes: usize,
}

impl Settings {
    /// Stores in that folder, with memory for a laptop.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), cache_bytes: 128 * 1024 * 1024, write_buffer_bytes: 64 * 1024 * 1024 }
    }
}

/// Stores in RocksDB. Clones share their memory.
#[derive(Clone)]
pub struct RocksStores {
    dir: PathBuf,
    memory: Memory,
    checkpoints: Option<Checkpoints>,
}

impl RocksStores {
    /// Opens the folder, and makes it if it is missing. The stores themselves are opened one by one.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(settings: Settings) -> Result<Self> {
        fs::create_dir_all(&settings.dir).map_err(|error| {
            let dir = settings.dir.display();
            Error::new(ErrorKind::Misconfigured, format!("the state folder {dir} cannot be made: {error}"))
        })?;
        let memory = Memory::new(settings.cache_bytes, settings.write_buffer_bytes);
        Ok(Self { memory, dir: settings.dir, checkpoints: None })
    }

    /// Takes checkpoints of the stores that are opened from now on, and brings them back where they are wanted. The
    /// deployment has that many partitions.
    ///
    /// # Errors
    /// The settings do not serve. Whether the place can be reached shows later.
    pub fn with_checkpoints(self, settings: checkpoint::Settings, partitions: u32) -> Result<Self> {
        let checkpoints = Checkpoints::start(settings, &self.dir.join("copies"), partitions)?;
        Ok(Self { checkpoints: Some(checkpoints), ..self })
    }

    fn open_at(&self, path: &Path) -> Result<DB> {
        let name = path.display().to_string();
        let db =
            DB::open_cf_descriptors(&options::database(&self.memory), path, options::tables(&self.memory))
                .map_err(|error| failed(&name, "open", &error))?;
        check_format(&db, &name)?;
        Ok(db)
    }

    /// Puts a store that was fetched in the place of a partition's, at this position.
    fn replace(&self, partition: Partition, fetched: &Path, position: &Position) -> Result<()> {
        let db = self.open_at(fetched)?;
        let name = fetched.display().to_string();
        let meta = db.cf_handle(Table::Meta.name()).expect("every table was opened");
        let position = position.to_string();
        let stored = db.get_cf(meta, POSITION_KEY).map_err(|error| failed(&name, "read", &error))?;
        if stored.as_deref() != Some(position.as_bytes()) {
            let mut batch = WriteBatch::default();
            batch.put_cf(meta, POSITION_KEY, position);
            // The savepoint that this came from was taken elsewhere, or on another timeline.
            batch.delete_cf(meta, SAVEPOINT_KEY);
            let mut synced = WriteOptions::default();
            synced.set_sync(true);
            db.write_opt(batch, &synced).map_err(|error| failed(&name, "write", &error))?;
        }
        drop(db);
        self.remove(partition)?;
        fs::rename(fetched, self.path(partition)).map_err(|error| {
            Error::new(ErrorKind::Misconfigured, format!("could not move the store {name}: {error}"))
        })
    }

    fn path(&self, partition: Partition) -> PathBuf {
        self.dir.join(format!("partition-{:05}", partition.0))
    }
}

impl Stores for RocksStores {
    fn open(&self, partition: Partition) -> Result<Box<dyn Store>> {
        let path = self.path(partition);
        let db = Arc::new(self.open_at(&path)?);
        info!(partition = partition.0, "store opened");
        let name = path.display().to_string();
        Ok(Box::new(RocksStore::new(db, name, partition, self.checkpoints.clone())))
    }

    fn remove(&self, partition: Partition) -> Result<()> {
        let path = self.path(partition);
        if !path.exists() {
            return Ok(());
        }
        let name = path.display().to_string();
        // Destroying takes RocksDB's lock, so a store that is open somewhere is not pulled from under its owner.
        match DB::destroy(&Options::default(), &path).map_err(|error| failed(&name, "remove", &error)) {
            Err(error) if error.kind == ErrorKind::Misconfigured => return Err(error),
            _ => remove_rest(&path, &name)?,
        }
        info!(partition = partition.0, "store removed");
        Ok(())
    }

    fn restore(&self, partition: Partition, wanted: &Usable) -> Result<Restore> {
        let Some(checkpoints) = &self.checkpoints else {
            return Ok(Restore::Nothing { refused: Vec::new() });
        };
        checkpoints.restore(partition, wanted, |fetched, position| self.replace(partition, fetched, position))
    }

    fn has_checkpoint(&self, partition: Partition) -> Result<bool> {
        self.checkpoints.as_ref().map_or(Ok(false), |checkpoints| checkpoints.has_checkpoint(partition))
    }
}

/// Removes what RocksDB does not know: a damaged store goes as a whole, too.
fn remove_rest(path: &Path, name: &str) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::Misconfigured, format!("could not remove the store {name}: {error}")))
        },
        _ => Ok(()),
    }
}

/// Marks a new store with its format, and refuses one that this version cannot read.
fn check_format(db: &DB, name: &str) -> Result<()> {
    let found = db.get(FORMAT_KEY).map_err(|error| failed(name, "read", &error))?;
    match found.as_deref() {
        Some(FORMAT) => Ok(()),
        // Not damaged, so nothing removes it unasked.
        Some(other) => Err(Error::new(
            ErrorKind::Misconfigured,
            format!(
                "the store {name} has format `{}`, this version reads format `1`: start the version that wrote it, \
                 or remove the directory to have it rebuilt from the changelog",
                other.escape_ascii()
            ),
        )),
        None if is_empty(db, name)? => {
            let mut synced = WriteOptions::default();
            synced.set_sync(true);
            db.put_opt(FORMAT_KEY, FORMAT, &synced).map_err(|error| failed(name, "write", &error))
        },
        None => Err(Error::new(ErrorKind::Corrupt, format!("the store {name} has contents but no format"))),
    }
}

fn is_empty(db: &DB, name: &str) -> Result<bool> {
    for table in Table::ALL {
        let family = db.cf_handle(table.name()).expect("every table was opened");
        match db.full_iterator_cf(family, IteratorMode::Start).next() {
            None => {},
            Some(Ok(_)) => return Ok(false),
            Some(Err(error)) => return Err(failed(name, "read", &error)),
        }
    }
    Ok(true)
}
