//! Aggregates: contributions change values, values are judged.

use std::sync::Arc;

use rules::{Aggregate, Amount, Evaluation, LatePolicy, Window as WindowKind};

use super::policy::{Behind, Judgement, Subject};
use super::windows::tumbling_start;
use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::head::Due;
use crate::stream::Timestamp;

impl GroupRun<'_, '_> {
    /// The rule's aggregate; asked for only where the rule has one.
    pub(super) fn aggregate(&self) -> Arc<rules::ActiveRule> {
        Arc::clone(&self.active)
    }

    /// Whether the value of the rule is judged whenever it changes; else once, when its window closes.
    pub(super) fn is_running(&self) -> bool {
        match (&self.active.rule.evaluation, self.active.rule.threshold_for(self.customer)) {
            (Evaluation::Aggregate(aggregate), Some(threshold)) => aggregate.is_running(threshold),
            _ => false,
        }
    }

    /// The value of a bucket; nothing for patterns, which have no values.
    pub(super) fn value_of(&self, bucket: &Bucket) -> Option<Option<Amount>> {
        match &self.active.rule.evaluation {
            Evaluation::Aggregate(aggregate) => Some(bucket.value(aggregate)),
            Evaluation::Pattern(_) => None,
        }
    }

    /// Where the events behind the value of a bucket of the present are.
    pub(super) fn behind(aggregate: &Aggregate, window: Window) -> Behind {
        match (aggregate.window, window.start) {
            _ if aggregate.entity_path.is_some() => Behind::Members,
            (WindowKind::Sliding(_), Some(start)) => Behind::TrailAfter(start),
            _ => Behind::Trail,
        }
    }

    /// Whether an event comes too late to count.
    pub(super) fn is_too_late(&mut self, arrival: &Arrival<'_>) -> Result<bool, Failure> {
        let (clock, lateness) = (self.moment.clock, self.lateness());
        if !self.moment.late {
            return Ok(false);
        }
        if self.active.rule.timing.late_policy == LatePolicy::Drop {
            return Ok(arrival.time < clock.minus(lateness));
        }
        let active = Arc::clone(&self.active);
        let end = match &active.rule.evaluation {
            Evaluation::Aggregate(aggregate) => match aggregate.window {
                WindowKind::Total => return Ok(false),
                WindowKind::Tumbling(size) => tumbling_start(arrival.time, size).plus(size),
                WindowKind::Sliding(size) => arrival.time.plus(size),
                WindowKind::Session(gap) => self.session_end(arrival.time, gap)?,
            },
            Evaluation::Pattern(pattern) => match pattern.within {
                Some(within) => arrival.time.plus(within),
                None => return Ok(false),
            },
        };
        Ok(end.plus(lateness) <= clock)
    }

    /// Adds an event's contribution and judges what it changes.
    pub(super) fn contribute(&mut self, arrival: &Arrival<'_>) -> Result<(), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(()) };
        match aggregate.window {
            WindowKind::Total => {
                let mut bucket = std::mem::take(&mut self.head.present);
                let judged = self.add(aggregate, &mut bucket, arrival)?;
                if judged {
                    let window = Window { start: None, end: arrival.time };
                    bucket.fired |= self.judge_present(aggregate, &bucket, window, arrival.time, true)?;
                }
                self.head.present = bucket;
                Ok(())
            },
            WindowKind::Sliding(size) => self.slide(aggregate, size, arrival),
            WindowKind::Tumbling(size) => {
                let start = tumbling_start(arrival.time, size);
                let mut bucket = self.bucket(start)?.unwrap_or_default();
                bucket.set = start.0.cast_unsigned();
                let judged = self.add(aggregate, &mut bucket, arrival)?;
                let window = Window { start: Some(start), end: start.plus(size) };
                self.settle_window(aggregate, start, bucket, window, arrival, judged)
            },
            WindowKind::Session(gap) => self.extend_session(aggregate, gap, arrival),
        }
    }

    /// Adds a contribution to a bucket; answers whether it is judged.
    pub(super) fn add(
        &mut self,
        aggregate: &Aggregate,
        bucket: &mut Bucket,
        arrival: &Arrival<'_>,
    ) -> Result<bool, Failure> {
        bucket.add(arrival.time, &arrival.hit.brought, aggregate.floor);
        let changed = self.operate(bucket, arrival)?;
        self.bound_set(aggregate, bucket)?;
        self.remember(bucket, arrival);
        Ok(changed || aggregate.entity_path.is_none())
    }

    /// Adds an event to a bucket's trail.
    pub(super) fn remember(&self, bucket: &mut Bucket, arrival: &Arrival<'_>) {
        let evidence = &self.active.rule.evidence;
        bucket.trail.add(self.witness(arrival), evidence.max as usize);
        bucket.trail.name((arrival.time, arrival.offset), &arrival.hit.entities);
    }

    pub(super) fn judge_present(
        &mut self,
        aggregate: &Aggregate,
        bucket: &Bucket,
        window: Window,
        at: Timestamp,
        contributes: bool,
    ) -> Result<bool, Failure> {
        let (value, behind) = (bucket.value(aggregate), Self::behind(aggregate, window));
        let (holds, present) = (self.holds(value), true);
        let subject = Subject::Bucket { bucket, window, behind };
        self.judge(&Judgement { value, holds, at, contributes, present, subject })
    }

    pub(super) fn judge_past(
        &mut self,
        aggregate: &Aggregate,
        bucket: &Bucket,
        window: Window,
        behind: Behind,
    ) -> Result<bool, Failure> {
        let value = bucket.value(aggregate);
        let (holds, at, contributes, present) = (self.holds(value), window.end, true, false);
        let subject = Subject::Bucket { bucket, window, behind };
        self.judge(&Judgement { value, holds, at, contributes, present, subject })
    }

    /// The value has changed by time: something has expired, or a window has ended.
    pub(super) fn change(&mut self, Due { at, due }: Due) -> Result<(), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(()) };
        match aggregate.window {
            WindowKind::Total => Ok(()),
            WindowKind::Sliding(size) => self.expire(aggregate, size, at),
            WindowKind::Tumbling(_) | WindowKind::Session(_) => {
                if self.is_running() {
                    self.end_window(aggregate, at)?;
                } else {
                    self.close_windows(aggregate, due)?;
                }
                self.forget_windows(aggregate)
            },
        }
    }

    /// When the value changes next by time, or a window is forgotten.
    pub(super) fn next_change(&mut self) -> Result<Option<Due>, Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(None) };
        let at_once = |at: Timestamp| Due { at, due: at };
        match aggregate.window {
            WindowKind::Total => Ok(None),
            WindowKind::Sliding(size) => self.next_expiry(size),
            WindowKind::Tumbling(_) | WindowKind::Session(_) => {
                let Some((key, bucket)) = self.first_bucket()? else { return Ok(None) };
                let forgotten = at_once(self.forgotten_window(aggregate, key, &bucket)?);
                let judged = if self.is_running() {
                    match self.head.window {
                        Some(key) => {
                            let bucket = self.bucket(key)?.unwrap_or_default();
                            Some(at_once(self.window_of(aggregate, key, &bucket).end))
                        },
                        None => None,
                    }
                } else {
                    let next = self.first_unjudged()?;
                    let end = next.map(|(key, bucket)| self.window_of(aggregate, key, &bucket).end);
                    end.map(|end| Due { at: end, due: end.plus(self.patience()) })
                };
                Ok(judged.into_iter().chain([forgotten]).min_by_key(|due| due.due))
            },
        }
    }

    /// What the present value is made of.
    pub(super) fn present(&mut self, at: Timestamp) -> Result<(Bucket, Window, Behind), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else {
            return Ok((Bucket::default(), Window { start: None, end: at }, Behind::Trail));
        };
        let (bucket, window) = match aggregate.window {
            WindowKind::Total => (self.head.present.clone(), Window { start: None, end: at }),
            WindowKind::Sliding(size) => {
                (self.head.present.clone(), Window { start: Some(at.minus(size)), end: at })
            },
            WindowKind::Tumbling(_) | WindowKind::Session(_) => match self.head.window {
                Some(key) => {
                    let bucket = self.bucket(key)?.unwrap_or_default();
                    let window = self.window_of(aggregate, key, &bucket);
                    (bucket, window)
                },
                None => (Bucket::default(), Self::empty_window(aggregate, at)),
            },
        };
        Ok((bucket, window, Self::behind(aggregate, window)))
    }
}
