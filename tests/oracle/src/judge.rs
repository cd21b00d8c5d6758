//! What is judged when an event or a timer comes: the values of aggregates.
//!
//! Reading: a window is judged on an operation of a live set only if the operation changed the set of that window.
//! Reading: of a window of all time the end is the time of the record.

use rules::{Aggregate, Amount, Comparator, Function, Node, Window};

use crate::aggregate::{Contribution, behind, members, value};
use crate::policy::Judgement;
use crate::record::Finding;
use crate::run::Run;
use crate::window::{self, Pane};

/// Why a value is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    pub(crate) at: i64,
    pub(crate) late: bool,
    pub(crate) present: bool,
    pub(crate) contribution: bool,
}

impl<'a> Run<'a> {
    /// Whether the value is judged whenever it changes; else once, when its window closes.
    pub(crate) fn is_running(&self, aggregate: &Aggregate) -> bool {
        use Comparator::{Gt, Gte, Lt, Lte};
        let only = |allowed: [Comparator; 2]| {
            self.threshold
                .is_some_and(|limits| limits.iter().all(|(comparator, _)| allowed.contains(&comparator)))
        };
        match aggregate.window {
            Window::Total | Window::Sliding(_) => true,
            Window::Tumbling(_) | Window::Session(_) => match aggregate.function {
                Function::Count | Function::Sum | Function::Distinct | Function::Max => only([Gt, Gte]),
                Function::Min => only([Lt, Lte]),
                Function::Avg => false,
            },
        }
    }

    /// A contribution comes.
    pub(crate) fn contribute(&mut self, aggregate: &Aggregate, index: usize, contribution: Contribution<'a>) {
        let (time, position) = (contribution.time, contribution.event.position);
        let clock = self.desk.now;
        let lateness = self.rule.timing.allowed_lateness.as_i64();
        let state = &mut self.groups[index];
        state.contributions.push(contribution);
        state.looked = clock;
        state.voice.begin();
        if !self.is_running(aggregate) {
            return;
        }
        let late = time < clock;
        let mut judgements = Vec::new();
        let mut look = |pane: &Pane<'_, 'a>, present: bool, at: i64| {
            if matters(aggregate, pane, position) {
                let cause = Cause { at, late, present, contribution: true };
                judgements.push(self.judgement(aggregate, pane, cause));
            }
        };
        let all = &self.groups[index].contributions;
        if late {
            for pane in window::past(aggregate.window, all, time, clock, lateness) {
                look(&pane, false, pane.end);
            }
        }
        let mut pane = window::at(aggregate.window, all, clock);
        if aggregate.window == Window::Total {
            pane.end = time;
        }
        look(&pane, true, time);
        let voice = &mut self.groups[index].voice;
        judgements.iter().for_each(|judgement| voice.judge(judgement, &mut self.desk));
    }

    /// A running value changes, or a window closes.
    pub(crate) fn changes_by_time(&mut self, aggregate: &Aggregate, index: usize, time: i64) {
        self.groups[index].looked = time;
        let state = &self.groups[index];
        let all = &state.contributions;
        if self.is_running(aggregate) {
            // The moment before, of which nothing has left the window yet.
            let before = window::at(aggregate.window, all, time - 1);
            let now = window::at(aggregate.window, all, time);
            let changed = value(aggregate, &before.contents) != value(aggregate, &now.contents)
                || set(aggregate, &before.contents) != set(aggregate, &now.contents);
            if changed {
                let cause = Cause { at: time, late: false, present: true, contribution: false };
                let judgement = self.judgement(aggregate, &now, cause);
                self.groups[index].voice.judge(&judgement, &mut self.desk);
            }
            return;
        }
        let ends = crate::run::closing(aggregate.window, all);
        let Some(end) = ends.into_iter().filter(|end| !state.judged.contains(end)).min() else { return };
        let pane = all.iter().map(|contribution| window::at(aggregate.window, all, contribution.time));
        let Some(pane) = pane.into_iter().find(|pane| pane.end == end) else { return };
        let cause = Cause { at: end, late: false, present: true, contribution: true };
        let judgement = self.judgement(aggregate, &pane, cause);
        let state = &mut self.groups[index];
        state.judged.push(end);
        state.voice.judge(&judgement, &mut self.desk);
        // What the closed window met says nothing of the next one.
        state.voice.held = false;
    }

    /// The threshold has held long enough.
    pub(crate) fn held_long_enough(&mut self, aggregate: &Aggregate, index: usize, time: i64) {
        let pane = window::at(aggregate.window, &self.groups[index].contributions, time);
        let cause = Cause { at: time, late: false, present: true, contribution: false };
        let judgement = self.judgement(aggregate, &pane, cause);
        self.groups[index].voice.fire(&judgement, &mut self.desk);
    }

    /// `resolve.after` has come.
    ///
    /// Reading: of a pattern the record repeats value and window of the one before; of a window that closes, too.
    pub(crate) fn resolve_by_time(&mut self, index: usize, time: i64) {
        let aggregate = match &self.rule.evaluation {
            rules::Evaluation::Aggregate(aggregate) if self.is_running(aggregate) => Some(aggregate),
            _ => None,
        };
        let state = &self.groups[index];
        let finding = match (aggregate, &state.voice.open) {
            (Some(aggregate), _) => {
                let pane = window::at(aggregate.window, &state.contributions, time);
                let cause = Cause { at: time, late: false, present: true, contribution: false };
                self.judgement(aggregate, &pane, cause).finding
            },
            (None, Some(open)) => Finding { at: time, late: false, ..open.told.clone() },
            (None, None) => return,
        };
        let voice = &mut self.groups[index].voice;
        let value = if aggregate.is_some() { finding.value } else { voice.value };
        voice.resolve(&finding, &mut self.desk);
        voice.rearm(value, self.desk.now);
    }

    pub(crate) fn judgement(
        &self,
        aggregate: &Aggregate,
        pane: &Pane<'_, 'a>,
        cause: Cause,
    ) -> Judgement<'a> {
        let value = value(aggregate, &pane.contents);
        let behind = behind(aggregate, &pane.contents);
        let behind = behind.into_iter().map(|contribution| (contribution.time, contribution.event)).collect();
        let Cause { at, late, present, contribution } = cause;
        let holds = |value: Amount| self.threshold.is_some_and(|limits| limits.hold(value));
        Judgement {
            finding: Finding { value, start: pane.start, end: pane.end, at, late, behind },
            holds: value.is_some_and(holds),
            present,
            contribution,
            has_contributions: !pane.contents.is_empty(),
            members: set(aggregate, &pane.contents),
            reach: None,
        }
    }
}

/// The entities in a live set; nothing for other values.
fn set(aggregate: &Aggregate, contents: &[&Contribution<'_>]) -> Vec<Node> {
    match aggregate.entity_path {
        Some(_) => members(contents).into_iter().map(|(entity, _)| entity).collect(),
        None => Vec::new(),
    }
}

/// Whether a window is judged on the contribution that has just come into the list.
fn matters(aggregate: &Aggregate, pane: &Pane<'_, '_>, position: u64) -> bool {
    let without: Vec<_> = pane
        .contents
        .iter()
        .copied()
        .filter(|contribution| contribution.event.position != position)
        .collect();
    aggregate.entity_path.is_none() || set(aggregate, &pane.contents) != set(aggregate, &without)
}
