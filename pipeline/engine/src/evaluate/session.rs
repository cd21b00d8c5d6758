//! Sessions: events that follow each other closely. A late event may join two of them.
//!
//! The bucket of a session stands at the time of its last event, so the sessions that a time may join are found by
//! looking forward from it.

use rules::{Aggregate, Span};

use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::stream::Timestamp;
use crate::write::Table;

impl GroupRun<'_, '_> {
    /// The sessions that an event at this time would belong to, oldest first; two at most.
    fn neighbours(&mut self, time: Timestamp, gap: Span) -> Result<Vec<(Timestamp, Bucket)>, Failure> {
        let mut found = Vec::new();
        let mut from = time.minus(gap).plus(Span::from_millis(1));
        while let Some((last, bucket)) = self.first_bucket_from(from)? {
            if bucket.first >= time.plus(gap) {
                break;
            }
            from = last.plus(Span::from_millis(1));
            found.push((last, bucket));
        }
        Ok(found)
    }

    /// When the session of an event at this time would end.
    pub(super) fn session_end(&mut self, time: Timestamp, gap: Span) -> Result<Timestamp, Failure> {
        let neighbours = self.neighbours(time, gap)?;
        let last = neighbours.iter().map(|(last, _)| *last).chain([time]).max().unwrap_or(time);
        Ok(last.plus(gap))
    }

    pub(super) fn extend_session(
        &mut self,
        aggregate: &Aggregate,
        gap: Span,
        arrival: &Arrival<'_>,
    ) -> Result<(), Failure> {
        let mut joined: Option<Bucket> = None;
        for (last, bucket) in self.neighbours(arrival.time, gap)? {
            self.run.view.delete(Table::State, self.keys.bucket(last));
            if self.head.window == Some(last) {
                self.head.window = None;
            }
            joined = Some(match joined {
                None => bucket,
                Some(mut earlier) => {
                    earlier.join(&bucket);
                    self.move_set(&bucket, &mut earlier)?;
                    self.bound_set(aggregate, &mut earlier)?;
                    earlier.trail.join(&bucket.trail, self.active.rule.evidence.max as usize);
                    earlier
                },
            });
        }
        // The place of its first event names the set of a session.
        let mut session = joined.unwrap_or_else(|| Bucket { set: arrival.offset.0, ..Bucket::default() });
        let judged = self.add(aggregate, &mut session, arrival)?;
        // With another event it is another window.
        session.judged = false;
        let window = Window { start: Some(session.first), end: session.last.plus(gap) };
        self.settle_window(aggregate, session.last, session, window, arrival, judged)
    }
}
