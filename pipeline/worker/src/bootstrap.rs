//! Rules that are filled from the past before they go live.
//!
//! A rule that wants history is a *newcomer* on a partition from the position at which it becomes known there; the live stream
//! withholds events from it. Its past is folded beside the stream ([`fold`]), what the fold comes to is copied in small parts
//! ([`copy`]), then it catches up with the live position ([`chase`]) and joins. Every step is committed with the epoch of its
//! partition ([`record`]). A crash while folding or copying makes the fold again, which comes to the same, and goes on where the
//! copy had come to; so every event counts once.

mod chase;
mod copy;
mod evaluator;
mod fold;
mod progress;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use engine::{ClockId, Fold, Newcomer, Offset, Partition, Plan, Write, begins_sweep_of, partition_of};
use ports::{BootstrapPhase, BootstrapStatus, Error, History, Log, Result, Store};
use rules::{
    ActiveRule, BootstrapFrom, BootstrapMode, CustomerId, Generation, OnEdit, Outcome, RuleBook, Timestamp,
};

pub use self::fold::{Background, Inline};

use self::chase::Chase;
use self::evaluator::{Evaluator, is_in_force};
use self::fold::FoldJob;
use self::progress::Progress;
use self::record::{Job, Phase, Record, Waiting};
use crate::clock::Moment;
use crate::settings::Settings;

/// The first pause before a fold that failed is tried again; each further one is twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// People are told so often: there may be many rules, and turns of the loop are short.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// What a fold has done in less time says nothing about its pace.
const PACE_AFTER: Duration = Duration::from_secs(1);

/// What newcomers are filled from, and who does it.
pub(crate) struct Sources {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) history: Option<Arc<dyn History>>,
    pub(crate) background: Box<dyn Background>,
}

/// The newcomers of one partition.
pub(crate) struct Bootstraps {
    partition: Partition,
    partitions: u32,
    record: Record,
    /// The generations from which the live stream withholds events.
    hidden: BTreeSet<Generation>,
    work: Work,
    /// Why the past cannot be read at present, and when it is tried again.
    trouble: Option<Trouble>,
    /// Whether rules have changed, so that those of the job may be gone.
    is_changed: bool,
    /// When people were told last.
    told: Option<Duration>,
}

/// What is under way for the job.
enum Work {
    Nothing,
    Folding(Folding),
    Copying(Box<Fold>),
    Chasing(Chase),
}

struct Folding {
    result: Receiver<Result<Fold>>,
    progress: Arc<Progress>,
    began: Duration,
}

impl Drop for Folding {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}

struct Trouble {
    message: String,
    pause: Duration,
    until: Duration,
}

/// What a step asks its partition to do.
pub(crate) enum Step {
    /// Nothing for now.
    Rest,
    /// Stage these changes: the step is done when they are committed.
    Stage(Vec<Write>),
    /// Copy the next part of a fold.
    Copy,
    /// Evaluate newcomers over records behind the live position.
    Chase,
}

impl Bootstraps {
    /// Those that a store tells of.
    pub(crate) fn load(store: &dyn Store, partition: Partition, partitions: u32) -> Result<Self> {
        let record = Record::load(store)?;
        let hidden = record.generations().collect();
        let (work, trouble, told) = (Work::Nothing, None, None);
        Ok(Self { partition, partitions, record, hidden, work, trouble, is_changed: true, told })
    }

    /// Whether any rule is a newcomer here.
    pub(crate) fn is_idle(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Leaves newcomers out of a batch of the live stream, with the clocks that nobody else looks at.
    pub(crate) fn withhold(&self, plan: &mut Plan, book: &RuleBook) {
        plan.retain(|active, _, _| !self.hidden.contains(&active.generation));
        let mut used: BTreeMap<CustomerId, BTreeSet<ClockId>> = BTreeMap::new();
        plan.retain_clocks(|customer, clock| {
            let used = used.entry(customer).or_insert_with(|| self.clocks_used(customer, book));
            used.contains(&clock)
        });
    }

    /// The clocks that rules of the live stream look at.
    fn clocks_used(&self, customer: CustomerId, book: &RuleBook) -> BTreeSet<ClockId> {
        let rules = book.of(customer).chain(book.of(CustomerId::GLOBAL));
        let live = rules.filter(|active| !self.hidden.contains(&active.generation));
        live.map(|active| ClockId::of(active.rule.timing.event_time.as_ref())).collect()
    }

    /// Makes rules newcomers that have come into force and want history, from this position on.
    pub(crate) fn welcome(
        &mut self,
        rules: impl IntoIterator<Item = Arc<ActiveRule>>,
        known_at: Offset,
        sources: &Sources,
        settings: &Settings,
    ) -> Result<Vec<Write>> {
        let mine: Vec<_> = rules.into_iter().filter(|active| self.concerns(active)).collect();
        if mine.is_empty() {
            return Ok(Vec::new());
        }
        if sources.history.is_none() {
            let bounds = sources.log.bounds(&settings.topics.events, self.partition)?;
            if bounds.start >= known_at {
                // There is no past.
                return Ok(Vec::new());
            }
        }
        for active in mine {
            let (key, generation) = (active.rule.key, active.generation);
            if self.hidden.insert(generation) {
                self.record.waiting.push(Waiting { key, generation, known_at });
            }
        }
        self.told = None;
        Ok(vec![self.record.write()])
    }

    /// Whether a partition holds any of the past that a rule wants.
    fn concerns(&self, active: &ActiveRule) -> bool {
        let customer = active.rule.key.customer;
        let home = |customer: CustomerId| {
            partition_of(customer.to_string().as_bytes(), self.partitions) == self.partition
        };
        match active.rule.bootstrap.customer {
            Some(only) => home(only),
            None => customer.is_global() || home(customer),
        }
    }

    /// What is to be done next. `can_range` tells whether ranges that were removed are gone from the store.
    pub(crate) fn step(
        &mut self,
        book: &RuleBook,
        sources: &Sources,
        settings: &Settings,
        now: Moment,
        can_range: bool,
    ) -> Result<Step> {
        if std::mem::take(&mut self.is_changed) && self.is_pointless(book) {
            self.drop_job();
            return Ok(Step::Stage(vec![self.record.write(), self.record.write_phase()]));
        }
        if self.record.job.is_none() {
            if self.record.waiting.is_empty() || !can_range {
                return Ok(Step::Rest);
            }
            self.begin(book, now.wall);
            return Ok(Step::Stage(vec![self.record.write(), self.record.write_phase()]));
        }
        match &mut self.work {
            Work::Nothing => self.resume(book, sources, settings, now),
            Work::Folding(folding) => match folding.result.try_recv() {
                Ok(Ok(fold)) => Ok(self.folded(fold, settings, now)),
                Ok(Err(error)) => {
                    self.fail(&error, now);
                    Ok(Step::Rest)
                },
                Err(TryRecvError::Empty) => Ok(Step::Rest),
                Err(TryRecvError::Disconnected) => {
                    self.fail(&Error::new(ports::ErrorKind::Unavailable, "its thread has ended"), now);
                    Ok(Step::Rest)
                },
            },
            Work::Copying(_) => Ok(Step::Copy),
            Work::Chasing(_) => Ok(Step::Chase),
        }
    }

    /// Whether nothing of the job is copied yet and none of its rules is in force any more.
    fn is_pointless(&self, book: &RuleBook) -> bool {
        let job = self.record.job.as_ref().filter(|job| job.phase == Phase::Folding);
        job.is_some_and(|job| !job.newcomers.iter().any(|newcomer| is_in_force(newcomer, book)))
    }

    /// Ends a job of which nothing is to be seen yet; a fold that is under way stops.
    fn drop_job(&mut self) {
        for newcomer in self.record.job.take().into_iter().flat_map(|job| job.newcomers) {
            self.hidden.remove(&newcomer.active.generation);
        }
        self.work = Work::Nothing;
        self.trouble = None;
    }

    /// Takes all that wait into a job.
    fn begin(&mut self, book: &RuleBook, now: Timestamp) {
        let waiting = std::mem::take(&mut self.record.waiting);
        let mut newcomers = Vec::new();
        for Waiting { key, generation, known_at } in waiting {
            match book.get(&key).filter(|active| active.generation == generation) {
                Some(active) => {
                    let since = match active.rule.bootstrap.from {
                        BootstrapFrom::Beginning => None,
                        BootstrapFrom::Before(span) => Some(now.minus(span)),
                        BootstrapFrom::At(time) => Some(time),
                    };
                    newcomers.push(Newcomer { active: Arc::clone(active), known_at, since });
                },
                None => {
                    self.hidden.remove(&generation);
                },
            }
        }
        if let Some(until) = newcomers.iter().map(|newcomer| newcomer.known_at).max() {
            self.record.job = Some(Job { newcomers, until, started: now, phase: Phase::Folding });
        }
    }

    /// Goes on with the job as its record tells, after it was begun or after a crash.
    fn resume(
        &mut self,
        book: &RuleBook,
        sources: &Sources,
        settings: &Settings,
        now: Moment,
    ) -> Result<Step> {
        let Some(job) = &self.record.job else { return Ok(Step::Rest) };
        if let Phase::Chasing { next } = job.phase {
            let evaluator = Evaluator::of(&job.newcomers, book);
            let topic = &settings.topics.events;
            let chase = Chase::start(sources.log.as_ref(), topic, self.partition, next, evaluator)?;
            self.work = Work::Chasing(chase);
            return Ok(Step::Chase);
        }
        if self.trouble.as_ref().is_some_and(|trouble| now.monotonic < trouble.until) {
            return Ok(Step::Rest);
        }
        let progress = Arc::new(Progress::default());
        let fold = FoldJob {
            log: Arc::clone(&sources.log),
            history: sources.history.clone(),
            topic: settings.topics.events.clone(),
            partition: self.partition,
            partitions: self.partitions,
            newcomers: job.newcomers.clone(),
            until: job.until,
            started: job.started,
            state_bytes_max: settings.fold_state_bytes_max,
            alerts_max: settings.fold_alerts_max,
            progress: Arc::clone(&progress),
        };
        let (sender, result) = std::sync::mpsc::sync_channel(1);
        let name = format!("fold-{}", self.partition);
        sources.background.run(name, Box::new(move || drop(sender.send(fold.run()))));
        self.work = Work::Folding(Folding { result, progress, began: now.monotonic });
        Ok(Step::Rest)
    }

    /// Takes a finished fold.
    fn folded(&mut self, fold: Fold, settings: &Settings, now: Moment) -> Step {
        let partition = self.partition;
        let Some(job) = &mut self.record.job else { return Step::Rest };
        let digest = fold.digest();
        match &job.phase {
            Phase::Folding => job.phase = Phase::Copying { digest, copied: None, told: 0 },
            Phase::Copying { digest: known, .. } if *known == digest => {},
            Phase::Copying { .. } | Phase::Chasing { .. } => {
                let message = "the past is another one than before the restart: records were erased or expired while it was \
                               taken over. Save the rules again with onEdit `rebuild` to start over";
                self.fail(&Error::new(ports::ErrorKind::Corrupt, message), now);
                return Step::Rest;
            },
        }
        tracing::info!(
            %partition,
            rules = job.newcomers.len(),
            events = fold.events(),
            alerts = fold.told().alerts.len(),
            topic = settings.topics.events,
            "the past of new rules is folded"
        );
        self.trouble = None;
        self.work = Work::Copying(Box::new(fold));
        Step::Stage(vec![self.record.write_phase()])
    }

    fn fail(&mut self, error: &Error, now: Moment) {
        let pause = self.trouble.as_ref().map_or(PAUSE_MIN, |trouble| (trouble.pause * 2).min(PAUSE_MAX));
        tracing::warn!(
            partition = %self.partition, %error, pause_s = pause.as_secs(),
            "new rules wait: their past cannot be read, it will be tried again"
        );
        self.work = Work::Nothing;
        self.trouble = Some(Trouble { message: error.message.clone(), pause, until: now.monotonic + pause });
    }

    /// Whether a write begins a sweep of what a newcomer has collected.
    pub(crate) fn sweeps_later(&self, write: &Write) -> bool {
        begins_sweep_of(write).is_some_and(|generation| self.hidden.contains(&generation))
    }

    /// The rules in force have changed: those that are gone say nothing any more.
    pub(crate) fn follow(&mut self, book: &RuleBook) {
        self.is_changed = true;
        if let (Work::Chasing(chase), Some(job)) = (&mut self.work, &self.record.job) {
            chase.evaluator = Evaluator::of(&job.newcomers, book);
        }
    }

    /// What people may know of it, if it is time to tell them.
    pub(crate) fn status(&mut self, now: Duration) -> Option<Vec<BootstrapStatus>> {
        // The end is told at once.
        let is_due = self.told.is_none_or(|told| now.saturating_sub(told) >= TELL_EVERY);
        if !is_due && !self.is_idle() {
            return None;
        }
        self.told = Some(now);
        let (phase, (done, total), left) = match &self.work {
            Work::Nothing => (BootstrapPhase::Waiting, (0, 0), None),
            Work::Folding(folding) => {
                let read = folding.progress.read();
                (BootstrapPhase::Folding, read, left(now.saturating_sub(folding.began), read))
            },
            Work::Copying(_) => (BootstrapPhase::Copying, (0, 0), None),
            Work::Chasing(_) => (BootstrapPhase::Chasing, (0, 0), None),
        };
        let problem = self.trouble.as_ref().map(|trouble| trouble.message.clone());
        let job = self.record.job.iter().flat_map(|job| &job.newcomers);
        let job = job.map(|newcomer| BootstrapStatus {
            rule: newcomer.active.rule.key,
            generation: newcomer.active.generation,
            phase,
            done,
            total,
            left,
            problem: problem.clone(),
        });
        // Why those of the job do not get on is also why these wait.
        let waiting = self.record.waiting.iter().map(|waiting| BootstrapStatus {
            rule: waiting.key,
            generation: waiting.generation,
            phase: BootstrapPhase::Waiting,
            done: 0,
            total: 0,
            left: None,
            problem: problem.clone(),
        });
        Some(job.chain(waiting).collect())
    }
}

/// How long the rest takes at the pace so far.
fn left(elapsed: Duration, (done, total): (u64, u64)) -> Option<Duration> {
    if done == 0 || elapsed < PACE_AFTER {
        return None;
    }
    let rest = u128::from(total.saturating_sub(done)) * elapsed.as_millis() / u128::from(done);
    u64::try_from(rest).ok().map(Duration::from_millis)
}

/// The rule that wants history because of a change of the book, if it does.
pub(crate) fn wants_history(outcome: &Outcome) -> Option<&Arc<ActiveRule>> {
    let (now, before) = match outcome {
        Outcome::Created(now) => (now, None),
        Outcome::Replaced { now, before } => (now, Some(before)),
        Outcome::Unchanged(_) | Outcome::Deleted(_) | Outcome::Rejected(_) => return None,
    };
    wants(now, before).then_some(now)
}

/// Whether a rule wants history that stands in place of another one.
pub(crate) fn wants(now: &ActiveRule, before: Option<&Arc<ActiveRule>>) -> bool {
    let bootstrap = &now.rule.bootstrap;
    if !now.rule.status.is_evaluated() {
        return false;
    }
    let wanted = bootstrap.mode != BootstrapMode::None;
    match before {
        None => wanted,
        // A draft has met no event, so it is new when it goes live.
        Some(before) if before.generation == now.generation => {
            wanted && before.rule.status == rules::Status::Draft
        },
        Some(_) => match bootstrap.on_edit {
            OnEdit::Reset => false,
            OnEdit::Rebuild => true,
            OnEdit::Auto | OnEdit::Keep => wanted,
        },
    }
}
