//! For tests: a store that fails, and rows.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use engine::{Partition, Timestamp};
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use rules::{Command, CustomerId, RuleBook, read_rule};

use crate::archiver::batch::create;
use crate::file::FileWriter;
use crate::objects::Objects;
use crate::row::Row;
use crate::scan::Scan;
use crate::table::{Change, Committed, Level, Span, Spans, Table};
use crate::time::Moment;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It is refused before anything happens (503).
    Refused,
    /// It is done, and the answer is lost.
    TimedOut,
    /// It is done, and done again by the client, which then answers a conflict with itself.
    Conflict,
    /// It is refused, and done all the same when the next one comes.
    Late,
}

/// A store in memory whose requests fail as they are told to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faulty {
    inner: Arc<InMemory>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    late: Arc<Mutex<Vec<(Path, PutPayload, PutOptions)>>>,
}

impl Faulty {
    /// The next requests fail so.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// From here on nothing fails.
    pub(crate) fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    pub(crate) fn objects(&self) -> Objects {
        Objects::new(Arc::new(self.clone()), Path::default(), "faulty".to_owned())
    }

    async fn catch_up(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for (path, payload, options) in late {
            // Somebody else may have been first.
            drop(self.inner.put_opts(&path, payload, options).await);
        }
    }

    fn next(&self) -> Fault {
        self.faults.lock().unwrap().pop_front().unwrap_or(Fault::None)
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

fn unavailable() -> object_store::Error {
    object_store::Error::Generic { store: "faulty", source: "503 slow down".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.catch_up().await;
        match self.next() {
            Fault::None => self.inner.put_opts(at, payload, options).await,
            Fault::Refused => Err(unavailable()),
            Fault::TimedOut => {
                drop(self.inner.put_opts(at, payload, options).await);
                Err(unavailable())
            },
            Fault::Conflict => {
                drop(self.inner.put_opts(at, payload.clone(), options.clone()).await);
                self.inner.put_opts(at, payload, options).await
            },
            Fault::Late => {
                self.late.lock().unwrap().push((at.clone(), payload, options));
                Err(unavailable())
            },
        }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.catch_up().await;
        match self.next() {
            Fault::None | Fault::Conflict => self.inner.get_opts(at, options).await,
            Fault::Refused | Fault::TimedOut | Fault::Late => Err(unavailable()),
        }
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        self.inner.get_ranges(at, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A customer by number.
pub(crate) fn customer(number: u8) -> CustomerId {
    CustomerId::from_bytes([
        number.wrapping_mul(37),
        number,
        3,
        4,
        0x40,
        6,
        7,
        8,
        0x80,
        10,
        11,
        12,
        13,
        14,
        15,
        number,
    ])
}

/// An event of a customer, as the record's value.
pub(crate) fn event(number: u8, payload: &str) -> Bytes {
    Bytes::from(serde_json::json!({"customerId": customer(number), "payload": payload}).to_string())
}

/// A row of a customer.
pub(crate) fn row(number: u8, partition: u32, offset: i64, timestamp: i64) -> Row {
    Row {
        customer: (number > 0).then(|| customer(number)),
        partition: Partition(partition),
        offset,
        timestamp: Timestamp(timestamp),
        key: Some(Bytes::from(customer(number).to_string())),
        value: match number {
            0 => None,
            1 => Some(Bytes::from_static(b"\xff\xfe not text")),
            _ => Some(event(number, &format!("{{\"n\": {offset}}}"))),
        },
        headers: None,
    }
}

/// Rules in force.
pub(crate) fn book(rules: &[serde_json::Value]) -> RuleBook {
    let mut book = RuleBook::default();
    for rule in rules {
        let (rule, _) = read_rule(rule.to_string().as_bytes(), None).unwrap();
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
    }
    book
}

/// A rule of a customer that fires once, at this many events with a field `n`.
pub(crate) fn count(number: u8, threshold: u64) -> serde_json::Value {
    serde_json::json!({
        "customerId": customer(number), "alertId": customer(200), "alertName": "many",
        "threshold": threshold, "jsonPath": "$.n",
    })
}

/// Stores rows as one file of a table that covers just these rows.
pub(crate) fn flush(table: &Table, mut rows: Vec<Row>, now: Timestamp) {
    rows.sort_by_key(Row::order);
    let mut writer = FileWriter::new(Level::Flushed).unwrap();
    let spans: Spans =
        rows.iter().map(|row| (row.partition, Span { from: row.offset, next: row.offset + 1 })).collect();
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    let file = create(table, writer, Level::Flushed, spans, &Moment::of(now), now).unwrap();
    let parameters = serde_json::json!({});
    let change = Change { operation: "WRITE", parameters, actions: vec![file.add(true)], now };
    let base = table.load().unwrap();
    assert!(matches!(table.commit(base, change, |_| true).unwrap(), Committed::Done(_)));
}

/// All rows of a table with all their columns, by partition and offset.
pub(crate) fn rows(table: &Table) -> Vec<Row> {
    let mut scan = Scan::whole(table, table.load().unwrap().files().cloned().collect());
    let (mut rows, mut batch) = (Vec::new(), Vec::new());
    loop {
        scan.next(&mut batch).unwrap();
        if batch.is_empty() {
            rows.sort_by_key(|row: &Row| (row.partition, row.offset));
            return rows;
        }
        rows.append(&mut batch);
    }
}
