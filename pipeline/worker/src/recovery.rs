//! Brings a partition's store to its committed position.
//!
//! The truth is the group's committed offset with its metadata. The local store is a prefix of it, or of no use; the
//! changelog fills the rest. Anything that does not fit stops the partition with one clear error: never guess.

use std::time::Duration;

use bytes::Bytes;
use engine::{Key, Offset, Partition, Table, Timestamp, Write};
use metrics::gauge;
use ports::changelog::{Assembler, POSITION_HEADER};
use ports::{Committed, Error, ErrorKind, Log, Position, Record, Result, Store, Stores, header};

use crate::metrics as names;
use crate::settings::Settings;

/// The key in `meta` of the store's own position.
const POSITION: Key = Bytes::from_static(b"position");

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

/// The write that stores a position.
pub(crate) fn position_write(position: &Position) -> Write {
    Write::Put { table: Table::Meta, key: POSITION, value: position.to_string().into() }
}

/// Opens a partition's store and brings it to what the group has committed.
pub(crate) fn recover(
    log: &dyn Log,
    stores: &dyn Stores,
    settings: &Settings,
    partition: Partition,
    committed: Option<Committed>,
) -> Result<Recovered> {
    let job = Job { log, stores, settings, partition };
    match committed {
        None => job.first_start(),
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
        if stored.is_some() || self.has_changelog()? {
            let what = if stored.is_some() { "a local store" } else { "a changelog" };
            return Err(Error::new(
                ErrorKind::Gone,
                format!(
                    "group `{}` has no committed offset for partition {} although {what} shows that it has run: the \
                     offsets have expired, or topics were made anew. Restore the offsets, or start under another \
                     --app name with an empty data folder",
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

    fn catch_up(&self, target: Position) -> Result<Recovered> {
        let (mut store, stored) = self.open()?;
        let usable = stored.filter(|stored| stored.is_comparable_to(&target) && stored.epoch <= target.epoch);
        let from = match usable {
            Some(stored) => stored,
            None => {
                drop(store);
                self.stores.remove(self.partition)?;
                store = self.stores.open(self.partition)?;
                Position { epoch: 0, changelog: Offset(0), ..target.clone() }
            },
        };
        let first_epoch = from.epoch;
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
                tracing::warn!(partition = %self.partition, %error, "local store is damaged, rebuilding it from the changelog");
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
    writes.push(position_write(&position));
    store.write(&writes)?;
    Ok(Some(position))
}

fn stored_position(store: &dyn Store) -> Result<Option<Position>> {
    let bytes = store.get_many(Table::Meta, &[POSITION])?.remove(0);
    bytes.map(|bytes| parse(&String::from_utf8_lossy(&bytes), "the store's position")).transpose()
}

fn parse(text: &str, what: &str) -> Result<Position> {
    text.parse().map_err(|error| corrupt(format!("{what} is `{text}`, {error}")))
}

fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}
