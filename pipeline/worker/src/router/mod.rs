//! The router: an exactly-once stage from any topic to the event topic, with every event in its customer's partition.
//!
//! For producers that cannot be taught the key or the partitioner. It keeps no state: events and input positions are one
//! commit, as the worker's are. Events of one input partition keep their order.

mod mapping;
mod share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{Input, Offset, Partition};
use metrics::{counter, histogram};
use ports::{
    CommitError, Committed, Error, ErrorKind, Log, Member, MemberEvent, Membership, Outgoing, Result,
};

pub use mapping::{Customer, Field, Mapping};
use share::Share;

use crate::clock::Clock;
use crate::metrics as names;
use crate::status::{PartitionState, StatusBoard};
use crate::worker::{ABORT_PAUSE, Stop};

/// How many records one poll takes.
const RECORDS_MAX: usize = 4096;

/// How long one poll waits.
const POLL_TIMEOUT: Duration = Duration::from_millis(5);

/// How long events wait for company before they are committed.
const COMMIT_WAIT: Duration = Duration::from_millis(20);

/// How many bytes are committed at once.
const COMMIT_BYTES: usize = 4 << 20;

/// How many bytes may be uncommitted before polling stops.
const UNCOMMITTED_BYTES_MAX: usize = 16 << 20;

/// Where a partition begins that the group has no position for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest record that is kept.
    Beginning,
    /// After the newest record.
    End,
}

/// What a router is told at its start.
#[derive(Debug, Clone)]
pub struct RouterSettings {
    /// The consumer group; also the prefix of the transactional id.
    pub group: String,
    /// The router's lasting name within the group.
    pub name: String,
    /// The topic it reads.
    pub input: String,
    /// The topic it writes.
    pub events: String,
    /// Where records go that cannot become events.
    pub dead_letters: String,
    /// How a record becomes an event.
    pub mapping: Mapping,
    /// Where to begin at the first start. Without it a group that has no position at all is an error: its positions
    /// may have expired, and to begin anywhere would lose events or repeat them.
    pub from: Option<Begin>,
}

/// A router. Owned by one thread.
pub struct Router {
    settings: RouterSettings,
    log: Arc<dyn Log>,
    clock: Box<dyn Clock>,
    status: StatusBoard,
    member: Box<dyn Member>,
    dead_letter_partitions: u32,
    shares: BTreeMap<Partition, Share>,
    /// Since when something waits for a commit.
    waiting: Option<Duration>,
    not_before: Duration,
}

impl Router {
    /// Joins the group.
    ///
    /// # Errors
    /// As the log answers; input and output must be different topics.
    pub fn join(
        settings: RouterSettings,
        log: Arc<dyn Log>,
        clock: Box<dyn Clock>,
        status: StatusBoard,
    ) -> Result<Self> {
        if settings.input == settings.events || settings.input == settings.dead_letters {
            let message = format!("the router cannot read `{}` and write to it as well", settings.input);
            return Err(Error::new(ErrorKind::Misconfigured, message));
        }
        log.partitions(&settings.input).map_err(|error| error.during("the router's input"))?;
        log.partitions(&settings.events)?;
        let dead_letter_partitions = log.partitions(&settings.dead_letters)?;
        let member = log.join(Membership {
            group: settings.group.clone(),
            topic: settings.input.clone(),
            name: settings.name.clone(),
        })?;
        status.update(|status| {
            status.partitions.clear();
            status.problem = None;
        });
        let (shares, waiting, not_before) = Default::default();
        Ok(Self { settings, log, clock, status, member, dead_letter_partitions, shares, waiting, not_before })
    }

    /// Works until it is asked to stop, then commits what it has and leaves the group.
    ///
    /// # Errors
    /// What made going on impossible. Nothing is lost by it: a new router goes on from the last commit.
    pub fn run(mut self, stop: &Stop) -> Result<()> {
        while !stop.is_requested() {
            self.step()?;
        }
        self.commit()?;
        self.member.leave()
    }

    /// One turn of the loop.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn step(&mut self) -> Result<()> {
        let bytes: usize = self.shares.values().map(Share::bytes).sum();
        let (records_max, timeout) =
            if bytes >= UNCOMMITTED_BYTES_MAX { (0, ABORT_PAUSE) } else { (RECORDS_MAX, POLL_TIMEOUT) };
        for event in self.member.poll(records_max, timeout)? {
            match event {
                MemberEvent::Assigned { partition, committed } => self.take_over(partition, committed)?,
                MemberEvent::Records { partition, inputs } => self.route(partition, inputs),
                MemberEvent::Revoked { partition } => {
                    self.commit()?;
                    self.give_up(partition);
                    self.member.release(partition)?;
                },
                MemberEvent::Lost { partition } => self.give_up(partition),
            }
        }
        let now = self.clock.now().monotonic;
        if self.shares.values().any(Share::is_touched) {
            let since = *self.waiting.get_or_insert(now);
            let bytes: usize = self.shares.values().map(Share::bytes).sum();
            if now >= self.not_before && (bytes >= COMMIT_BYTES || now >= since + COMMIT_WAIT) {
                self.commit()?;
            }
        }
        Ok(())
    }

    fn take_over(&mut self, partition: Partition, committed: Option<Committed>) -> Result<()> {
        let share = match committed {
            Some(committed) => Share::resume(&self.settings, committed),
            // Committed at once, so that a missing position is never again a first start.
            None => Share::begin(&self.settings, self.first(partition)?),
        };
        self.member.start(partition, share.next())?;
        tracing::info!(%partition, next = %share.next(), "partition is routed");
        self.shares.insert(partition, share);
        self.status.update(|status| {
            status.assigned = true;
            status.partitions.insert(partition, PartitionState::Live);
        });
        Ok(())
    }

    /// Where a partition without a position begins.
    fn first(&self, partition: Partition) -> Result<Offset> {
        let bounds = self.log.bounds(&self.settings.input, partition)?;
        match self.settings.from {
            Some(Begin::Beginning) => return Ok(bounds.start),
            Some(Begin::End) => return Ok(bounds.end),
            None => {},
        }
        // Of a group that has worked, a partition without a position is one that was added to the topic since.
        let committed = self.log.committed(&self.settings.group, &self.settings.input)?;
        if committed.iter().any(Option::is_some) {
            return Ok(bounds.start);
        }
        Err(Error::new(
            ErrorKind::Misconfigured,
            format!(
                "group `{}` has no position in topic `{}`: if it has never run, say where to begin with --from beginning \
                 or --from end; if it has, its positions have expired: set them with Kafka's tools to where it had come",
                self.settings.group, self.settings.input
            ),
        ))
    }

    fn route(&mut self, partition: Partition, inputs: Vec<Input>) {
        let Some(share) = self.shares.get_mut(&partition) else {
            return;
        };
        let mut routed = 0;
        for input in inputs {
            match self.settings.mapping.route(&input) {
                Ok(event) => {
                    share.event(&self.settings, &input, event);
                    routed += 1;
                },
                Err(refusal) => {
                    counter!(names::ROUTER_DEAD_LETTERS, "reason" => refusal.reason.code()).increment(1);
                    let home = Partition(partition.0 % self.dead_letter_partitions.max(1));
                    share.dead_letter(&self.settings, partition, home, input, refusal);
                },
            }
        }
        counter!(names::ROUTER_EVENTS).increment(routed);
    }

    /// Commits what waits, if anything; an aborted commit stays to be tried again.
    fn commit(&mut self) -> Result<()> {
        let touched = || self.shares.iter().filter(|(_, share)| share.is_touched());
        let records: Vec<Outgoing> =
            touched().flat_map(|(_, share)| share.records().iter().cloned()).collect();
        let positions: Vec<_> = touched().map(|(partition, share)| (*partition, share.reached())).collect();
        if positions.is_empty() {
            return Ok(());
        }
        let committed = |(partition, position): &(Partition, ports::Position)| {
            (*partition, Committed { next: position.next, metadata: position.to_string() })
        };
        let started = self.clock.now().monotonic;
        let result = self.member.commit(records, &|_| positions.iter().map(committed).collect());
        let ended = self.clock.now().monotonic;
        match result {
            Ok(_) => {
                histogram!(names::ROUTER_COMMIT_SECONDS).record(ended.saturating_sub(started));
                for (partition, position) in positions {
                    if let Some(share) = self.shares.get_mut(&partition) {
                        share.settle(position);
                    }
                }
                self.waiting = None;
                self.status.update(|status| status.problem = None);
                Ok(())
            },
            Err(CommitError::Aborted(error)) => {
                tracing::warn!(%error, "commit was aborted, it will be tried again");
                counter!(names::ROUTER_COMMIT_ABORTS).increment(1);
                self.not_before = ended + ABORT_PAUSE;
                self.status
                    .update(|status| status.problem = Some(format!("commits do not get through: {error}")));
                Ok(())
            },
            // A new router joins and starts from what is committed.
            Err(CommitError::Lost(error)) => {
                Err(Error::new(ErrorKind::Unavailable, error.message).during("the assignment was lost"))
            },
            Err(CommitError::Fatal(error)) => Err(error.during("commit")),
        }
    }

    /// Drops a partition with all that is uncommitted on it.
    fn give_up(&mut self, partition: Partition) {
        self.shares.remove(&partition);
        self.status.update(|status| drop(status.partitions.remove(&partition)));
    }
}

#[cfg(test)]
mod tests;
