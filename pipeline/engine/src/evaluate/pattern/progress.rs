//! What is known of a pattern's events without looking at them again, so that one that comes in order costs the same however
//! many are kept. A late one puts everything in question: then it is made anew of what is kept.

use std::sync::Arc;

use rules::{Evaluation, Pattern, PatternKind, PatternStep, Span};
use serde::{Deserialize, Serialize};

use super::{Place, Placed, trailing};
use crate::apply::Failure;
use crate::evaluate::GroupRun;
use crate::scalar::Hash;
use crate::stored;
use crate::stream::Timestamp;
use crate::write::Table;

/// Longer sequences are sought among the events that are kept.
const SEQUENCE_MAX: usize = 64;

/// How far a pattern has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Of a sequence: for every number of events that it needs, the latest start of those that have come so far.
    pub(super) starts: Vec<Option<Timestamp>>,
    /// Of `all` and `atLeast`: events from this place on are within the time of the latest one.
    from: Option<Place>,
    /// How many of those serve each step.
    serving: Vec<u32>,
    /// How many different ids those name, by step.
    different: Vec<u32>,
    /// The latest announcement among those.
    announced: Option<(Place, u64)>,
}

/// The step that each event of a sequence serves.
pub(super) fn needed(pattern: &Pattern) -> impl Iterator<Item = usize> {
    let steps = (0..).zip(&pattern.steps);
    steps.flat_map(|(step, of)| std::iter::repeat_n(step, of.min.unwrap_or(1).max(1) as usize))
}

/// Whether progress is kept for a pattern.
pub(super) fn is_kept(pattern: &Pattern) -> bool {
    match pattern.kind {
        PatternKind::Sequence => needed(pattern).nth(SEQUENCE_MAX).is_none(),
        PatternKind::All | PatternKind::AtLeast(_) => true,
        PatternKind::Absence => false,
    }
}

/// Takes the next event of a sequence in order; a later start can do all that an earlier one can, and is within the time for longer.
pub(super) fn follow(
    starts: &mut [Option<Timestamp>],
    needed: &[usize],
    within: Option<Span>,
    event: &Placed,
) {
    // From the end, so that one event serves one step.
    for (index, step) in needed.iter().enumerate().rev() {
        if !event.serves(*step) {
            continue;
        }
        let start = match index.checked_sub(1) {
            None => Some(event.place.0),
            Some(before) => {
                starts[before].filter(|start| within.is_none_or(|within| event.place.0 < start.plus(within)))
            },
        };
        starts[index] = starts[index].max(start);
    }
}

impl GroupRun<'_, '_> {
    /// Takes an event that comes in order; answers whether the pattern is complete with it.
    pub(super) fn advance_pattern(&mut self, pattern: &Pattern, event: &Placed) -> Result<bool, Failure> {
        match pattern.kind {
            PatternKind::Sequence => {
                let needed: Vec<usize> = needed(pattern).collect();
                let starts = &mut self.head.steps.progress.starts;
                starts.resize(needed.len(), None);
                follow(starts, &needed, pattern.within, event);
                Ok(starts.last().is_some_and(Option::is_some))
            },
            PatternKind::All | PatternKind::AtLeast(_) => {
                if let Some(within) = pattern.within {
                    self.leave_trailing(within, event.place.0)?;
                }
                self.count_trailing(pattern, event, true)?;
                let wanted = match pattern.kind {
                    PatternKind::AtLeast(steps) => usize::from(steps),
                    PatternKind::All | PatternKind::Sequence | PatternKind::Absence => pattern.steps.len(),
                };
                Ok(self.served(pattern) >= wanted)
            },
            PatternKind::Absence => Ok(false),
        }
    }

    /// Makes everything anew of the events that are kept.
    pub(super) fn rebuild_progress(&mut self, pattern: &Pattern) -> Result<(), Failure> {
        if !is_kept(pattern) {
            return Ok(());
        }
        let events = self.steps()?;
        for step in 0..pattern.steps.len() {
            if pattern.steps[step].entity_path.is_some() {
                self.remove_set(step as u64)?;
            }
        }
        self.head.steps.progress = Progress::default();
        if pattern.kind == PatternKind::Sequence {
            let needed: Vec<usize> = needed(pattern).collect();
            let starts = &mut self.head.steps.progress.starts;
            starts.resize(needed.len(), None);
            events.iter().for_each(|event| follow(starts, &needed, pattern.within, event));
            return Ok(());
        }
        let Some(latest) = events.last().map(|event| event.place.0) else { return Ok(()) };
        let is_inside =
            |event: &&Placed| pattern.within.is_none_or(|within| latest < event.place.0.plus(within));
        let inside: Vec<&Placed> = events.iter().filter(is_inside).collect();
        self.head.steps.progress.from = inside.first().map(|first| first.place);
        inside.into_iter().try_for_each(|event| self.count_trailing(pattern, event, true))
    }

    /// An event is not kept any more.
    pub(super) fn forget_progress(&mut self, event: &Placed) -> Result<(), Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(()) };
        let is_trailing = matches!(pattern.kind, PatternKind::All | PatternKind::AtLeast(_));
        if is_trailing && self.head.steps.progress.from.is_some_and(|from| event.place >= from) {
            self.count_trailing(pattern, event, false)?;
        }
        Ok(())
    }

    /// Events leave that are too long before a time.
    fn leave_trailing(&mut self, within: Span, time: Timestamp) -> Result<(), Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(()) };
        while let Some(from) = self.head.steps.progress.from {
            let first = self.step_from(from)?;
            let Some(first) = first.filter(|first| time >= first.place.0.plus(within)) else { break };
            self.count_trailing(pattern, &first, false)?;
            self.head.steps.progress.from = Some((first.place.0, first.place.1 + 1));
        }
        Ok(())
    }

    /// Counts an event among those within the time, or no longer.
    fn count_trailing(&mut self, pattern: &Pattern, event: &Placed, comes: bool) -> Result<(), Failure> {
        let change = |count: &mut u32| *count = if comes { *count + 1 } else { count.saturating_sub(1) };
        let progress = &mut self.head.steps.progress;
        progress.serving.resize(pattern.steps.len(), 0);
        progress.different.resize(pattern.steps.len(), 0);
        progress.from = progress.from.or_else(|| comes.then_some(event.place));
        for (step, count) in progress.serving.iter_mut().enumerate() {
            if event.serves(step) {
                change(count);
            }
        }
        if let Some(announced) = event.step.event.expected {
            match progress.announced {
                Some((place, _)) if !comes && place == event.place => progress.announced = None,
                Some(_) if !comes => {},
                known => progress.announced = known.max(Some((event.place, announced))),
            }
        }
        for (step, ids) in &event.step.event.entities {
            for id in ids {
                if self.count_id(*step, id, comes)? {
                    let different = self.head.steps.progress.different.get_mut(usize::from(*step));
                    different.into_iter().for_each(change);
                }
            }
        }
        Ok(())
    }

    /// Counts an id of a step; answers whether it is the first or was the last of its kind.
    fn count_id(&mut self, step: u8, id: &Hash, comes: bool) -> Result<bool, Failure> {
        let key = self.keys.member(u64::from(step), id);
        let known: u32 = self.run.get(self.customer, Table::State, &key)?.unwrap_or_default();
        let now = if comes { known + 1 } else { known.saturating_sub(1) };
        if now == 0 {
            self.run.view.delete(Table::State, key);
        } else {
            self.run.view.put(Table::State, key, stored::to_bytes(&now));
        }
        Ok((known == 0) != (now == 0))
    }

    /// How many steps have what they need.
    fn served(&self, pattern: &Pattern) -> usize {
        let progress = &self.head.steps.progress;
        let announces = pattern.steps.iter().any(|step| step.expected_count_path.is_some());
        let announced = progress.announced.map(|(_, count)| count);
        let is_served = |(step, of): (usize, &PatternStep)| {
            let counts = if of.entity_path.is_some() { &progress.different } else { &progress.serving };
            let count = counts.get(step).copied().unwrap_or_default();
            u64::from(count) >= trailing::needed(of, announces, announced)
        };
        pattern.steps.iter().enumerate().filter(|step| is_served(*step)).count()
    }
}
