//! A file of the table, typed, and how the log says it: what Delta readers need as its `add`, the rest as tags.

use std::collections::BTreeMap;

use engine::{Partition, Timestamp};
use rules::CustomerId;
use serde_json::json;

use super::action::{Action, Add, Remove};
use crate::row::{BUCKETS, NO_BUCKET, Sum};

/// The name of the partition column.
pub(crate) const DAY: &str = "ingest_day";

/// What of a partition lies in a file: every record from `from` up to `next`, of the file's buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first offset.
    pub from: i64,
    /// The offset after the last.
    pub next: i64,
}

/// What of all partitions lies in a file: spans in order that do not touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans(BTreeMap<Partition, Vec<Span>>);

impl Spans {
    /// Adds a span, and joins it with those that it touches.
    pub fn add(&mut self, partition: Partition, span: Span) {
        let spans = self.0.entry(partition).or_default();
        spans.push(span);
        spans.sort_by_key(|span| span.from);
        spans.dedup_by(|later, earlier| {
            let touches = later.from <= earlier.next;
            if touches {
                earlier.next = earlier.next.max(later.next);
            }
            touches
        });
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(partition, span)| self.add(partition, span));
    }

    /// All spans, by partition and offset.
    pub fn iter(&self) -> impl Iterator<Item = (Partition, Span)> {
        self.0.iter().flat_map(|(partition, spans)| spans.iter().map(|span| (*partition, *span)))
    }

    /// The spans of a partition, in order.
    pub fn of(&self, partition: Partition) -> &[Span] {
        self.0.get(&partition).map_or(&[], Vec::as_slice)
    }

    /// The first offset of a partition and the one after its last.
    pub fn bounds(&self, partition: Partition) -> Option<Span> {
        let spans = self.of(partition);
        Some(Span { from: spans.first()?.from, next: spans.last()?.next })
    }
}

impl FromIterator<(Partition, Span)> for Spans {
    fn from_iter<T: IntoIterator<Item = (Partition, Span)>>(spans: T) -> Self {
        let mut all = Self::default();
        spans.into_iter().for_each(|(partition, span)| all.add(partition, span));
        all
    }
}

/// How far a file was compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it was flushed.
    Flushed,
    /// Merged from those of one hour.
    Hour,
    /// Merged from those of one day.
    Day,
}

impl Level {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Flushed => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }

    fn of(number: &str) -> Option<Self> {
        [Self::Flushed, Self::Hour, Self::Day].into_iter().find(|level| level.number().to_string() == number)
    }
}

/// Which buckets have rows in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Buckets(u128, bool);

impl Buckets {
    /// Adds a bucket.
    pub fn add(&mut self, bucket: i32) {
        match u32::try_from(bucket) {
            Ok(bucket) => self.0 |= 1u128.rotate_left(bucket),
            Err(_) => self.1 = true,
        }
    }

    /// Whether it is among them.
    pub fn contains(self, bucket: i32) -> bool {
        match u32::try_from(bucket) {
            Ok(bucket) => bucket < BUCKETS.unsigned_abs() && self.0 >> bucket & 1 == 1,
            Err(_) => bucket == NO_BUCKET && self.1,
        }
    }
}

/// A file of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its path below the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The day on which its rows were archived, `2025-11-01`.
    pub day: String,
    /// The hour of that day.
    pub hour: u8,
    /// When it was written, in milliseconds since 1970.
    pub modified: i64,
    /// How far it was compacted.
    pub level: Level,
    /// Its rows and the sum of their hashes.
    pub sum: Sum,
    /// What it covers of each partition.
    pub spans: Spans,
    /// The buckets of its customers.
    pub buckets: Buckets,
    /// The least and the greatest customer; none if there is no row with one.
    pub customers: Option<(CustomerId, CustomerId)>,
    /// The least and the greatest timestamp.
    pub times: (Timestamp, Timestamp),
    /// A hash of each block of the file, see [`crate::file::blocks`].
    pub blocks: Vec<u32>,
}

impl DataFile {
    /// The line that adds it. `changes` is false where the same rows only move to another file.
    pub(crate) fn add(&self, changes: bool) -> Action {
        let (mut least, mut greatest) = (json!({}), json!({}));
        if self.times.0.is_writable() && self.times.1.is_writable() {
            least["k_timestamp"] = self.times.0.to_string().into();
            greatest["k_timestamp"] = self.times.1.to_string().into();
        }
        if let Some((first, last)) = self.customers {
            least["customer_id"] = first.to_string().into();
            greatest["customer_id"] = last.to_string().into();
        }
        // Readers that build an expression of each column take a column without bounds for one without values.
        let partitions: Vec<_> = self.spans.iter().map(|(partition, _)| partition.0).collect();
        if let (Some(first), Some(last)) = (partitions.iter().min(), partitions.iter().max()) {
            least["k_partition"] = (*first).into();
            greatest["k_partition"] = (*last).into();
        }
        let offsets = || self.spans.iter().map(|(_, span)| span);
        if let (Some(first), Some(last)) =
            (offsets().map(|span| span.from).min(), offsets().map(|span| span.next - 1).max())
        {
            least["k_offset"] = first.into();
            greatest["k_offset"] = last.into();
        }
        let stats = json!({
            "numRecords": self.sum.rows,
            "minValues": least,
            "maxValues": greatest,
            "nullCount": {},
        });
        let spans =
            self.spans.iter().map(|(partition, span)| format!("{partition}:{}:{}", span.from, span.next));
        let spans: Vec<_> = spans.collect();
        let blocks: String = self.blocks.iter().map(|hash| format!("{hash:08x}")).collect();
        let tag = |name: &str, value: String| (format!("tocsin.{name}"), Some(value));
        Action::Add(Add {
            path: self.path.clone(),
            partition_values: self.partition_values(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            modification_time: self.modified,
            data_change: changes,
            stats: Some(stats.to_string()),
            tags: Some(
                [
                    tag("format", "1".to_owned()),
                    tag("hour", self.hour.to_string()),
                    tag("level", self.level.number().to_string()),
                    tag("rows", self.sum.rows.to_string()),
                    tag("hash", format!("{:016x}", self.sum.hash)),
                    tag("spans", spans.join(",")),
                    tag("buckets", format!("{:032x}", self.buckets.0)),
                    tag("unread", self.buckets.1.to_string()),
                    tag("times", format!("{}:{}", self.times.0.0, self.times.1.0)),
                    tag("blocks", blocks),
                ]
                .into(),
            ),
        })
    }

    /// The line that takes it away.
    pub(crate) fn remove(&self, now: Timestamp, changes: bool) -> Action {
        Action::Remove(Remove {
            path: self.path.clone(),
            deletion_timestamp: Some(now.0),
            data_change: changes,
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition_values()),
            size: i64::try_from(self.size).ok(),
        })
    }

    fn partition_values(&self) -> BTreeMap<String, Option<String>> {
        BTreeMap::from([(DAY.to_owned(), Some(self.day.clone()))])
    }

    /// Reads what [`DataFile::add`] wrote.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub(crate) fn read(add: &Add) -> Result<Self, String> {
        let tags = add.tags.as_ref().ok_or("it has no tags")?;
        let tag = |name: &str| {
            let value = tags.get(&format!("tocsin.{name}")).and_then(Option::as_deref);
            value.ok_or_else(|| format!("{}: the tag `tocsin.{name}` is missing", add.path))
        };
        let wrong = |name: &str| format!("{}: the tag `tocsin.{name}` cannot be read", add.path);
        let number = |name: &str| tag(name)?.parse::<u64>().map_err(|_| wrong(name));
        if tag("format")? != "1" {
            return Err(format!("{}: format {} is unknown", add.path, tag("format")?));
        }
        let times = tag("times")?
            .split_once(':')
            .and_then(|(from, to)| Some((Timestamp(from.parse().ok()?), Timestamp(to.parse().ok()?))));
        let stats: serde_json::Value = add
            .stats
            .as_deref()
            .and_then(|stats| serde_json::from_str(stats).ok())
            .ok_or_else(|| format!("{}: its statistics cannot be read", add.path))?;
        let customer = |side: &str| stats[side]["customer_id"].as_str().and_then(|text| text.parse().ok());
        let unread = tag("unread")?.parse().map_err(|_| wrong("unread"))?;
        let buckets = u128::from_str_radix(tag("buckets")?, 16).map_err(|_| wrong("buckets"))?;
        let hash = u64::from_str_radix(tag("hash")?, 16).map_err(|_| wrong("hash"))?;
        Ok(Self {
            path: add.path.clone(),
            size: u64::try_from(add.size).map_err(|_| format!("{}: its size is negative", add.path))?,
            day: add.partition_values.get(DAY).cloned().flatten().unwrap_or_default(),
            hour: u8::try_from(number("hour")?).map_err(|_| wrong("hour"))?,
            modified: add.modification_time,
            level: Level::of(tag("level")?).ok_or_else(|| wrong("level"))?,
            sum: Sum { rows: number("rows")?, hash },
            spans: spans(tag("spans")?).ok_or_else(|| wrong("spans"))?,
            buckets: Buckets(buckets, unread),
            customers: customer("minValues").zip(customer("maxValues")),
            times: times.ok_or_else(|| wrong("times"))?,
            blocks: blocks(tag("blocks")?).ok_or_else(|| wrong("blocks"))?,
        })
    }
}

fn spans(text: &str) -> Option<Spans> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut numbers = part.split(':');
            let partition = Partition(numbers.next()?.parse().ok()?);
            let span = Span { from: numbers.next()?.parse().ok()?, next: numbers.next()?.parse().ok()? };
            (numbers.next().is_none() && span.from <= span.next).then_some((partition, span))
        })
        .collect()
}

fn blocks(text: &str) -> Option<Vec<u32>> {
    let digits = text.as_bytes().chunks(8);
    digits.map(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> DataFile {
        let customer = |byte| CustomerId::from_bytes([byte; 16]);
        let mut buckets = Buckets::default();
        [0, 127, NO_BUCKET].into_iter().for_each(|bucket| buckets.add(bucket));
        DataFile {
            path: "data/ingest_day=2025-11-01/L0-1.parquet".to_owned(),
            size: 1234,
            day: "2025-11-01".to_owned(),
            hour: 13,
            modified: 5,
            level: Level::Hour,
            sum: Sum { rows: 3, hash: 0xabc },
            spans: Spans::from_iter([
                (Partition(0), Span { from: 7, next: 9 }),
                (Partition(0), Span { from: -9, next: 5 }),
                (Partition(3), Span { from: 8, next: 9 }),
                (Partition(3), Span { from: 7, next: 8 }),
            ]),
            buckets,
            customers: Some((customer(1), customer(2))),
            times: (Timestamp(-1), Timestamp(2)),
            blocks: vec![1, u32::MAX],
        }
    }

    #[test]
    fn a_file_reads_back_as_it_was_said() {
        let file = sample();
        let Action::Add(add) = file.add(true) else { panic!("not an add") };
        assert_eq!(DataFile::read(&add).unwrap(), file);
        assert_eq!(file.spans.of(Partition(3)), [Span { from: 7, next: 9 }]);
        assert_eq!(file.spans.bounds(Partition(0)), Some(Span { from: -9, next: 9 }));
        assert!(file.buckets.contains(127) && file.buckets.contains(NO_BUCKET) && !file.buckets.contains(1));
    }

    #[test]
    fn what_is_missing_is_named() {
        let Action::Add(mut add) = sample().add(true) else { panic!("not an add") };
        add.tags.as_mut().unwrap().remove("tocsin.blocks");
        assert!(DataFile::read(&add).unwrap_err().contains("`tocsin.blocks` is missing"));
        add.tags = None;
        assert!(DataFile::read(&add).unwrap_err().contains("no tags"));
    }
}
