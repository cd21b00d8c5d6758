//! Brings a checkpoint back: into a folder beside the stores, which then takes the place of one.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use engine::Partition;
use ports::{Error, ErrorKind, Position, Result, Usable};

use super::manifest::Manifest;
use super::objects::Objects;
use super::snapshot::{Snapshot, remove};
use super::{catalog, upload};

/// How far a fetch has come, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) done: AtomicU64,
    pub(crate) total: AtomicU64,
}

/// What a fetch has come to.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The folder holds a store that will be at this position once that is written into it.
    Store(Position),
    /// There is nothing of use; of what was damaged, why.
    Nothing(Vec<String>),
}

/// A fetch on a thread of its own.
pub(crate) struct Fetch {
    pub(crate) wanted: Usable,
    pub(crate) progress: Arc<Progress>,
    pub(crate) dir: PathBuf,
    result: Arc<Mutex<Option<Result<Fetched>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fetch {
    pub(crate) fn start(
        objects: &Arc<Objects>,
        partition: Partition,
        wanted: &Usable,
        dir: PathBuf,
    ) -> Result<Self> {
        let (progress, result, stop) =
            (Arc::<Progress>::default(), Arc::<Mutex<Option<_>>>::default(), Arc::<AtomicBool>::default());
        let job = {
            let (objects, wanted, dir) = (Arc::clone(objects), wanted.clone(), dir.clone());
            let (progress, result, stop) = (Arc::clone(&progress), Arc::clone(&result), Arc::clone(&stop));
            move || {
                let fetched = newest(&objects, partition, &wanted, &dir, &progress, &stop);
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
            }
        };
        let thread = std::thread::Builder::new().name("restore".to_owned()).spawn(job);
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Misconfigured, format!("threads cannot be started: {error}"))
        })?;
        Ok(Self { wanted: wanted.clone(), progress, dir, result, stop, thread: Some(thread) })
    }

    /// What it has come to, once.
    pub(crate) fn take(&mut self) -> Option<Result<Fetched>> {
        if !self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return None;
        }
        let ended = || Err(Error::new(ErrorKind::Unavailable, "fetching a checkpoint ended without a word"));
        Some(self.result.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_else(ended))
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            drop(thread.join());
        }
    }
}

/// Fetches the newest checkpoint that is wanted and sound.
fn newest(
    objects: &Objects,
    partition: Partition,
    wanted: &Usable,
    dir: &Path,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Fetched> {
    let (found, mut refused) = catalog::candidates(objects, partition, wanted)?;
    for (position, named) in found {
        progress.done.store(0, Ordering::Relaxed);
        progress.total.store(named.manifest.bytes(), Ordering::Relaxed);
        match store(objects, &named.manifest, dir, progress, stop) {
            Ok(()) => {
                tracing::info!(%partition, manifest = named.name, bytes = named.manifest.bytes(), "checkpoint fetched");
                return Ok(Fetched::Store(position));
            },
            Err(error) if error.kind == ErrorKind::Corrupt => {
                tracing::warn!(%partition, manifest = named.name, %error, "a checkpoint is damaged, looking for an older one");
                refused.push(format!("{}: {error}", named.name));
            },
            Err(error) => return Err(error),
        }
    }
    remove(dir)?;
    Ok(Fetched::Nothing(refused))
}

/// Fetches the files of one checkpoint into an empty folder and looks whether the store in them is the one that the manifest tells of.
pub(crate) fn store(
    objects: &Objects,
    manifest: &Manifest,
    dir: &Path,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<()> {
    let unwritten = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Full,
            _ => ErrorKind::Misconfigured,
        };
        Error::new(kind, format!("{} cannot be written: {error}", dir.display()))
    };
    remove(dir)?;
    fs::create_dir_all(dir).map_err(unwritten)?;
    for piece in &manifest.files {
        // The name comes from outside and becomes a path.
        if piece.name.contains(['/', '\\']) || piece.name.starts_with('.') || piece.name.is_empty() {
            let message = format!("the checkpoint has a file of the impossible name `{}`", piece.name);
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        let mut file = BufWriter::new(fs::File::create(dir.join(&piece.name)).map_err(unwritten)?);
        catalog::fetch(objects, piece, |chunk| {
            if stop.load(Ordering::Acquire) {
                return Err(Error::new(ErrorKind::Unavailable, "the process is ending"));
            }
            progress.done.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            metrics::counter!(crate::metrics::RESTORED_BYTES).increment(chunk.len() as u64);
            file.write_all(chunk).map_err(unwritten)
        })?;
        file.flush().map_err(unwritten)?;
    }
    let snapshot = Snapshot::read(dir)?;
    let stored = snapshot.as_ref().map(|snapshot| snapshot.position.to_string());
    if stored.as_deref() != Some(manifest.stored.as_str()) {
        let stored = stored.unwrap_or_else(|| "nothing".to_owned());
        let message = format!("the store in the checkpoint is at `{stored}`, expected `{}`", manifest.stored);
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    Ok(())
}

/// Files need not be older than the longest upload to be told from those of one under way.
const _: () = assert!(upload::UPLOAD_TIME_MAX.as_secs() < super::collect::UNNAMED_AGE.as_secs());
