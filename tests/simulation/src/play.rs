//! Lets workers live through a scenario, one call at a time.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::{Offset, Partition};
use ports::{ErrorKind, Log, Position, Topics};
use simulated::{
    Crashed, Fault, Meanwhile, Point, ProcessId, Seen, SimulatedLog, SimulatedStores, Tables, World, draw,
};
use worker::{Clock, Moment, PartitionState, Settings, StatusBoard, Stop, Worker};

use crate::scenario::{How, Item, Scenario, What};
use crate::{APP, BASE, IDLE};

/// How deep stopped processes may lie in one another.
const DEPTH_MAX: u32 = 2;

/// After so many rounds without faults everything must be committed.
const SETTLE_ROUNDS_MAX: usize = 3_000;

/// Longer than any timer of the rules waits.
const LONG: u64 = 3 * 3_600_000;

/// A run to its end.
#[derive(Debug, Default)]
pub struct Played {
    /// What was seen at the ports.
    pub seen: Vec<Seen>,
    /// The faults that happened: number of the call, where, what.
    pub injected: Vec<(u64, Point, Fault)>,
    /// Where each call stood, in order.
    pub points: Vec<Point>,
    /// The faults from outside that happened, by kind.
    pub outside: BTreeMap<&'static str, u64>,
    /// What happened, line by line.
    pub trace: Vec<String>,
    /// Names the whole trace.
    pub fingerprint: u64,
    /// What workers said that must not be said, or that they did not come to an end.
    pub wrong: Vec<String>,
    /// The readable records of all topics.
    pub records: BTreeMap<String, Vec<ports::Record>>,
    /// The stores of the partitions, of those who own them at the end.
    pub stores: BTreeMap<Partition, Tables>,
}

struct WorldClock(World, ProcessId);

impl Clock for WorldClock {
    fn now(&self) -> Moment {
        let (wall, monotonic) = self.0.time(self.1);
        Moment { wall, monotonic }
    }
}

#[derive(Default)]
struct Slot {
    worker: Option<Worker>,
    process: Option<ProcessId>,
    running: bool,
    down_until: u64,
    status: StatusBoard,
}

/// A run.
struct Run {
    world: World,
    /// Writes what comes from outside.
    operator: SimulatedLog,
    scenario: Scenario,
    slots: Mutex<Vec<Slot>>,
    delivered: AtomicUsize,
    turns: AtomicU64,
    depth: AtomicU32,
    wrong: Mutex<Vec<String>>,
    outside: Mutex<BTreeMap<&'static str, u64>>,
}

/// Lets workers live through a scenario.
pub fn play(scenario: &Scenario) -> Played {
    let base = engine::Timestamp(BASE);
    let world = World::new(scenario.seed, base, scenario.faults.clone(), scenario.mutation);
    let topics = Topics::of(APP);
    let operator = SimulatedLog::new(world.clone(), world.start_process("operator"));
    operator.create_topics(&topics.specs(scenario.partitions)).expect("topics can be made");
    let slots = (0..scenario.workers).map(|_| Slot::default()).collect();
    let run = Arc::new(Run {
        world: world.clone(),
        operator,
        scenario: scenario.clone(),
        slots: Mutex::new(slots),
        delivered: AtomicUsize::new(0),
        turns: AtomicU64::new(0),
        depth: AtomicU32::new(0),
        wrong: Mutex::default(),
        outside: Mutex::default(),
    });
    world.set_meanwhile(Some(Arc::clone(&run) as Arc<dyn Meanwhile>));
    run.live();
    world.set_meanwhile(None);
    let owners = world.owners(APP);
    let store = |(partition, process)| {
        Some((partition, SimulatedStores::new(world.clone(), process).contents(partition)?))
    };
    let names =
        [&topics.events, &topics.controls, &topics.alerts, &topics.alerts_shadow, &topics.dead_letters];
    let names = names.into_iter().chain([&topics.late, &topics.changelog]);
    let (seen, mut outside) = (world.take_seen(), run.outside.lock().expect("nobody panics").clone());
    let restored = seen.iter().filter(|seen| matches!(seen, Seen::Restored { .. })).count() as u64;
    outside.insert("store restored from a checkpoint", restored);
    Played {
        seen,
        injected: world.injected(),
        points: world.points(),
        outside,
        trace: world.trace(),
        fingerprint: world.fingerprint(),
        wrong: run.wrong.lock().expect("nobody panics").clone(),
        records: names.map(|name| (name.clone(), world.records(name))).collect(),
        stores: owners.into_iter().filter_map(store).collect(),
    }
}

impl Run {
    /// The whole story: what happens from outside, a long silence with faults, then calm.
    fn live(&self) {
        while self.live_on() {}
        for (silence, turns) in [(0, 60), (LONG, 40)] {
            self.world.pass(silence);
            for _ in 0..turns {
                self.turn();
                self.world.pass(self.choose(200));
            }
        }
        self.world.calm_down();
        self.settle();
        for _ in 0..2 {
            self.world.pass(LONG);
            for _ in 0..6 {
                self.round();
                self.world.pass(1_000);
            }
            self.settle();
        }
    }

    /// Some turns, then what comes next from outside; answers whether there was anything.
    fn live_on(&self) -> bool {
        for _ in 0..self.choose(7) {
            self.turn();
        }
        let next = self.delivered.load(Ordering::Relaxed);
        let Some(item) = self.scenario.items.get(next) else { return false };
        let left = item.at.saturating_sub(self.world.now());
        if left > IDLE {
            *self.outside.lock().expect("nobody panics").entry("long silence").or_default() += 1;
            self.world.pass(left - 2_000);
            for _ in 0..self.choose(12) {
                self.turn();
                self.world.pass(100);
            }
        }
        self.world.pass(item.at.saturating_sub(self.world.now()));
        self.deliver_due();
        true
    }

    /// Delivers what has come due from outside.
    fn deliver_due(&self) {
        loop {
            let next = self.delivered.load(Ordering::Relaxed);
            let due = self.scenario.items.get(next).filter(|item| item.at <= self.world.now());
            let Some(item) = due else { return };
            self.delivered.store(next + 1, Ordering::Relaxed);
            self.deliver(next, item);
        }
    }

    fn deliver(&self, index: usize, item: &Item) {
        if let Some(fault) = item.fault {
            *self.outside.lock().expect("nobody panics").entry(fault).or_default() += 1;
        }
        self.world.note(&format!("t={} item {index} {:?}", self.world.now(), item.fault));
        match &item.what {
            What::Write(records, How::Plain) => {
                drop(self.operator.append(records.clone()).expect("topics are there"));
            },
            What::Write(records, How::Aborted) => {
                self.operator.transact(records.clone(), false).expect("topics are there");
            },
            What::StopWorker(worker) => self.stop(*worker as usize),
            What::Checkpoint { forgets } => self.checkpoint(*forgets),
        }
    }

    /// Checkpoints are taken. What nobody needs any more is forgotten only while nobody is in the middle of reading it.
    fn checkpoint(&self, forgets: bool) {
        let taken = self.world.checkpoint(APP);
        let is_quiet = self.depth.load(Ordering::Relaxed) == 0;
        let topic = Topics::of(APP).changelog;
        let forgotten = if forgets && is_quiet { self.world.forget_before_checkpoints(&topic) } else { 0 };
        let mut outside = self.outside.lock().expect("nobody panics");
        for (what, times) in [("checkpoint taken", taken), ("changelog cut before a checkpoint", forgotten)] {
            *outside.entry(what).or_default() += times;
        }
    }

    /// Whoever is next does something.
    fn turn(&self) {
        let count = u64::from(self.scenario.workers);
        let index = usize::try_from(self.choose(count)).unwrap_or(0);
        self.step(index);
    }

    /// Everybody does something.
    fn round(&self) {
        (0..self.scenario.workers as usize).for_each(|index| self.step(index));
    }

    fn choose(&self, bound: u64) -> u64 {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        draw(self.scenario.seed, turn, 200) % bound.max(1)
    }

    /// One worker takes a step, or starts.
    fn step(&self, index: usize) {
        let now = self.world.now();
        let mut slots = self.slots.lock().expect("nobody panics");
        let slot = &mut slots[index];
        if slot.running || now < slot.down_until {
            return;
        }
        slot.running = true;
        let (worker, status) = (slot.worker.take(), slot.status.clone());
        if worker.is_none() {
            slot.process = Some(self.world.start_process(&format!("w{index}")));
        }
        let process = slot.process.expect("it was just started");
        drop(slots);
        let work = || match worker {
            Some(mut worker) => worker.step().map(|()| worker),
            None => self.join(index, process, status.clone()),
        };
        let result = catch_unwind(AssertUnwindSafe(work));
        let mut slots = self.slots.lock().expect("nobody panics");
        let slot = &mut slots[index];
        slot.running = false;
        match result {
            Ok(Ok(worker)) => slot.worker = Some(worker),
            Ok(Err(error)) => {
                self.world.end_process(process);
                self.world.note(&format!("  {process} ends: {error}"));
                slot.down_until = self.world.now() + 200;
                if error.kind != ErrorKind::Unavailable {
                    self.accuse(format!("worker w{index} failed: {error}"));
                }
            },
            Err(panic) if panic.is::<Crashed>() => {
                let pause = draw(self.scenario.seed, self.world.calls(), 201) % 9_000;
                slot.down_until = self.world.now() + pause;
            },
            Err(panic) => resume_unwind(panic),
        }
        for (partition, state) in slot.status.read().partitions {
            if let PartitionState::Halted(why) = state {
                self.accuse(format!("partition {partition} has stopped: {why}"));
                slot.status.update(|status| drop(status.partitions.remove(&partition)));
            }
        }
    }

    fn accuse(&self, what: String) {
        self.world.note(&format!("WRONG: {what}"));
        self.wrong.lock().expect("nobody panics").push(what);
    }

    fn join(&self, index: usize, process: ProcessId, status: StatusBoard) -> ports::Result<Worker> {
        let name = format!("w{index}");
        let mut settings = Settings::new(APP, &name);
        settings.idle_after = rules::Span::from_millis(IDLE);
        // So small that limits are met.
        settings.epoch_bytes = 3_000;
        settings.uncommitted_bytes_max = 12_000;
        let log = SimulatedLog::new(self.world.clone(), process);
        let stores = SimulatedStores::new(self.world.clone(), process);
        let clock = WorldClock(self.world.clone(), process);
        Worker::join(settings, Arc::new(log), Box::new(stores), Box::new(clock), status)
    }

    /// Asks a worker to stop in order. It comes back after a while.
    fn stop(&self, index: usize) {
        let mut slots = self.slots.lock().expect("nobody panics");
        let Some(slot) = slots.get_mut(index) else { return };
        let Some(process) = slot.process.filter(|_| slot.worker.is_some()) else { return };
        let worker = slot.worker.take().expect("it was just seen");
        slot.running = true;
        drop(slots);
        let stop = Stop::default();
        stop.request();
        let result = catch_unwind(AssertUnwindSafe(|| worker.run(&stop)));
        self.world.end_process(process);
        let mut slots = self.slots.lock().expect("nobody panics");
        slots[index].running = false;
        slots[index].down_until = self.world.now() + self.choose(12_000);
        match result {
            Ok(Ok(())) => {},
            Ok(Err(error)) => self.world.note(&format!("  {process} ends: {error}")),
            Err(panic) if panic.is::<Crashed>() => {},
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Goes on without faults until everything is committed.
    fn settle(&self) {
        for _ in 0..SETTLE_ROUNDS_MAX {
            self.round();
            self.world.pass(50);
            if self.is_settled() {
                return;
            }
        }
        self.accuse("not everything is committed although nothing goes wrong any more".to_owned());
    }

    fn is_settled(&self) -> bool {
        let topics = Topics::of(APP);
        let mut ends: BTreeMap<Partition, Offset> = BTreeMap::new();
        for record in self.world.records(&topics.events) {
            ends.insert(record.partition, record.offset.next());
        }
        let control =
            self.world.records(&topics.controls).last().map_or(Offset(0), |record| record.offset.next());
        let is_live = self.slots.lock().expect("nobody panics").iter().all(|slot| slot.worker.is_some());
        is_live
            && (0..self.scenario.partitions).map(Partition).all(|partition| {
                let committed = self.world.committed(APP, &topics.events, partition);
                let position = committed.and_then(|committed| committed.metadata.parse::<Position>().ok());
                let (next, followed) = position.map_or_else(Default::default, |at| (at.next, at.control));
                next >= ends.get(&partition).copied().unwrap_or_default() && followed >= control
            })
    }
}

impl Meanwhile for Run {
    fn pass(&self, millis: u64) {
        let end = self.world.now() + millis;
        if self.depth.fetch_add(1, Ordering::Relaxed) < DEPTH_MAX {
            let turns = 4 + self.choose(24);
            for _ in 0..turns {
                self.turn();
                self.deliver_due();
                let left = end.saturating_sub(self.world.now());
                self.world.pass((millis / turns).min(left));
            }
        }
        self.depth.fetch_sub(1, Ordering::Relaxed);
        self.world.pass(end.saturating_sub(self.world.now()));
    }
}
