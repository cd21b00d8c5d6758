//! After an edit that keeps what was collected but judges otherwise, every group is judged once by the new rule: by a
//! sweep, or when an event or a timer reaches it first.

use rules::{Evaluation, Mode};

use super::GroupRun;
use crate::apply::Failure;

impl GroupRun<'_, '_> {
    /// Judges the group by the rule as it is now, if it was judged by an earlier one, and saves it with the timers that it needs.
    pub(crate) fn judge_anew(mut self) -> Result<(), Failure> {
        self.settle_edit()?;
        self.save()
    }

    /// Judges the group by the rule as it is now, if it was judged by an earlier one.
    pub(super) fn settle_edit(&mut self) -> Result<(), Failure> {
        let since = self.active.judges_since.0;
        if self.head.judged_under == since || !self.is_in_force() {
            return Ok(());
        }
        self.head.judged_under = since;
        let policy = &self.active.rule.policy;
        let keeps_open = match policy.mode {
            Mode::Once => true,
            Mode::Cooldown(_) => policy.resolve.is_some(),
            Mode::Every | Mode::PerWindow => false,
        };
        if !keeps_open {
            // Nothing would ever end it.
            self.head.policy.episode = None;
        }
        // Only `once` waits to be armed again.
        self.head.policy.armed |= policy.mode != Mode::Once;
        let now = self.moment.clock;
        // What would have been due before the edit is due now.
        self.head.policy.holds_since = match (policy.hold, self.head.policy.holds_since) {
            (Some(hold), Some(since)) => Some(since.max(now.minus(hold))),
            (None, _) | (_, None) => None,
        };
        let after = policy.resolve.as_ref().and_then(|resolve| resolve.after);
        if let (Some(after), Some(episode)) = (after, &mut self.head.policy.episode) {
            episode.held = episode.held.max(now.minus(after));
        }
        if self.is_running() { self.judge_running() } else { self.skip_closed() }
    }

    /// A value that is judged whenever it changes. An edit by which the threshold comes to hold speaks like a contribution.
    fn judge_running(&mut self) -> Result<(), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(()) };
        let now = self.moment.clock;
        if let Some(key) = self.head.window {
            // One whose end has waited for late events, because it was to be judged at close.
            let window = self.bucket(key)?.map(|bucket| self.window_of(aggregate, key, &bucket));
            self.head.window = window.filter(|window| window.end > now).map(|_| key);
        }
        let (mut bucket, window, _) = self.present(now)?;
        let state = &self.head.policy;
        if bucket.events == 0 && state.armed && state.episode.is_none() {
            // A window without contributions has nothing to say that it has not said by time.
            return Ok(());
        }
        let contributes = !state.held && self.holds(bucket.value(aggregate));
        let fired = self.judge_present(aggregate, &bucket, window, now, contributes)?;
        if fired && !bucket.fired {
            bucket.fired = true;
            match self.head.window {
                Some(key) => self.put_bucket(key, &bucket),
                None => self.head.present.fired = true,
            }
        }
        // The event that found the group has its own say.
        self.spoke = false;
        Ok(())
    }

    /// Values that are judged at close: windows that have closed by now were judged before, as running ones.
    fn skip_closed(&mut self) -> Result<(), Failure> {
        let active = self.aggregate();
        let Evaluation::Aggregate(aggregate) = &active.rule.evaluation else { return Ok(()) };
        while let Some((key, mut bucket)) = self.first_unjudged()? {
            let end = self.window_of(aggregate, key, &bucket).end;
            if end.plus(self.patience()) > self.moment.clock {
                break;
            }
            bucket.judged = true;
            self.put_bucket(key, &bucket);
        }
        Ok(())
    }
}
