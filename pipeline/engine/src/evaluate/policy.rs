//! Alert policies: what a judgement of a value or a completion of a pattern comes to.

use rules::{AlertState, Amount, Limits, Mode, Rearm, Span};

use super::GroupRun;
use super::tell::NEVER;
use crate::alert::{Window, instance_id};
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::head::{Due, Episode, Told};
use crate::stream::Timestamp;

/// A value, or a completed pattern, as a policy sees it.
pub(super) struct Judgement<'b> {
    pub(super) value: Option<Amount>,
    /// Whether it meets the threshold; a completion does.
    pub(super) holds: bool,
    /// When it became so.
    pub(super) at: Timestamp,
    /// Whether a contribution, a closed window or a completion is judged, and not the mere passing of time.
    pub(super) contributes: bool,
    /// Whether it is the present that is judged; a past window can only fire.
    pub(super) present: bool,
    pub(super) subject: Subject<'b>,
}

/// What is judged.
pub(super) enum Subject<'b> {
    /// The value of a bucket.
    Bucket { bucket: &'b Bucket, window: Window, behind: Behind },
    /// A pattern, with the places of its first and its last event.
    Pattern { told: Told, began: (Timestamp, u64), completed: (Timestamp, u64) },
}

/// Where the events behind the value of a bucket are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// In its trail.
    Trail,
    /// In its trail, as far as they are after this.
    TrailAfter(Timestamp),
    /// With the members of its set.
    Members,
}

impl Judgement<'_> {
    fn bucket(&self) -> Option<&Bucket> {
        match &self.subject {
            Subject::Bucket { bucket, .. } => Some(bucket),
            Subject::Pattern { .. } => None,
        }
    }
}

impl GroupRun<'_, '_> {
    /// Judges; answers whether the rule has fired for the window.
    pub(super) fn judge(&mut self, judgement: &Judgement<'_>) -> Result<bool, Failure> {
        if !self.is_in_force() {
            // Time goes on for what was collected, and nothing is said of it.
            return Ok(false);
        }
        if judgement.present {
            self.head.policy.judged = judgement.value;
            self.head.policy.held =
                judgement.holds && judgement.bucket().is_none_or(|bucket| bucket.events > 0);
            self.look(judgement)?;
        }
        if judgement.holds && self.active.rule.policy.hold.is_none() {
            return self.fire_if_due(judgement);
        }
        Ok(false)
    }

    /// Whether the rule is evaluated for the customer at present.
    pub(super) fn is_in_force(&self) -> bool {
        self.active.rule.applies_to(self.customer) && !self.active.is_suspended_for(self.customer)
    }

    /// Whether a past window may make the rule fire.
    pub(super) fn may_fire_in_the_past(&self) -> bool {
        match self.active.rule.policy.mode {
            Mode::Every | Mode::PerWindow => true,
            Mode::Cooldown(_) => self.head.policy.episode.is_none(),
            Mode::Once => self.head.policy.armed && self.active.rule.policy.hold.is_none(),
        }
    }

    /// What only the present decides: the end of an alert, readiness for the next, changes of a live set.
    fn look(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let clock = self.moment.clock;
        let resolve = self.active.rule.policy.resolve.as_ref();
        let ends = resolve.and_then(|resolve| resolve.limits.as_ref());
        if ends.is_some_and(|limits| met(limits, judgement.value)) && self.head.policy.episode.is_some() {
            let told = self.told(judgement)?;
            self.resolve(told, judgement.at)?;
        }
        self.rearm(judgement.value, judgement.holds);
        let fingerprint = judgement.bucket().map(|bucket| bucket.fingerprint);
        let members = self.head.policy.episode.as_ref().map(|episode| episode.members);
        if self.active.rule.policy.mode == Mode::Once
            && self.is_live_set()
            && members.is_some()
            && members != fingerprint
        {
            self.update(judgement)?;
        }
        let policy = &mut self.head.policy;
        if let Some(episode) = policy.episode.as_mut().filter(|_| judgement.holds && judgement.contributes) {
            episode.held = clock;
        }
        if self.active.rule.policy.hold.is_some() {
            let waits = policy.armed && judgement.holds;
            policy.holds_since = if waits { Some(policy.holds_since.unwrap_or(clock)) } else { None };
        }
        Ok(())
    }

    /// Fires if the mode lets it; the threshold holds. Answers whether it did.
    fn fire_if_due(&mut self, judgement: &Judgement<'_>) -> Result<bool, Failure> {
        let clock = self.moment.clock;
        let speaks = judgement.contributes && !self.spoke;
        let end = match &judgement.subject {
            Subject::Bucket { window, .. } => window.end,
            Subject::Pattern { told, .. } => told.end,
        };
        // A past window that ended before the last alert did is part of that story.
        let is_new = judgement.present || self.head.policy.closed.is_none_or(|closed| closed < end);
        match self.active.rule.policy.mode {
            Mode::Once if self.head.policy.armed && is_new && !self.spoke => {
                self.open(judgement).map(|()| true)
            },
            Mode::Once => Ok(false),
            Mode::Every if speaks => {
                self.spoke = true;
                self.fire_once(judgement).map(|_| true)
            },
            Mode::Every => Ok(false),
            Mode::Cooldown(cooldown) => {
                let is_over = self.head.policy.spoke.is_none_or(|spoke| clock >= spoke.plus(cooldown));
                let is_open = self.head.policy.episode.is_some();
                if !speaks || !is_over || !is_new || (!judgement.present && is_open) {
                    return Ok(false);
                }
                self.spoke = true;
                self.head.policy.spoke = Some(clock);
                match (is_open, &self.active.rule.policy.resolve) {
                    (true, _) => self.update(judgement)?,
                    (false, Some(_)) => self.open(judgement)?,
                    (false, None) => drop(self.fire_once(judgement)?),
                }
                Ok(true)
            },
            Mode::PerWindow => {
                let bucket = judgement.bucket();
                let is_live_set = self.is_live_set();
                let is_empty =
                    bucket.is_none_or(|bucket| bucket.events == 0 || (is_live_set && bucket.members == 0));
                if is_empty || bucket.is_some_and(|bucket| bucket.fired) {
                    return Ok(false);
                }
                self.fire_once(judgement).map(|_| true)
            },
        }
    }

    fn is_live_set(&self) -> bool {
        match &self.active.rule.evaluation {
            rules::Evaluation::Aggregate(aggregate) => aggregate.entity_path.is_some(),
            rules::Evaluation::Pattern(_) => false,
        }
    }

    /// Arms the rule again if its policy says so.
    fn rearm(&mut self, value: Option<Amount>, holds: bool) {
        let policy = &self.active.rule.policy;
        let Some(rearm) = &policy.rearm else { return };
        let arms = match rearm {
            Rearm::Limits(limits) => met(limits, value),
            Rearm::ThresholdFails => !holds,
        };
        let state = &mut self.head.policy;
        let is_over = policy.resolve.is_none() || state.episode.is_none();
        if arms && is_over && !state.armed {
            state.armed = true;
            if state.episode.take().is_some() {
                state.closed = Some(self.moment.clock);
            }
        }
    }

    /// Ends the open alert, if there is one.
    pub(super) fn resolve(&mut self, told: Told, at: Timestamp) -> Result<(), Failure> {
        let Some(episode) = self.head.policy.episode.take() else { return Ok(()) };
        self.head.policy.closed = Some(self.moment.clock);
        if self.active.rule.policy.mode == Mode::Once {
            // What ended an alert does not begin the next one.
            self.spoke = true;
            self.head.policy.armed = self.active.rule.policy.rearm.is_none();
        }
        if !episode.silent {
            let told = seen_or(told, episode.seen);
            self.tell(AlertState::Resolved, episode.instance, &told, at, &episode.entities);
        }
        Ok(())
    }

    /// Fires an alert that stays open.
    fn open(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let episode = self.fire_once(judgement)?;
        self.head.policy.episode = Some(episode);
        if self.active.rule.policy.mode == Mode::Once {
            self.head.policy.armed = false;
            self.head.policy.holds_since = None;
        }
        Ok(())
    }

    fn fire_once(&mut self, judgement: &Judgement<'_>) -> Result<Episode, Failure> {
        let clock = self.moment.clock;
        let ordinal = self.ordinal()?;
        let instance = instance_id(self.customer, self.active.rule.key.alert, &self.group, clock, ordinal);
        let silent = !self.run.may_tell(self.customer, &self.active, (clock, judgement.at))?;
        let mut told = self.told(judgement)?;
        if told.last == NEVER {
            (told.first, told.last) = (judgement.at, judgement.at);
        }
        let (began, completed) = match &judgement.subject {
            Subject::Pattern { began, completed, .. } => (*began, *completed),
            Subject::Bucket { .. } => ((judgement.at, 0), (judgement.at, 0)),
        };
        if !silent {
            self.tell(AlertState::Firing, instance, &told, judgement.at, &[]);
        }
        let members = judgement.bucket().map_or(0, |bucket| bucket.fingerprint);
        let (entities, seen) = (told.entities.clone(), (told.first, told.last));
        Ok(Episode { instance, silent, held: clock, members, began, completed, told, entities, seen })
    }

    /// The number of this opening among those of the group at this clock.
    fn ordinal(&mut self) -> Result<u32, Failure> {
        let clock = self.moment.clock;
        let before = if self.head.policy.openings.0 == clock {
            self.head.policy.openings.1 + 1
        } else if self.active.rule.grouping.keys.is_empty() {
            // Summaries of an hour are told under the same group.
            self.run.summaries_at(self.customer, &self.active, clock)?
        } else {
            0
        };
        self.head.policy.openings = (clock, before);
        Ok(before)
    }

    /// Tells that an open alert goes on.
    fn update(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let told = self.told(judgement)?;
        let Some(mut episode) = self.head.policy.episode.take() else { return Ok(()) };
        let when = (self.moment.clock, judgement.at);
        if episode.silent {
            self.run.withhold(self.customer, &self.active, when)?;
        } else if self.run.may_tell(self.customer, &self.active, when)? {
            let told = seen_or(told.clone(), episode.seen);
            self.tell(AlertState::Updated, episode.instance, &told, judgement.at, &episode.entities);
            episode.entities.clone_from(&told.entities);
            episode.seen = (told.first, told.last);
        }
        episode.told = told;
        if let Some(bucket) = judgement.bucket() {
            episode.members = bucket.fingerprint;
        }
        if let Subject::Pattern { began, completed, .. } = &judgement.subject {
            (episode.began, episode.completed) = (*began, *completed);
        }
        self.head.policy.episode = Some(episode);
        Ok(())
    }

    /// The threshold has held for long enough.
    pub(super) fn hold(&mut self, at: Timestamp) -> Result<(), Failure> {
        let (bucket, window, behind) = self.present(at)?;
        let Some(value) = self.value_of(&bucket) else { return Ok(()) };
        if self.head.policy.armed {
            let subject = Subject::Bucket { bucket: &bucket, window, behind };
            let (holds, contributes, present) = (true, false, true);
            self.open(&Judgement { value, holds, at, contributes, present, subject })?;
        }
        Ok(())
    }

    /// The open alert has lasted for long enough.
    pub(super) fn resolve_after(&mut self, at: Timestamp) -> Result<(), Failure> {
        let Some(told) = self.head.policy.episode.as_ref().map(|episode| episode.told.clone()) else {
            return Ok(());
        };
        let (told, value) = if self.is_running() {
            let (bucket, window, behind) = self.present(at)?;
            let value = self.value_of(&bucket).flatten();
            (self.bucket_told(value, &bucket, window, behind)?, value)
        } else {
            // Completions and closed windows have no present value.
            (told, self.head.policy.judged)
        };
        self.resolve(told, at)?;
        let holds = self.holds(value);
        self.rearm(value, holds);
        Ok(())
    }

    pub(super) fn holds(&self, value: Option<Amount>) -> bool {
        let limits = self.active.rule.threshold_for(self.customer);
        value.is_some_and(|value| limits.is_some_and(|limits| limits.hold(value)))
    }

    pub(super) fn next_hold(&self) -> Option<Due> {
        let at = self.head.policy.holds_since?.plus(self.active.rule.policy.hold?);
        self.is_in_force().then_some(Due { at, due: at })
    }

    pub(super) fn next_resolve(&self) -> Option<Due> {
        let after: Span = self.active.rule.policy.resolve.as_ref()?.after?;
        let at = self.head.policy.episode.as_ref()?.held.plus(after);
        self.is_in_force().then_some(Due { at, due: at })
    }

    fn told(&mut self, judgement: &Judgement<'_>) -> Result<Told, Failure> {
        match &judgement.subject {
            Subject::Bucket { bucket, window, behind } => {
                self.bucket_told(judgement.value, bucket, *window, *behind)
            },
            Subject::Pattern { told, .. } => Ok(told.clone()),
        }
    }
}

/// Where no event is behind the value any more, what was seen is that of the record before.
fn seen_or(told: Told, (first, last): (Timestamp, Timestamp)) -> Told {
    if told.last == NEVER { Told { first, last, ..told } } else { told }
}

/// No value satisfies all limits that end something.
fn met(limits: &Limits, value: Option<Amount>) -> bool {
    value.is_none_or(|value| limits.hold(value))
}
