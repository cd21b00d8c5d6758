//! What archiving, scanning and folding cost, in CPU time of the one thread that does it.
//!
//! `cargo bench -p bootstrap` prints the table. Folds are told as a multiple of simply reading the same rows in neighbouring rounds.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and ends where something is wrong"
)]
#![allow(clippy::cast_precision_loss, reason = "figures are told with three digits")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bootstrap::archiver::Settings;
use bootstrap::compaction::compact;
use bootstrap::fold::{Fold, Setting};
use bootstrap::{Archived, Archiver, Objects, Scan, Selection, Table};
use engine::{Input, Newcomer, Offset, Partition, Timestamp, partition_of};
use ports::memory::MemoryLog;
use ports::{History, Log, Outgoing, Retention, TopicSpec, Wanted};
use rules::{ActiveRule, Command, CustomerId, RuleBook, Span, read_rule};
use rustix::time::{ClockId, clock_gettime};

const TOPIC: &str = "events";
const PARTITIONS: u32 = 4;
const EVENTS: usize = 200_000;
const CUSTOMERS: u64 = 1_000;
const ROUNDS: usize = 5;
/// The rate of 100 million events a day.
const EVENTS_PER_SECOND: f64 = 1_160.0;

/// The seconds that this thread has run: a neighbour who takes the processor away does not count.
fn clock() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn seconds<T>(round: impl FnOnce() -> T) -> (f64, T) {
    let start = clock();
    let done = round();
    (clock() - start, done)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Numbers that look random and are the same in each run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }
}

fn customer(number: u64) -> CustomerId {
    CustomerId::from_bytes((u128::from(number + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

/// An audit event of about 0.8 KB.
fn event(chance: &mut Chance, customer: CustomerId, number: usize) -> String {
    let verbs = ["login", "logout", "read", "write", "share", "delete", "grant", "revoke"];
    let verb = verbs[usize::try_from(chance.next() % 8).unwrap()];
    let (user, document, address) = (chance.next() % 5_000, chance.next(), chance.next() % 65_536);
    let payload = format!(
        "{{\"id\":\"{:016x}{:016x}\",\"action\":\"{verb}\",\"outcome\":\"{}\",\"time\":\"2025-11-01T10:00:00.{:03}Z\",\
         \"actor\":{{\"email\":\"user{user}@example.com\",\"name\":\"User Number {user}\",\"roles\":[\"member\",\"editor\"],\
         \"session\":\"{:016x}{:016x}\"}},\"target\":{{\"type\":\"document\",\"id\":\"doc-{document:012x}\",\"title\":\"Plan {document} of \
         the year\",\"labels\":[\"internal\",\"finance\",\"q{}\"],\"size\":{}}},\"client\":{{\"ip\":\"10.1.{}.{}\",\"agent\":\"Mozilla/5.0 (X11; \
         Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\",\"country\":\"DE\"}},\
         \"score\":{}.{},\"flags\":{{\"mfa\":true,\"managed\":false,\"rare\":{}}}}}",
        chance.next(),
        chance.next(),
        if chance.next().is_multiple_of(10) { "failure" } else { "success" },
        number % 1000,
        chance.next(),
        chance.next(),
        chance.next() % 4,
        chance.next() % 100_000,
        address >> 8,
        address & 255,
        chance.next() % 100,
        chance.next() % 100,
        number.is_multiple_of(100),
    );
    format!("{{\"customerId\":\"{customer}\",\"payload\":{payload}}}")
}

fn filled() -> (MemoryLog, usize) {
    let log = MemoryLog::default();
    let spec = TopicSpec { name: TOPIC.to_owned(), partitions: PARTITIONS, retention: Retention::Any };
    log.create_topics(&[spec]).unwrap();
    let mut chance = Chance(7);
    let mut bytes = 0;
    let outgoing = (0..EVENTS).map(|number| {
        // A few customers send most.
        let customer = customer((chance.next() % CUSTOMERS).min(chance.next() % CUSTOMERS));
        let value = event(&mut chance, customer, number);
        bytes += value.len();
        let key = customer.to_string();
        Outgoing {
            topic: TOPIC.to_owned(),
            partition: Some(partition_of(key.as_bytes(), PARTITIONS)),
            timestamp: Some(Timestamp(i64::try_from(number).unwrap())),
            key: Some(key.into()),
            value: Some(value.into()),
            headers: Vec::new(),
        }
    });
    let outgoing = outgoing.collect();
    log.append(outgoing).unwrap();
    (log, bytes)
}

/// Archives all that the log holds, in as many flushes as a minute each takes.
fn archive(log: &MemoryLog, table: &Table) {
    let settings = Settings { flush_bytes: 64 << 20, ..Settings::new(TOPIC) };
    let mut archiver = Archiver::open(Arc::new(log.clone()), table.clone(), settings).unwrap();
    while archiver.lag().unwrap() > 0 {
        let gathered = archiver.step(Duration::ZERO, Timestamp(0)).unwrap();
        if gathered == (bootstrap::archiver::Step::Gathered { records: 0 }) {
            archiver.flush(Timestamp(0)).unwrap();
        }
    }
}

fn scan(
    table: &Table,
    selection: &Selection,
    mut each: impl FnMut(&[bootstrap::Row]),
) -> bootstrap::scan::Read {
    let mut scan = Scan::new(table, &table.load().unwrap(), selection).unwrap();
    let mut batch = Vec::new();
    loop {
        scan.next(&mut batch).unwrap();
        if batch.is_empty() {
            return scan.read();
        }
        each(&batch);
    }
}

/// What a reader does that only reads.
fn look(rows: &[bootstrap::Row]) {
    black_box(rows);
}

/// Global rules, of which one in a hundred events meets one.
fn book(count: usize) -> RuleBook {
    let mut book = RuleBook::default();
    for number in 0..count {
        let condition = match number {
            0 => "$.flags.rare == true".to_owned(),
            _ => format!("$.actor.email == 'nobody{number}@example.com' && $.action == 'login'"),
        };
        let rule = serde_json::json!({
            "customerId": CustomerId::GLOBAL, "alertName": format!("rule {number}"), "match": condition,
            "groupBy": [{"name": "user", "jsonPath": "$.actor.email"}], "threshold": 3,
        });
        let alert = rules::AlertId::from_bytes((number as u128 + 1).to_be_bytes());
        let (rule, _) = read_rule(rule.to_string().as_bytes(), Some(alert)).unwrap();
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
    }
    book
}

fn fold(table: &Table, book: &RuleBook) -> u64 {
    let until = Timestamp(i64::try_from(EVENTS).unwrap());
    let idle_after = Span::from_millis(60_000);
    let setting = Setting { topic: TOPIC.to_owned(), partitions: PARTITIONS, idle_after, until };
    let mut fold = Fold::new(book.clone(), setting);
    let (mut alerts, mut last) = (Vec::new(), None);
    scan(table, &Selection::all(), |rows| {
        for run in rows.chunk_by(|one, other| one.customer == other.customer) {
            if run[0].customer != last {
                fold.end_customer(&mut alerts).unwrap();
                last = run[0].customer;
            }
            fold.rows(run, &mut alerts).unwrap();
            black_box(&alerts);
            alerts.clear();
        }
    });
    assert_eq!(fold.refused(), 0);
    fold.counts().matches
}

fn main() {
    let (log, bytes) = filled();
    let megabytes = bytes as f64 / 1e6;
    let mean = bytes as f64 / EVENTS as f64;
    println!(
        "{EVENTS} events of {mean:.0} bytes, {CUSTOMERS} customers, {PARTITIONS} partitions; CPU time of one thread"
    );
    let dir = tempfile::tempdir().unwrap();
    let table = Table::new(Objects::folder(dir.path()).unwrap());
    let (flushing, ()) = seconds(|| archive(&log, &table));
    let loose: u64 = table.load().unwrap().files().map(|file| file.size).sum();
    let (loose_scan, _) = seconds(|| scan(&table, &Selection::all(), look));
    let hour = Timestamp(2 * 3_600_000);
    let (hourly, _) = seconds(|| compact(&table, hour).unwrap());
    let compacted: u64 = table.load().unwrap().files().map(|file| file.size).sum();
    let share = |seconds: f64| seconds / EVENTS as f64 * EVENTS_PER_SECOND * 100.0;
    println!(
        "archive: {:.2} us an event, {:.1} % of a core at {EVENTS_PER_SECOND} events/s; {:.2} times smaller",
        flushing / EVENTS as f64 * 1e6,
        share(flushing),
        bytes as f64 / loose as f64
    );
    println!(
        "merge into an hour, proof included: {:.2} us an event, {:.1} %; {:.2} times smaller",
        hourly / EVENTS as f64 * 1e6,
        share(hourly),
        bytes as f64 / compacted as f64
    );
    println!("archive and two levels of merges: {:.1} % of a core", share(flushing + 2.0 * hourly));
    println!("scan of flushed files: {:.0} MB/s", megabytes / loose_scan);
    let all = Selection::all();
    let read = || seconds(|| scan(&table, &all, look)).0;
    read();
    let books = [1, 10, 100].map(|count| (count, book(count)));
    for (_, book) in &books {
        fold(&table, book);
    }
    let mut reads = Vec::new();
    let mut folds = vec![(Vec::new(), Vec::new()); books.len()];
    for _ in 0..ROUNDS {
        for ((_, book), (times, ratios)) in books.iter().zip(&mut folds) {
            let reading = read();
            let (time, matches) = seconds(|| fold(&table, book));
            assert_eq!(matches, EVENTS as u64 / 100);
            reads.push(reading);
            times.push(time);
            ratios.push(time / reading);
        }
    }
    println!(
        "scan of a merged file: {:.0} MB/s, {:.0} events/s",
        megabytes / median(reads.clone()),
        EVENTS as f64 / median(reads)
    );
    for ((count, _), (times, ratios)) in books.iter().zip(folds) {
        println!(
            "scan and fold, {count} rules: {:.0} events/s, {:.2} times the scan",
            EVENTS as f64 / median(times),
            median(ratios)
        );
    }
    filling(&table, &books, megabytes);
    customers(&table, compacted);
}

/// What filling new rules costs: the fold of a worker over what the archive hands it, in one state for all customers.
fn filling(table: &Table, books: &[(usize, RuleBook)], megabytes: f64) {
    let read = || {
        seconds(|| {
            past(table, |_, inputs| {
                black_box(inputs);
            });
        })
        .0
    };
    let fold = |book: &RuleBook| {
        let newcomer = |active: &Arc<ActiveRule>| Newcomer {
            active: Arc::clone(active),
            known_at: Offset(u64::MAX >> 1),
            since: None,
        };
        let fold =
            |partition| engine::Fold::new(book.iter().map(newcomer).collect(), TOPIC, partition, PARTITIONS);
        let mut folds: Vec<_> = (0..PARTITIONS).map(|partition| fold(Partition(partition))).collect();
        past(table, |partition, inputs| {
            folds[partition.0 as usize].feed(inputs, Timestamp(0)).unwrap();
        });
        assert_eq!(folds.iter().map(engine::Fold::events).sum::<u64>(), EVENTS as u64);
        assert!(folds.iter().all(|fold| fold.state_bytes() > 0), "nothing was counted");
    };
    read();
    let mut reads = Vec::new();
    let mut times = vec![(Vec::new(), Vec::new()); books.len()];
    for _ in 0..ROUNDS {
        for ((_, book), (times, ratios)) in books.iter().zip(&mut times) {
            let reading = read();
            let (time, ()) = seconds(|| fold(book));
            reads.push(reading);
            times.push(time);
            ratios.push(time / reading);
        }
    }
    println!(
        "what a worker reads to fill rules: {:.0} MB/s, {:.0} events/s",
        megabytes / median(reads.clone()),
        EVENTS as f64 / median(reads)
    );
    for ((count, _), (times, ratios)) in books.iter().zip(times) {
        println!(
            "filling {count} rules: {:.0} events/s, {:.2} times the reading",
            EVENTS as f64 / median(times),
            median(ratios)
        );
    }
}

/// All records, as a worker takes them in to fill rules.
fn past(table: &Table, mut each: impl FnMut(Partition, Vec<Input>)) {
    let pinned = Archived::new(table.clone(), TOPIC).pin().unwrap();
    for partition in (0..PARTITIONS).map(Partition) {
        let mut rows = pinned.rows(partition, &Wanted::default(), pinned.end(partition)).unwrap();
        while let Some(inputs) = rows.next_batch().unwrap() {
            each(partition, inputs);
        }
    }
}

/// What one customer costs.
fn customers(table: &Table, compacted: u64) {
    for rank in [0, 500, 990] {
        let selection = Selection::all().of(BTreeSet::from([customer(rank)]));
        let (time, read) = seconds(|| scan(table, &selection, look));
        println!(
            "one customer with {} events: {:.1} ms, {:.1} % of the bytes",
            read.rows,
            time * 1e3,
            read.file_bytes as f64 / compacted as f64 * 100.0
        );
    }
}
