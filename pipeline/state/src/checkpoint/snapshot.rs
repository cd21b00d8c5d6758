//! A copy of a store as it is at one moment, made of hard links, and what it says of itself.

use std::fs;
use std::path::{Path, PathBuf};

use engine::Table;
use ports::{Error, ErrorKind, GENERATION_KEY, POSITION_KEY, Position, Result};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{DB, Options, ReadOptions};
use rules::{AlertId, CustomerId, RuleKey};
use serde_json::json;
use serde_json::value::RawValue;

use crate::error::failed;

/// A copy in a folder of its own.
#[derive(Debug)]
pub(crate) struct Snapshot {
    dir: PathBuf,
    /// The position read back from it.
    pub(crate) position: Position,
    /// Its files, sorted by name.
    pub(crate) files: Vec<String>,
}

/// Links a store's files into a new folder of the same file system. With `flush` what is in memory becomes a file
/// first; without, the log is copied, which is the quicker for whoever waits.
pub(crate) fn link(db: &DB, dir: &Path, flush: bool) -> Result<()> {
    let name = dir.display().to_string();
    remove(dir)?;
    let log_bytes = if flush { 0 } else { u64::MAX };
    Checkpoint::new(db)
        .and_then(|checkpoint| checkpoint.create_checkpoint_with_log_size(dir, log_bytes))
        .map_err(|error| failed(&name, "copy", &error))
}

/// Removes a folder and all in it; one that is not there is no error.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("could not remove {}: {error}", dir.display());
            Err(Error::new(ErrorKind::Misconfigured, message))
        },
        _ => Ok(()),
    }
}

impl Snapshot {
    /// Reads a copy that [`link`] has made; nothing if no position was ever stored in it.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>> {
        let mut files = store_files(dir)?;
        files.sort_unstable();
        let stored = open(dir)?.get_meta(&POSITION_KEY)?;
        let Some(stored) = stored else { return Ok(None) };
        let position = String::from_utf8_lossy(&stored).parse().map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("the position in {}: {error}", dir.display()))
        })?;
        Ok(Some(Self { dir: dir.to_owned(), position, files }))
    }

    /// The path of one of its files.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// The rules in force as the manifest names them: see [`super::manifest::Manifest::rules`].
    pub(crate) fn rules(&self) -> Result<Vec<u8>> {
        let opened = open(&self.dir)?;
        let corrupt = |what: &str| {
            Error::new(ErrorKind::Corrupt, format!("the rules in {}: {what}", self.dir.display()))
        };
        let next = match opened.get_meta(&GENERATION_KEY)? {
            Some(bytes) => {
                u64::from_be_bytes(bytes.as_slice().try_into().map_err(|_| corrupt("the counter"))?)
            },
            None => 1,
        };
        let mut text = json!({"nextGeneration": next}).to_string();
        text.push('\n');
        opened.each(Table::Rules, |key, value| {
            let key = rule_key(key).ok_or_else(|| corrupt("a key"))?;
            let entry: &RawValue = serde_json::from_slice(value).map_err(|_| corrupt("an entry"))?;
            text.push_str(&format!("{{\"key\":\"{key}\",\"entry\":{}}}\n", entry.get()));
            Ok(())
        })?;
        Ok(text.into_bytes())
    }
}

fn rule_key(bytes: &[u8]) -> Option<RuleKey> {
    let (customer, alert) = bytes.split_first_chunk::<16>()?;
    let alert: [u8; 16] = alert.try_into().ok()?;
    Some(RuleKey { customer: CustomerId::from_bytes(*customer), alert: AlertId::from_bytes(alert) })
}

/// The files that make up a store: all but logs for people and locks.
fn store_files(dir: &Path) -> Result<Vec<String>> {
    let unread = |error: std::io::Error| {
        Error::new(ErrorKind::Misconfigured, format!("{} cannot be read: {error}", dir.display()))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(unread)? {
        let name = entry.map_err(unread)?.file_name().to_string_lossy().into_owned();
        let ours = [".sst", ".log"].iter().any(|end| name.ends_with(end))
            || name == "CURRENT"
            || ["MANIFEST-", "OPTIONS-"].iter().any(|start| name.starts_with(start));
        if ours {
            files.push(name);
        }
    }
    Ok(files)
}

/// A store opened for reading alone.
pub(crate) struct Opened {
    db: DB,
    name: String,
}

pub(crate) fn open(dir: &Path) -> Result<Opened> {
    let name = dir.display().to_string();
    let tables = Table::ALL.map(Table::name);
    let db = DB::open_cf_for_read_only(&Options::default(), dir, tables, false)
        .map_err(|error| failed(&name, "open", &error))?;
    Ok(Opened { db, name })
}

impl Opened {
    fn get_meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let family = self.db.cf_handle(Table::Meta.name()).expect("every table was opened");
        self.db.get_cf(family, key).map_err(|error| failed(&self.name, "read", &error))
    }

    /// Hands over every entry of a table, in the order of their keys.
    pub(crate) fn each(&self, table: Table, mut take: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
        let family = self.db.cf_handle(table.name()).expect("every table was opened");
        let mut cursor = self.db.raw_iterator_cf_opt(family, ReadOptions::default());
        cursor.seek_to_first();
        while let Some((key, value)) = cursor.item() {
            take(key, value)?;
            cursor.next();
        }
        cursor.status().map_err(|error| failed(&self.name, "read", &error))
    }
}
