//! Takes checkpoints beside the stream, on a thread of its own.
//!
//! A store says how much was written to it; when enough was, or enough time has passed, this thread makes a copy of
//! hard links, and sends it. The worker is not asked: whatever moment the copy is of, the store is then a prefix of
//! committed history and says itself which one.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{Partition, Table};
use metrics::{counter, gauge, histogram};
use ports::{Error, ErrorKind, POSITION_KEY, Position, Restore, Result, Usable};
use rocksdb::DB;
use rules::SavepointId;

use super::fetch::{Fetch, Fetched};
use super::names::Upload;
use super::objects::Objects;
use super::parts::{self, Copied};
use super::snapshot::{self, Snapshot};
use super::upload::{Hashes, Job, Named, Pace};
use super::{Settings, catalog, collect};
use crate::metrics as names;

/// How often the thread looks what is due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a failed checkpoint waits before it is tried again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How many parts of savepoints may wait to be sent; each holds the disk space of its partition's files.
const PARTS_MAX: usize = 4096;
/// How often files that nothing names are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(60 * 60);

/// What the thread and the stores share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) objects: Arc<Objects>,
    /// The folder of copies and of what is fetched; on the file system of the stores.
    dir: PathBuf,
    partitions: u32,
    watched: Mutex<BTreeMap<Partition, Arc<Watched>>>,
    /// Copies that are to be sent as parts of savepoints.
    parts: Mutex<VecDeque<Copied>>,
    fetches: Mutex<BTreeMap<Partition, Fetch>>,
    stop: AtomicBool,
}

/// An open store that checkpoints are taken of.
pub(crate) struct Watched {
    db: Weak<DB>,
    /// Held while a copy is made, so that a store does not close, and open again, under it.
    life: Mutex<Life>,
    /// Bytes since the last checkpoint.
    written: AtomicU64,
}

/// Whether a store is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Life {
    #[default]
    Open,
    Closed,
}

impl Watched {
    /// Counts what was written.
    pub(crate) fn wrote(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Waits until no copy is being made; none is made from then on.
    pub(crate) fn close(&self) {
        *self.life() = Life::Closed;
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread remembers of a partition.
#[derive(Default)]
struct Memory {
    newest: Option<Named>,
    hashes: Hashes,
    due: Option<Instant>,
}

pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub(super) fn start(settings: Settings, dir: PathBuf, partitions: u32) -> Result<Self> {
        let objects = Arc::new(Objects::open(&settings.location, &settings.options)?);
        std::fs::create_dir_all(&dir).map_err(|error| {
            Error::new(ErrorKind::Misconfigured, format!("{} cannot be made: {error}", dir.display()))
        })?;
        let parts = Mutex::new(parts::left_behind(&dir)?);
        let (watched, fetches, stop) = Default::default();
        let shared = Arc::new(Shared { settings, objects, dir, partitions, watched, parts, fetches, stop });
        let running = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("checkpoints".to_owned());
        let thread = thread.spawn(move || running.run()).map_err(|error| {
            Error::new(ErrorKind::Misconfigured, format!("threads cannot be started: {error}"))
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        lock(&self.shared.fetches).clear();
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            drop(thread.join());
        }
    }
}

impl Shared {
    /// Takes checkpoints of a store from now on.
    pub(super) fn watch(&self, partition: Partition, db: &Arc<DB>) -> Arc<Watched> {
        let (life, written) = Default::default();
        let watched = Arc::new(Watched { db: Arc::downgrade(db), life, written });
        lock(&self.watched).insert(partition, Arc::clone(&watched));
        watched
    }

    /// Makes a copy of a store as it is, and sends it in its turn as the partition's part of a savepoint.
    pub(super) fn savepoint(&self, partition: Partition, savepoint: SavepointId, db: &DB) -> Result<()> {
        let copied = Copied::new(&self.dir, savepoint, partition);
        if lock(&self.parts).len() >= PARTS_MAX {
            let message = format!("{PARTS_MAX} parts of savepoints wait to be sent already");
            return Err(Error::new(ErrorKind::Refused, message));
        }
        // Whoever asks waits, so what is in memory is not made a file first.
        snapshot::link(db, &copied.dir, false)?;
        lock(&self.parts).push_back(copied);
        Ok(())
    }

    /// See [`ports::Stores::restore`]. `replace` puts a folder in the place of the store and this position into it.
    pub(super) fn restore(
        &self,
        partition: Partition,
        wanted: &Usable,
        replace: impl FnOnce(&std::path::Path, &Position) -> Result<()>,
    ) -> Result<Restore> {
        let mut fetches = lock(&self.fetches);
        let Some(fetch) = fetches.get_mut(&partition) else {
            let dir = self.dir.join(format!("restore-{:05}", partition.0));
            let fetch = Fetch::start(&self.objects, partition, wanted, dir)?;
            fetches.insert(partition, fetch);
            return Ok(Restore::Running { done: 0, total: 0 });
        };
        let Some(fetched) = fetch.take() else {
            let progress = &fetch.progress;
            let (done, total) =
                (progress.done.load(Ordering::Relaxed), progress.total.load(Ordering::Relaxed));
            return Ok(Restore::Running { done, total });
        };
        let (asked, dir) = (fetch.wanted.clone(), fetch.dir.clone());
        fetches.remove(&partition);
        match fetched? {
            // Committed history has gone on meanwhile, and what came may still serve.
            Fetched::Store(position) if wanted.takes(&position) => {
                replace(&dir, &position)?;
                Ok(Restore::Done(position))
            },
            Fetched::Nothing(refused) if asked == *wanted => Ok(Restore::Nothing { refused }),
            Fetched::Store(_) | Fetched::Nothing(_) => Ok(Restore::Running { done: 0, total: 0 }),
        }
    }

    /// Whether a manifest of the partition is kept.
    pub(super) fn has_checkpoint(&self, partition: Partition) -> Result<bool> {
        Ok(!catalog::manifests(&self.objects, &self.settings.app, partition)?.is_empty())
    }

    fn run(&self) {
        let mut memory: BTreeMap<Partition, Memory> = BTreeMap::new();
        let mut collect_at = Instant::now() + COLLECT_EVERY;
        while !self.stop.load(Ordering::Acquire) {
            self.send_parts(&mut memory);
            // Not held while checkpoints are taken: stores are opened meanwhile.
            let open = lock(&self.watched).clone();
            for (partition, watched) in open {
                self.look_after(partition, &watched, memory.entry(partition).or_default());
            }
            if Instant::now() >= collect_at {
                collect_at = Instant::now() + COLLECT_EVERY;
                self.collect();
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends what waits for it. One that cannot be sent waits on; it is tried again at the next look.
    fn send_parts(&self, memory: &mut BTreeMap<Partition, Memory>) {
        let waiting = lock(&self.parts).len();
        for _ in 0..waiting {
            let Some(copied) = lock(&self.parts).pop_front() else { return };
            let memory = memory.entry(copied.partition).or_default();
            if let Err(error) = self.send_part(&copied, memory) {
                if self.stop.load(Ordering::Acquire) {
                    return;
                }
                counter!(names::CHECKPOINT_FAILURES).increment(1);
                tracing::warn!(savepoint = %copied.savepoint, partition = %copied.partition, %error, "a part of a savepoint could not be sent, it will be tried again");
                lock(&self.parts).push_back(copied);
                return;
            }
        }
    }

    fn send_part(&self, copied: &Copied, memory: &mut Memory) -> Result<()> {
        let name = super::names::part(&self.settings.app, copied.savepoint, copied.partition);
        let snapshot = Snapshot::read(&copied.dir)?;
        let ours = snapshot.filter(|snapshot| snapshot.position.app == self.settings.app);
        if let Some(snapshot) = ours
            && self.objects.size(&name)?.is_none()
        {
            self.find_newest(copied.partition, &snapshot.position, memory)?;
            let mut pace = Pace::new(&self.stop, self.settings.bytes_per_second);
            let job = Job {
                objects: &self.objects,
                partition: copied.partition,
                partitions: self.partitions,
                upload: new_upload()?,
                topics: &self.settings.topics,
                savepoint: Some(copied.savepoint),
                parent: memory.newest.as_ref(),
            };
            let part = job.run(&snapshot, &mut Hashes::default(), &mut pace)?;
            counter!(names::CHECKPOINT_SENT_BYTES).increment(pace.sent());
            tracing::info!(savepoint = %copied.savepoint, partition = %copied.partition, bytes = part.manifest.bytes(), "part of a savepoint kept");
        }
        snapshot::remove(&copied.dir)
    }

    fn look_after(&self, partition: Partition, watched: &Watched, memory: &mut Memory) {
        if *watched.life() == Life::Closed {
            lock(&self.watched).retain(|_, other| !std::ptr::eq(Arc::as_ptr(other), watched));
            return;
        }
        let label = partition.0.to_string();
        if let Some(newest) = &memory.newest {
            let age = millis().saturating_sub(newest.manifest.taken).max(0);
            gauge!(names::CHECKPOINT_AGE_SECONDS, "partition" => label.clone()).set(age as f64 / 1000.0);
        }
        let interval = self.settings.interval;
        // Partitions that came together are not all due together.
        let stagger = interval.mul_f64(f64::from(partition.0 % 16) / 16.0);
        let due = *memory.due.get_or_insert_with(|| Instant::now() + interval.saturating_sub(stagger));
        let full = watched.written.load(Ordering::Relaxed) >= self.settings.bytes;
        if Instant::now() < due && !full {
            return;
        }
        let started = Instant::now();
        let pause = match self.checkpoint(partition, watched, memory) {
            Ok(None) => interval,
            Ok(Some(sent)) => {
                let newest = memory.newest.as_ref().map_or(0, |newest| newest.manifest.bytes());
                histogram!(names::CHECKPOINT_SECONDS).record(started.elapsed());
                counter!(names::CHECKPOINT_SENT_BYTES).increment(sent);
                gauge!(names::CHECKPOINT_BYTES, "partition" => label).set(newest as f64);
                tracing::debug!(%partition, sent, bytes = newest, took = ?started.elapsed(), "checkpoint taken");
                interval
            },
            Err(_) if self.stop.load(Ordering::Acquire) => return,
            Err(error) => {
                counter!(names::CHECKPOINT_FAILURES).increment(1);
                tracing::warn!(%partition, %error, "no checkpoint could be taken, it will be tried again");
                PAUSE_AFTER_FAILURE.min(interval)
            },
        };
        memory.due = Some(Instant::now() + pause);
    }

    /// Takes a checkpoint, if the store has moved since the last one; answers the bytes that were sent.
    fn checkpoint(
        &self,
        partition: Partition,
        watched: &Watched,
        memory: &mut Memory,
    ) -> Result<Option<u64>> {
        let dir = self.dir.join(format!("checkpoint-{:05}", partition.0));
        {
            let life = watched.life();
            let Some(db) = watched.db.upgrade().filter(|_| *life == Life::Open) else { return Ok(None) };
            if self.is_known(&db, memory) {
                return Ok(None);
            }
            watched.written.store(0, Ordering::Relaxed);
            snapshot::link(&db, &dir, true)?;
        }
        let sent = self.send(partition, &dir, memory);
        snapshot::remove(&dir)?;
        sent
    }

    /// Whether the newest checkpoint is of the position at which the store is.
    fn is_known(&self, db: &DB, memory: &Memory) -> bool {
        let family = db.cf_handle(Table::Meta.name()).expect("every table was opened");
        let stored = db.get_cf(family, POSITION_KEY);
        let position = stored.ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        let position = position.filter(|position: &Position| position.app == self.settings.app);
        position.is_none_or(|position| {
            let newest = memory.newest.as_ref();
            newest.is_some_and(|newest| newest.manifest.position == position.to_string())
        })
    }

    fn send(&self, partition: Partition, dir: &std::path::Path, memory: &mut Memory) -> Result<Option<u64>> {
        let Some(snapshot) = Snapshot::read(dir)? else { return Ok(None) };
        self.find_newest(partition, &snapshot.position, memory)?;
        if let Some(newest) = &memory.newest {
            let at = newest.manifest.position(&newest.name)?;
            if at.is_comparable_to(&snapshot.position) && at.epoch >= snapshot.position.epoch {
                return Ok(None);
            }
        }
        let mut pace = Pace::new(&self.stop, self.settings.bytes_per_second);
        let job = Job {
            objects: &self.objects,
            partition,
            partitions: self.partitions,
            upload: new_upload()?,
            topics: &self.settings.topics,
            savepoint: None,
            parent: memory.newest.as_ref(),
        };
        memory.newest = Some(job.run(&snapshot, &mut memory.hashes, &mut pace)?);
        let timeline = snapshot.position.timeline;
        collect::retire(&self.objects, &self.settings.app, partition, timeline, self.settings.kept)?;
        Ok(Some(pace.sent()))
    }

    /// The newest manifest of the partition on this timeline. Another worker may have written it meanwhile.
    fn find_newest(&self, partition: Partition, position: &Position, memory: &mut Memory) -> Result<()> {
        let manifests = catalog::manifests(&self.objects, &self.settings.app, partition)?;
        let here = |name: &&String| {
            super::names::standing(name).is_some_and(|(timeline, _)| timeline == position.timeline)
        };
        let newest = manifests.iter().find(here);
        if newest == memory.newest.as_ref().map(|named| &named.name) {
            return Ok(());
        }
        memory.newest = None;
        if let Some(name) = newest {
            match catalog::read(&self.objects, name) {
                Ok(named) => memory.newest = Some(named),
                // Everything is sent anew.
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    tracing::warn!(%partition, %error, "the newest checkpoint cannot be built upon");
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn collect(&self) {
        // One process of a deployment is enough.
        if !lock(&self.watched).contains_key(&Partition(0)) {
            return;
        }
        match collect::collect(&self.objects, millis()) {
            Ok(collected) if collected.files == 0 => {},
            Ok(collected) => {
                tracing::info!(
                    files = collected.files,
                    bytes = collected.bytes,
                    "old files of checkpoints removed"
                );
            },
            Err(error) => tracing::warn!(%error, "old files of checkpoints stay"),
        }
    }
}

/// A name for an upload that begins now.
pub(super) fn new_upload() -> Result<Upload> {
    let nonce = getrandom::u64()
        .map_err(|error| Error::new(ErrorKind::Unavailable, format!("no random numbers: {error}")))?;
    Ok(Upload { began: millis(), nonce })
}

/// Milliseconds since 1970.
pub(super) fn millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
