//! Compaction: the many small files of an hour become few, and those of a day fewer, with the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Timestamp;
use serde_json::json;

use crate::error::Result;
use crate::rewrite::Rewritten;
use crate::table::{Change, Committed, DataFile, Level, Snapshot, Table};
use crate::time::Moment;

/// At most so many files are merged at once; each of them is open while they are.
const INPUTS_MAX: usize = 128;
/// An hour that is not over is compacted as soon as it has so many files, since each scan opens all of them.
const EARLY_AT: usize = 96;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compacted {
    /// There was nothing to do.
    Nothing,
    /// Files were replaced by others.
    Merged {
        /// How many were replaced.
        inputs: usize,
        /// By how many.
        outputs: usize,
        /// With how many rows.
        rows: u64,
    },
    /// Others have replaced the same files meanwhile.
    Lost,
}

/// What is to be merged into which level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) level: Level,
    pub(crate) inputs: Vec<Arc<DataFile>>,
}

/// Does the next compaction that is due.
///
/// # Errors
/// The store's; a file that is missing or damaged, or rows that do not add up, before anything is replaced.
pub fn compact(table: &Table, now: Timestamp) -> Result<Compacted> {
    let snapshot = table.load()?;
    let Some(Job { level, inputs }) = choose(&snapshot, now) else { return Ok(Compacted::Nothing) };
    let rewritten = Rewritten::write(table, inputs, level, now, |_| true)?;
    let parameters = json!({"level": level.number(), "inputs": rewritten.inputs.len()});
    let actions = rewritten.actions(now, false);
    let change = Change { operation: "OPTIMIZE", parameters, actions, now };
    let still = |snapshot: &Snapshot| rewritten.inputs.iter().all(|file| snapshot.has(&file.path));
    match table.commit(snapshot, change, still)? {
        Committed::Done(_) => Ok(Compacted::Merged {
            inputs: rewritten.inputs.len(),
            outputs: rewritten.outputs.len(),
            rows: rewritten.outputs.iter().map(|file| file.sum.rows).sum(),
        }),
        Committed::Lost(_) => {
            rewritten.discard(table);
            Ok(Compacted::Lost)
        },
    }
}

/// The files of the oldest hour that is over, or of the oldest day.
pub(crate) fn choose(snapshot: &Snapshot, now: Timestamp) -> Option<Job> {
    let present = Moment::of(now);
    let mut hours: BTreeMap<(String, u8), Vec<Arc<DataFile>>> = BTreeMap::new();
    let mut days: BTreeMap<String, Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in snapshot.files() {
        if file.level == Level::Flushed {
            hours.entry((file.day.clone(), file.hour)).or_default().push(Arc::clone(file));
        }
        if file.level < Level::Day && file.day < present.day {
            days.entry(file.day.clone()).or_default().push(Arc::clone(file));
        }
    }
    let job = |level, mut inputs: Vec<Arc<DataFile>>| {
        inputs.sort_by_key(|file| file.modified);
        inputs.truncate(INPUTS_MAX);
        Job { level, inputs }
    };
    let is_over = |day: &String, hour: u8| (day, hour) < (&present.day, present.hour);
    let hour = hours
        .into_iter()
        .find(|((day, hour), files)| files.len() >= EARLY_AT || (files.len() > 1 && is_over(day, *hour)));
    let day = || days.into_values().find(|files| files.len() > 1);
    hour.map(|(_, files)| job(Level::Hour, files)).or_else(|| day().map(|files| job(Level::Day, files)))
}

#[cfg(test)]
mod tests;
