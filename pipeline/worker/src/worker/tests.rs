//! The whole worker on a log and stores in memory: what it alerts, and that no crash, abort or lost disk changes it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use engine::{GroupView, Table, Timestamp, partition_of};
use ports::memory::{MemoryLog, MemoryStores};
use ports::{Header, Outgoing, Record, header};
use proptest::prelude::*;
use rules::{CustomerId, EXPECTED_VERSION_HEADER};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::clock::Moment;

mod suspension;

const PARTITIONS: u32 = 3;

/// A clock that goes on by itself, so that every epoch comes due after some turns.
struct Ticking(Arc<AtomicU64>);

impl Clock for Ticking {
    fn now(&self) -> Moment {
        let millis = self.0.fetch_add(1, Ordering::Relaxed) * 5;
        Moment { wall: Timestamp(millis.cast_signed()), monotonic: Duration::from_millis(millis) }
    }
}

struct World {
    log: MemoryLog,
    stores: MemoryStores,
    ticks: Arc<AtomicU64>,
    status: StatusBoard,
    worker: Option<Worker>,
}

impl World {
    fn new() -> Self {
        let log = MemoryLog::default();
        log.create_topics(&ports::Topics::of("app").specs(PARTITIONS)).unwrap();
        let (stores, ticks, status) = (MemoryStores::default(), Arc::default(), StatusBoard::default());
        Self { log, stores, ticks, status, worker: None }
    }

    fn turn(&mut self) -> Result<()> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            None => {
                let mut settings = Settings::new("app", "one");
                settings.poll_timeout = Duration::ZERO;
                settings.recovery_patience = Duration::from_millis(1);
                // Small parts, so that crashes fall between them.
                (settings.copy_bytes, settings.poll_records_max) = (300, 4);
                self.worker.insert(Worker::join(
                    settings,
                    Arc::new(self.log.clone()),
                    Box::new(self.stores.clone()),
                    Box::new(Ticking(Arc::clone(&self.ticks))),
                    self.status.clone(),
                )?)
            },
        };
        worker.step()
    }

    /// Turns until everything that was sent is committed.
    fn settle(&mut self) {
        for _ in 0..5000 {
            self.turn().unwrap();
            if self.is_settled() {
                // What moves no position is committed within a second.
                return self.turns_for(Duration::from_millis(1100));
            }
        }
        panic!("not everything was committed: {:?}", self.status.read());
    }

    fn is_settled(&self) -> bool {
        if self.status.read().bootstraps.values().any(|newcomers| !newcomers.is_empty()) {
            return false;
        }
        let end = |topic: &str, partition| self.log.bounds(topic, partition).unwrap().end;
        let control = end("app.controls", Partition(0));
        let committed = self.log.committed("app", "events").unwrap();
        committed.into_iter().zip(0..).all(|(committed, partition)| {
            let position = committed.map(|committed| committed.metadata.parse::<ports::Position>().unwrap());
            let (next, followed) =
                position.map_or_else(Default::default, |position| (position.next, position.control));
            next == end("events", Partition(partition)) && followed == control
        })
    }

    /// Turns until no sweep is left to do.
    fn sweep(&mut self) {
        for _ in 0..1000 {
            let contents = (0..PARTITIONS).flat_map(|partition| self.stores.contents(Partition(partition)));
            let (from, to) = engine::sweeps();
            let is_left = |(table, key): &(Table, Bytes)| *table == Table::Meta && from <= *key && *key < to;
            if !contents.map(|(place, _)| place).any(|place| is_left(&place)) {
                return;
            }
            self.turn().unwrap();
        }
        panic!("sweeps do not end");
    }

    /// Turns until so much time has passed.
    fn turns_for(&mut self, time: Duration) {
        let end = self.ticks.load(Ordering::Relaxed) + u64::try_from(time.as_millis()).unwrap() / 5;
        while self.ticks.load(Ordering::Relaxed) < end {
            self.turn().unwrap();
        }
    }

    /// Drops the worker with all it had not committed.
    fn crash(&mut self) {
        self.worker = None;
    }

    fn append(&self, topic: &str, key: Option<&str>, value: Option<String>, headers: Vec<Header>) {
        let record = Outgoing {
            topic: topic.to_owned(),
            partition: None,
            timestamp: None,
            key: key.map(|key| key.to_owned().into()),
            value: value.map(Bytes::from),
            headers,
        };
        self.log.append(vec![record]).unwrap();
    }

    fn rule(&self, customer: CustomerId, alert: u128, path: &str, threshold: i64) {
        let alert = Uuid::from_u128(alert);
        let rule =
            json!({"customerId": customer, "alertId": alert, "jsonPath": path, "threshold": threshold});
        self.append("app.controls", Some(&format!("{customer}/{alert}")), Some(rule.to_string()), Vec::new());
    }

    fn delete(&self, customer: CustomerId, alert: u128) {
        self.append(
            "app.controls",
            Some(&format!("{customer}/{}", Uuid::from_u128(alert))),
            None,
            Vec::new(),
        );
    }

    fn event(&self, customer: CustomerId, payload: &Value) {
        let event = json!({"customerId": customer, "payload": payload.to_string()});
        self.append("events", Some(&customer.to_string()), Some(event.to_string()), Vec::new());
    }

    /// Each alert as (customer, rule, value), in no particular order.
    fn alerts(&self) -> Vec<(u128, u128, u64)> {
        let read = |record: Record| {
            let alert: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
            let id = |field: &str| alert[field].as_str().unwrap().parse::<Uuid>().unwrap().as_u128();
            (id("customerId"), id("alertId"), alert["value"].as_u64().unwrap())
        };
        let mut alerts: Vec<_> = self.log.records("app.alerts").into_iter().map(read).collect();
        alerts.sort_unstable();
        alerts
    }

    /// The counts that the stores hold, by the order of their keys.
    fn counts(&self) -> Vec<u64> {
        let contents = (0..PARTITIONS).flat_map(|partition| self.stores.contents(Partition(partition)));
        let any = json!({"customerId": customer(1), "alertId": Uuid::from_u128(1), "jsonPath": "$.a"});
        let (any, _) = rules::read_rule(any.to_string().as_bytes(), None).unwrap();
        let state = contents.filter(|((table, _), _)| *table == Table::State);
        let groups = state.filter_map(|((_, key), value)| GroupView::read(&any, &key, &value).unwrap());
        let mut counts: Vec<_> = groups.map(|group| group.contributions).collect();
        counts.sort_unstable();
        counts
    }

    fn reasons(&self) -> Vec<String> {
        let reason =
            |record: Record| String::from_utf8(header(&record.headers, "reason").unwrap().to_vec()).unwrap();
        self.log.records("app.dead-letters").into_iter().map(reason).collect()
    }
}

fn customer(id: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(id))
}

#[test]
fn a_rule_takes_effect_on_the_live_stream_and_fires_once() {
    let mut world = World::new();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    world.rule(customer(1), 7, "$.a", 2);
    world.settle();
    (0..4).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    assert_eq!(world.alerts(), [(1, 7, 2)]);
    assert_eq!(
        world.counts(),
        [5],
        "the event before the rule counts too: the original control message wants history"
    );
    assert!(world.status.reasons().is_empty());
}

/// What has not come is noticed although nothing comes at all.
#[test]
fn time_goes_on_for_a_customer_that_is_silent() {
    let mut world = World::new();
    let id = customer(1);
    let rule = json!({
        "customerId": id, "alertId": Uuid::from_u128(7), "alertName": "late",
        "pattern": {"type": "absence", "within": "5s", "steps": [
            {"id": "start", "match": "$.a == 1"}, {"id": "end", "match": "$.a == 2"}
        ]}
    });
    world.append(
        "app.controls",
        Some(&format!("{id}/{}", Uuid::from_u128(7))),
        Some(rule.to_string()),
        Vec::new(),
    );
    world.settle();
    world.event(id, &json!({"a": 1}));
    world.settle();
    assert_eq!(world.alerts(), []);
    world.turns_for(Duration::from_secs(61));
    assert_eq!(world.alerts(), [], "a minute of silence is none, and five seconds are missing");
    world.turns_for(Duration::from_secs(4));
    world.crash();
    world.turns_for(Duration::from_secs(3));
    world.settle();
    assert_eq!(world.alerts(), [(1, 7, 5000)]);
    world.turns_for(Duration::from_secs(100));
    assert_eq!(world.alerts().len(), 1, "it is noticed once");
}

/// The same while others send: their records tell how late it is.
#[test]
fn time_goes_on_for_a_silent_customer_while_others_send() {
    let mut world = World::new();
    let id = customer(1);
    let home = |customer: &CustomerId| partition_of(customer.to_string().as_bytes(), PARTITIONS);
    let other = (2..).map(customer).find(|other| home(other) == home(&id)).unwrap();
    let rule = json!({
        "customerId": id, "alertId": Uuid::from_u128(7), "alertName": "late",
        "pattern": {"type": "absence", "within": "5s", "steps": [
            {"id": "start", "match": "$.a == 1"}, {"id": "end", "match": "$.a == 2"}
        ]}
    });
    let key = format!("{id}/{}", Uuid::from_u128(7));
    world.append("app.controls", Some(&key), Some(rule.to_string()), Vec::new());
    world.settle();
    world.event(id, &json!({"a": 1}));
    world.settle();
    let mut send_for = |seconds| {
        for _ in 0..seconds {
            let millis = world.ticks.load(Ordering::Relaxed) * 5;
            world.log.set_now(Timestamp(millis.cast_signed()));
            world.event(other, &json!({"b": 1}));
            world.turns_for(Duration::from_secs(1));
        }
        world.alerts()
    };
    assert_eq!(send_for(62), [], "a minute of silence is none, and five seconds are missing");
    assert_eq!(send_for(8), [(1, 7, 5000)]);
    assert_eq!(send_for(70).len(), 1, "it is noticed once");
}

#[test]
fn every_partition_commits_that_a_rule_is_in_force_also_idle_ones() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 2);
    world.settle();
    let committed = world.log.committed("app", "events").unwrap();
    let control = |committed: Option<Committed>| {
        committed.unwrap().metadata.parse::<ports::Position>().unwrap().control
    };
    assert_eq!(committed.into_iter().map(control).collect::<Vec<_>>(), [engine::Offset(1); 3]);
}

#[test]
fn bad_records_are_dead_letters_and_the_stream_goes_on() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 1);
    world.append("app.controls", Some("nonsense"), Some("{}".into()), Vec::new());
    world.append("events", Some(&customer(1).to_string()), Some("{".into()), Vec::new());
    let stray = (0..).map(|id| format!("key-{id}")).find(|key| {
        partition_of(key.as_bytes(), PARTITIONS)
            != partition_of(customer(1).to_string().as_bytes(), PARTITIONS)
    });
    let misplaced = json!({"customerId": customer(1), "payload": {"a": 1}});
    world.append("events", stray.as_deref(), Some(misplaced.to_string()), Vec::new());
    world.settle();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!(world.alerts(), [(1, 7, 1)]);
    let mut reasons = world.reasons();
    reasons.sort_unstable();
    assert_eq!(reasons, ["TOC-2003", "TOC-2010", "TOC-2011"]);
}

#[test]
fn a_stale_control_record_changes_nothing() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 1);
    let rule = json!({"customerId": customer(1), "alertId": Uuid::from_u128(7), "jsonPath": "$.b"});
    let stale = vec![Header::new(EXPECTED_VERSION_HEADER, "9")];
    world.append("app.controls", None, Some(rule.to_string()), stale);
    world.settle();
    world.event(customer(1), &json!({"b": 1}));
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!(world.alerts(), [(1, 7, 1)]);
    assert!(world.reasons().is_empty());
}

#[test]
fn deleting_a_rule_erases_what_it_counted() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 5);
    world.rule(customer(1), 8, "$.a", 5);
    world.settle();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!(world.counts(), [1, 1]);
    world.delete(customer(1), 7);
    world.settle();
    world.sweep();
    assert_eq!(world.counts(), [1]);
}

#[test]
fn deleting_a_global_rule_erases_what_it_counted_for_every_customer_also_after_crashes() {
    let mut world = World::new();
    world.rule(CustomerId::GLOBAL, 7, "$.a", 5);
    world.rule(customer(1), 8, "$.a", 5);
    world.settle();
    (1..20).for_each(|id| world.event(customer(id), &json!({"a": 1})));
    world.settle();
    assert_eq!(world.counts().len(), 20);
    world.delete(CustomerId::GLOBAL, 7);
    world.settle();
    world.crash();
    (0..PARTITIONS).for_each(|partition| world.stores.remove(Partition(partition)).unwrap());
    world.settle();
    world.sweep();
    assert_eq!(world.counts(), [1]);
}

/// The original system never looked at a rule again once it was there.
#[test]
fn a_lowered_threshold_fires_on_save_once_also_after_crashes_and_refused_commits() {
    let mut world = World::new();
    world.rule(CustomerId::GLOBAL, 7, "$.a", 3);
    world.settle();
    for id in 1..40 {
        (0..2).for_each(|_| world.event(customer(id), &json!({"a": 1})));
    }
    world.settle();
    assert_eq!(world.alerts(), []);
    world.log.refuse_commits(2);
    world.rule(CustomerId::GLOBAL, 7, "$.a", 2);
    for turns in [1, 2, 3, 5, 40] {
        (0..turns).for_each(|_| world.turn().unwrap());
        world.crash();
    }
    world.settle();
    world.sweep();
    assert_eq!(world.alerts(), (1..40).map(|id| (id, 7, 2)).collect::<Vec<_>>());
}

#[test]
fn a_partition_whose_offsets_are_gone_stops_and_says_so() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 1);
    world.settle();
    world.crash();
    let fresh = World::new();
    world.log = fresh.log;
    for _ in 0..10 {
        world.turn().unwrap();
    }
    let reasons = world.status.reasons();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].contains("has no committed offset for partition 0"), "{}", reasons[0]);
}

/// The changelog forgets what lies before a checkpoint of the partition's present store.
fn checkpoint_and_trim(world: &World, partition: Partition) {
    let contents = world.stores.contents(partition);
    if let Some(position) = contents.get(&(Table::Meta, ports::POSITION_KEY)) {
        let position: ports::Position = std::str::from_utf8(position).unwrap().parse().unwrap();
        world.stores.checkpoint(partition);
        world.log.trim("app.changelog", partition, position.changelog);
    }
}

#[test]
fn a_lost_store_comes_back_from_a_checkpoint_and_the_rest_of_the_changelog() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 4);
    world.settle();
    (0..2).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    (0..PARTITIONS).for_each(|partition| checkpoint_and_trim(&world, Partition(partition)));
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    world.crash();
    (0..PARTITIONS).for_each(|partition| world.stores.remove(Partition(partition)).unwrap());
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!((world.alerts(), world.counts()), (vec![(1, 7, 4)], vec![4]));
}

#[test]
fn what_neither_store_nor_checkpoint_nor_changelog_has_stops_one_partition_and_no_other() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 4);
    world.settle();
    world.crash();
    let end = world.log.bounds("app.changelog", Partition(1)).unwrap().end;
    world.log.trim("app.changelog", Partition(1), end);
    world.stores.remove(Partition(1)).unwrap();
    (0..10).for_each(|_| world.turn().unwrap());
    let reasons = world.status.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].starts_with("partition 1 has stopped"), "{}", reasons[0]);
    assert!(reasons[0].contains("no sound checkpoint reaches that far"), "{}", reasons[0]);
}

#[test]
fn offsets_that_are_gone_are_not_taken_for_a_first_start_while_there_is_a_checkpoint() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 1);
    world.settle();
    (0..PARTITIONS).for_each(|partition| world.stores.checkpoint(Partition(partition)));
    world.crash();
    world.log = World::new().log;
    (0..PARTITIONS).for_each(|partition| world.stores.remove(Partition(partition)).unwrap());
    (0..10).for_each(|_| world.turn().unwrap());
    let reasons = world.status.reasons();
    assert!(reasons[0].contains("although a checkpoint shows that it has run"), "{reasons:?}");
}

/// What the doctor does when a group has lost its offsets.
#[test]
fn offsets_that_are_gone_can_be_taken_from_the_changelog() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 4);
    (0..3).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    world.crash();
    let before = world.log.committed("app", "events").unwrap();
    world.log.forget_committed("app", "events");
    let position = |partition| {
        crate::last_position(&world.log, "app", "app.changelog", Partition(partition)).unwrap().unwrap()
    };
    let seeds: Vec<_> = (0..PARTITIONS)
        .map(|partition| {
            let position = position(partition);
            (Partition(partition), Committed { next: position.next, metadata: position.to_string() })
        })
        .collect();
    assert_eq!(seeds.iter().map(|(_, seed)| Some(seed.clone())).collect::<Vec<_>>(), before);
    world.log.seed("app", "events", &seeds).unwrap();
    world.event(customer(1), &json!({"a": 1}));
    world.settle();
    assert_eq!((world.alerts(), world.counts()), (vec![(1, 7, 4)], vec![4]));
}

fn savepoint(world: &World, id: u8) -> rules::SavepointId {
    let id = rules::SavepointId::from_bytes([id; 16]);
    world.append("app.controls", Some(&rules::Control::savepoint_key(id)), Some("{}".into()), Vec::new());
    id
}

/// Timeline, next event and next control record of each part.
fn parts(world: &World, id: rules::SavepointId) -> Vec<Option<ports::Position>> {
    let position = |contents: BTreeMap<(Table, engine::Key), Bytes>| {
        std::str::from_utf8(&contents[&(Table::Meta, ports::POSITION_KEY)]).unwrap().parse().unwrap()
    };
    (0..PARTITIONS).map(|partition| world.stores.part(id, Partition(partition)).map(position)).collect()
}

#[test]
fn every_partition_takes_its_part_of_a_savepoint_at_one_line_of_the_rules() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 2);
    let id = savepoint(&world, 1);
    world.rule(customer(1), 8, "$.a", 2);
    (0..2).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    let controls: Vec<_> = parts(&world, id).into_iter().map(|part| part.unwrap().control).collect();
    assert_eq!(controls, [engine::Offset(2); 3], "the rule after it is not in force in it");
    let rules = |partition| {
        let part = world.stores.part(id, Partition(partition)).unwrap();
        part.keys().filter(|(table, _)| *table == Table::Rules).count()
    };
    assert_eq!((0..PARTITIONS).map(rules).collect::<Vec<_>>(), [1, 1, 1]);
    assert!(world.reasons().is_empty(), "its record is no dead letter");
}

/// The commit that names the savepoint has happened; the crash came before its parts were taken.
#[test]
fn a_recovery_that_finds_a_savepoint_without_its_part_takes_it_at_its_line() {
    for lost_disk in [false, true] {
        let mut world = World::new();
        world.rule(customer(1), 7, "$.a", 9);
        world.event(customer(1), &json!({"a": 1}));
        world.settle();
        world.stores.refuse_savepoints(PARTITIONS);
        let id = savepoint(&world, 1);
        world.settle();
        assert_eq!(parts(&world, id), [const { None }; 3]);
        if lost_disk {
            // Then what came after it is replayed, too, and must not be in it.
            world.event(customer(1), &json!({"a": 1}));
            world.settle();
        }
        world.crash();
        if lost_disk {
            (0..PARTITIONS).for_each(|partition| world.stores.remove(Partition(partition)).unwrap());
        }
        world.settle();
        (0..10).for_each(|_| world.turn().unwrap());
        let events: u64 = parts(&world, id).into_iter().map(|part| part.unwrap().next.0).sum();
        assert_eq!(events, 1, "lost disk: {lost_disk}");
    }
}

#[test]
fn a_partition_that_was_elsewhere_takes_its_part_of_a_savepoint_that_the_others_have_passed() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 9);
    world.settle();
    world.crash();
    // Partition 0 comes first and reads the rules from its own line on; partition 2 is where it was before them.
    let old = world.log.committed("app", "events").unwrap();
    let id = savepoint(&world, 1);
    world.rule(customer(1), 8, "$.a", 9);
    world.settle();
    let first = parts(&world, id);
    world.crash();
    let behind = old[2].clone().unwrap();
    world.stores.remove(Partition(2)).unwrap();
    let position: ports::Position = behind.metadata.parse().unwrap();
    world.log.seed("app", "events", &[(Partition(2), behind)]).unwrap();
    let next = savepoint(&world, 2);
    world.settle();
    assert_eq!(parts(&world, id), first);
    let controls: Vec<_> = parts(&world, next).into_iter().map(|part| part.unwrap().control).collect();
    assert_eq!(controls, [engine::Offset(4); 3]);
    assert!(position.control < engine::Offset(4));
    assert!(world.status.reasons().is_empty(), "{:?}", world.status.reasons());
}

#[test]
fn a_savepoint_whose_commit_is_refused_is_taken_when_it_gets_through() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 9);
    world.settle();
    world.log.refuse_commits(3);
    let id = savepoint(&world, 1);
    (0..2).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    let events: u64 = parts(&world, id).into_iter().map(|part| part.unwrap().next.0).sum();
    assert!(events <= 2);
    assert_eq!(world.counts(), [2]);
}

#[test]
fn a_commit_that_was_aborted_is_tried_again_with_the_same_work() {
    let mut world = World::new();
    world.rule(customer(1), 7, "$.a", 2);
    world.settle();
    world.log.refuse_commits(3);
    (0..3).for_each(|_| world.event(customer(1), &json!({"a": 1})));
    world.settle();
    assert_eq!((world.alerts(), world.counts()), (vec![(1, 7, 2)], vec![3]));
}

/// What happens to the world, one after the other.
#[derive(Debug, Clone)]
enum Happening {
    Event { customer: u128, kind: usize },
    Turns(usize),
    Crash,
    LostDisk(u32),
    OldStore(u32),
    Checkpoint(u32),
    RefusedCommits(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (1u128..6, 0usize..3).prop_map(|(customer, kind)| Happening::Event { customer, kind }),
        3 => (1usize..60).prop_map(Happening::Turns),
        2 => Just(Happening::Crash),
        1 => (0..PARTITIONS).prop_map(Happening::LostDisk),
        1 => (0..PARTITIONS).prop_map(Happening::OldStore),
        1 => (0..PARTITIONS).prop_map(Happening::Checkpoint),
        1 => (1u32..3).prop_map(Happening::RefusedCommits),
    ]
}

/// The rules of the property test: (customer, alert, kind of event, threshold).
const RULES: [(Option<u128>, u128, usize, u64); 5] =
    [(Some(1), 1, 0, 2), (Some(2), 1, 1, 1), (Some(2), 2, 0, 3), (None, 3, 0, 2), (None, 4, 2, 4)];

/// What must come out: every event counted once, every rule fired once at its threshold.
fn expected(events: &[(u128, usize)]) -> (Vec<(u128, u128, u64)>, Vec<u64>) {
    let mut counts: BTreeMap<(u128, u128), u64> = BTreeMap::new();
    let mut alerts = Vec::new();
    for (customer, kind) in events {
        for (owner, alert, wanted, threshold) in RULES {
            if owner.is_none_or(|owner| owner == *customer) && wanted == *kind {
                let count = counts.entry((*customer, alert)).or_default();
                *count += 1;
                if *count == threshold {
                    alerts.push((*customer, alert, threshold));
                }
            }
        }
    }
    alerts.sort_unstable();
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_unstable();
    (alerts, counts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Crashes, refused commits, lost disks and stores that fell behind change nothing of what comes out.
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(happenings in proptest::collection::vec(happening(), 1..60)) {
        let mut world = World::new();
        for (owner, alert, kind, threshold) in RULES {
            let owner = owner.map_or(CustomerId::GLOBAL, customer);
            world.rule(owner, alert, ["$.a", "$.b", "$.c"][kind], i64::try_from(threshold).unwrap());
        }
        world.settle();
        let old = world.stores.contents(Partition(0));
        let old = (old, world.stores.contents(Partition(1)), world.stores.contents(Partition(2)));
        let mut events = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Event { customer: id, kind } => {
                    events.push((id, kind));
                    world.event(customer(id), &json!({["a", "b", "c"][kind]: 1}));
                },
                Happening::Turns(count) => (0..count).for_each(|_| world.turn().unwrap()),
                Happening::Crash => world.crash(),
                Happening::LostDisk(partition) => {
                    world.crash();
                    world.stores.remove(Partition(partition)).unwrap();
                },
                Happening::OldStore(partition) => {
                    world.crash();
                    let contents = [&old.0, &old.1, &old.2][partition as usize].clone();
                    world.stores.replace(Partition(partition), contents);
                },
                Happening::Checkpoint(partition) => checkpoint_and_trim(&world, Partition(partition)),
                Happening::RefusedCommits(count) => world.log.refuse_commits(count),
            }
        }
        world.settle();
        let (alerts, counts) = expected(&events);
        prop_assert_eq!(world.alerts(), alerts);
        prop_assert_eq!(world.counts(), counts);
        prop_assert!(world.status.reasons().is_empty());
    }
}

mod bootstrap;
