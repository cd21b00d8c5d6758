//! Brings a partition's store to its committed position.
//!
//! The truth is the group's committed offset with its metadata. The local store is a prefix of it, or of no use; then a
//! checkpoint takes its place. The changelog fills the rest. Anything that does not fit stops the partition with one
//! clear error: never guess.

use std::time::Duration;

use engine::{Offset, Partition, Table, Timestamp, Write};
use metrics::gauge;
use ports::changelog::{Assembler, POSITION_HEADER, SAVEPOINT_HEADER};
use ports::{
    Committed, Error, ErrorKind, Log, POSITION_KEY, Position, Record, Restore, Result, SAVEPOINT_KEY, Store,
    Stores, Usable, header,
};
use rules::SavepointId;

use crate::metrics as names;
use crate::settings::Settings;

/// How many changelog records one poll takes.
const RECORDS_MAX: usize = 1000;

/// How long one poll waits.
const WAIT: Duration = Duration::from_millis(200);

/// A partition's store at its committed position.
pub(crate) struct Recovered {
    pub(crate) store: Box<dyn Store>,
    pub(crate) position: Position,
    /// How many epochs came from the changelog.
    pub(crate) epochs: u64,
}

/// How far a recovery has come.
pub(crate) enum Step {
    /// It is done.
    Ready(Recovered),
    /// A checkpoint is being fetched: ask again with [`go_on`].
    Restoring(Restoring),
}

/// A checkpoint that is being fetched.
#[derive(Debug)]
pub(crate) struct Restoring {
    wanted: Usable,
    /// Bytes that have come, and bytes in all.
    pub(crate) done: u64,
    pub(crate) total: u64,
}

/// The write that stores a position.
pub(crate) fn position_write(position: &Position) -> Write {
    Write::Put { table: Table::Meta, key: POSITION_KEY, value: position.to_string().into() }
}

/// The write that notes which savepoint the store went through at this position.
pub(crate) fn savepoint_write(savepoint: SavepointId, position: &Position) -> Write {
    let value = format!("{};{savepoint}", position.epoch);
    Write::Put { table: Table::Meta, key: SAVEPOINT_KEY, value: value.into() }
}

/// Takes the part of a savepoint of a store that is at its line. If that fails the savepoint stays without it; the
/// stream goes on.
pub(crate) fn take_part(store: &mut dyn Store, partition: Partition, savepoint: SavepointId) {
    match store.savepoint(savepoint) {
        Ok(()) => tracing::info!(%partition, %savepoint, "part of a savepoint taken"),
        Err(error) => {
            metrics::counter!(crate::metrics::SAVEPOINT_FAILURES).increment(1);
            tracing::error!(%partition, %savepoint, %error, "a savepoint stays without this partition's part");
        },
    }
}

/// Opens a partition's store and brings it to what the group has committed.
pub(crate) fn recover(
    log: &dyn Log,
    stores: &dyn Stores,
    settings: &Settings,
    partition: Partition,
    committed: Option<Committed>,
) -> Result<Step> {
    let job = Job { log, stores, settings, partition };
    match committed {
        None => job.first_start().map(Step::Ready),
        Some(committed) => {
            let target = parse(&committed.metadata, "the committed offset's metadata")?;
            if target.app != settings.app || target.next != committed.next {
                return Err(corrupt(format!(
                    "the committed offset {} does not belong to its metadata `{}`",
                    committed.next, committed.metadata
                )));
            }
            job.catch_up(target)
        },
    }
}

/// Asks again for a checkpoint that was being fetched.
pub(crate) fn go_on(
    log: &dyn Log,
    stores: &dyn Stores,
    settings: &Settings,
    partition: Partition,
    restoring: Restoring,
) -> Result<Step> {
    Job { log, stores, settings, partition }.restore(restoring.wanted)
}

struct Job<'a> {
    log: &'a dyn Log,
    stores: &'a dyn Stores,
    settings: &'a Settings,
    partition: Partition,
}

impl Job<'_> {
    /// Without a committed offset the partition begins at the start of the log, but only if nothing shows that it has
    /// run before: groups that stay empty lose their offsets, and starting over would count everything twice.
    fn first_start(&self) -> Result<Recovered> {
        let (store, stored) = self.open()?;
        let sign = if stored.is_some() {
            Some("a local store")
        } else if self.has_changelog()? {
            Some("a changelog")
        } else if self.stores.has_checkpoint(self.partition)? {
            Some("a checkpoint")
        } else {
            None
        };
        if let Some(what) = sign {
            return Err(Error::new(
                ErrorKind::Gone,
                format!(
                    "group `{}` has no committed offset for partition {} although {what} shows that it has run: the \
                     offsets have expired, or topics were made anew. `tocsin doctor` tells the ways out",
                    self.settings.app, self.partition
                ),
            ));
        }
        let start = self.log.bounds(&self.settings.topics.events, self.partition)?.start;
        let position = Position {
            app: self.settings.app.clone(),
            timeline: 1,
            epoch: 0,
            next: start,
            changelog: Offset(0),
            control: Offset(0),
            clock: Timestamp(i64::MIN),
            writer: String::new(),
        };
        Ok(Recovered { store, position, epochs: 0 })
    }

    /// Whether anything was ever committed to the changelog. Its end does not tell: a first commit that was aborted takes
    /// places there, too.
    fn has_changelog(&self) -> Result<bool> {
        let topic = &self.settings.topics.changelog;
        let bounds = self.log.bounds(topic, self.partition)?;
        if bounds.start > Offset(0) || bounds.end == bounds.start {
            return Ok(bounds.start > Offset(0));
        }
        let mut reader = self.log.reader(topic, &[(self.partition, bounds.start)])?;
        let mut waited = Duration::ZERO;
        while waited < self.settings.recovery_patience {
            let polled = reader.poll(1, WAIT)?;
            if !polled.records.is_empty() || polled.at_end {
                return Ok(!polled.records.is_empty());
            }
            waited += WAIT;
        }
        let message = format!("changelog `{topic}` partition {} does not come to its end", self.partition);
        Err(Error::new(ErrorKind::Unavailable, message))
    }

    fn catch_up(&self, target: Position) -> Result<Step> {
        let (store, stored) = self.open()?;
        let changelog = self.log.bounds(&self.settings.topics.changelog, self.partition)?.start;
        let wanted = Usable { target, changelog };
        match stored.filter(|stored| wanted.takes(stored)) {
            Some(stored) => self.finish(store, stored, wanted.target).map(Step::Ready),
            None => {
                drop(store);
                self.restore(wanted)
            },
        }
    }

    /// Takes a checkpoint in the place of the store. Without any, the changelog must have everything.
    fn restore(&self, wanted: Usable) -> Result<Step> {
        match self.stores.restore(self.partition, &wanted)? {
            Restore::Running { done, total } => Ok(Step::Restoring(Restoring { wanted, done, total })),
            Restore::Done(position) => {
                let store = self.stores.open(self.partition)?;
                self.finish(store, position, wanted.target).map(Step::Ready)
            },
            Restore::Nothing { refused } => {
                let target = wanted.target;
                // Only the first timeline began with nothing.
                if target.timeline > 1 || wanted.changelog > Offset(0) {
                    return Err(self.out_of_reach(&target, wanted.changelog, &refused));
                }
                self.stores.remove(self.partition)?;
                let store = self.stores.open(self.partition)?;
                let nothing = Position { epoch: 0, changelog: Offset(0), ..target.clone() };
                self.finish(store, nothing, target).map(Step::Ready)
            },
        }
    }

    fn out_of_reach(&self, target: &Position, changelog: Offset, refused: &[String]) -> Error {
        let partition = self.partition;
        let damaged = match refused {
            [] => String::new(),
            refused => format!(" (damaged: {})", refused.join("; ")),
        };
        Error::new(
            ErrorKind::Gone,
            format!(
                "partition {partition} cannot be brought to epoch {} of timeline {}: the local store is lost or does \
                 not fit, changelog `{}` begins at {changelog}, and no sound checkpoint reaches that far{damaged}. \
                 Bring the checkpoints back, or restore a savepoint",
                target.epoch, target.timeline, self.settings.topics.changelog
            ),
        )
    }

    /// Brings a store from its position to the target.
    fn finish(&self, mut store: Box<dyn Store>, from: Position, target: Position) -> Result<Recovered> {
        let first_epoch = from.epoch;
        // A crash may have come between a savepoint's epoch and its part.
        if let Some((epoch, savepoint)) = stored_savepoint(store.as_ref())?
            && epoch == from.epoch
        {
            take_part(store.as_mut(), self.partition, savepoint);
        }
        let reached = self.replay(store.as_mut(), from, &target)?;
        if reached.changelog != target.changelog
            || reached.next != target.next
            || reached.control != target.control
        {
            return Err(corrupt(format!("the changelog ends at `{reached}`, committed is `{target}`")));
        }
        store.write(&[position_write(&target)])?;
        Ok(Recovered { store, epochs: target.epoch - first_epoch, position: target })
    }

    /// Applies the changelog from one position up to another, epoch by epoch.
    fn replay(&self, store: &mut dyn Store, mut reached: Position, target: &Position) -> Result<Position> {
        if reached.epoch == target.epoch {
            return Ok(reached);
        }
        let topic = &self.settings.topics.changelog;
        let mut reader = self.log.reader(topic, &[(self.partition, reached.changelog)])?;
        let mut assembler = Assembler::default();
        let mut waited = Duration::ZERO;
        let left = gauge!(names::RECOVERY_EPOCHS_LEFT, "partition" => self.partition.to_string());
        while reached.epoch < target.epoch {
            #[expect(
                clippy::cast_precision_loss,
                reason = "gauges are floats; epochs are far fewer than 2^52"
            )]
            left.set((target.epoch - reached.epoch) as f64);
            let records = reader.poll(RECORDS_MAX, WAIT)?.records;
            if records.is_empty() {
                waited += WAIT;
                if waited >= self.settings.recovery_patience {
                    return Err(Error::new(
                        ErrorKind::Gone,
                        format!(
                            "changelog `{topic}` partition {} ends at epoch {}, committed is epoch {}: records are \
                             missing",
                            self.partition, reached.epoch, target.epoch
                        ),
                    ));
                }
            }
            for record in records.into_iter().take_while(|record| record.offset < target.changelog) {
                if let Some(position) = apply(store, &mut assembler, &record, &reached, target)? {
                    reached = position;
                }
            }
        }
        left.set(0.0);
        Ok(reached)
    }

    fn open(&self) -> Result<(Box<dyn Store>, Option<Position>)> {
        let opened = self.stores.open(self.partition).and_then(|store| {
            let stored = stored_position(store.as_ref())?;
            Ok((store, stored))
        });
        match opened {
            // A store that cannot be read is a lost disk: the changelog has all of it.
            Err(error) if error.kind == ErrorKind::Corrupt => {
                tracing::warn!(partition = %self.partition, %error, "local store is damaged, it will be rebuilt");
                self.stores.remove(self.partition)?;
                Ok((self.stores.open(self.partition)?, None))
            },
            other => other,
        }
    }
}

/// Takes one changelog record; answers the position after it once its epoch is complete and written.
fn apply(
    store: &mut dyn Store,
    assembler: &mut Assembler,
    record: &Record,
    reached: &Position,
    target: &Position,
) -> Result<Option<Position>> {
    let text =
        header(&record.headers, POSITION_HEADER).map(|text| String::from_utf8_lossy(text).into_owned());
    let position = parse(&text.unwrap_or_default(), "a changelog record's header")?;
    if !position.is_comparable_to(target) {
        return Ok(None);
    }
    if position.epoch != reached.epoch + 1 {
        return Err(corrupt(format!(
            "the changelog has epoch {} at offset {} after epoch {}",
            position.epoch, record.offset, reached.epoch
        )));
    }
    let Some(mut writes) = assembler.take(record.value.as_deref().unwrap_or_default())? else {
        return Ok(None);
    };
    let position = Position { changelog: record.offset.next(), ..position };
    let savepoint = header(&record.headers, SAVEPOINT_HEADER);
    let savepoint = savepoint.map(|text| read_savepoint(&String::from_utf8_lossy(text))).transpose()?;
    writes.push(position_write(&position));
    writes.extend(savepoint.map(|id| savepoint_write(id, &position)));
    store.write(&writes)?;
    if let Some(id) = savepoint {
        take_part(store, record.partition, id);
    }
    Ok(Some(position))
}

fn stored_position(store: &dyn Store) -> Result<Option<Position>> {
    let bytes = store.get_many(Table::Meta, &[POSITION_KEY])?.remove(0);
    bytes.map(|bytes| parse(&String::from_utf8_lossy(&bytes), "the store's position")).transpose()
}

fn stored_savepoint(store: &dyn Store) -> Result<Option<(u64, SavepointId)>> {
    let Some(bytes) = store.get_many(Table::Meta, &[SAVEPOINT_KEY])?.remove(0) else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let (epoch, id) = text.split_once(';').unwrap_or_default();
    let epoch = epoch.parse().map_err(|_| corrupt(format!("the store's savepoint is `{text}`")))?;
    Ok(Some((epoch, read_savepoint(id)?)))
}

fn read_savepoint(text: &str) -> Result<SavepointId> {
    text.parse().map_err(|_| corrupt(format!("`{text}` is no savepoint's id")))
}

fn parse(text: &str, what: &str) -> Result<Position> {
    text.parse().map_err(|error| corrupt(format!("{what} is `{text}`, {error}")))
}

fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}
