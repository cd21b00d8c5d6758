//! Alert policies: what a judgement of a value or a completion of a pattern comes to.

use rules::{AlertState, Amount, Mode, Rearm};

use super::GroupRun;
use super::tell::Details;
use crate::alert::{Window, instance_id};
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::head::{Due, Episode};
use crate::stream::Timestamp;
use crate::trail::Trail;

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
    /// Whether it is the size of a live set.
    pub(super) is_set: bool,
    pub(super) subject: Subject<'b>,
}

/// What is judged.
pub(super) enum Subject<'b> {
    /// The value of a bucket.
    Bucket { bucket: &'b Bucket, window: Window },
    /// A completed pattern, or one that is resolved.
    Pattern {
        /// From the first event to the completion.
        window: Window,
        /// The greatest time of its events.
        last: Timestamp,
        trail: Trail,
        /// Where it completed.
        place: (Timestamp, u64),
    },
}

impl GroupRun<'_, '_> {
    /// Judges; answers whether the rule has fired for the window.
    pub(super) fn judge(&mut self, judgement: &Judgement<'_>) -> Result<bool, Failure> {
        match self.active.rule.policy.mode {
            Mode::Every => {
                let fires = judgement.holds && judgement.contributes;
                if fires {
                    self.fire_alone(judgement)?;
                }
                Ok(fires)
            },
            Mode::PerWindow => {
                let fired = matches!(&judgement.subject, Subject::Bucket { bucket, .. } if bucket.fired);
                let fires = judgement.holds && !fired;
                if fires {
                    self.fire_alone(judgement)?;
                }
                Ok(fires)
            },
            Mode::Cooldown(cooldown) => self.judge_with_cooldown(judgement, cooldown).map(|()| false),
            Mode::Once => self.judge_once(judgement).map(|()| false),
        }
    }

    /// Whether a past window may make the rule fire.
    pub(super) fn may_fire_in_the_past(&self) -> bool {
        match self.active.rule.policy.mode {
            Mode::Every | Mode::PerWindow | Mode::Cooldown(_) => true,
            Mode::Once => self.head.policy.armed && self.active.rule.policy.hold.is_none(),
        }
    }

    fn is_before_the_last_episode(&self, judgement: &Judgement<'_>) -> bool {
        !judgement.present && self.head.policy.closed.is_some_and(|closed| judgement.at <= closed)
    }

    fn judge_with_cooldown(
        &mut self,
        judgement: &Judgement<'_>,
        cooldown: rules::Span,
    ) -> Result<(), Failure> {
        let clock = self.moment.clock;
        if judgement.present {
            self.keep_or_resolve(judgement)?;
        } else if self.is_before_the_last_episode(judgement) {
            return Ok(());
        }
        let is_due = self.head.policy.spoke.is_none_or(|spoke| clock >= spoke.plus(cooldown));
        if !(judgement.holds && judgement.contributes && is_due) {
            return Ok(());
        }
        self.head.policy.spoke = Some(clock);
        if self.active.rule.policy.resolve.is_none() {
            return self.fire_alone(judgement);
        }
        if self.head.policy.episode.is_some() { self.update(judgement) } else { self.open(judgement) }
    }

    fn judge_once(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let was_armed = self.head.policy.armed;
        if !judgement.present {
            let fires = was_armed && judgement.holds && self.active.rule.policy.hold.is_none();
            return if fires && !self.is_before_the_last_episode(judgement) {
                self.open(judgement)
            } else {
                Ok(())
            };
        }
        let was_open = self.head.policy.episode.is_some();
        self.keep_or_resolve(judgement)?;
        if judgement.is_set && self.head.policy.episode.is_some() && was_open {
            self.update(judgement)?;
        }
        if !was_armed {
            self.rearm(judgement.value, judgement.holds);
        }
        let since = self.hold_since(judgement);
        let held = match self.active.rule.policy.hold {
            Some(hold) => since.is_some_and(|since| self.moment.clock >= since.plus(hold)),
            None => judgement.holds,
        };
        if was_armed && held { self.open(judgement) } else { Ok(()) }
    }

    /// Since when the threshold has held, for `for`.
    fn hold_since(&mut self, judgement: &Judgement<'_>) -> Option<Timestamp> {
        self.active.rule.policy.hold?;
        let clock = self.moment.clock;
        let since = &mut self.head.policy.holds_since;
        *since = if judgement.holds { Some(since.unwrap_or(clock)) } else { None };
        *since
    }

    /// Arms the rule again if its policy says so.
    fn rearm(&mut self, value: Option<Amount>, holds: bool) {
        let policy = &self.active.rule.policy;
        if policy.resolve.is_some() && self.head.policy.episode.is_some() {
            return;
        }
        let arms = match &policy.rearm {
            Some(Rearm::Limits(limits)) => value.is_none_or(|value| limits.hold(value)),
            Some(Rearm::ThresholdFails) => !holds,
            None => policy.resolve.is_some(),
        };
        if arms {
            self.head.policy.armed = true;
            if self.head.policy.episode.take().is_some() {
                self.head.policy.closed = Some(self.moment.clock);
            }
        }
    }

    /// Notes that the threshold still holds, or ends the open alert.
    fn keep_or_resolve(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let clock = self.moment.clock;
        let Some(resolve) = &self.active.rule.policy.resolve else { return Ok(()) };
        let Some(episode) = &mut self.head.policy.episode else { return Ok(()) };
        if judgement.holds && judgement.contributes {
            episode.held = clock;
        }
        let Some(limits) = &resolve.limits else { return Ok(()) };
        if judgement.value.is_none_or(|value| limits.hold(value)) { self.resolve(judgement) } else { Ok(()) }
    }

    /// Ends the open alert.
    pub(super) fn resolve(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let Some(episode) = self.head.policy.episode.take() else { return Ok(()) };
        self.head.policy.closed = Some(self.moment.clock);
        if self.active.rule.policy.rearm.is_none() {
            self.head.policy.armed = true;
        }
        if episode.silent {
            return Ok(());
        }
        let details = self.details(judgement)?;
        self.tell(AlertState::Resolved, episode.instance, judgement, details, &episode.entities)
    }

    /// Fires an alert that is over at once.
    fn fire_alone(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        self.fire_once(judgement).map(drop)
    }

    /// Fires an alert that stays open.
    fn open(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let episode = self.fire_once(judgement)?;
        self.head.policy.episode = Some(episode);
        if self.active.rule.policy.mode == Mode::Once {
            self.head.policy.armed = false;
        }
        Ok(())
    }

    fn fire_once(&mut self, judgement: &Judgement<'_>) -> Result<Episode, Failure> {
        let clock = self.moment.clock;
        let openings = &mut self.head.policy.openings;
        *openings = if openings.0 == clock { (clock, openings.1 + 1) } else { (clock, 0) };
        let ordinal = openings.1;
        let instance = instance_id(self.customer, self.active.rule.key.alert, &self.group, clock, ordinal);
        let silent = !self.run.may_tell(self.customer, &self.active, clock)?;
        let details = self.details(judgement)?;
        let entities = details.entities.clone();
        let (began, completed) = match &judgement.subject {
            Subject::Pattern { window, place, .. } => (window.start.unwrap_or(window.end), *place),
            Subject::Bucket { .. } => (judgement.at, (judgement.at, 0)),
        };
        if !silent {
            self.tell(AlertState::Firing, instance, judgement, details, &[])?;
        }
        Ok(Episode { instance, silent, held: clock, entities, began, completed })
    }

    /// Tells that an open alert goes on.
    fn update(&mut self, judgement: &Judgement<'_>) -> Result<(), Failure> {
        let Some(mut episode) = self.head.policy.episode.take() else { return Ok(()) };
        if !episode.silent && self.run.may_tell(self.customer, &self.active, self.moment.clock)? {
            let details = self.details(judgement)?;
            let before = std::mem::replace(&mut episode.entities, details.entities.clone());
            self.tell(AlertState::Updated, episode.instance, judgement, details, &before)?;
        }
        self.head.policy.episode = Some(episode);
        Ok(())
    }

    /// The threshold has held for long enough.
    pub(super) fn hold(&mut self, at: Timestamp) -> Result<(), Failure> {
        let (bucket, window, value) = self.present(at)?;
        if self.head.policy.armed && self.head.policy.holds_since.is_some() {
            let subject = Subject::Bucket { bucket: &bucket, window };
            let judgement = Judgement {
                value,
                holds: true,
                at,
                contributes: false,
                present: true,
                is_set: false,
                subject,
            };
            self.open(&judgement)?;
        }
        Ok(())
    }

    /// The open alert has lasted for long enough.
    pub(super) fn resolve_after(&mut self, at: Timestamp) -> Result<(), Failure> {
        let (bucket, window, value) = self.present(at)?;
        let holds = self.holds(value);
        let subject = match &self.active.rule.evaluation {
            rules::Evaluation::Aggregate(_) => Subject::Bucket { bucket: &bucket, window },
            rules::Evaluation::Pattern(_) => {
                let began = self.head.policy.episode.as_ref().map_or(at, |episode| episode.began);
                Subject::Pattern {
                    window: Window { start: Some(began), end: at },
                    last: at,
                    trail: Trail::default(),
                    place: (at, 0),
                }
            },
        };
        let value = match &subject {
            Subject::Bucket { .. } => value,
            Subject::Pattern { window, .. } => Some(window.elapsed()),
        };
        let judgement =
            Judgement { value, holds, at, contributes: false, present: true, is_set: false, subject };
        self.resolve(&judgement)?;
        if !self.head.policy.armed {
            self.rearm(judgement.value, holds);
        }
        Ok(())
    }

    fn holds(&self, value: Option<Amount>) -> bool {
        let limits = self.active.rule.threshold_for(self.customer);
        value.is_some_and(|value| limits.is_some_and(|limits| limits.hold(value)))
    }

    pub(super) fn next_hold(&self) -> Option<Due> {
        let hold = self.active.rule.policy.hold?;
        let since = self.head.policy.holds_since.filter(|_| self.head.policy.armed)?;
        let at = since.plus(hold);
        // What is due already has fired, or waits for the next judgement.
        (at > self.moment.clock).then_some(Due { at, due: at })
    }

    pub(super) fn next_resolve(&self) -> Option<Due> {
        let after = self.active.rule.policy.resolve.as_ref()?.after?;
        let at = self.head.policy.episode.as_ref()?.held.plus(after);
        Some(Due { at, due: at })
    }

    fn details(&mut self, judgement: &Judgement<'_>) -> Result<Details, Failure> {
        match &judgement.subject {
            Subject::Bucket { bucket, window } => self.bucket_details(bucket, *window),
            Subject::Pattern { window, last, trail, .. } => {
                let first = window.start.unwrap_or(window.end);
                Ok(Details::new(*window, first, *last, trail.clone()))
            },
        }
    }
}
