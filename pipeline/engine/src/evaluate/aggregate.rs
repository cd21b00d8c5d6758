//! Aggregates: contributions change values, values are judged.

use std::sync::Arc;

use rules::{Aggregate, Amount, Evaluation, LatePolicy, Span, Window as WindowKind};

use super::policy::{Behind, Judgement, Subject};
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
    fn behind(aggregate: &Aggregate, window: Window) -> Behind {
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
        self.remember(bucket, arrival);
        Ok(changed || aggregate.entity_path.is_none())
    }

    /// Adds an event to a bucket's trail.
    pub(super) fn remember(&self, bucket: &mut Bucket, arrival: &Arrival<'_>) {
        let evidence = &self.active.rule.evidence;
        bucket.trail.add(self.witness(arrival), evidence.max as usize);
        bucket.trail.name((arrival.time, arrival.offset), &arrival.hit.entities);
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
        if !self.is_running() {
            self.put_bucket(key, &bucket);
            return Ok(());
        }
        if is_present {
            if judged {
                bucket.fired |= self.judge_present(aggregate, &bucket, window, arrival.time, true)?;
            }
            self.put_bucket(key, &bucket);
            return Ok(());
        }
        if judged {
            bucket.fired |= self.judge_past(aggregate, &bucket, window, Self::behind(aggregate, window))?;
        }
        self.put_bucket(key, &bucket);
        // A live set is judged where it changes, and the present one has not.
        if aggregate.entity_path.is_none() {
            self.judge_current_window(aggregate, arrival.time)
        } else {
            Ok(())
        }
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
        let window = Self::empty_window(aggregate, self.moment.clock);
        self.judge_present(aggregate, &Bucket::default(), window, at, contributes).map(drop)
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

    /// The window of the present is over: the value becomes that of a window without contributions.
    fn end_window(&mut self, aggregate: &Aggregate, at: Timestamp) -> Result<(), Failure> {
        let Some(key) = self.head.window else { return Ok(()) };
        let bucket = self.bucket(key)?.unwrap_or_default();
        let window = self.window_of(aggregate, key, &bucket);
        if window.end > at {
            return Ok(());
        }
        self.head.window = None;
        let empty = Bucket::default();
        if bucket.value(aggregate) == empty.value(aggregate) && bucket.fingerprint == empty.fingerprint {
            return Ok(());
        }
        self.judge_empty(aggregate, window.end, false)
    }

    /// Judges windows that have closed.
    fn close_windows(&mut self, aggregate: &Aggregate, due: Timestamp) -> Result<(), Failure> {
        while let Some((key, mut bucket)) = self.first_unjudged()? {
            let window = self.window_of(aggregate, key, &bucket);
            if window.end.plus(self.patience()) > due {
                break;
            }
            self.spoke = false;
            bucket.fired |= self.judge_present(aggregate, &bucket, window, window.end, true)?;
            bucket.judged = true;
            self.put_bucket(key, &bucket);
            if self.head.window == Some(key) {
                self.head.window = None;
            }
        }
        Ok(())
    }

    fn first_unjudged(&mut self) -> Result<Option<(Timestamp, Bucket)>, Failure> {
        let mut next = self.first_bucket()?;
        while let Some((key, bucket)) = &next {
            if !bucket.judged {
                break;
            }
            next = self.first_bucket_from(key.plus(Span::from_millis(1)))?;
        }
        Ok(next)
    }

    /// Forgets windows to which no event can contribute any more.
    fn forget_windows(&mut self, aggregate: &Aggregate) -> Result<(), Failure> {
        while let Some((key, bucket)) = self.first_bucket()? {
            if self.forgotten_window(aggregate, key, &bucket)? > self.moment.clock {
                break;
            }
            self.remove_bucket(key, &bucket)?;
        }
        Ok(())
    }

    /// When no event can contribute to a window any more. One that comes just in time for a window of its own may still
    /// join a session with this one, and so may one that joins it with the next.
    fn forgotten_window(
        &mut self,
        aggregate: &Aggregate,
        key: Timestamp,
        bucket: &Bucket,
    ) -> Result<Timestamp, Failure> {
        let end = self.window_of(aggregate, key, bucket).end;
        let WindowKind::Session(gap) = aggregate.window else { return Ok(end.plus(self.lateness())) };
        let next = self.first_bucket_from(key.plus(Span::from_millis(1)))?;
        let bridged = next.filter(|(_, next)| next.first < end.plus(gap)).map(|(last, _)| last.plus(gap));
        let joined = bridged.into_iter().chain([end.plus(gap)]).max().unwrap_or(end);
        Ok(joined.plus(self.lateness()))
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

    /// The window of a moment without contributions: an empty session begins and ends at once.
    fn empty_window(aggregate: &Aggregate, at: Timestamp) -> Window {
        match aggregate.window {
            WindowKind::Tumbling(size) => {
                let start = tumbling_start(at, size);
                Window { start: Some(start), end: start.plus(size) }
            },
            WindowKind::Session(_) | WindowKind::Sliding(_) | WindowKind::Total => {
                Window { start: Some(at), end: at }
            },
        }
    }
}

/// The start of the tumbling window that a time belongs to.
pub(super) fn tumbling_start(time: Timestamp, size: Span) -> Timestamp {
    let size = size.as_i64().max(1);
    Timestamp(time.0.div_euclid(size).saturating_mul(size))
}
