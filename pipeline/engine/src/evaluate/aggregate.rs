//! Aggregates: contributions change values, values are judged.

use std::sync::Arc;

use rules::{Aggregate, Amount, Evaluation, LatePolicy, Limits, Window as WindowKind};

use super::policy::{Judgement, Subject};
use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::head::Due;
use crate::key::bucket_time;
use crate::stored;
use crate::stream::Timestamp;
use crate::view::after;
use crate::write::Table;

impl GroupRun<'_, '_> {
    /// The rule's aggregate; asked for only where the rule has one.
    pub(super) fn aggregate(&self) -> Arc<rules::ActiveRule> {
        Arc::clone(&self.active)
    }

    pub(super) fn threshold<'t>(
        &self,
        aggregate: &'t Aggregate,
        active: &'t rules::ActiveRule,
    ) -> &'t Limits {
        active.rule.threshold_for(self.customer).unwrap_or(&aggregate.threshold)
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
                    self.judge_present(aggregate, &bucket, window, arrival.time, true)?;
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
        self.remember(bucket, arrival);
        Ok(changed || aggregate.entity_path.is_none())
    }

    /// Adds an event to a bucket's trail.
    pub(super) fn remember(&self, bucket: &mut Bucket, arrival: &Arrival<'_>) {
        let evidence = &self.active.rule.evidence;
        let witness = (evidence.mode != rules::EvidenceMode::None).then(|| arrival.witness());
        bucket.trail.add(witness, evidence.max as usize);
        bucket.trail.name(arrival.time, &arrival.hit.entities);
    }

    /// Stores the bucket of a window after a contribution, and judges.
    pub(super) fn settle_window(
        &mut self,
        aggregate: &Aggregate,
        key: Timestamp,
        mut bucket: Bucket,
        window: Window,
        arrival: &Arrival<'_>,
        judged: bool,
    ) -> Result<(), Failure> {
        let is_present = self.moment.clock < window.end;
        if is_present {
            self.head.window = Some(key);
        }
        let active = self.aggregate();
        if judged && aggregate.is_running(self.threshold(aggregate, &active)) {
            if is_present {
                bucket.fired |= self.judge_present(aggregate, &bucket, window, arrival.time, true)?;
                self.put_bucket(key, &bucket);
                return Ok(());
            }
            bucket.fired |= self.judge_past(aggregate, &bucket, window)?;
            self.put_bucket(key, &bucket);
            return self.judge_current_window(aggregate, arrival.time);
        }
        self.put_bucket(key, &bucket);
        Ok(())
    }

    /// Judges the window of the present on account of a late event.
    fn judge_current_window(&mut self, aggregate: &Aggregate, at: Timestamp) -> Result<(), Failure> {
        let Some(key) = self.head.window else {
            return self.judge_empty(aggregate, at, true);
        };
        let mut bucket = self.bucket(key)?.unwrap_or_default();
        let window = self.window_of(aggregate, key, &bucket);
        if self.judge_present(aggregate, &bucket, window, at, true)? {
            bucket.fired = true;
            self.put_bucket(key, &bucket);
        }
        Ok(())
    }

    /// Judges a present without contributions.
    fn judge_empty(
        &mut self,
        aggregate: &Aggregate,
        at: Timestamp,
        contributes: bool,
    ) -> Result<(), Failure> {
        let clock = self.moment.clock;
        let window = match aggregate.window {
            WindowKind::Tumbling(size) => {
                let start = tumbling_start(clock, size);
                Window { start: Some(start), end: start.plus(size) }
            },
            WindowKind::Session(_) | WindowKind::Sliding(_) | WindowKind::Total => {
                Window { start: Some(clock), end: clock }
            },
        };
        let bucket = Bucket { first: at, last: at, ..Bucket::default() };
        self.judge_present(aggregate, &bucket, window, at, contributes).map(drop)
    }

    /// The span of a window from its bucket.
    pub(super) fn window_of(&self, aggregate: &Aggregate, key: Timestamp, bucket: &Bucket) -> Window {
        match aggregate.window {
            WindowKind::Tumbling(size) => Window { start: Some(key), end: key.plus(size) },
            WindowKind::Session(gap) => Window { start: Some(bucket.first), end: bucket.last.plus(gap) },
            WindowKind::Sliding(size) => Window { start: Some(key.minus(size)), end: key },
            WindowKind::Total => Window { start: None, end: key },
        }
    }

    pub(super) fn judge_present(
        &mut self,
        aggregate: &Aggregate,
        bucket: &Bucket,
        window: Window,
        at: Timestamp,
        contributes: bool,
    ) -> Result<bool, Failure> {
        let subject = Subject::Bucket { bucket, window };
        self.judge(&self.judgement(aggregate, subject, at, contributes, true))
    }

    pub(super) fn judge_past(
        &mut self,
        aggregate: &Aggregate,
        bucket: &Bucket,
        window: Window,
    ) -> Result<bool, Failure> {
        let subject = Subject::Bucket { bucket, window };
        self.judge(&self.judgement(aggregate, subject, window.end, true, false))
    }

    fn judgement<'b>(
        &self,
        aggregate: &Aggregate,
        subject: Subject<'b>,
        at: Timestamp,
        contributes: bool,
        present: bool,
    ) -> Judgement<'b> {
        let Subject::Bucket { bucket, .. } = &subject else {
            unreachable!("aggregates are judged by buckets")
        };
        let value = bucket.value(aggregate);
        let limits = self.active.rule.threshold_for(self.customer).unwrap_or(&aggregate.threshold);
        let holds = value.is_some_and(|value| limits.hold(value));
        Judgement { value, holds, at, contributes, present, is_set: aggregate.entity_path.is_some(), subject }
    }

    /// The value has changed by time: something has expired, or a window has ended.
    pub(super) fn change(&mut self, at: Timestamp) -> Result<(), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(()) };
        match aggregate.window {
            WindowKind::Total => Ok(()),
            WindowKind::Sliding(size) => self.expire(aggregate, size, at),
            WindowKind::Tumbling(_) | WindowKind::Session(_) => {
                if aggregate.is_running(self.threshold(aggregate, &active)) {
                    self.end_window(aggregate, at)?;
                    self.forget_windows(aggregate)
                } else {
                    self.close_windows(aggregate, at)
                }
            },
        }
    }

    /// The window of the present is over: the value becomes that of a window without contributions.
    fn end_window(&mut self, aggregate: &Aggregate, at: Timestamp) -> Result<(), Failure> {
        let Some(key) = self.head.window else { return Ok(()) };
        let bucket = self.bucket(key)?.unwrap_or_default();
        let window = self.window_of(aggregate, key, &bucket);
        if window.end > at {
            return Ok(());
        }
        self.head.window = None;
        if bucket.value(aggregate) == Bucket::default().value(aggregate) {
            return Ok(());
        }
        self.judge_empty(aggregate, window.end, false)
    }

    /// Judges windows that have closed, and forgets them.
    fn close_windows(&mut self, aggregate: &Aggregate, at: Timestamp) -> Result<(), Failure> {
        while let Some((key, bucket)) = self.first_bucket()? {
            let window = self.window_of(aggregate, key, &bucket);
            if window.end > at {
                break;
            }
            self.judge_present(aggregate, &bucket, window, window.end, true)?;
            self.remove_bucket(key, &bucket)?;
        }
        Ok(())
    }

    /// Forgets windows to which no event can contribute any more.
    fn forget_windows(&mut self, aggregate: &Aggregate) -> Result<(), Failure> {
        while let Some((key, bucket)) = self.first_bucket()? {
            let window = self.window_of(aggregate, key, &bucket);
            if window.end.plus(self.lateness()) > self.moment.clock {
                break;
            }
            self.remove_bucket(key, &bucket)?;
        }
        Ok(())
    }

    /// When the value changes next by time.
    pub(super) fn next_change(&mut self) -> Result<Option<Due>, Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(None) };
        let at_once = |at: Timestamp| Due { at, due: at };
        match aggregate.window {
            WindowKind::Total => Ok(None),
            WindowKind::Sliding(size) => self.next_expiry(size),
            WindowKind::Tumbling(_) | WindowKind::Session(_) => {
                let Some((key, bucket)) = self.first_bucket()? else { return Ok(None) };
                let end = self.window_of(aggregate, key, &bucket).end;
                if !aggregate.is_running(self.threshold(aggregate, &active)) {
                    return Ok(Some(Due { at: end, due: end.plus(self.patience()) }));
                }
                let forgotten = end.plus(self.lateness());
                let current = match self.head.window {
                    Some(key) => self.bucket(key)?.map(|bucket| self.window_of(aggregate, key, &bucket).end),
                    None => None,
                };
                Ok(Some(at_once(current.map_or(forgotten, |end| end.min(forgotten)))))
            },
        }
    }

    pub(super) fn bucket(&mut self, key: Timestamp) -> Result<Option<Bucket>, Failure> {
        let key = self.keys.bucket(key);
        self.run.get(self.customer, Table::State, &key)
    }

    pub(super) fn put_bucket(&mut self, key: Timestamp, bucket: &Bucket) {
        self.run.view.put(Table::State, self.keys.bucket(key), stored::to_bytes(bucket));
    }

    /// Removes a window with the set that belongs to it.
    pub(super) fn remove_bucket(&mut self, key: Timestamp, bucket: &Bucket) -> Result<(), Failure> {
        self.remove_set(bucket.set)?;
        self.run.view.delete(Table::State, self.keys.bucket(key));
        Ok(())
    }

    /// The group's earliest bucket.
    pub(super) fn first_bucket(&mut self) -> Result<Option<(Timestamp, Bucket)>, Failure> {
        self.first_bucket_from(Timestamp(i64::MIN))
    }

    /// The group's earliest bucket at or after a time.
    pub(super) fn first_bucket_from(
        &mut self,
        from: Timestamp,
    ) -> Result<Option<(Timestamp, Bucket)>, Failure> {
        let (from, to) = (self.keys.bucket(from), self.keys.buckets_end());
        let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? else { return Ok(None) };
        let at = bucket_time(&key).ok_or_else(|| self.run.damaged(self.customer))?;
        Ok(Some((at, self.run.decode(self.customer, &bytes)?)))
    }

    /// The buckets with `from <= time <= to`.
    pub(super) fn buckets(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Bucket)>, Failure> {
        let (mut from, to) = (self.keys.bucket(from), after(&self.keys.bucket(to)));
        let mut found = Vec::new();
        while let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? {
            let at = bucket_time(&key).ok_or_else(|| self.run.damaged(self.customer))?;
            found.push((at, self.run.decode(self.customer, &bytes)?));
            from = after(&key);
        }
        Ok(found)
    }

    /// The present value, and what it is made of.
    pub(super) fn present(&mut self, at: Timestamp) -> Result<(Bucket, Window, Option<Amount>), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else {
            return Ok((Bucket::default(), Window { start: None, end: at }, None));
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
                None => {
                    (Bucket { first: at, last: at, ..Bucket::default() }, Window { start: Some(at), end: at })
                },
            },
        };
        let value = bucket.value(aggregate);
        Ok((bucket, window, value))
    }
}

/// The start of the tumbling window that a time belongs to.
pub(super) fn tumbling_start(time: Timestamp, size: rules::Span) -> Timestamp {
    let size = size.as_i64().max(1);
    Timestamp(time.0.div_euclid(size).saturating_mul(size))
}
