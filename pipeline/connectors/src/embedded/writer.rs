//! The writer: one thread that turns waiting requests into one synced write at a time.
//!
//! While a write is being synced the next requests gather, so that the more callers there are the more share a sync,
//! and a lone caller waits for nobody.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use engine::{Partition, Timestamp};
use ports::{Error, Place, Result};
use rocksdb::WriteBatch;
use tracing::{error, warn};

use super::codec::{self, Trailer};
use super::database::size;
use super::draft::find;
use super::notes::{Note, Start};
use super::queue::{Request, stopped};
use super::shared::Shared;
use super::topic::{Topic, family};
use crate::metrics::{RECORDS_TRIMMED_TOTAL, RECORDS_WRITTEN_TOTAL, WRITE_BYTES, WRITE_SECONDS};

/// Writes until the log is closed.
pub(super) fn run(shared: &Shared) {
    let _refuse_at_the_end = RefuseAtTheEnd(shared);
    let mut written = shared.last_written;
    while let Some(mut group) = shared.queue.take() {
        // The clock may be set back, but retention searches by this time and needs it to grow.
        written = written.max(now());
        let result = write(shared, &mut group, written);
        if let Err(failure) = &result {
            error!(error = %failure, "log takes no more records until it is opened again");
            shared.queue.fail(failure);
        }
        for request in group {
            let answer = result.clone().map(|()| request.places);
            // A caller that has gone needs no answer.
            drop(request.answer.send(answer));
        }
    }
}

/// Should this thread ever panic, callers must not wait for it.
struct RefuseAtTheEnd<'a>(&'a Shared);

impl Drop for RefuseAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.queue.fail(&stopped());
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn write(shared: &Shared, group: &mut [Request], written: Timestamp) -> Result<()> {
    let started = Instant::now();
    let bytes: usize = group.iter().map(|request| request.draft.size()).sum();
    let mut batch = WriteBatch::with_capacity_bytes(bytes + bytes / 8 + 1024);
    let mut records = 0;
    for request in group.iter_mut() {
        add_records(shared, request, written, &mut batch)?;
        records += request.places.len() as u64;
        for note in &request.notes {
            add_note(shared, note, &mut batch)?;
        }
    }
    shared.database.write(batch)?;
    publish(shared, group);
    metrics::histogram!(WRITE_SECONDS).record(started.elapsed());
    #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are coarser than that")]
    metrics::histogram!(WRITE_BYTES).record(bytes as f64);
    metrics::counter!(RECORDS_WRITTEN_TOTAL).increment(records);
    Ok(())
}

fn add_records(
    shared: &Shared,
    request: &mut Request,
    written: Timestamp,
    batch: &mut WriteBatch,
) -> Result<()> {
    let mut current: Option<(&Arc<Topic>, _)> = None;
    for (part, place) in request.draft.parts().zip(&request.places) {
        let family = match &current {
            Some((topic, family)) if Arc::ptr_eq(topic, part.topic) => family,
            _ => {
                let family = shared.database.family(&part.topic.family())?;
                &current.insert((part.topic, family)).1
            },
        };
        let position = part.topic.partition(place.partition)?.take_position(size(part.bytes));
        codec::seal(part.bytes, part.sum, *place, Trailer { written, position });
        batch.put_cf(family, codec::key(*place), &*part.bytes);
    }
    Ok(())
}

fn add_note(shared: &Shared, note: &Note, batch: &mut WriteBatch) -> Result<()> {
    let (key, value) = note.encode();
    batch.put(key, value);
    if let Note::Start { topic, partition, start } = note {
        let topic = Arc::clone(find(&shared.topics(), topic)?);
        let progress = topic.partition(*partition)?;
        let [from, to] = removed(*partition, progress.bounds().start, *start);
        // Before the write: a reader that meets the gap must find that the partition starts behind it.
        progress.set_start(*start);
        let family = shared.database.family(&family(&topic.name))?;
        batch.delete_range_cf(&family, codec::key(from), codec::key(to));
        metrics::counter!(RECORDS_TRIMMED_TOTAL).increment(to.offset.0 - from.offset.0);
    }
    Ok(())
}

fn removed(partition: Partition, before: engine::Offset, start: Start) -> [Place; 2] {
    [before, start.offset].map(|offset| Place { partition, offset })
}

/// Shows what has become durable: ends first, then positions, so that whoever sees a position sees what it stands on.
fn publish(shared: &Shared, group: &[Request]) {
    let mut touched: Vec<&Arc<Topic>> = Vec::new();
    for request in group {
        for (topic, place) in request.draft.topics().zip(&request.places) {
            topic.partition(place.partition).expect("the draft was checked").set_end(place.offset.next());
            if !touched.iter().rev().any(|other| Arc::ptr_eq(other, topic)) {
                touched.push(topic);
            }
        }
    }
    let notes = || group.iter().flat_map(|request| &request.notes);
    shared.publish_committed(notes());
    for topic in touched {
        topic.wake();
    }
    for note in notes() {
        if let Note::Start { topic, partition, start } = note {
            drop_files(shared, topic, removed(*partition, engine::Offset(0), *start));
        }
    }
}

fn drop_files(shared: &Shared, topic: &str, [from, to]: [Place; 2]) {
    if let Err(failure) = shared.database.drop_files(topic, from, to) {
        let failure: Error = failure;
        warn!(error = %failure, topic, "space of removed records is given back later");
    }
}
