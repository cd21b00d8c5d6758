//! Scans: rows of a pinned version, of chosen customers, offsets and times alone.
//!
//! Rows come sorted by (bucket, customer, partition, offset): all of one customer together, and these in the order in which they
//! happened. That is all that rules can tell apart, since each customer is counted for itself, and it lets a fold forget a customer
//! before it begins with the next one.

mod merge;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use engine::{Offset, Partition, Timestamp};
use rules::CustomerId;

use self::merge::Merge;
use crate::error::{Error, Result};
use crate::file::{Description, FileScan, Filter};
use crate::row::{BUCKETS, NO_BUCKET, Row};
use crate::table::{DataFile, Snapshot, Table};

/// About how many bytes of files one pass over buckets may open.
const PASS_BYTES: u64 = 512 << 20;

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    filter: Filter,
}

impl Selection {
    /// Every row, those from before the log and those that cannot be evaluated among them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only rows of these customers.
    #[must_use]
    pub fn of(mut self, customers: BTreeSet<CustomerId>) -> Self {
        self.filter.customers = Some(customers);
        self
    }

    /// Only rows of these partitions, each from an offset up to another; negative offsets are rows from before the log. All records
    /// from 0 on must be there.
    #[must_use]
    pub fn within(mut self, offsets: Vec<(Partition, Range<i64>)>) -> Self {
        self.filter.offsets = Some(offsets);
        self
    }

    /// Only rows whose record's timestamp lies in here.
    #[must_use]
    pub fn between(mut self, times: Range<Timestamp>) -> Self {
        self.filter.times = Some(times);
        self
    }

    /// Whether all records that it may want are in the snapshot.
    ///
    /// # Errors
    /// [`Error::Gap`] with the first that are not.
    pub fn check(&self, snapshot: &Snapshot) -> Result<()> {
        for (partition, range) in self.filter.offsets.iter().flatten() {
            let mut spans: Vec<_> = snapshot.files().flat_map(|file| file.spans.of(*partition)).collect();
            spans.sort_by_key(|span| span.from);
            let mut reached = range.start.max(0);
            for span in spans {
                if reached >= range.end {
                    break;
                }
                if span.from > reached {
                    let until = span.from.min(range.end);
                    return Err(Error::Gap { partition: *partition, from: reached, until });
                }
                reached = reached.max(span.next);
            }
            if reached < range.end {
                return Err(Error::Gap { partition: *partition, from: reached, until: range.end });
            }
        }
        Ok(())
    }
}

/// What a scan has read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Rows that were handed out.
    pub rows: u64,
    /// The bytes of their values.
    pub value_bytes: u64,
    /// Bytes of files that were fetched.
    pub file_bytes: u64,
}

/// A scan at work.
pub struct Scan {
    table: Table,
    filter: Filter,
    files: Vec<Arc<DataFile>>,
    descriptions: BTreeMap<String, Description>,
    whole: bool,
    /// Buckets that are still to be gone through, a range at a time.
    passes: std::vec::IntoIter<std::ops::RangeInclusive<i32>>,
    merge: Option<Merge>,
    read: Read,
    fetched_before: u64,
    rows_expected: u64,
}

impl Scan {
    /// Begins a scan of a snapshot.
    ///
    /// # Errors
    /// [`Error::Gap`] if records that are wanted are not in it.
    pub fn new(table: &Table, snapshot: &Snapshot, selection: &Selection) -> Result<Self> {
        selection.check(snapshot)?;
        let files = snapshot.files().filter(|file| selection.filter.may_be_in(file)).map(Arc::clone);
        Ok(Self::over(table, files.collect(), selection.filter.clone(), false))
    }

    /// The records of a partition from `lo` up to `until`, of these customers or of all, those from before the log first. `until` may be
    /// at most what [`Snapshot::next`] says; from there on the log has the records.
    ///
    /// # Errors
    /// As [`Scan::new`].
    pub fn partition(
        table: &Table,
        snapshot: &Snapshot,
        partition: Partition,
        customers: Option<BTreeSet<CustomerId>>,
        (lo, until): (i64, Offset),
    ) -> Result<Self> {
        let until = i64::try_from(until.0).unwrap_or(i64::MAX);
        let selection = Selection::all().within(vec![(partition, lo..until)]);
        Self::new(
            table,
            snapshot,
            &match customers {
                Some(customers) => selection.of(customers),
                None => selection,
            },
        )
    }

    /// The rows of one file that are wanted.
    pub(crate) fn of_file(table: &Table, file: &Arc<DataFile>, selection: &Selection) -> Self {
        let files = selection.filter.may_be_in(file).then(|| Arc::clone(file)).into_iter().collect();
        Self::over(table, files, selection.filter.clone(), false)
    }

    /// All rows of these files with all their columns.
    pub(crate) fn whole(table: &Table, files: Vec<Arc<DataFile>>) -> Self {
        Self::over(table, files, Filter::default(), true)
    }

    fn over(table: &Table, files: Vec<Arc<DataFile>>, filter: Filter, whole: bool) -> Self {
        let size: u64 = files.iter().map(|file| file.size).sum();
        let passes = if filter.customers.is_some() { 1 } else { size.div_ceil(PASS_BYTES) };
        Self {
            table: table.clone(),
            rows_expected: files.iter().map(|file| file.sum.rows).sum(),
            passes: passes_of(i32::try_from(passes).unwrap_or(BUCKETS)).into_iter(),
            filter,
            files,
            descriptions: BTreeMap::new(),
            whole,
            merge: None,
            read: Read::default(),
            fetched_before: 0,
        }
    }

    /// Fills the batch with rows that come next, at least one; none are left if it stays empty.
    ///
    /// # Errors
    /// A file is missing or damaged, or the store does not answer. Then nothing that was read so far may be taken for the whole.
    pub fn next(&mut self, batch: &mut Vec<Row>) -> Result<()> {
        batch.clear();
        loop {
            if let Some(merge) = &mut self.merge {
                merge.next(batch)?;
                self.read.file_bytes = self.fetched_before + merge.bytes_read();
                if !batch.is_empty() {
                    self.read.rows += batch.len() as u64;
                    let bytes = |row: &Row| row.value.as_ref().map_or(0, |value| value.len() as u64);
                    self.read.value_bytes += batch.iter().map(bytes).sum::<u64>();
                    return Ok(());
                }
                self.fetched_before = self.read.file_bytes;
            }
            let Some(buckets) = self.passes.next() else { return self.complete() };
            let merge = self.pass(buckets)?;
            // There is one pass if it is about customers, and now it is known which pages can hold them.
            if self.filter.customers.is_some() {
                self.rows_expected = merge.rows_looked_at();
            }
            self.merge = Some(merge);
        }
    }

    /// What it has read so far.
    pub fn read(&self) -> Read {
        self.read
    }

    /// How many rows it hands out at most; becomes less when the files are opened.
    pub fn rows_expected(&self) -> u64 {
        self.rows_expected
    }

    fn pass(&mut self, buckets: std::ops::RangeInclusive<i32>) -> Result<Merge> {
        let is_all = *buckets.start() == NO_BUCKET && *buckets.end() == BUCKETS - 1;
        let filter = Filter { buckets: (!is_all).then_some(buckets), ..self.filter.clone() };
        let mut scans = Vec::new();
        for file in self.files.iter().filter(|file| filter.may_be_in(file)) {
            let description = match self.descriptions.get(&file.path) {
                Some(description) => description.clone(),
                None => Description::read(self.table.objects(), file)?,
            };
            let objects = self.table.objects().clone();
            scans.push(FileScan::open(objects, Arc::clone(file), &description, &filter, self.whole)?);
            self.descriptions.insert(file.path.clone(), description);
        }
        Merge::new(scans)
    }

    /// A scan that leaves nothing out has read as many rows as were written.
    fn complete(&self) -> Result<()> {
        if self.filter.is_all() && self.read.rows != self.rows_expected {
            let files: Vec<_> = self.files.iter().map(|file| file.path.as_str()).collect();
            let problem = format!("{} rows were read of {}", self.read.rows, self.rows_expected);
            return Err(Error::Damaged { file: files.join(", "), problem });
        }
        Ok(())
    }
}

/// All buckets, cut into so many ranges.
fn passes_of(count: i32) -> Vec<std::ops::RangeInclusive<i32>> {
    let count = count.clamp(1, BUCKETS);
    let start = |pass: i32| if pass == 0 { NO_BUCKET } else { pass * BUCKETS / count };
    (0..count).map(|pass| start(pass)..=(pass + 1) * BUCKETS / count - 1).collect()
}

#[cfg(test)]
mod tests;
