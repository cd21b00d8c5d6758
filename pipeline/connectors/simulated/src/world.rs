//! The world: its time, its faults, and everything that is outside of a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::{Offset, Partition, Timestamp};
use ports::{Committed, Error, ErrorKind, Record, Result};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::broker::Broker;
use crate::chance::below;
use crate::checkpoints::Kept;
use crate::fault::{Fault, Faults, Point};
use crate::group::{Group, MemberState};
use crate::mutation::Mutation;
use crate::process::{Crashed, Process, ProcessId};
use crate::seen::Seen;
use crate::stores::Disk;

/// Runs the others while a process is stopped.
pub trait Meanwhile: Send + Sync {
    /// Lets so many milliseconds pass for everybody who is not stopped.
    fn pass(&self, millis: u64);
}

/// The world. Clones share it.
#[derive(Clone)]
pub struct World(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    meanwhile: Mutex<Option<Arc<dyn Meanwhile>>>,
}

/// What a call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    Refused,
    Aborted,
    AnswerLost { settled: bool },
    Slow { millis: u64 },
}

impl Verdict {
    /// For calls that can be done or refused, and nothing else.
    pub(crate) fn or_refused(self) -> Result<()> {
        match self {
            Self::Refused => {
                Err(Error::new(ErrorKind::Unavailable, "the call was refused by the simulation"))
            },
            Self::Go | Self::Aborted | Self::AnswerLost { .. } | Self::Slow { .. } => Ok(()),
        }
    }
}

/// Everything outside of the processes.
pub(crate) struct State {
    pub(crate) seed: u64,
    faults: Faults,
    pub(crate) mutation: Option<Mutation>,
    /// Milliseconds since the beginning.
    pub(crate) now: u64,
    /// The time of day at the beginning.
    base: i64,
    pub(crate) calls: u64,
    injected: Vec<(u64, Point, Fault)>,
    points: Vec<Point>,
    trace: Vec<String>,
    fingerprint: u64,
    pub(crate) seen: Vec<Seen>,
    pub(crate) processes: Vec<Process>,
    pub(crate) broker: Broker,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) members: BTreeMap<u64, MemberState>,
    pub(crate) disks: BTreeMap<String, Disk>,
    pub(crate) kept: Kept,
    pub(crate) readers: u64,
}

impl World {
    /// An empty world that begins at a time of day.
    pub fn new(seed: u64, base: Timestamp, faults: Faults, mutation: Option<Mutation>) -> Self {
        let (injected, points, trace, seen, processes) = Default::default();
        let (broker, groups, members, disks) = Default::default();
        let state = State {
            seed,
            faults,
            mutation,
            now: 0,
            base: base.0,
            calls: 0,
            injected,
            points,
            trace,
            fingerprint: 0,
            seen,
            processes,
            broker,
            groups,
            members,
            disks,
            kept: Kept::default(),
            readers: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), meanwhile: Mutex::new(None) }))
    }

    /// Says who runs the others while a process is stopped; nobody, at the end of a run.
    pub fn set_meanwhile(&self, meanwhile: Option<Arc<dyn Meanwhile>>) {
        *self.0.meanwhile.lock().expect("no holder of the lock panics") = meanwhile;
    }

    /// From now on nothing goes wrong.
    pub fn calm_down(&self) {
        self.lock().faults = Faults::None;
    }

    /// Starts a process of a lasting name.
    pub fn start_process(&self, name: &str) -> ProcessId {
        let mut state = self.lock();
        let id = ProcessId(u32::try_from(state.processes.len()).unwrap_or(u32::MAX));
        let process = Process { name: name.to_owned(), alive: true, stopped: false, skew: 0 };
        state.processes.push(process);
        state.note(&format!("{id} starts as {name}"));
        id
    }

    /// A process has ended: it beats no more, and its session will time out.
    pub fn end_process(&self, process: ProcessId) {
        self.lock().die(process);
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.lock().now
    }

    /// Lets time pass for everybody.
    pub fn pass(&self, millis: u64) {
        self.lock().advance(millis);
    }

    /// The time of day and the time since the beginning, as a process sees them.
    pub fn time(&self, process: ProcessId) -> (Timestamp, Duration) {
        let mut state = self.lock();
        let wall = state.wall(process);
        state.seen.push(Seen::Time { process, wall });
        (wall, Duration::from_millis(state.now))
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The faults that happened: the number of the call, where, and what.
    pub fn injected(&self) -> Vec<(u64, Point, Fault)> {
        self.lock().injected.clone()
    }

    /// Where each call stood, in order.
    pub fn points(&self) -> Vec<Point> {
        self.lock().points.clone()
    }

    /// Takes out what was seen.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.lock().seen)
    }

    /// What happened, line by line.
    pub fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }

    /// Names the whole trace: equal for equal runs.
    pub fn fingerprint(&self) -> u64 {
        self.lock().fingerprint
    }

    /// All readable records of a topic, by partition and offset, for whoever checks a run.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let state = self.lock();
        let partitions = (0..state.broker.partitions(topic).unwrap_or(0)).map(Partition);
        let read = |partition| state.broker.read(topic, partition, Offset(0), usize::MAX, false);
        partitions.filter_map(|partition| read(partition).ok()).flat_map(|(records, _)| records).collect()
    }

    /// What a group has committed, for whoever checks a run.
    pub fn committed(&self, group: &str, topic: &str, partition: Partition) -> Option<Committed> {
        self.lock().broker.committed(group, topic, partition)
    }

    /// Who owns which partition of a group.
    pub fn owners(&self, group: &str) -> BTreeMap<Partition, ProcessId> {
        let state = self.lock();
        let owner = state.groups.get(group).map(|group| group.owner.clone()).unwrap_or_default();
        owner.into_iter().filter_map(|(at, id)| Some((at, state.members.get(&id)?.process))).collect()
    }

    /// Adds a line to the trace.
    pub fn note(&self, line: &str) {
        self.lock().note(line);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no holder of the lock panics")
    }

    /// A process comes to a point. What goes wrong with the process happens here; what goes wrong with the call is the
    /// answer.
    pub(crate) fn reach(&self, process: ProcessId, point: Point, what: &dyn std::fmt::Display) -> Verdict {
        let mut state = self.lock();
        if !state.processes[process.0 as usize].alive {
            drop(state);
            unwind(process);
        }
        let call = state.calls;
        state.calls += 1;
        if !matches!(point, Point::StoreRead | Point::Poll) {
            let cost = below(state.seed, call, 10, 3);
            state.advance(cost);
        }
        state.points.push(point);
        let fault = state.faults.at(state.seed, call, point);
        if point != Point::StoreRead || fault.is_some() {
            let what = fault.map_or_else(|| format!("{what}"), |fault| format!("{what} !! {fault}"));
            let line = format!("#{call} t={} {process} {point:?} {what}", state.now);
            state.note(&line);
        }
        let Some(fault) = fault else { return Verdict::Go };
        state.injected.push((call, point, fault));
        match fault {
            Fault::Crash | Fault::PowerLoss { .. } | Fault::LostDisk | Fault::DamagedDisk => {
                state.break_disk(process, fault);
                state.die(process);
                drop(state);
                unwind(process)
            },
            Fault::Stop { millis } => {
                state.processes[process.0 as usize].stopped = true;
                drop(state);
                self.stand_still(process, millis);
                Verdict::Go
            },
            Fault::Expelled => {
                state.expel(process);
                Verdict::Go
            },
            Fault::Rebalance => {
                state.deal_anew(call);
                Verdict::Go
            },
            Fault::ClockJump { millis } => {
                state.processes[process.0 as usize].skew = millis;
                Verdict::Go
            },
            Fault::Refused => Verdict::Refused,
            Fault::Aborted => Verdict::Aborted,
            Fault::AnswerLost { settled } => Verdict::AnswerLost { settled },
            Fault::Slow { millis } => Verdict::Slow { millis },
        }
    }

    fn stand_still(&self, process: ProcessId, millis: u64) {
        let meanwhile = self.0.meanwhile.lock().expect("no holder of the lock panics").clone();
        match meanwhile {
            Some(meanwhile) => meanwhile.pass(millis),
            None => self.pass(millis),
        }
        let mut state = self.lock();
        state.processes[process.0 as usize].stopped = false;
        let line = format!("t={} {process} goes on", state.now);
        state.note(&line);
    }
}

/// Ends the code of a process that died, wherever it stands.
fn unwind(process: ProcessId) -> ! {
    std::panic::resume_unwind(Box::new(Crashed(process)))
}

impl State {
    pub(crate) fn note(&mut self, line: &str) {
        self.fingerprint = xxh3_64_with_seed(line.as_bytes(), self.fingerprint);
        self.trace.push(line.to_owned());
    }

    pub(crate) fn wall(&self, process: ProcessId) -> Timestamp {
        let skew = self.processes[process.0 as usize].skew;
        Timestamp(self.base + i64::try_from(self.now).unwrap_or(i64::MAX) + skew)
    }

    /// Whether readers see what is not committed.
    pub(crate) fn is_dirty(&self) -> bool {
        self.mutation == Some(Mutation::UncommittedIsRead)
    }

    /// The time of day at the brokers.
    pub(crate) fn broker_time(&self) -> Timestamp {
        Timestamp(self.base + i64::try_from(self.now).unwrap_or(i64::MAX))
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.expire_sessions();
        for transaction in self.broker.timed_out(self.now) {
            self.note(&format!("t={} transaction {transaction} times out", self.now));
            self.broker.end(transaction, false);
        }
    }

    fn die(&mut self, process: ProcessId) {
        let dead = &mut self.processes[process.0 as usize];
        if std::mem::take(&mut dead.alive) {
            self.seen.push(Seen::Died { process });
            let line = format!("t={} {process} is dead", self.now);
            self.note(&line);
        }
    }

    fn break_disk(&mut self, process: ProcessId, fault: Fault) {
        let name = self.processes[process.0 as usize].name.clone();
        let (seed, call) = (self.seed, self.calls);
        let disk = self.disks.entry(name).or_default();
        match fault {
            Fault::PowerLoss { writes } => disk.lose_tails(|place| below(seed, call, 20 + place, writes + 1)),
            Fault::LostDisk => *disk = Disk::default(),
            Fault::DamagedDisk => disk.damage(),
            _ => {},
        }
    }
}
