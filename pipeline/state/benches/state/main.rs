//! What an event costs with its state: plan, fetch, apply and write, on a RocksDB of so many keys, beside the bare reads and
//! writes of the same keys and values on a copy of that store.
//!
//! A thousand rules of ten kinds, ten of which every event meets. `-- 10000 1000000` says how many keys there are.
#![expect(clippy::print_stdout, reason = "a benchmark reads the clock, and prints")]

mod load;
mod recorder;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::path::Path;
use std::time::Duration;

use engine::{Context, Idle, Partition, Table, Timestamp, View, Write, apply, plan};
use ports::{Store, Stores};
use rules::{Matcher, RuleBook, Span};
use state::{RocksStores, Settings};
use tempfile::TempDir;

use load::Load;
use recorder::{Operation, Recorder};

/// How many events go into one batch.
const BATCH: usize = 1_000;
/// How many batches are measured.
const MEASURED: usize = 20;

fn main() {
    let sizes = std::env::args().skip(1).filter_map(|size| size.parse().ok());
    let mut sizes: Vec<usize> = sizes.collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    println!("{} rules, batches of {BATCH} events, CPU time of one thread", load::RULES);
    sizes.into_iter().for_each(measure);
}

/// What the parts of a batch take.
#[derive(Default)]
struct Spent {
    plan: Duration,
    fetch: Duration,
    apply: Duration,
    write: Duration,
}

impl Spent {
    fn total(&self) -> Duration {
        self.plan + self.fetch + self.apply + self.write
    }
}

/// The time for which this thread has run: others use the machine, too.
fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = now();
    let result = work();
    *spent += now() - started;
    result
}

fn measure(keys: usize) {
    let (folder, copy) = (folder(), folder());
    let book = load::book();
    let mut load = Load::new();
    let known = fill(open(folder.path()).as_mut(), &book, &mut load, keys);
    // Each has caches of its own: what the one has read is as cold for the other.
    copied(folder.path(), copy.path());
    let (mut store, mut other) = (open(folder.path()), open(copy.path()));
    let groups = load.groups();
    let mut spent = Spent::default();
    let mut operations = Vec::new();
    let (mut alerts, mut warm) = (0, 0);
    // The first batch is to warm up.
    for round in 0..=MEASURED {
        let mut here = Spent::default();
        let (told, batch) = batch(store.as_mut(), &book, load.known(BATCH, groups), &mut here);
        if round > 0 {
            let Spent { plan, fetch, apply, write } = here;
            spent.plan += plan;
            spent.fetch += fetch;
            spent.apply += apply;
            spent.write += write;
            alerts += told;
        } else {
            warm = batch.len();
        }
        operations.extend(batch);
    }
    let mut bare = (Duration::ZERO, Duration::ZERO);
    // The first batch is to warm up here as well.
    replay(other.as_mut(), &operations[..warm], &mut (Duration::ZERO, Duration::ZERO));
    replay(other.as_mut(), &operations[warm..], &mut bare);
    let again = replay_again(other.as_mut(), &operations[warm..]);
    let operations = &operations[warm..];
    report(&known, folder.path(), &spent, bare, again, operations, alerts);
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the store")
}

fn open(folder: &Path) -> Box<dyn Store> {
    let stores = RocksStores::open(Settings::new(folder)).expect("the folder is there");
    stores.open(Partition(0)).expect("the store opens")
}

/// Copies the files of a closed store.
fn copied(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&to).expect("a folder can be made");
            copied(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}

/// Events of new groups until the store has so many keys; how long each value is, by the hash of its key.
fn fill(store: &mut dyn Store, book: &RuleBook, load: &mut Load, keys: usize) -> HashMap<u64, u32> {
    let mut known: HashMap<u64, u32> = HashMap::with_capacity(keys + keys / 4);
    let hasher = std::hash::RandomState::new();
    while known.len() < keys {
        let (_, operations) = batch(store, book, load.new_groups(BATCH), &mut Spent::default());
        for write in operations.iter().filter_map(Operation::writes).flatten() {
            match write {
                Write::Put { table, key, value } => {
                    let length = u32::try_from(key.len() + value.len()).unwrap_or(u32::MAX);
                    known.insert(hasher.hash_one((table, key)), length);
                },
                Write::Delete { table, key } => drop(known.remove(&hasher.hash_one((table, key)))),
                Write::DeleteRange { .. } => {},
            }
        }
    }
    known
}

/// One batch, as a worker does it; how many alerts there were, and what was done to the store.
fn batch(
    store: &mut dyn Store,
    book: &RuleBook,
    inputs: Vec<engine::Input>,
    spent: &mut Spent,
) -> (usize, Vec<Operation>) {
    thread_local!(static SNAPSHOT: rules::Snapshot = Matcher::compile(&load::book()));
    let now = inputs.last().map_or(Timestamp(0), |last| last.timestamp);
    let plan = SNAPSHOT.with(|snapshot| timed(&mut spent.plan, || plan(snapshot, Partition(0), 1, inputs)));
    let mut fetched = Vec::new();
    let known = timed(&mut spent.fetch, || {
        let keys: Vec<_> = plan.reads().into_iter().map(|(_, key)| key).collect();
        let values = store.get_many(Table::State, &keys).expect("the store can be read");
        fetched.clone_from(&keys);
        keys.into_iter().zip(values).map(|(key, value)| (Table::State, key, value)).collect::<Vec<_>>()
    });
    let recorder = Recorder::new(store);
    let idle = Idle { ingestion: now, after: Span::from_millis(60_000) };
    let context = Context {
        topic: "events",
        partition: Partition(0),
        now,
        rules: book,
        clamps: true,
        waits: true,
        idle: Some(idle),
        past: None,
    };
    let view = View::new(&recorder, known);
    let effects = timed(&mut spent.apply, || apply(plan, view, &context).expect("the state can be read"));
    let mut operations = vec![Operation::GetMany(fetched)];
    operations.extend(recorder.into_operations());
    timed(&mut spent.write, || store.write(&effects.writes).expect("the store can be written"));
    operations.push(Operation::Write(effects.writes));
    (effects.alerts.len(), operations)
}

/// The same reads and writes, and nothing else; they are of a copy of the store as it was before.
fn replay(store: &mut dyn Store, operations: &[Operation], spent: &mut (Duration, Duration)) {
    for operation in operations {
        let of = if operation.writes().is_some() { &mut spent.1 } else { &mut spent.0 };
        timed(of, || operation.run(store));
    }
}

/// Once more, to show how much the figure is worth.
fn replay_again(store: &mut dyn Store, operations: &[Operation]) -> Duration {
    let mut again = (Duration::ZERO, Duration::ZERO);
    replay(store, operations, &mut again);
    again.0 + again.1
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn report(
    known: &HashMap<u64, u32>,
    folder: &Path,
    spent: &Spent,
    bare: (Duration, Duration),
    again: Duration,
    operations: &[Operation],
    alerts: usize,
) {
    let events = (BATCH * MEASURED) as f64;
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / events;
    let bytes: u64 = known.values().map(|length| u64::from(*length)).sum();
    let [many, one, seeks, writes] = recorder::counts(operations).map(|count| count as f64 / events);
    println!(
        "\n{} keys, {:.0} bytes each, {:.0} on disk",
        known.len(),
        bytes as f64 / known.len() as f64,
        on_disk(folder) as f64 / known.len() as f64
    );
    println!(
        "  an event: {many:.1} keys fetched, {one:.1} read apart, {seeks:.1} seeks, {writes:.1} writes, {:.2} alerts",
        alerts as f64 / events
    );
    println!(
        "  {:.0} events/s: {:.0} µs an event = plan {:.1} + fetch {:.1} + apply {:.1} + write {:.1}",
        1e6 / micros(spent.total()),
        micros(spent.total()),
        micros(spent.plan),
        micros(spent.fetch),
        micros(spent.apply),
        micros(spent.write)
    );
    let reference = bare.0 + bare.1;
    println!(
        "  bare: {:.1} µs = reads {:.1} + writes {:.1} (again {:.1}); ratio {:.2}",
        micros(reference),
        micros(bare.0),
        micros(bare.1),
        micros(again),
        spent.total().as_secs_f64() / reference.as_secs_f64()
    );
}

fn on_disk(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(entry_is) if entry_is.is_dir() => on_disk(&entry.path()),
            // What is only in the log of writes will be a file later, and then count once.
            Ok(entry_is) if entry.path().extension().is_some_and(|ending| ending == "sst") => entry_is.len(),
            _ => 0,
        })
        .sum()
}
