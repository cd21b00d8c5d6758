//! Buckets: what the contributions of a stretch of time add up to.

use rules::{Aggregate, Amount, Function};
use serde::{Deserialize, Serialize};

use crate::hit::Brought;
use crate::scalar::Hash;
use crate::stream::Timestamp;
use crate::trail::{Named, Trail, Witness};

/// The contributions of all time, of a window, or of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// How many events contributed.
    pub(crate) events: u64,
    /// The event time of the first contribution, and of the last one.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The sum of what came, or how many came.
    pub(crate) sum: Amount,
    /// How many numbers came.
    pub(crate) values: u64,
    pub(crate) min: Option<Amount>,
    pub(crate) max: Option<Amount>,
    /// Names the set of the members, and how many are present.
    pub(crate) set: u64,
    pub(crate) members: u64,
    /// Whether there are so many that a sketch stands for them; then their number is an estimate.
    pub(crate) estimated: bool,
    /// Changes with every member that comes or goes, and back again: the hashes of those present, combined.
    pub(crate) fingerprint: u128,
    /// The operations on the set, where they are needed again, in the order in which they came.
    pub(crate) operations: Vec<Operation>,
    /// Whether the rule has fired for this window.
    pub(crate) fired: bool,
    /// Whether the closed window was judged.
    pub(crate) judged: bool,
    pub(crate) trail: Trail,
}

/// An event's operation on a member of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) position: u64,
    pub(crate) member: Hash,
    pub(crate) present: bool,
    pub(crate) witness: Option<Witness>,
    pub(crate) entities: Vec<Named>,
}

impl Bucket {
    /// Adds an event's contribution; the members of sets are kept elsewhere.
    pub(crate) fn add(&mut self, time: Timestamp, brought: &Brought, floor: Option<Amount>) {
        self.note(time);
        match brought {
            Brought::Change { plus, minus } => {
                self.sum = self.sum.plus(*plus).minus(*minus);
                if let Some(floor) = floor {
                    self.sum = self.sum.max(floor);
                }
            },
            Brought::Numbers { sum, count, min, max } => {
                self.sum = self.sum.plus(*sum);
                self.values += count;
                self.min = least(self.min, Some(*min));
                self.max = greatest(self.max, Some(*max));
            },
            Brought::Nothing | Brought::Members { .. } | Brought::Step(_) => {},
        }
    }

    /// Counts members that came or went.
    pub(crate) fn toggle(&mut self, member: &Hash, present: bool) {
        self.members = if present { self.members + 1 } else { self.members.saturating_sub(1) };
        self.fingerprint ^= u128::from_be_bytes(*member);
    }

    fn note(&mut self, time: Timestamp) {
        if self.events == 0 {
            (self.first, self.last) = (time, time);
        }
        self.events += 1;
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// Joins what later or earlier contributions add up to.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.events == 0 {
            (self.first, self.last) = (other.first, other.last);
        }
        self.events += other.events;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.sum = self.sum.plus(other.sum);
        self.values += other.values;
        self.min = least(self.min, other.min);
        self.max = greatest(self.max, other.max);
        self.fired |= other.fired;
    }

    /// Takes contributions out again; answers whether the extremes must be sought anew.
    pub(crate) fn remove(&mut self, other: &Self) -> bool {
        self.events -= other.events.min(self.events);
        self.sum = self.sum.minus(other.sum);
        self.values -= other.values.min(self.values);
        let is_extreme = |own: Option<Amount>, theirs: Option<Amount>| theirs.is_some() && own == theirs;
        is_extreme(self.min, other.min) || is_extreme(self.max, other.max)
    }

    /// The value of an aggregate over these contributions; there is none of the extremes and the mean of nothing.
    pub(crate) fn value(&self, aggregate: &Aggregate) -> Option<Amount> {
        if aggregate.entity_path.is_some() {
            return Some(Amount::from(self.members));
        }
        match aggregate.function {
            Function::Count | Function::Sum => Some(self.sum),
            Function::Min => self.min,
            Function::Max => self.max,
            Function::Avg => self.sum.divided_by(self.values),
            Function::Distinct => Some(Amount::from(self.members)),
        }
    }
}

pub(crate) fn least(left: Option<Amount>, right: Option<Amount>) -> Option<Amount> {
    left.into_iter().chain(right).min()
}

pub(crate) fn greatest(left: Option<Amount>, right: Option<Amount>) -> Option<Amount> {
    left.max(right)
}
