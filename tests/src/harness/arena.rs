//! A deployment of workers under load, to be disturbed, and the auditor that tells what came of it.
//!
//! The load is made of events that rules count one by one: with every event that it counts, a rule of mode `every` tells
//! the count. So a single event that is lost or counted twice, wherever, shows in an alert.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use connectors::kafka::{KafkaLog, Settings};
use engine::{GroupView, Key, Offset, Partition, Table, Write};
use ports::changelog::{Assembler, POSITION_HEADER};
use ports::{Log, Outgoing, Position, Record, Topics, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::kafka::prefix;
use super::role::Role;
use super::{audit, wait_for};
use crate::workload::{Random, customer};

/// How long anything may take; brokers that come back on a busy machine need minutes.
const PATIENCE: Duration = Duration::from_secs(240);

const PARTITIONS: u32 = 4;
const CUSTOMERS: usize = 40;
const GLOBAL: &str = "deadbeef-dead-beef-dead-beefdeadbeef";

/// Events a second.
const RATE: usize = 400;

/// A partition is taken to be alive again when so many events that came to it after a fault are evaluated.
const ALIVE_AFTER: u64 = 20;

/// A deployment under load.
pub struct Arena {
    pub log: KafkaLog,
    pub topics: Topics,
    pub app: String,
    pub random: Random,
    data: TempDir,
    arguments: Vec<String>,
    workers: Vec<Option<Role>>,
    feeder: Option<Feeder>,
}

struct Feeder {
    stop: Arc<AtomicBool>,
    /// What the last append came to.
    last: Arc<Mutex<String>>,
    thread: JoinHandle<()>,
}

/// What the auditor found.
#[derive(Debug)]
pub struct Verdict {
    pub events: usize,
    pub alerts: usize,
    pub lost: usize,
    pub extra: u64,
    /// Groups whose count in the state is not what it must be.
    pub wrong_counts: usize,
}

impl Arena {
    /// A deployment whose workers reach the brokers at `bootstrap`, while feeder and auditor take `direct`.
    pub fn new(test: &str, bootstrap: &str, direct: &str, workers: usize) -> Self {
        let seed = std::env::var("TOCSIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
        println!("{test}: seed {seed}");
        let app = prefix(test);
        let topics = Topics { events: format!("{app}.events"), ..Topics::of(&app) };
        let log = KafkaLog::connect(Settings::new(direct, "tests")).unwrap();
        wait_for("topics", PATIENCE, || log.create_topics(&topics.specs(PARTITIONS)).ok());
        let data = tempfile::tempdir().unwrap();
        let config = data.path().join("tocsin.toml");
        std::fs::write(&config, format!("topics.events = '{}'", topics.events)).unwrap();
        let arguments = ["--kafka", bootstrap, "--app", &app, "--config", config.to_str().unwrap()]
            .map(str::to_owned)
            .to_vec();
        let workers = (0..workers).map(|_| None).collect();
        let mut arena =
            Self { log, topics, app, random: Random(seed), data, arguments, workers, feeder: None };
        arena.post_rules();
        (0..arena.workers.len()).for_each(|worker| arena.start(worker));
        arena.wait_for_rules();
        arena.feeder = Some(arena.feed());
        arena.wait_until_alive(&arena.ends());
        arena
    }

    /// Where a worker keeps its data.
    pub fn folder(&self, worker: usize) -> PathBuf {
        self.data.path().join(format!("worker-{worker}"))
    }

    /// Puts a worker's data somewhere else, before it is started there.
    pub fn start_at(&mut self, worker: usize, folder: &std::path::Path) {
        let name = ["--name".to_owned(), format!("w{worker}")];
        let arguments = [&self.arguments[..], &name].concat();
        self.workers[worker] = Some(Role::start("worker", folder, &arguments));
    }

    pub fn start(&mut self, worker: usize) {
        self.start_at(worker, &self.folder(worker));
    }

    /// Takes a worker's process out, to be ended.
    pub fn take(&mut self, worker: usize) -> Role {
        self.workers[worker].take().expect("a running worker")
    }

    pub fn worker(&mut self, worker: usize) -> &mut Role {
        self.workers[worker].as_mut().expect("a running worker")
    }

    /// A short time by chance, so that faults meet every moment of a commit.
    pub fn pause(&mut self, millis_max: usize) {
        let millis = self.random.below(millis_max);
        std::thread::sleep(Duration::from_millis(millis as u64));
    }

    /// Does something to the deployment; answers after which time every partition was alive again.
    pub fn disturb(&mut self, fault: impl FnOnce(&mut Self)) -> Duration {
        let ends = self.ends();
        let began = Instant::now();
        fault(self);
        self.wait_until_alive(&ends);
        began.elapsed()
    }

    /// Waits until every worker has partitions: only then does it lose anything by a fault.
    pub fn wait_until_shared(&self) {
        wait_for("every worker to have partitions", PATIENCE, || {
            let committed = self.log.committed(&self.app, &self.topics.events).ok()?;
            let position = |committed: ports::Committed| committed.metadata.parse::<Position>().ok();
            let writers: BTreeSet<String> = committed
                .into_iter()
                .flatten()
                .filter_map(position)
                .map(|position| position.writer)
                .collect();
            (writers.len() == self.workers.len()).then_some(())
        });
    }

    /// Where the event topic's partitions end.
    fn ends(&self) -> Vec<Offset> {
        let end = |partition| {
            self.log.bounds(&self.topics.events, Partition(partition)).ok().map(|bounds| bounds.end)
        };
        wait_for("the ends of partitions", PATIENCE, || (0..PARTITIONS).map(end).collect())
    }

    fn wait_until_alive(&self, ends: &[Offset]) {
        wait_for("every partition to go on", PATIENCE, || {
            let committed = self.log.committed(&self.app, &self.topics.events).ok()?;
            let goes_on = |(committed, end): (Option<ports::Committed>, &Offset)| {
                committed.is_some_and(|committed| committed.next.0 >= end.0 + ALIVE_AFTER)
            };
            committed.into_iter().zip(ends).all(goes_on).then_some(())
        });
    }

    fn post_rules(&self) {
        let record = |rule: Value| Outgoing {
            topic: self.topics.controls.clone(),
            partition: None,
            timestamp: None,
            key: Some(
                format!("{}/{}", rule["customerId"].as_str().unwrap(), rule["alertId"].as_str().unwrap())
                    .into(),
            ),
            value: Some(rule.to_string().into()),
            headers: Vec::new(),
        };
        self.log.append(rules().into_iter().map(record).collect()).unwrap();
    }

    /// Events count from the moment at which all rules are in force on every partition.
    fn wait_for_rules(&self) {
        wait_for("rules in force", PATIENCE, || {
            let end = self.log.bounds(&self.topics.controls, Partition(0)).ok()?.end;
            let committed = self.log.committed(&self.app, &self.topics.events).ok()?;
            let knows = |committed: Option<ports::Committed>| {
                let position = committed.and_then(|committed| committed.metadata.parse::<Position>().ok());
                position.is_some_and(|position| position.control >= end)
            };
            committed.into_iter().all(knows).then_some(())
        });
    }

    fn feed(&self) -> Feeder {
        let stop = Arc::new(AtomicBool::new(false));
        let (log, topic, stopping) = (self.log.clone(), self.topics.events.clone(), Arc::clone(&stop));
        let last = Arc::new(Mutex::new(String::new()));
        let telling = Arc::clone(&last);
        let mut random = Random(self.random.0 ^ 0x5eed);
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::SeqCst) {
                let records = (0..RATE / 20).map(|_| event(&topic, &mut random)).collect();
                // What becomes of records while brokers are away is seen in the topic, which the auditor reads.
                let outcome = log.append(records).map(|places| places.last().copied());
                *telling.lock().unwrap() = format!("{outcome:?} at {:?}", std::time::SystemTime::now());
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Feeder { stop, last, thread }
    }

    /// Ends the load, waits until all of it is evaluated, stops the workers and compares.
    pub fn finish(mut self) -> Verdict {
        let feeder = self.feeder.take().expect("the load is running");
        feeder.stop.store(true, Ordering::SeqCst);
        feeder.thread.join().unwrap();
        wait_for("all events to be evaluated", PATIENCE, || {
            let ends = (0..PARTITIONS)
                .map(|partition| self.log.bounds(&self.topics.events, Partition(partition)).ok());
            let ends: Vec<_> = ends.collect::<Option<_>>()?;
            let committed = self.log.committed(&self.app, &self.topics.events).ok()?;
            let done = |(committed, bounds): (Option<ports::Committed>, ports::Bounds)| {
                committed.map_or(Offset(0), |committed| committed.next) >= bounds.end
            };
            committed.into_iter().zip(ends).all(done).then_some(())
        });
        for worker in self.workers.drain(..).flatten() {
            worker.stop();
        }
        let events = audit::values(&self.log, &self.topics.events);
        let alerts = audit::values(&self.log, &self.topics.alerts);
        let (expected, counts) = reference(&events);
        // How often each alert must still come; every one of them comes once.
        let mut unseen: BTreeMap<Expected, i64> = expected.into_iter().map(|alert| (alert, 1)).collect();
        for alert in &alerts {
            let text = |field: &str| alert[field].as_str().unwrap().to_owned();
            let alert = (text("customerId"), text("alertId"), alert["value"].as_u64().unwrap());
            *unseen.entry(alert).or_default() -= 1;
        }
        let lost = unseen.values().filter(|count| **count > 0).count();
        let extra = unseen.values().filter(|count| **count < 0).map(|count| count.unsigned_abs()).sum();
        let stored = self.stored_counts();
        let wrong_counts = stored.iter().zip(&counts).filter(|(stored, count)| stored != count).count()
            + stored.len().abs_diff(counts.len());
        Verdict { events: events.len(), alerts: alerts.len(), lost, extra, wrong_counts }
    }

    /// Prints the end of a worker's log.
    fn print_log(&self, worker: usize) {
        let log = std::fs::read_to_string(self.folder(worker).with_extension("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        eprintln!("the end of the log of worker {worker} of {}:", self.app);
        lines[lines.len().saturating_sub(40)..].iter().for_each(|line| eprintln!("  {line}"));
    }

    /// The counts of all groups in what the changelog says, in order of size.
    fn stored_counts(&self) -> Vec<u64> {
        let mut state: BTreeMap<(Partition, Key), Bytes> = BTreeMap::new();
        let mut assemblers: BTreeMap<Partition, (Assembler, u64)> = BTreeMap::new();
        let mut changelog = audit::records(&self.log, &self.topics.changelog);
        changelog.sort_by_key(|record| (record.partition, record.offset));
        for record in changelog {
            apply(&mut state, assemblers.entry(record.partition).or_default(), &record);
        }
        let any = rules().remove(0);
        let (any, _) = rules::read_rule(any.to_string().as_bytes(), None).unwrap();
        let groups = state.iter().filter_map(|((_, key), value)| GroupView::read(&any, key, value).unwrap());
        let mut counts: Vec<_> = groups.map(|group| group.contributions).collect();
        counts.sort_unstable();
        counts
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(feeder) = &self.feeder {
            feeder.stop.store(true, Ordering::SeqCst);
        }
        if std::thread::panicking() {
            eprintln!("now it is {:?}", std::time::SystemTime::now());
            if let Some(feeder) = &self.feeder {
                eprintln!("the last append: {}", feeder.last.lock().unwrap_or_else(PoisonError::into_inner));
            }
            eprintln!("committed: {:?}", self.log.committed(&self.app, &self.topics.events));
            (0..self.workers.len()).for_each(|worker| self.print_log(worker));
        }
    }
}

/// Applies a changelog record to the state; every epoch must follow the one before.
fn apply(
    state: &mut BTreeMap<(Partition, Key), Bytes>,
    (assembler, epoch): &mut (Assembler, u64),
    record: &Record,
) {
    let position = String::from_utf8(header(&record.headers, POSITION_HEADER).unwrap().to_vec()).unwrap();
    let position: Position = position.parse().unwrap();
    let Some(writes) = assembler.take(record.value.as_deref().unwrap()).unwrap() else { return };
    assert_eq!(position.epoch, *epoch + 1, "epochs of partition {} have a gap", record.partition);
    *epoch = position.epoch;
    for write in writes {
        match write {
            Write::Put { table: Table::State, key, value } => {
                drop(state.insert((record.partition, key), value));
            },
            Write::Delete { table: Table::State, key } => drop(state.remove(&(record.partition, key))),
            Write::DeleteRange { table: Table::State, from, to } => {
                state.retain(|(partition, key), _| {
                    *partition != record.partition || *key < from || *key >= to
                });
            },
            _ => {},
        }
    }
}

fn rule_id(number: u128) -> String {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 + number).to_string()
}

/// A count told with every event, one told once, and rules of single customers.
fn rules() -> Vec<Value> {
    let counted = json!({
        "customerId": GLOBAL, "alertId": rule_id(0), "alertName": "each", "match": "$.a", "threshold": 1,
        "alertPolicy": {"mode": "every"}
    });
    let once = |number: u128, owner: String, threshold: u64| {
        json!({
            "customerId": owner, "alertId": rule_id(number), "alertName": format!("rule {number}"),
            "match": "$.b", "threshold": threshold
        })
    };
    let own = (0..CUSTOMERS).map(|index| once(2 + index as u128, customer(index), 7 + index as u64));
    [counted, once(1, GLOBAL.to_owned(), 3)].into_iter().chain(own).collect()
}

/// An event as a producer writes it.
fn event(topic: &str, random: &mut Random) -> Outgoing {
    let customer = customer(random.below(CUSTOMERS));
    let mut payload = json!({"id": random.number(), "note": "something that no rule looks at"});
    for field in ["a", "b"] {
        if random.below(2) == 0 {
            payload[field] = 1.into();
        }
    }
    Outgoing {
        topic: topic.to_owned(),
        partition: None,
        timestamp: None,
        key: Some(customer.clone().into()),
        value: Some(json!({"customerId": customer, "payload": payload}).to_string().into()),
        headers: Vec::new(),
    }
}

/// An alert by customer, rule and value.
type Expected = (String, String, u64);

/// What must come of these events: alerts, and the counts of all groups in order of size.
fn reference(events: &[Value]) -> (Vec<Expected>, Vec<u64>) {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let (mut alerts, rules) = (Vec::new(), rules());
    for event in events {
        let customer = event["customerId"].as_str().unwrap();
        for rule in &rules {
            let owner = rule["customerId"].as_str().unwrap();
            let field = rule["match"].as_str().unwrap().trim_start_matches("$.");
            if (owner != GLOBAL && owner != customer) || event["payload"].get(field).is_none() {
                continue;
            }
            let id = rule["alertId"].as_str().unwrap();
            let count = counts.entry((customer.to_owned(), id.to_owned())).or_default();
            *count += 1;
            let threshold = rule["threshold"].as_u64().unwrap();
            let fires = if rule["alertPolicy"]["mode"] == "every" {
                *count >= threshold
            } else {
                *count == threshold
            };
            if fires {
                alerts.push((customer.to_owned(), id.to_owned(), *count));
            }
        }
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_unstable();
    (alerts, counts)
}
