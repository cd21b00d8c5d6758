//! The worker: takes what the member is told, evaluates it, and commits epochs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Input, Partition};
use metrics::{counter, gauge, histogram};
use ports::{
    CommitError, Committed, Error, ErrorKind, History, Log, Member, MemberEvent, Membership, Result, Stores,
};

use crate::bootstrap::{self, Background, Inline, Sources};
use crate::clock::Clock;
use crate::controls::{Changes, Controls, Stretch, stretches};
use crate::epoch::{Epoch, Waiting};
use crate::metrics as names;
use crate::partition::{Leg, LivePartition, Tally};
use crate::recovery::{Recovered, Restoring, Step, go_on, recover};
use crate::rulebook;
use crate::settings::Settings;
use crate::silence::Silence;
use crate::status::{PartitionState, StatusBoard};
use crate::sweeping::Sweeping;

/// How long an aborted commit waits before it is tried again.
pub(crate) const ABORT_PAUSE: Duration = Duration::from_millis(100);

/// Asks a worker to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A partition that is being taken over.
#[derive(Debug, Clone)]
struct Taking {
    /// What was committed for it when it was assigned.
    committed: Option<Committed>,
    /// Since when, on the monotonic clock.
    began: Duration,
}

/// A worker of a deployment. Owned by one thread.
pub struct Worker {
    settings: Settings,
    sources: Sources,
    stores: Box<dyn Stores>,
    clock: Box<dyn Clock>,
    status: StatusBoard,
    member: Box<dyn Member>,
    partitions: u32,
    controls: Option<Controls>,
    live: BTreeMap<Partition, LivePartition>,
    restoring: BTreeMap<Partition, (Restoring, Taking)>,
    waiting: Waiting,
    silence: Silence,
    /// Whether a savepoint waits for its epoch: nothing is evaluated and no rule followed before.
    at_savepoint: bool,
}

impl Worker {
    /// Joins the deployment's group.
    ///
    /// # Errors
    /// As the log answers: [`Error::is_transient`] tells whether another try may help.
    pub fn join(
        settings: Settings,
        log: Arc<dyn Log>,
        stores: Box<dyn Stores>,
        clock: Box<dyn Clock>,
        status: StatusBoard,
    ) -> Result<Self> {
        let partitions = log.partitions(&settings.topics.events)?;
        let member = log.join(Membership {
            group: settings.app.clone(),
            topic: settings.topics.events.clone(),
            name: settings.name.clone(),
        })?;
        status.update(|status| {
            status.partitions.clear();
            status.bootstraps.clear();
            status.problem = None;
        });
        let (controls, live, restoring, waiting, silence) = Default::default();
        Ok(Self {
            settings,
            sources: Sources { log, history: None, background: Box::new(Inline) },
            stores,
            clock,
            status,
            member,
            partitions,
            controls,
            live,
            restoring,
            waiting,
            silence,
            at_savepoint: false,
        })
    }

    /// Fills new rules from this archive and not only from what the log still has.
    #[must_use]
    pub fn with_history(mut self, history: Arc<dyn History>) -> Self {
        self.sources.history = Some(history);
        self
    }

    /// Folds the past of new rules there and not in the worker's own thread.
    #[must_use]
    pub fn with_background(mut self, background: Box<dyn Background>) -> Self {
        self.sources.background = background;
        self
    }

    /// Works until it is asked to stop, then commits what is finished and leaves the group.
    ///
    /// # Errors
    /// What made going on impossible. Nothing is lost by it: a new worker goes on from the last commit.
    pub fn run(mut self, stop: &Stop) -> Result<()> {
        while !stop.is_requested() {
            self.step()?;
        }
        self.commit()?;
        self.member.leave()
    }

    /// One turn of the loop.
    pub fn step(&mut self) -> Result<()> {
        // A commit that cannot get through must not let the segments grow without end.
        let full = self.at_savepoint || self.uncommitted_bytes() >= self.settings.uncommitted_bytes_max;
        let (records_max, timeout) = if full {
            (0, ABORT_PAUSE)
        } else {
            (self.settings.poll_records_max, self.settings.poll_timeout)
        };
        let events = self.member.poll(records_max, timeout)?;
        if !self.at_savepoint {
            self.sweep()?;
        }
        for event in events {
            match event {
                MemberEvent::Assigned { partition, committed } => self.take_over(partition, committed)?,
                MemberEvent::Records { partition, inputs } => self.evaluate(partition, inputs)?,
                MemberEvent::Revoked { partition } => {
                    self.commit()?;
                    self.give_up(partition);
                    self.member.release(partition)?;
                },
                MemberEvent::Lost { partition } => self.give_up(partition),
            }
        }
        self.go_on_restoring()?;
        self.follow_controls()?;
        if !full && !self.at_savepoint {
            self.wake_silent()?;
            self.bootstrap()?;
        }
        let now = self.clock.now().monotonic;
        let touched = self.live.values().any(|live| live.segment.is_touched());
        let output =
            self.live.values().any(|live| !live.segment.output.is_empty() || live.sweeping != Sweeping::Done);
        self.waiting.note(now, touched, output);
        if self.waiting.is_due(now, self.uncommitted_bytes(), &self.settings) {
            self.commit()?;
        }
        Ok(())
    }

    fn uncommitted_bytes(&self) -> usize {
        self.live.values().map(|live| live.segment.bytes()).sum()
    }

    /// Recovers an assigned partition and starts it. What cannot be recovered stops that partition alone.
    fn take_over(&mut self, partition: Partition, committed: Option<Committed>) -> Result<()> {
        self.status.update(|status| {
            status.assigned = true;
            status.partitions.insert(partition, PartitionState::Recovering);
        });
        let taking = Taking { committed: committed.clone(), began: self.clock.now().monotonic };
        let step =
            recover(self.sources.log.as_ref(), self.stores.as_ref(), &self.settings, partition, committed);
        self.recovered(partition, taking, step)
    }

    /// Looks what became of checkpoints that are being fetched. Other partitions do not wait for them.
    fn go_on_restoring(&mut self) -> Result<()> {
        for (partition, (restoring, taking)) in std::mem::take(&mut self.restoring) {
            let step =
                go_on(self.sources.log.as_ref(), self.stores.as_ref(), &self.settings, partition, restoring);
            self.recovered(partition, taking, step)?;
        }
        Ok(())
    }

    fn recovered(&mut self, partition: Partition, taking: Taking, step: Result<Step>) -> Result<()> {
        let live = step.and_then(|step| match step {
            Step::Ready(recovered) => self.bring_up(partition, recovered).map(Some),
            Step::Restoring(restoring) => {
                let Restoring { done, total, .. } = restoring;
                self.restoring.insert(partition, (restoring, taking.clone()));
                let state = PartitionState::Restoring { done, total };
                self.status.update(|status| drop(status.partitions.insert(partition, state)));
                Ok(None)
            },
        });
        match live {
            Ok(None) => Ok(()),
            Ok(Some(live)) => {
                let took = self.clock.now().monotonic.saturating_sub(taking.began);
                histogram!(names::RECOVERY_SECONDS).record(took);
                self.live.insert(partition, live);
                self.start(partition)
            },
            Err(error) if self.has_moved(partition, taking.committed.as_ref()) => {
                tracing::info!(%partition, %error, "partition has moved on while it was taken over");
                Ok(())
            },
            Err(error) => self.halt(partition, error),
        }
    }

    /// Whether somebody else has committed for a partition since it was assigned: then it is no longer ours, which the next
    /// poll tells, and what did not fit proves nothing.
    fn has_moved(&self, partition: Partition, told: Option<&Committed>) -> bool {
        let committed = self.sources.log.committed(&self.settings.app, &self.settings.topics.events);
        let now = committed.map(|all| all.into_iter().nth(partition.0 as usize).flatten());
        now.is_ok_and(|now| now.as_ref() != told)
    }

    /// Lets a partition follow the rules up to where the others are, and starts it there.
    fn start(&mut self, partition: Partition) -> Result<()> {
        let Some(live) = self.live.get_mut(&partition) else { return Ok(()) };
        if !live.follow(&self.sources, &self.settings)? || live.segment.savepoint.is_some() {
            self.at_savepoint = true;
            self.waiting.hurry();
            return Ok(());
        }
        live.is_started = true;
        live.publish(&self.status.groups());
        self.member.start(partition, live.next())?;
        tracing::info!(%partition, next = %live.next(), control = %live.control, "partition is live");
        self.silence.broken(partition, self.clock.now().monotonic);
        self.status.update(|status| drop(status.partitions.insert(partition, PartitionState::Live)));
        gauge!(names::PARTITIONS_LIVE).set(count(self.live.len()));
        Ok(())
    }

    /// Puts a recovered partition to work by the rules that are in force now.
    fn bring_up(&mut self, partition: Partition, recovered: Recovered) -> Result<LivePartition> {
        let Recovered { store, position, epochs } = recovered;
        counter!(names::RECOVERED_EPOCHS).increment(epochs);
        let mut live = LivePartition::new(partition, self.partitions, store, position)?;
        let stored = rulebook::load(live.store())?;
        let control = live.control;
        if self.controls.is_none() {
            let topic = &self.settings.topics.controls;
            self.controls =
                Some(Controls::resume(self.sources.log.as_ref(), topic, stored.clone(), control)?);
        }
        // The partition may come from a worker that has read further: its events have met those rules already.
        let mut waited = Duration::ZERO;
        while self.controls.as_ref().is_some_and(|controls| controls.next() < control) {
            if !self.follow_controls()? {
                // A savepoint on the way is taken by those who are there before anybody goes on.
                if self.at_savepoint {
                    self.commit()?;
                }
                waited += self.settings.poll_timeout.max(Duration::from_millis(1));
                if waited >= self.settings.recovery_patience {
                    let message =
                        format!("the control topic ends before record {control}, which is in force already");
                    return Err(Error::new(ErrorKind::Gone, message));
                }
            }
        }
        if let Some(controls) = self.controls.as_ref().filter(|controls| controls.next() > control) {
            let topic = &self.settings.topics.controls;
            let range = (control, controls.next());
            let patience = self.settings.recovery_patience;
            let mut before = stored.clone();
            for stretch in stretches(self.sources.log.as_ref(), topic, stored, range, patience)? {
                let Stretch { next, savepoint, book, malformed } = stretch;
                let book = book.as_ref().unwrap_or_else(|| controls.book());
                let writes = rulebook::difference(&before, book, partition, self.partitions);
                let new = book.iter().filter(|now| bootstrap::wants(now, before.get(&now.rule.key)));
                let new = new.cloned().collect();
                let malformed = if partition == Partition(0) { malformed } else { Vec::new() };
                live.catch_up([Leg { writes, control: next, savepoint, malformed, new }]);
                before = book.clone();
            }
        }
        Ok(live)
    }

    /// Lets time go on for the customers of partitions on which nothing comes.
    fn wake_silent(&mut self) -> Result<()> {
        let now = self.clock.now();
        let idle_after = Duration::from_millis(self.settings.idle_after.as_millis());
        for partition in self.silence.due(now.monotonic, idle_after) {
            let (Some(live), Some(controls)) = (self.live.get_mut(&partition), &self.controls) else {
                continue;
            };
            let topic = &self.settings.topics.events;
            match self.silence.is_at_end(self.sources.log.as_ref(), topic, partition, live.next()) {
                Ok(true) => {},
                Ok(false) => continue,
                Err(error) => {
                    // An outage is no silence.
                    tracing::debug!(%partition, %error, "the end of a quiet partition cannot be read");
                    continue;
                },
            }
            match live.wake(controls.book(), &self.settings, now.wall) {
                Ok(tally) => report(&tally),
                Err(error) => {
                    self.give_up(partition);
                    self.halt(partition, error)?;
                },
            }
        }
        Ok(())
    }

    /// Goes on with filling new rules from the past.
    fn bootstrap(&mut self) -> Result<()> {
        let now = self.clock.now();
        let Some(controls) = &self.controls else { return Ok(()) };
        let mut failed = Vec::new();
        for (partition, live) in self.live.iter_mut().filter(|(_, live)| !live.bootstraps.is_idle()) {
            if let Err(error) = live.bootstrap(controls.book(), &self.sources, &self.settings, now) {
                failed.push((*partition, error));
            }
            if let Some(told) = live.bootstraps.status(now.monotonic) {
                self.status.update(|status| drop(status.bootstraps.insert(*partition, told)));
            }
        }
        for (partition, error) in failed {
            self.give_up(partition);
            self.halt(partition, error)?;
        }
        Ok(())
    }

    /// Takes further what edits and deletions of rules have left to be done: before any event is evaluated by the new rules, as
    /// far as one epoch's share goes.
    fn sweep(&mut self) -> Result<()> {
        let Some(controls) = &self.controls else { return Ok(()) };
        let now = self.clock.now().wall;
        let mut failed = Vec::new();
        for live in self.live.values_mut() {
            match live.sweep(controls.book(), &self.settings, now) {
                Ok(tally) => tally.iter().for_each(report),
                Err(error) => failed.push((live.partition, error)),
            }
        }
        for (partition, error) in failed {
            self.give_up(partition);
            self.halt(partition, error)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, partition: Partition, inputs: Vec<Input>) -> Result<()> {
        let moment = self.clock.now();
        let now = moment.wall;
        self.silence.broken(partition, moment.monotonic);
        let (Some(live), Some(controls)) = (self.live.get_mut(&partition), &self.controls) else {
            return Ok(());
        };
        if let Some(last) = inputs.last() {
            gauge!(names::LAG_SECONDS, "partition" => partition.to_string())
                .set((now.0.saturating_sub(last.timestamp.0)).max(0) as f64 / 1000.0);
        }
        match live.evaluate(controls.book(), controls.snapshot(), &self.settings, inputs, now) {
            Ok(tally) => {
                report(&tally);
                live.report(now);
                let took = self.clock.now().monotonic.saturating_sub(moment.monotonic);
                histogram!(names::EVALUATE_SECONDS).record(took);
                Ok(())
            },
            Err(error) => {
                self.give_up(partition);
                self.halt(partition, error)
            },
        }
    }

    /// Takes up new control records; answers whether there were any.
    fn follow_controls(&mut self) -> Result<bool> {
        if self.at_savepoint {
            return Ok(false);
        }
        let Some(controls) = &mut self.controls else {
            return Ok(false);
        };
        let Changes { outcomes, malformed, savepoint, moved } = controls.poll(Duration::ZERO)?;
        if !moved {
            return Ok(false);
        }
        let next = controls.next();
        for live in self.live.values_mut() {
            let follow =
                |outcome| rulebook::follow(outcome, controls.book(), live.partition, live.partitions);
            let writes = outcomes.iter().flat_map(follow).collect();
            let new = outcomes.iter().filter_map(bootstrap::wants_history).cloned();
            live.welcome(new, &self.sources, &self.settings)?;
            live.follow_rules(controls.book(), writes, next);
            live.bootstraps.follow(controls.book());
            live.segment.savepoint = savepoint;
        }
        self.at_savepoint = savepoint.is_some() && !self.live.is_empty();
        if let Some(first) = self.live.get_mut(&Partition(0)) {
            malformed.iter().for_each(|letter| first.refuse_control(&self.settings, letter));
        }
        gauge!(names::RULES).set(count(controls.book().len()));
        self.waiting.hurry();
        self.status.update(|status| status.control = next);
        if !self.at_savepoint {
            self.sweep()?;
        }
        Ok(true)
    }

    /// Commits what has been decided, if anything; an aborted commit stays to be tried again.
    fn commit(&mut self) -> Result<()> {
        if !self.live.values().any(|live| live.segment.is_touched()) {
            self.at_savepoint = false;
            return Ok(());
        }
        let writer = format!("{}.{}", self.settings.app, self.settings.name);
        gauge!(names::UNCOMMITTED_BYTES).set(count(self.uncommitted_bytes()));
        let closing = self.clock.now().monotonic;
        let epoch = Epoch::close(self.live.values(), &self.settings, &writer);
        let started = self.clock.now().monotonic;
        histogram!(names::CLOSE_SECONDS).record(started.saturating_sub(closing));
        match epoch.commit(self.member.as_mut()) {
            Ok(positions) => {
                let committed = self.clock.now().monotonic;
                let alerts: u64 = self.live.values().map(|live| live.segment.alerts).sum();
                epoch.settle(positions, &mut self.live)?;
                let settled = self.clock.now().monotonic;
                counter!(names::ALERTS).increment(alerts);
                histogram!(names::COMMIT_SECONDS).record(committed.saturating_sub(started));
                histogram!(names::STORE_WRITE_SECONDS).record(settled.saturating_sub(committed));
                self.waiting = Waiting::default();
                self.status.update(|status| status.problem = None);
                self.after_savepoint()
            },
            Err(CommitError::Aborted(error)) => {
                tracing::warn!(%error, "commit was aborted, it will be tried again");
                counter!(names::COMMIT_ABORTS).increment(1);
                self.waiting.pause_until(self.clock.now().monotonic + ABORT_PAUSE);
                self.status
                    .update(|status| status.problem = Some(format!("commits do not get through: {error}")));
                Ok(())
            },
            // A new worker joins and starts from what is committed.
            Err(CommitError::Lost(error)) => {
                Err(Error::new(ErrorKind::Unavailable, error.message).during("the assignment was lost"))
            },
            Err(CommitError::Fatal(error)) => Err(error.during("commit")),
        }
    }

    /// Goes on behind a savepoint, and starts the partitions that had it behind them on their way to the others.
    fn after_savepoint(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.at_savepoint) {
            return Ok(());
        }
        let late: Vec<_> =
            self.live.values().filter(|live| !live.is_started).map(|live| live.partition).collect();
        late.into_iter().try_for_each(|partition| self.start(partition))
    }

    /// Drops a partition with all that is uncommitted on it.
    fn give_up(&mut self, partition: Partition) {
        self.live.remove(&partition);
        self.restoring.remove(&partition);
        self.silence.forget(partition);
        self.status.update(|status| {
            status.partitions.remove(&partition);
            status.bootstraps.remove(&partition);
        });
        gauge!(names::PARTITIONS_LIVE).set(count(self.live.len()));
    }

    /// Stops one partition for good if the error is about it, else passes the error on.
    fn halt(&mut self, partition: Partition, error: Error) -> Result<()> {
        match error.kind {
            ErrorKind::Gone | ErrorKind::Corrupt => {
                tracing::error!(%partition, %error, "partition has stopped, the others go on");
                let state = PartitionState::Halted(error.message);
                self.status.update(|status| drop(status.partitions.insert(partition, state)));
                Ok(())
            },
            ErrorKind::Unavailable
            | ErrorKind::Misconfigured
            | ErrorKind::Fenced
            | ErrorKind::Full
            | ErrorKind::Refused => Err(error.during(format!("partition {partition}"))),
        }
    }
}

/// A count as a gauge takes it.
#[allow(clippy::cast_precision_loss, reason = "a gauge of small counts")]
fn count(number: usize) -> f64 {
    number as f64
}

fn report(tally: &Tally) {
    let counts = &tally.counts;
    for (name, count) in [
        (names::EVENTS, counts.events),
        (names::MATCHES, counts.matches),
        (names::ALTERED, counts.altered),
        (names::UNREADABLE_TIMES, counts.unreadable_times),
        (names::CLAMPED_TIMES, counts.clamped_times),
        (names::REPEATED, counts.repeated),
        (names::LATE, counts.late),
        (names::GROUPS_CUT, counts.groups_cut),
        (names::GROUPS_REFUSED, counts.groups_refused),
        (names::CUSTOMER_GROUPS_REFUSED, counts.customer_groups_refused),
        (names::TIMERS, counts.timers),
    ] {
        counter!(name).increment(count);
    }
    counter!(names::RULES_CUT).increment(tally.cut);
    counter!(names::RULES_SUSPENDED).increment(tally.suspended.len() as u64);
    for suspend in &tally.suspended {
        tracing::warn!(
            rule = %suspend.key,
            version = suspend.version.0,
            customer = %suspend.customer,
            partition = suspend.suspension.partition,
            offset = suspend.suspension.offset,
            "a rule looks at more of an event than it may and is suspended for the customer: narrow its paths and save it"
        );
    }
    for reason in &tally.dead_letters {
        counter!(names::DEAD_LETTERS, "reason" => *reason).increment(1);
    }
}

#[cfg(test)]
mod tests;
