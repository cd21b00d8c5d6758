//! The past of a new rule cannot be read: the rule waits and says why, rules beside it go on, and when it is mended the count is exact.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bootstrap::{Archived, Archiver, Objects, Table, archiver};
use bytes::Bytes;
use engine::{Offset, Partition, Timestamp};
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use ports::memory::{MemoryLog, MemoryStores};
use ports::{Log, Outgoing, Topics};
use serde_json::{Value, json};
use tests::workload::customer;
use worker::{Clock, Moment, Settings, StatusBoard, Worker};

const TURNS_MAX: u32 = 20_000;

/// A store in memory that answers no reads while it is told so.
#[derive(Debug, Clone, Default)]
struct Moody {
    inner: Arc<InMemory>,
    mood: Arc<Mutex<Option<&'static str>>>,
}

impl Moody {
    fn answers(&self) -> Result<()> {
        match *self.mood.lock().unwrap() {
            None => Ok(()),
            Some(problem) => Err(Error::Generic { store: "moody", source: problem.into() }),
        }
    }
}

impl fmt::Display for Moody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("moody")
    }
}

#[async_trait]
impl ObjectStore for Moody {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.answers()?;
        self.inner.get_opts(at, options).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.answers()?;
        self.inner.get_ranges(at, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A clock that goes on by itself.
struct Ticking(Arc<AtomicU64>);

impl Clock for Ticking {
    fn now(&self) -> Moment {
        let millis = self.0.fetch_add(1, Ordering::Relaxed) * 5;
        Moment { wall: Timestamp(millis.cast_signed()), monotonic: Duration::from_millis(millis) }
    }
}

/// A worker whose past is in an archive alone.
struct World {
    log: MemoryLog,
    store: Moody,
    table: Table,
    status: StatusBoard,
    worker: Worker,
}

const COUNTED: u128 = 1;
const LIVE: u128 = 2;
/// Events that are past when the rule comes.
const PAST: u64 = 6;

impl World {
    /// Events come, and `archive` takes them; then the log forgets them.
    fn new(archive: impl FnOnce(&MemoryLog, &Table)) -> Self {
        let log = MemoryLog::default();
        log.create_topics(&Topics::of("app").specs(1)).unwrap();
        let store = Moody::default();
        let objects = Objects::new(Arc::new(store.clone()), Path::default(), "moody".to_owned());
        let table = Table::new(objects);
        for _ in 0..PAST {
            send_event(&log);
        }
        archive(&log, &table);
        log.trim("events", Partition(0), Offset(PAST));
        let status = StatusBoard::default();
        let settings = Settings {
            poll_timeout: Duration::ZERO,
            recovery_patience: Duration::from_millis(1),
            ..Settings::new("app", "one")
        };
        let worker = Worker::join(
            settings,
            Arc::new(log.clone()),
            Box::new(MemoryStores::default()),
            Box::new(Ticking(Arc::default())),
            status.clone(),
        );
        let worker = worker.unwrap().with_history(Arc::new(Archived::new(table.clone(), "events")));
        Self { log, store, table, status, worker }
    }

    fn rule(&self, alert: u128, threshold: u64, mode: &str, policy: &str) {
        let (customer, alert) = (customer(1), uuid::Uuid::from_u128(alert));
        let rule = json!({
            "customerId": customer, "alertId": alert, "alertName": "made", "match": "$.a", "threshold": threshold,
            "alertPolicy": {"mode": policy}, "bootstrap": {"mode": mode}
        });
        send(&self.log, "app.controls", &format!("{customer}/{alert}"), &rule);
    }

    fn turn_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..TURNS_MAX {
            if holds(self) {
                return;
            }
            self.worker.step().unwrap();
        }
        panic!("{what} does not come: {:?}", self.status.read());
    }

    fn values(&self, alert: u128) -> Vec<u64> {
        let alert = uuid::Uuid::from_u128(alert).to_string();
        let alerts = self.log.records("app.alerts").into_iter();
        let alerts = alerts.map(|record| serde_json::from_slice::<Value>(&record.value.unwrap()).unwrap());
        let own = alerts.filter(|told| told["alertId"] == alert.as_str());
        own.map(|told| told["value"].as_u64().unwrap()).collect()
    }

    fn problem(&self) -> Option<String> {
        let status = self.status.read();
        status.bootstraps.into_values().flatten().find_map(|one| one.problem)
    }

    fn is_filling(&self) -> bool {
        self.status.read().bootstraps.values().any(|all| !all.is_empty())
    }

    fn files(&self) -> Vec<String> {
        self.table.objects().list("data").unwrap().into_iter().map(|listed| listed.path).collect()
    }
}

fn send(log: &MemoryLog, topic: &str, key: &str, value: &Value) {
    let record = Outgoing {
        topic: topic.to_owned(),
        partition: None,
        timestamp: Some(Timestamp(1)),
        key: Some(key.to_owned().into()),
        value: Some(value.to_string().into()),
        headers: Vec::new(),
    };
    log.append(vec![record]).unwrap();
}

fn send_event(log: &MemoryLog) {
    send(log, "events", &customer(1), &json!({"customerId": customer(1), "payload": {"a": 1}}));
}

fn archiver(log: &MemoryLog, table: &Table) -> Archiver {
    let settings =
        archiver::Settings { flush_after: Duration::from_secs(3600), ..archiver::Settings::new("events") };
    Archiver::open(Arc::new(log.clone()), table.clone(), settings).unwrap()
}

/// Archives all that the log holds.
fn archive(log: &MemoryLog, table: &Table) {
    let mut archiver = archiver(log, table);
    archiver.step(Duration::ZERO, Timestamp(0)).unwrap();
    archiver.flush(Timestamp(0)).unwrap();
}

/// A rule comes while `broken`; it says so in these words and counts nothing; then it is `mended`.
fn survives(world: &mut World, told: &str, broken: impl FnOnce(&World), mended: impl FnOnce(&World)) {
    world.rule(LIVE, 1, "none", "every");
    world.turn_until("the live rule", |world| world.status.read().control == Offset(1));
    broken(world);
    world.rule(COUNTED, PAST + 2, "state", "once");
    world.turn_until("the problem", |world| world.problem().is_some());
    let problem = world.problem().unwrap();
    assert!(problem.contains(told), "{problem}");
    send_event(&world.log);
    world.turn_until("an alert beside it", |world| world.values(LIVE) == [1]);
    assert!(world.is_filling() && world.values(COUNTED).is_empty());
    mended(world);
    world.turn_until("the end of filling", |world| !world.is_filling());
    send_event(&world.log);
    world.turn_until("the exact count", |world| world.values(COUNTED) == [PAST + 2]);
    assert_eq!(world.values(LIVE), [1, 2]);
}

#[test]
fn a_store_that_does_not_answer_holds_the_new_rule_up_and_nothing_else() {
    for problem in ["503 slow down", "operation timed out"] {
        let set = |mood| move |world: &World| *world.store.mood.lock().unwrap() = mood;
        survives(&mut World::new(archive), problem, set(Some(problem)), set(None));
    }
}

#[test]
fn a_file_that_is_missing_or_damaged_is_named_until_it_is_put_back() {
    for damage in [None, Some(17), Some(200)] {
        let mut world = World::new(archive);
        let name = world.files().remove(0);
        let bytes = world.table.objects().get(&name).unwrap().unwrap();
        let broken = |world: &World| match damage {
            None => world.table.objects().delete(&name).unwrap(),
            Some(at) => {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= 1;
                world.table.objects().put(&name, bytes.into()).unwrap();
            },
        };
        let mended = |world: &World| world.table.objects().put(&name, bytes.clone()).unwrap();
        survives(&mut world, &name, broken, mended);
    }
}

#[test]
fn what_the_log_has_lost_is_waited_for_until_the_archiver_has_written_it() {
    let mut behind = None;
    let mut world = World::new(|log, table| {
        let mut late = archiver(log, table);
        late.step(Duration::ZERO, Timestamp(0)).unwrap();
        behind = Some(late);
    });
    let mended = |_: &World| {
        behind.unwrap().flush(Timestamp(0)).unwrap();
    };
    survives(&mut world, "the archiver has to catch up", |_| {}, mended);
}
