//! Sends a copy of a store: the files that are not there yet, then the rules, then the manifest that names them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blake3::Hash;
use engine::Partition;
use ports::{Error, ErrorKind, Result, Topics};
use rules::SavepointId;

use super::manifest::{FORMAT, Manifest, Piece};
use super::names::{self, Upload};
use super::objects::Objects;
use super::snapshot::Snapshot;

/// An upload that takes longer is given up. Must stay far below the age at which unnamed files are removed.
pub(crate) const UPLOAD_TIME_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// A manifest with its name.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) manifest: Manifest,
}

/// Hashes of local files that were computed before, so that a file is read once however many checkpoints name it.
#[derive(Debug, Default)]
pub(crate) struct Hashes(HashMap<(u64, u64, i64), Hash>);

impl Hashes {
    fn of(&mut self, path: &Path) -> Result<(Hash, u64)> {
        let unread = |error: std::io::Error| {
            Error::new(ErrorKind::Unavailable, format!("{} cannot be read: {error}", path.display()))
        };
        let data = fs::metadata(path).map_err(unread)?;
        // Hard links share these; a file that takes a freed number has another time.
        let identity = (data.ino(), data.len(), data.mtime_nsec() ^ data.mtime().rotate_left(32));
        if let Some(hash) = self.0.get(&identity) {
            return Ok((*hash, data.len()));
        }
        let mut hasher = blake3::Hasher::new();
        let mut file = fs::File::open(path).map_err(unread)?;
        std::io::copy(&mut file, &mut hasher).map_err(unread)?;
        let hash = hasher.finalize();
        self.0.insert(identity, hash);
        Ok((hash, data.len()))
    }

    /// Forgets all but these.
    fn keep(&mut self, hashes: &[Hash]) {
        self.0.retain(|_, hash| hashes.contains(hash));
    }
}

/// Holds an upload to so many bytes a second, and ends it when the process does.
pub(crate) struct Pace<'a> {
    stop: &'a AtomicBool,
    bytes_per_second: Option<u64>,
    started: Instant,
    sent: u64,
}

impl<'a> Pace<'a> {
    pub(crate) fn new(stop: &'a AtomicBool, bytes_per_second: Option<u64>) -> Self {
        Self { stop, bytes_per_second, started: Instant::now(), sent: 0 }
    }

    /// How many bytes were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Counts what was sent, and waits until that much may have been.
    pub(crate) fn after(&mut self, bytes: usize) -> Result<()> {
        self.sent += bytes as u64;
        let due = self.bytes_per_second.map_or(0.0, |rate| self.sent as f64 / rate.max(1) as f64);
        let due = Duration::from_secs_f64(due.min(UPLOAD_TIME_MAX.as_secs_f64()));
        loop {
            if self.stop.load(Ordering::Acquire) {
                return Err(Error::new(ErrorKind::Unavailable, "the process is ending"));
            }
            let elapsed = self.started.elapsed();
            if elapsed > UPLOAD_TIME_MAX {
                return Err(Error::new(ErrorKind::Unavailable, "the upload takes too long and is given up"));
            }
            if elapsed >= due {
                return Ok(());
            }
            std::thread::sleep((due - elapsed).min(Duration::from_millis(50)));
        }
    }
}

/// The topics that a deployment writes.
pub(crate) fn outputs(topics: &Topics) -> Vec<String> {
    let Topics { events: _, controls, alerts, alerts_shadow, changelog, dead_letters, late } = topics.clone();
    vec![controls, alerts, alerts_shadow, changelog, dead_letters, late]
}

/// What is sent, and under which names.
pub(crate) struct Job<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) partition: Partition,
    pub(crate) partitions: u32,
    pub(crate) upload: Upload,
    /// The deployment's topics.
    pub(crate) topics: &'a Topics,
    /// The savepoint that the copy is a part of.
    pub(crate) savepoint: Option<SavepointId>,
    /// The newest manifest of the partition, which nothing removes before there is a newer one: what it names need
    /// not be sent again.
    pub(crate) parent: Option<&'a Named>,
}

impl Job<'_> {
    /// Sends the copy. The manifest is written last and only if there is none of its name.
    ///
    /// # Errors
    /// As the place answers; whatever was sent is removed later, since nothing names it.
    pub(crate) fn run(&self, snapshot: &Snapshot, hashes: &mut Hashes, pace: &mut Pace<'_>) -> Result<Named> {
        let mut files = Vec::with_capacity(snapshot.files.len());
        let mut used = Vec::with_capacity(snapshot.files.len());
        for name in &snapshot.files {
            let path = snapshot.path(name);
            let (hash, bytes) = hashes.of(&path)?;
            used.push(hash);
            let object = match self.sent_before(&hash) {
                Some(object) => object,
                None => {
                    let object = names::file(&hash, self.upload);
                    self.objects.upload(&object, &path, |bytes| pace.after(bytes))?;
                    object
                },
            };
            files.push(Piece { name: name.clone(), object, bytes, blake3: hash.to_hex().to_string() });
        }
        hashes.keep(&used);
        let rules = self.rules(snapshot, pace)?;
        let position = &snapshot.position;
        let manifest = Manifest {
            format: FORMAT,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            partition: self.partition.0,
            partitions: self.partitions,
            position: position.to_string(),
            stored: position.to_string(),
            taken: self.upload.began,
            parent: self.parent.map(|parent| parent.name.clone()),
            savepoint: self.savepoint.map(|id| id.to_string()),
            events: self.topics.events.clone(),
            outputs: outputs(self.topics),
            rules,
            files,
        };
        let name = match self.savepoint {
            Some(id) => names::part(&position.app, id, self.partition),
            None => names::checkpoint(self.partition, position),
        };
        pace.after(0)?;
        // Another one at the same position says the same with other files; the first stays.
        if self.objects.create(&name, manifest.to_bytes())? {
            return Ok(Named { name, manifest });
        }
        let bytes = self.objects.get(&name)?.unwrap_or_default();
        Ok(Named { manifest: Manifest::from_bytes(&name, &bytes)?, name })
    }

    fn sent_before(&self, hash: &Hash) -> Option<String> {
        let hash = hash.to_hex();
        let mut pieces = self.parent?.manifest.pieces();
        pieces.find(|piece| piece.blake3 == *hash).map(|piece| piece.object.clone())
    }

    /// The rules in force. They are a matter of how far the control topic is read, so an unchanged place there spares
    /// looking at all of them.
    fn rules(&self, snapshot: &Snapshot, pace: &mut Pace<'_>) -> Result<Piece> {
        if let Some(parent) = self.parent {
            let position = parent.manifest.position(&parent.name)?;
            if position.is_comparable_to(&snapshot.position) && position.control == snapshot.position.control
            {
                return Ok(parent.manifest.rules.clone());
            }
        }
        let rules = snapshot.rules()?;
        let hash = blake3::hash(&rules);
        let bytes = rules.len() as u64;
        let object = match self.sent_before(&hash) {
            Some(object) => object,
            None => {
                let object = names::file(&hash, self.upload);
                self.objects.create(&object, rules)?;
                pace.after(usize::try_from(bytes).unwrap_or(usize::MAX))?;
                object
            },
        };
        Ok(Piece { name: "rules".to_owned(), object, bytes, blake3: hash.to_hex().to_string() })
    }
}
