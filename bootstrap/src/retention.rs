//! What goes: days that are too old, files that were replaced, files that never counted, entries that nobody needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::{Partition, Timestamp};
use rules::Span;
use serde_json::json;

use crate::error::Result;
use crate::table::{Change, Committed, DataFile, LOG, Snapshot, Table};
use crate::time::Moment;

/// A file that was replaced stays readable at least this long, for whoever reads an older version.
pub const GRACE: Span = Span::from_millis(DAY_MS);
/// Entries that a checkpoint covers are kept this long. A writer that slept longer than that must not go on.
const ENTRIES_KEPT: Span = Span::from_millis(30 * DAY_MS);
const DAY_MS: u64 = 24 * 3600 * 1000;

/// Takes away the days that were archived more than so many days ago. Of every partition only the oldest records go, so that what is left
/// has no hole. Answers how many files went.
///
/// # Errors
/// The store's.
pub fn expire(table: &Table, days: u32, now: Timestamp) -> Result<usize> {
    let snapshot = table.load()?;
    let expired = expired(&snapshot, days, now);
    if expired.is_empty() {
        return Ok(0);
    }
    let actions = expired.iter().map(|file| file.remove(now, true)).collect();
    let change = Change { operation: "DELETE", parameters: json!({"keptDays": days}), actions, now };
    let still = |snapshot: &Snapshot| expired.iter().all(|file| snapshot.has(&file.path));
    match table.commit(snapshot, change, still)? {
        Committed::Done(_) => Ok(expired.len()),
        // The next round takes what is there then.
        Committed::Lost(_) => Ok(0),
    }
}

fn expired(snapshot: &Snapshot, days: u32, now: Timestamp) -> Vec<Arc<DataFile>> {
    let first_kept = Moment::of(now.minus(Span::from_millis(u64::from(days) * DAY_MS))).day;
    let (mut old, mut kept): (Vec<_>, Vec<_>) =
        snapshot.files().cloned().partition(|file| file.day < first_kept);
    // A clock that went back has put later records into earlier days.
    loop {
        let mut starts: BTreeMap<Partition, i64> = BTreeMap::new();
        for (partition, span) in kept.iter().flat_map(of_the_log) {
            let start = starts.entry(partition).or_insert(span.from);
            *start = (*start).min(span.from);
        }
        let is_before = |file: &Arc<DataFile>| {
            of_the_log(file)
                .all(|(partition, span)| starts.get(&partition).is_none_or(|start| span.next <= *start))
        };
        let (before, after): (Vec<_>, Vec<_>) = old.into_iter().partition(is_before);
        old = before;
        if after.is_empty() {
            return old;
        }
        kept.extend(after);
    }
}

/// The spans without those from before the log, which may go in any order.
fn of_the_log(file: &Arc<DataFile>) -> impl Iterator<Item = (Partition, crate::table::Span)> {
    file.spans.iter().filter(|(_, span)| span.next > 0)
}

/// Removes files from the store that no version names which anybody may still read: those replaced longer than [`GRACE`] ago, and
/// those as old that never counted. Answers how many.
///
/// # Errors
/// The store's.
pub fn sweep(table: &Table, now: Timestamp) -> Result<usize> {
    let snapshot = table.load()?;
    let until = now.minus(GRACE).0;
    let removed: BTreeMap<&str, i64> = snapshot.removed().collect();
    let mut swept = 0;
    for object in table.objects().list("data")? {
        let gone_at = removed.get(object.path.as_str()).copied().unwrap_or(object.modified);
        if !snapshot.has(&object.path) && gone_at < until && object.modified < until {
            table.objects().delete(&object.path)?;
            swept += 1;
        }
    }
    sweep_entries(table, now)?;
    Ok(swept)
}

/// Removes entries that the last checkpoint covers, and older checkpoints.
fn sweep_entries(table: &Table, now: Timestamp) -> Result<()> {
    let entries = table.objects().list(LOG)?;
    let number =
        |path: &str| path.strip_prefix(LOG)?.strip_prefix('/')?.split('.').next()?.parse::<u64>().ok();
    let checkpoints: BTreeSet<u64> = entries
        .iter()
        .filter(|entry| entry.path.ends_with(".checkpoint.parquet"))
        .filter_map(|entry| number(&entry.path))
        .collect();
    let until = now.minus(ENTRIES_KEPT).0;
    let Some(last) = checkpoints.last() else { return Ok(()) };
    for entry in entries.iter().filter(|entry| entry.modified < until) {
        if number(&entry.path).is_some_and(|version| version < *last) {
            table.objects().delete(&entry.path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
