//! Reads the rows of a file that a filter wants: whole groups and pages that cannot hold one are not fetched, and of the pages
//! with values only those of rows that are wanted.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, BinaryArray, BooleanArray, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use bytes::Bytes;
use engine::{Partition, Timestamp};
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter, RowSelection, RowSelector};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use rules::CustomerId;

use super::{blocks, schema};
use crate::error::{Error, Result};
use crate::objects::Objects;
use crate::row::{Row, bucket};
use crate::table::DataFile;

/// Rows are decoded so many at a time; of the largest events that is 1 GiB, which an Arrow array still holds.
const BATCH_ROWS: usize = 1024;
/// The end of a file is read first; it holds its description. Two blocks hold that of most files.
const FOOTER_BYTES: u64 = 2 * blocks::BLOCK_BYTES;

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of these customers; all if not given, those without one among them.
    pub customers: Option<BTreeSet<CustomerId>>,
    /// Those of these partitions, each from an offset up to another; all if not given.
    pub offsets: Option<Vec<(Partition, std::ops::Range<i64>)>>,
    /// Those whose timestamp lies in here, the end excluded; all if not given.
    pub times: Option<std::ops::Range<Timestamp>>,
    /// Those of these buckets; all if not given.
    pub buckets: Option<RangeInclusive<i32>>,
}

impl Filter {
    /// Whether it wants every row.
    pub fn is_all(&self) -> bool {
        self.customers.is_none() && self.offsets.is_none() && self.times.is_none() && self.buckets.is_none()
    }

    /// The buckets in which a wanted row can be; none if in all.
    fn in_buckets(&self) -> Option<BTreeSet<i32>> {
        let of_customers =
            self.customers.as_ref().map(|customers| customers.iter().map(|id| bucket(*id)).collect());
        match (&self.buckets, of_customers) {
            (None, of_customers) => of_customers,
            (Some(range), None) => Some(range.clone().collect()),
            (Some(range), Some(buckets)) => {
                Some(BTreeSet::into_iter(buckets).filter(|bucket| range.contains(bucket)).collect())
            },
        }
    }

    /// Whether a file may hold a row that is wanted.
    pub fn may_be_in(&self, file: &DataFile) -> bool {
        let customers = self.customers.as_ref().is_none_or(|wanted| {
            let Some((least, greatest)) = file.customers else { return false };
            wanted.range(least..=greatest).any(|customer| file.buckets.contains(bucket(*customer)))
        });
        let offsets = self.offsets.as_ref().is_none_or(|wanted| {
            wanted.iter().any(|(partition, range)| {
                let mut spans = file.spans.of(*partition).iter();
                spans.any(|span| span.from < range.end && range.start < span.next)
            })
        });
        let times = self
            .times
            .as_ref()
            .is_none_or(|wanted| file.times.0 < wanted.end && wanted.start <= file.times.1);
        let buckets = self.buckets.as_ref();
        let buckets = buckets.is_none_or(|wanted| wanted.clone().any(|bucket| file.buckets.contains(bucket)));
        customers && offsets && times && buckets
    }

    /// Whether it wants a row with these, whosever it is.
    fn wants(&self, bucket: i32, partition: i32, offset: i64, micros: i64) -> bool {
        if self.buckets.as_ref().is_some_and(|wanted| !wanted.contains(&bucket)) {
            return false;
        }
        let offsets = self.offsets.as_ref().is_none_or(|wanted| {
            wanted.iter().any(|(of, range)| i32::try_from(of.0) == Ok(partition) && range.contains(&offset))
        });
        let times = self.times.as_ref();
        offsets && times.is_none_or(|wanted| wanted.contains(&Timestamp(micros / 1000)))
    }
}

/// What a file says of itself: its groups, pages, and what they hold.
#[derive(Clone)]
pub struct Description(Arc<ParquetMetaData>);

impl Description {
    /// Reads the description of a file.
    ///
    /// # Errors
    /// The file is missing or damaged, or the store does not answer.
    pub fn read(objects: &Objects, file: &DataFile) -> Result<Self> {
        let decoder =
            ParquetMetaDataPushDecoder::try_new(file.size).map_err(|error| damaged(file, &error))?;
        let mut decoder = decoder.with_page_index_policy(PageIndexPolicy::Optional);
        let tail = file.size.saturating_sub(FOOTER_BYTES)..file.size;
        let mut wanted = vec![tail];
        loop {
            let parts = blocks::read(objects, file, &wanted)?;
            decoder.push_ranges(wanted, parts).map_err(|error| damaged(file, &error))?;
            match decoder.try_decode().map_err(|error| damaged(file, &error))? {
                DecodeResult::NeedsData(ranges) => wanted = ranges,
                DecodeResult::Data(description) => return Ok(Self(Arc::new(description))),
                DecodeResult::Finished => {
                    let problem = ParquetError::General("its description ends early".to_owned());
                    return Err(damaged(file, &problem));
                },
            }
        }
    }
}

fn damaged(file: &DataFile, error: &ParquetError) -> Error {
    Error::Damaged { file: file.path.clone(), problem: format!("it cannot be read as Parquet: {error}") }
}

/// The rows of one file, in their order.
pub struct FileScan {
    objects: Objects,
    file: Arc<DataFile>,
    decoder: Option<ParquetPushDecoder>,
    rows: VecDeque<Row>,
    customer: Option<(String, CustomerId)>,
    bytes_read: u64,
    rows_looked_at: u64,
}

impl FileScan {
    /// Opens a file. With `whole`, keys and headers are read too; otherwise rows come without them.
    ///
    /// # Errors
    /// The file is missing or damaged, or the store does not answer.
    pub fn open(
        objects: Objects,
        file: Arc<DataFile>,
        description: &Description,
        filter: &Filter,
        whole: bool,
    ) -> Result<Self> {
        let (decoder, rows, customer, bytes_read) = Default::default();
        let rows_looked_at = file.sum.rows;
        let mut scan = Self { objects, file, decoder, rows, customer, bytes_read, rows_looked_at };
        let Description(description) = description;
        let builder = ParquetPushDecoderBuilder::try_new_decoder(Arc::clone(description));
        let mut builder = builder.map_err(|error| scan.damaged(&error))?.with_batch_size(BATCH_ROWS);
        let columns = builder.parquet_schema();
        let narrow = [schema::BUCKET, schema::CUSTOMER, schema::PARTITION, schema::OFFSET, schema::TIMESTAMP];
        let values = [schema::VALUE, schema::VALUE_BYTES];
        let extra: &[&str] = if whole { &[schema::KEY, schema::HEADERS] } else { &[] };
        let read = narrow.iter().chain(&values).chain(extra).copied();
        let projection = ProjectionMask::columns(columns, read);
        let tested = ProjectionMask::columns(columns, narrow);
        builder = builder.with_projection(projection);
        if let Some(buckets) = filter.in_buckets() {
            let (groups, selection) = pages(description, &buckets);
            scan.rows_looked_at = selection.row_count() as u64;
            builder = builder.with_row_groups(groups).with_row_selection(selection);
        }
        if !filter.is_all() {
            let filter = filter.clone();
            let predicate = ArrowPredicateFn::new(tested, move |batch| test(&filter, &batch));
            builder = builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
        scan.decoder = Some(builder.build().map_err(|error| scan.damaged(&error))?);
        Ok(scan)
    }

    /// The row that comes next.
    ///
    /// # Errors
    /// As [`FileScan::open`].
    pub fn peek(&mut self) -> Result<Option<&Row>> {
        if self.rows.is_empty() {
            self.fill()?;
        }
        Ok(self.rows.front())
    }

    /// Takes the row that comes next.
    ///
    /// # Errors
    /// As [`FileScan::open`].
    pub fn take_next(&mut self) -> Result<Option<Row>> {
        if self.rows.is_empty() {
            self.fill()?;
        }
        Ok(self.rows.pop_front())
    }

    /// Takes rows that are decoded already and do not belong after the bound; all that are decoded if there is none.
    pub(crate) fn take(&mut self, bound: Option<&crate::row::RowOrder>, into: &mut Vec<Row>) {
        match bound {
            None => into.extend(self.rows.drain(..)),
            Some(bound) => {
                let belongs = self.rows.iter().take_while(|row| row.order() <= *bound).count();
                into.extend(self.rows.drain(..belongs));
            },
        }
    }

    /// How many bytes of the file were fetched.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// How many rows are in the pages that may hold one that is wanted.
    pub fn rows_looked_at(&self) -> u64 {
        self.rows_looked_at
    }

    fn fetch(&mut self, ranges: &[std::ops::Range<u64>]) -> Result<Vec<Bytes>> {
        self.bytes_read += ranges.iter().map(|range| range.end - range.start).sum::<u64>();
        blocks::read(&self.objects, &self.file, ranges)
    }

    fn damaged(&self, error: &ParquetError) -> Error {
        damaged(&self.file, error)
    }

    fn fill(&mut self) -> Result<()> {
        while self.rows.is_empty() {
            let Some(mut decoder) = self.decoder.take() else { return Ok(()) };
            match decoder.try_decode().map_err(|error| self.damaged(&error))? {
                DecodeResult::NeedsData(ranges) => {
                    let parts = self.fetch(&ranges)?;
                    decoder.push_ranges(ranges, parts).map_err(|error| self.damaged(&error))?;
                },
                DecodeResult::Data(batch) => self.unpack(&batch)?,
                DecodeResult::Finished => return Ok(()),
            }
            self.decoder = Some(decoder);
        }
        Ok(())
    }

    fn unpack(&mut self, batch: &RecordBatch) -> Result<()> {
        let unreadable = || ParquetError::General("its columns are not those of the archive".to_owned());
        let columns = Columns::of(batch).ok_or_else(unreadable).map_err(|error| self.damaged(&error))?;
        for index in 0..batch.num_rows() {
            let customer = columns.customer.is_valid(index).then(|| columns.customer.value(index));
            let customer = match customer {
                None => None,
                Some(text) => Some(self.customer(text)?),
            };
            self.rows.push_back(Row {
                customer,
                partition: Partition(u32::try_from(columns.partition[index]).unwrap_or_default()),
                offset: columns.offset[index],
                timestamp: Timestamp(columns.timestamp[index] / 1000),
                key: columns.key.as_ref().and_then(|key| key.value(index)),
                value: columns.value.value(index).or_else(|| columns.value_bytes.value(index)),
                headers: columns.headers.as_ref().and_then(|headers| headers.value(index)),
            });
        }
        Ok(())
    }

    /// Reads a customer's id; the last one is remembered, since rows are sorted by it.
    fn customer(&mut self, text: &str) -> Result<CustomerId> {
        if let Some((known, customer)) = &self.customer
            && known == text
        {
            return Ok(*customer);
        }
        let bad =
            |_| Error::Damaged { file: self.file.path.clone(), problem: "a customer is no UUID".to_owned() };
        let customer = text.parse().map_err(bad)?;
        self.customer = Some((text.to_owned(), customer));
        Ok(customer)
    }
}

/// A column of bytes, shared with the rows and not copied.
struct Shared {
    bytes: Bytes,
    offsets: Vec<usize>,
    valid: Option<arrow_buffer::NullBuffer>,
}

impl Shared {
    fn of(buffer: &Buffer, offsets: &[i32], valid: Option<&arrow_buffer::NullBuffer>) -> Self {
        Self {
            bytes: Bytes::from_owner(buffer.clone()),
            offsets: offsets.iter().map(|offset| usize::try_from(*offset).unwrap_or_default()).collect(),
            valid: valid.cloned(),
        }
    }

    fn text(array: &StringArray) -> Self {
        Self::of(array.values(), array.value_offsets(), array.nulls())
    }

    fn binary(array: &BinaryArray) -> Self {
        Self::of(array.values(), array.value_offsets(), array.nulls())
    }

    fn value(&self, index: usize) -> Option<Bytes> {
        let is_valid = self.valid.as_ref().is_none_or(|valid| valid.is_valid(index));
        is_valid.then(|| self.bytes.slice(self.offsets[index]..self.offsets[index + 1]))
    }
}

struct Columns<'a> {
    customer: &'a StringArray,
    partition: &'a [i32],
    offset: &'a [i64],
    timestamp: &'a [i64],
    value: Shared,
    value_bytes: Shared,
    key: Option<Shared>,
    headers: Option<Shared>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let column = |name| batch.column_by_name(name);
        let text = |name| column(name)?.as_string_opt::<i32>();
        let binary = |name| column(name)?.as_binary_opt::<i32>();
        Some(Self {
            customer: text(schema::CUSTOMER)?,
            partition: column(schema::PARTITION)?.as_primitive_opt::<Int32Type>()?.values(),
            offset: column(schema::OFFSET)?.as_primitive_opt::<Int64Type>()?.values(),
            timestamp: column(schema::TIMESTAMP)?.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
            value: Shared::text(text(schema::VALUE)?),
            value_bytes: Shared::binary(binary(schema::VALUE_BYTES)?),
            key: binary(schema::KEY).map(Shared::binary),
            headers: text(schema::HEADERS).map(Shared::text),
        })
    }
}

fn test(filter: &Filter, batch: &RecordBatch) -> std::result::Result<BooleanArray, arrow_schema::ArrowError> {
    let wrong =
        || arrow_schema::ArrowError::SchemaError("the columns are not those of the archive".to_owned());
    let column = |name| batch.column_by_name(name).ok_or_else(wrong);
    let customer = column(schema::CUSTOMER)?.as_string_opt::<i32>().ok_or_else(wrong)?;
    let bucket = column(schema::BUCKET)?.as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    let partition = column(schema::PARTITION)?.as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    let offset = column(schema::OFFSET)?.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
    let timestamp =
        column(schema::TIMESTAMP)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
    // Rows of a customer stand together, and to read an id is the greater part of the work.
    let mut known: Option<(&str, bool)> = None;
    let mut wants_customer = |index| {
        let Some(wanted) = &filter.customers else { return true };
        if !customer.is_valid(index) {
            return false;
        }
        let text = customer.value(index);
        if let Some((_, is_wanted)) = known.filter(|(last, _)| *last == text) {
            return is_wanted;
        }
        let is_wanted = text.parse().is_ok_and(|customer| wanted.contains(&customer));
        known = Some((text, is_wanted));
        is_wanted
    };
    let wanted = (0..batch.num_rows()).map(|index| {
        let (partition, offset) = (partition.value(index), offset.value(index));
        Some(
            filter.wants(bucket.value(index), partition, offset, timestamp.value(index))
                && wants_customer(index),
        )
    });
    Ok(wanted.collect())
}

/// The groups and pages that may hold customers of these buckets, by the statistics of the column that rows are sorted by.
fn pages(description: &ParquetMetaData, buckets: &BTreeSet<i32>) -> (Vec<usize>, RowSelection) {
    let (mut groups, mut selectors) = (Vec::new(), Vec::new());
    for (index, group) in description.row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let Some(column) =
            group.columns().iter().position(|column| column.column_path().string() == schema::BUCKET)
        else {
            groups.push(index);
            selectors.push(RowSelector::select(rows));
            continue;
        };
        let known = page_bounds(description, index, column, rows);
        let may = |least: i32, greatest: i32| buckets.range(least..=greatest).next().is_some();
        let before = selectors.len();
        for (count, bounds) in known {
            let wanted = bounds.is_none_or(|(least, greatest)| may(least, greatest));
            selectors.push(if wanted { RowSelector::select(count) } else { RowSelector::skip(count) });
        }
        if selectors[before..].iter().all(|selector| selector.skip) {
            selectors.truncate(before);
        } else {
            groups.push(index);
        }
    }
    (groups, RowSelection::from(selectors))
}

/// The pages of a column: how many rows each has, and its least and greatest value if they are known.
fn page_bounds(
    description: &ParquetMetaData,
    group: usize,
    column: usize,
    rows: usize,
) -> Vec<(usize, Option<(i32, i32)>)> {
    let unknown = vec![(rows, None)];
    let pages = description.page_index_for_row_group(group);
    let (Some(ColumnIndexMetaData::INT32(index)), Some(places)) =
        (pages.column_index(column), pages.offset_index(column))
    else {
        return unknown;
    };
    let firsts = places
        .page_locations()
        .iter()
        .map(|place| usize::try_from(place.first_row_index).unwrap_or_default());
    let firsts: Vec<_> = firsts.collect();
    let ends = firsts.iter().skip(1).copied().chain([rows]);
    let count = |(page, (first, end)): (usize, (&usize, usize))| {
        let bounds = index.min_value(page).copied().zip(index.max_value(page).copied());
        (end - first, bounds)
    };
    firsts.iter().zip(ends).enumerate().map(count).collect()
}
