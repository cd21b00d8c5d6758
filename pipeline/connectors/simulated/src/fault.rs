//! Faults: what may go wrong, at which calls, and how often.

use std::collections::BTreeMap;
use std::fmt;

use crate::chance::{below, draw};

/// A moment at which something may go wrong: a call of a port, or a step within a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Joining the group.
    Join,
    /// A question to the log: partitions, bounds, committed positions.
    Ask,
    /// A reader is opened or polled.
    Read,
    /// The member is polled.
    Poll,
    /// A partition is started.
    Start,
    /// A revoked partition is given up.
    Release,
    /// A commit begins.
    CommitBegin,
    /// Its records are written, in an open transaction.
    CommitWritten,
    /// Its positions are part of the transaction.
    CommitSent,
    /// The transaction is committed, the writer does not know yet.
    CommitEnded,
    /// A store is opened or removed.
    StoreOpen,
    /// A store is read.
    StoreRead,
    /// A store is about to be written.
    StoreWrite,
    /// A store was written, the caller does not know yet.
    StoreWritten,
    /// A checkpoint is asked for.
    Restore,
    /// A part of a savepoint is about to be taken.
    Part,
}

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies at once; what it has written stays.
    Crash,
    /// The machine dies: each store loses up to so many of its last writes.
    PowerLoss {
        /// The most writes that a store loses.
        writes: u64,
    },
    /// The process dies and its disk comes back empty.
    LostDisk,
    /// The process dies and its stores cannot be read any more.
    DamagedDisk,
    /// The process is stopped and goes on later, knowing nothing of it.
    Stop {
        /// For how long, in milliseconds.
        millis: u64,
    },
    /// The call is answered with "unavailable" and does nothing.
    Refused,
    /// The transaction is aborted.
    Aborted,
    /// The answer to the end of a transaction is lost.
    AnswerLost {
        /// Whether the writer can find out what became of it.
        settled: bool,
    },
    /// The group takes the process for dead.
    Expelled,
    /// The group deals its partitions anew.
    Rebalance,
    /// Nothing comes although there is something.
    Slow {
        /// For how long, in milliseconds.
        millis: u64,
    },
    /// The time of day jumps for the process.
    ClockJump {
        /// By how much, in milliseconds.
        millis: i64,
    },
}

impl Fault {
    /// Whether it can happen at a point.
    pub fn is_possible_at(self, point: Point) -> bool {
        use Point::{
            Ask, CommitBegin, CommitEnded, CommitSent, CommitWritten, Join, Poll, Read, Start, StoreOpen,
        };
        match self {
            Fault::Crash
            | Fault::PowerLoss { .. }
            | Fault::LostDisk
            | Fault::DamagedDisk
            | Fault::Stop { .. } => true,
            Fault::Refused => {
                matches!(
                    point,
                    Join | Ask | Read | Poll | Start | StoreOpen | Point::StoreWrite | Point::Restore
                )
            },
            Fault::Aborted => matches!(point, CommitBegin | CommitWritten | CommitSent),
            Fault::AnswerLost { .. } => matches!(point, CommitSent | CommitEnded),
            Fault::Expelled | Fault::Rebalance => {
                matches!(point, Poll | CommitBegin | CommitWritten | CommitSent)
            },
            Fault::Slow { .. } => matches!(point, Poll | Read | Point::Restore),
            Fault::ClockJump { .. } => point == Poll,
        }
    }

    /// What the fault is called at a point, for counts.
    pub fn kind(self, point: Point) -> &'static str {
        let within = matches!(point, Point::CommitWritten | Point::CommitSent);
        let ended = matches!(point, Point::CommitEnded | Point::StoreWrite);
        match self {
            Self::Crash if within => "crash within a commit",
            Self::Crash if ended => "crash between commit and store",
            Self::Crash => "crash between two calls",
            Self::PowerLoss { .. } => "power loss, stores lose their tails",
            Self::LostDisk => "disk lost",
            Self::DamagedDisk => "store damaged",
            Self::Stop { millis } if millis > crate::group::SESSION_TIMEOUT => {
                if within {
                    "zombie within a commit"
                } else {
                    "zombie"
                }
            },
            Self::Stop { .. } => "short stop",
            Self::Refused => "call refused",
            Self::Aborted => "transaction aborted",
            Self::AnswerLost { settled: true } => "answer of a commit lost, found out",
            Self::AnswerLost { settled: false } => "answer of a commit lost, never known",
            Self::Expelled => "session time-out",
            Self::Rebalance => "rebalance",
            Self::Slow { .. } => "slow fetch",
            Self::ClockJump { .. } => "clock jump",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// How likely faults are, in one of ten thousand calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// At a step of a commit or of a write to a store.
    pub commit: u64,
    /// At a poll of the member.
    pub poll: u64,
    /// At any other call but a read of a store.
    pub call: u64,
    /// At a read of a store.
    pub read: u64,
}

impl Rates {
    /// Some faults in every run.
    pub const USUAL: Self = Self { commit: 350, poll: 150, call: 60, read: 4 };

    fn at(&self, point: Point) -> u64 {
        match point {
            Point::CommitBegin
            | Point::CommitWritten
            | Point::CommitSent
            | Point::CommitEnded
            | Point::StoreWrite
            | Point::StoreWritten
            | Point::Release
            | Point::Start
            | Point::StoreOpen
            | Point::Restore
            | Point::Part
            | Point::Join => self.commit,
            Point::Poll => self.poll,
            Point::Ask | Point::Read => self.call,
            Point::StoreRead => self.read,
        }
    }
}

/// Where faults come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Faults {
    /// Nothing goes wrong.
    None,
    /// From the seed.
    Random(Rates),
    /// From a list, by the number of the call.
    Listed(BTreeMap<u64, Fault>),
}

impl Faults {
    /// The fault at a call, if there is one.
    pub(crate) fn at(&self, seed: u64, call: u64, point: Point) -> Option<Fault> {
        match self {
            Self::None => None,
            Self::Random(rates) => {
                (below(seed, call, 1, 10_000) < rates.at(point)).then(|| random(seed, call, point)).flatten()
            },
            Self::Listed(list) => list.get(&call).copied().filter(|fault| fault.is_possible_at(point)),
        }
    }
}

/// The most by which a clock jumps to either side; silence is only noticed after much longer.
const CLOCK_JUMP_MAX: i64 = 20_000;

fn random(seed: u64, call: u64, point: Point) -> Option<Fault> {
    let number = |purpose: u64, bound: u64| below(seed, call, purpose, bound);
    let stop = [50, 700, 3_000, 7_000, 9_000, 15_000][usize::try_from(number(2, 6)).unwrap_or(0)];
    let jump = i64::try_from(number(3, 2 * CLOCK_JUMP_MAX.unsigned_abs())).unwrap_or(0) - CLOCK_JUMP_MAX;
    let all = [
        Fault::Crash,
        Fault::Crash,
        Fault::Stop { millis: stop },
        Fault::PowerLoss { writes: 1 + number(4, 4) },
        if number(5, 2) == 0 { Fault::LostDisk } else { Fault::DamagedDisk },
        Fault::Refused,
        Fault::Aborted,
        Fault::AnswerLost { settled: number(6, 3) > 0 },
        Fault::AnswerLost { settled: number(6, 3) > 0 },
        Fault::Expelled,
        Fault::Rebalance,
        Fault::Rebalance,
        Fault::Slow { millis: 1 + number(7, 400) },
        Fault::Slow { millis: 1 + number(7, 400) },
        Fault::ClockJump { millis: jump },
    ];
    let possible: Vec<Fault> = all.into_iter().filter(|fault| fault.is_possible_at(point)).collect();
    let index = draw(seed, call, 8) % possible.len().max(1) as u64;
    possible.get(usize::try_from(index).ok()?).copied()
}
