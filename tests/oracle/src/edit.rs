//! Edits that keep what was collected: every group is judged once by the new rule.
//!
//! Reading: the present value is judged as if by time; where the threshold did not hold when the value was judged last and holds now,
//! as if something had been contributed; a window that was judged at its close says nothing of the one after it. A group whose present window has no contributions is not judged while it is ready to fire.
//! Reading: an edit of neither threshold, policy, scope nor status judges nothing.
//! Reading: values that are judged at close are judged by the new rule from the next close on.
//! Reading: what `for` or `resolve.after` would have made due before the edit is due at it.
//! Reading: a rule that was of another mode than `once` is armed.
//! Reading: an alert that nothing would end under the new mode is forgotten.

use rules::{Evaluation, Mode, Rule};

use crate::judge::Cause;
use crate::run::{Run, closing};
use crate::window;

impl<'a> Run<'a> {
    /// Goes on under another rule that collects the same.
    pub(crate) fn edit(&mut self, rule: &'a Rule) {
        let is_alike = rule.judges_as(self.rule);
        self.rule = rule;
        self.threshold = rule.threshold_for(self.customer);
        self.desk.edit(rule);
        if is_alike {
            return;
        }
        let now = self.desk.now;
        self.groups.sort_by(|left, right| left.text.cmp(&right.text));
        for index in 0..self.groups.len() {
            let state = &mut self.groups[index];
            state.voice.edit(&rule.policy, self.threshold, now);
            state.voice.begin();
            state.looked = state.looked.max(now);
            let Evaluation::Aggregate(aggregate) = &rule.evaluation else { continue };
            if self.is_running(aggregate) {
                let state = &self.groups[index];
                let mut pane = window::at(aggregate.window, &state.contributions, now);
                if aggregate.window == rules::Window::Total {
                    pane.end = now;
                }
                if pane.contents.is_empty() && state.voice.is_ready() {
                    continue;
                }
                let cause = Cause { at: now, late: false, present: true, contribution: false };
                let mut judgement = self.judgement(aggregate, &pane, cause);
                judgement.contribution = judgement.holds && !state.voice.held;
                self.groups[index].voice.judge(&judgement, &mut self.desk);
            } else {
                let lateness = rule.timing.allowed_lateness.as_i64();
                let state = &mut self.groups[index];
                let ends = closing(aggregate.window, &state.contributions);
                state.judged.extend(ends.into_iter().filter(|end| end + lateness <= now));
            }
        }
    }
}

/// Whether something of the mode ends what it opens.
pub(crate) fn keeps_open(policy: &rules::AlertPolicy) -> bool {
    match policy.mode {
        Mode::Once => true,
        Mode::Cooldown(_) => policy.resolve.is_some(),
        Mode::Every | Mode::PerWindow => false,
    }
}
