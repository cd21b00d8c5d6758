//! Tumbling windows and sessions: a bucket for each, from the first event until none can come any more.

use rules::{Aggregate, Span, Window as WindowKind};

use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::stream::Timestamp;

impl Bucket {
    /// The span of the window whose bucket this is, kept under this time.
    pub(crate) fn window(&self, kind: WindowKind, key: Timestamp) -> Window {
        match kind {
            WindowKind::Tumbling(size) => Window { start: Some(key), end: key.plus(size) },
            WindowKind::Session(gap) => Window { start: Some(self.first), end: self.last.plus(gap) },
            WindowKind::Sliding(size) => Window { start: Some(key.minus(size)), end: key },
            WindowKind::Total => Window { start: None, end: key },
        }
    }
}

impl GroupRun<'_, '_> {
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
    pub(super) fn judge_empty(
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
        bucket.window(aggregate.window, key)
    }

    /// The window of the present is over: the value becomes that of a window without contributions.
    pub(super) fn end_window(&mut self, aggregate: &Aggregate, at: Timestamp) -> Result<(), Failure> {
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
    pub(super) fn close_windows(&mut self, aggregate: &Aggregate, due: Timestamp) -> Result<(), Failure> {
        while let Some((key, mut bucket)) = self.first_unjudged()? {
            let window = self.window_of(aggregate, key, &bucket);
            if window.end.plus(self.patience()) > due {
                break;
            }
            self.spoke = false;
            bucket.fired |= self.judge_present(aggregate, &bucket, window, window.end, true)?;
            // It is over, so an edit finds a value that was never judged.
            self.head.policy.held = false;
            bucket.judged = true;
            self.put_bucket(key, &bucket);
            if self.head.window == Some(key) {
                self.head.window = None;
            }
        }
        Ok(())
    }

    pub(super) fn first_unjudged(&mut self) -> Result<Option<(Timestamp, Bucket)>, Failure> {
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
    pub(super) fn forget_windows(&mut self, aggregate: &Aggregate) -> Result<(), Failure> {
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
    pub(super) fn forgotten_window(
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

    /// The window of a moment without contributions: an empty session begins and ends at once.
    pub(super) fn empty_window(aggregate: &Aggregate, at: Timestamp) -> Window {
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
