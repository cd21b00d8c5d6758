//! Patterns: the events of a group in order of time, and what they complete.

mod absence;
mod progress;
mod sequence;
mod trailing;

use std::sync::Arc;

use rules::{Amount, Evaluation, Pattern, PatternKind, Span};
use serde::{Deserialize, Serialize};

pub(crate) use progress::Progress;

use super::policy::{Judgement, Subject};
use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::head::{Due, Told};
use crate::hit::StepEvent;
use crate::key::step_place;
use crate::stored;
use crate::stream::{Offset, Timestamp};
use crate::trail::{Named, Trail, Witness};
use crate::view::after;
use crate::write::Table;

/// The most events that a group of a pattern holds; beyond, the oldest are forgotten.
const STEPS_MAX: usize = 10_000;

/// A place in the order of events: by time, then by position in the log.
type Place = (Timestamp, u64);

/// An event of a pattern as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredStep {
    event: StepEvent,
    witness: Option<Witness>,
    entities: Vec<Named>,
}

/// An event of a pattern in its place.
#[derive(Debug, Clone)]
struct Placed {
    place: Place,
    step: StoredStep,
}

impl Placed {
    fn serves(&self, step: usize) -> bool {
        self.step.event.steps & (1 << step) != 0
    }
}

/// A pattern that is complete.
#[derive(Debug, Clone)]
struct Completion {
    /// The events behind it, in order.
    events: Vec<Placed>,
    /// Everything up to here is used up.
    place: Place,
}

impl GroupRun<'_, '_> {
    /// Takes in an event of a pattern.
    pub(super) fn take_step(&mut self, arrival: &Arrival<'_>, event: &StepEvent) -> Result<(), Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(()) };
        let step = StoredStep {
            event: event.clone(),
            witness: self.witness(arrival),
            entities: arrival.hit.entities.clone(),
        };
        let placed = Placed { place: (arrival.time, arrival.offset.0), step };
        self.resolve_on_step(pattern, &placed)?;
        if self.head.consumed.is_some_and(|consumed| placed.place <= consumed) {
            return Ok(());
        }
        if event.until && pattern.kind != PatternKind::Absence {
            // What stands before it is void, also what comes later; absence goes through the events in order.
            self.consume((placed.place.0, placed.place.1.saturating_sub(1)))?;
            self.rebuild_progress(pattern)?;
        }
        if event.steps == 0 && pattern.kind != PatternKind::Absence {
            return Ok(());
        }
        let in_order = self.head.steps.latest.is_none_or(|latest| placed.place > latest);
        self.keep(pattern, &placed);
        if let (PatternKind::Absence, Some(within)) = (pattern.kind, pattern.within) {
            if in_order {
                self.head.steps.open = absence::next(within, self.head.steps.open, &placed);
            } else {
                self.seek_open(within)?;
            }
        } else if !in_order || !progress::is_kept(pattern) {
            while self.may_be_complete(pattern) {
                let Some(completion) = self.completion(pattern)? else { break };
                self.complete(&completion, completion.place.0)?;
            }
            self.rebuild_progress(pattern)?;
        } else if self.advance_pattern(pattern, &placed)? {
            if let Some(completion) = self.completion(pattern)? {
                self.complete(&completion, completion.place.0)?;
            }
            self.rebuild_progress(pattern)?;
        }
        self.forget_steps(pattern)
    }

    /// Stores an event of a pattern.
    fn keep(&mut self, pattern: &Pattern, placed: &Placed) {
        let kept = &mut self.head.steps;
        kept.serving.resize(pattern.steps.len(), 0);
        kept.count += 1;
        for (step, count) in kept.serving.iter_mut().enumerate() {
            *count += u32::from(placed.serves(step));
        }
        kept.latest = kept.latest.max(Some(placed.place));
        let key = self.keys.step(placed.place.0, placed.place.1);
        self.run.view.put(Table::State, key, stored::to_bytes(&placed.step));
    }

    /// Removes the first event that is kept.
    fn drop_first(&mut self, first: &Placed) -> Result<(), Failure> {
        let kept = &mut self.head.steps;
        kept.count = kept.count.saturating_sub(1);
        for (step, count) in kept.serving.iter_mut().enumerate() {
            *count = count.saturating_sub(u32::from(first.serves(step)));
        }
        self.run.view.delete(Table::State, self.keys.step(first.place.0, first.place.1));
        self.forget_progress(first)
    }

    /// Whether enough events are kept for a completion, wherever they stand: mostly they are not, and need not be looked at.
    fn may_be_complete(&self, pattern: &Pattern) -> bool {
        let announces = pattern.steps.iter().any(|step| step.expected_count_path.is_some());
        let is_possible = |(step, serving): (&rules::PatternStep, &u32)| {
            let needed = match (step.min, &step.entity_path) {
                // One event may name any number of entities, and none may be announced.
                (None, _) if announces && step.expected_count_path.is_none() => 0,
                (Some(min), None) => min,
                (Some(_), Some(_)) | (None, _) => 1,
            };
            *serving >= needed
        };
        let possible =
            pattern.steps.iter().zip(&self.head.steps.serving).filter(|step| is_possible(*step)).count();
        match pattern.kind {
            PatternKind::Sequence | PatternKind::All => possible == pattern.steps.len(),
            PatternKind::AtLeast(steps) => possible >= usize::from(steps),
            PatternKind::Absence => false,
        }
    }

    /// The next completion among the events that are not used up; deadlines complete by time alone.
    fn completion(&mut self, pattern: &Pattern) -> Result<Option<Completion>, Failure> {
        if pattern.kind == PatternKind::Absence {
            return Ok(None);
        }
        let events = self.steps()?;
        Ok(match pattern.kind {
            PatternKind::Sequence => sequence::completion(pattern, &events),
            PatternKind::All => trailing::completion(pattern, pattern.steps.len(), &events),
            PatternKind::AtLeast(steps) => trailing::completion(pattern, usize::from(steps), &events),
            PatternKind::Absence => None,
        })
    }

    /// Judges a completion and uses its events up.
    fn complete(&mut self, completion: &Completion, at: Timestamp) -> Result<(), Failure> {
        let began = completion.events.first().map_or((at, 0), |first| first.place);
        let told = self.told_of_steps(began.0, at, &completion.events, Trail::default());
        let subject = Subject::Pattern { told, began, completed: completion.place };
        let value = Some(elapsed(began.0, at));
        let (holds, contributes, present) = (true, true, true);
        self.judge(&Judgement { value, holds, at, contributes, present, subject })?;
        self.consume(completion.place)
    }

    /// What a record tells of events, beside those that are behind it already.
    fn told_of_steps(&self, began: Timestamp, end: Timestamp, events: &[Placed], mut trail: Trail) -> Told {
        let mut last = trail.witnesses.last().map_or(began, |witness| witness.time);
        for event in events {
            last = last.max(event.place.0);
            trail.add(event.step.witness.clone(), self.active.rule.evidence.max as usize);
            trail.name((event.place.0, Offset(event.place.1)), &event.step.entities);
        }
        let window = Window { start: Some(began), end };
        self.told_of(Some(elapsed(began, end)), window, (began, last), trail)
    }

    /// Ends the open alert if the event is of the step that does so.
    fn resolve_on_step(&mut self, pattern: &Pattern, event: &Placed) -> Result<(), Failure> {
        let step = self.active.rule.policy.resolve.as_ref().and_then(|resolve| resolve.on_step);
        let (Some(step), Some(episode)) = (step, &self.head.policy.episode) else { return Ok(()) };
        let is_after = match pattern.kind {
            PatternKind::Absence => event.place >= episode.began,
            PatternKind::Sequence | PatternKind::All | PatternKind::AtLeast(_) => {
                event.place > episode.completed
            },
        };
        if !is_after || !event.serves(usize::from(step)) {
            return Ok(());
        }
        let (before, began) = (&episode.told, episode.began.0);
        let place = (before.last, Offset(0));
        let entities = before.entities.iter().map(|entity| (place, entity.clone())).collect();
        let trail = Trail { witnesses: before.witnesses.clone(), entities };
        let mut told = self.told_of_steps(began, event.place.0, std::slice::from_ref(event), trail);
        told.first = told.first.min(before.first).min(event.place.0);
        told.last = before.last.max(event.place.0);
        self.resolve(told, event.place.0)
    }

    /// A moment is reached at which something has not come, or is forgotten.
    pub(super) fn pass_deadline(&mut self, due: Timestamp) -> Result<(), Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(()) };
        if let (PatternKind::Absence, Some(within)) = (pattern.kind, pattern.within) {
            let is_due = |began: Timestamp, patience: Span| began.plus(within).plus(patience) <= due;
            while let Some(place) = self.head.steps.open.filter(|(began, _)| is_due(*began, self.patience()))
            {
                let start = self.step_from(place)?.filter(|start| start.place == place);
                let Some(start) = start else {
                    self.seek_open(within)?;
                    continue;
                };
                let deadline = place.0.plus(within);
                let was_open = self.head.policy.episode.is_some();
                // Everything before the deadline is decided.
                let place = (deadline.minus(Span::from_millis(1)), u64::MAX);
                self.complete(&Completion { events: vec![start], place }, deadline)?;
                // Few: those that came while the conclusion waited for lateness.
                let left = self.steps()?;
                if !was_open {
                    for event in &left {
                        self.resolve_on_step(pattern, event)?;
                    }
                }
                self.head.steps.open = absence::open(within, &left);
                self.spoke = false;
            }
        }
        self.forget_steps(pattern)
    }

    /// When something will not have come, or an event is forgotten.
    pub(super) fn next_deadline(&mut self) -> Result<Option<Due>, Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(None) };
        let Some(within) = pattern.within else { return Ok(None) };
        let forgotten = self.first_step()?.map(|first| self.forgotten(first.place.0, within));
        let forgotten = forgotten.map(|at| Due { at, due: at });
        let patience = self.patience();
        let open = self.head.steps.open.map(|(began, _)| began.plus(within));
        let open = open.map(|deadline| Due { at: deadline, due: deadline.plus(patience) });
        Ok(open.into_iter().chain(forgotten).min_by_key(|due| due.due))
    }

    /// When no event can come any more that an event at this time would belong together with.
    fn forgotten(&self, time: Timestamp, within: Span) -> Timestamp {
        time.plus(within).plus(within).plus(self.lateness())
    }

    /// Forgets events that nothing can belong together with any more.
    fn forget_steps(&mut self, pattern: &Pattern) -> Result<(), Failure> {
        let is_old = |run: &Self, place: Place| {
            pattern.within.is_some_and(|within| run.forgotten(place.0, within) <= run.moment.clock)
        };
        let mut overflowed = false;
        let mut next = self.first_step()?;
        while let Some(first) = next {
            let is_too_many = self.head.steps.count as usize > STEPS_MAX;
            if !is_old(self, first.place) && !is_too_many {
                break;
            }
            overflowed |= is_too_many;
            self.drop_first(&first)?;
            next = self.step_from((first.place.0, first.place.1 + 1))?;
        }
        if let (true, PatternKind::Absence, Some(within)) = (overflowed, pattern.kind, pattern.within) {
            self.seek_open(within)?;
        }
        Ok(())
    }

    /// Seeks the first start without an end among all events that are kept.
    fn seek_open(&mut self, within: Span) -> Result<(), Failure> {
        self.head.steps.open = absence::open(within, &self.steps()?);
        Ok(())
    }

    /// Uses up the events up to a place.
    fn consume(&mut self, place: Place) -> Result<(), Failure> {
        let mut next = self.first_step()?;
        while let Some(first) = next.filter(|first| first.place <= place) {
            self.drop_first(&first)?;
            next = self.step_from((first.place.0, first.place.1 + 1))?;
        }
        self.head.consumed = self.head.consumed.max(Some(place));
        Ok(())
    }

    /// The first event that is not used up.
    fn first_step(&mut self) -> Result<Option<Placed>, Failure> {
        // Everything up to there is gone, and need not be passed over again.
        let (time, position) = self.head.consumed.unwrap_or((Timestamp(i64::MIN), 0));
        self.step_from((time, position))
    }

    /// The first event that is kept at or behind a place.
    fn step_from(&mut self, (time, position): Place) -> Result<Option<Placed>, Failure> {
        if self.head.steps.count == 0 {
            return Ok(None);
        }
        let (from, to) = (self.keys.step(time, position), self.keys.steps_end());
        let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? else { return Ok(None) };
        let place = step_place(&key).ok_or_else(|| self.run.damaged(self.customer))?;
        Ok(Some(Placed { place, step: self.run.decode(self.customer, &bytes)? }))
    }

    /// The events that are not used up, in order.
    fn steps(&mut self) -> Result<Vec<Placed>, Failure> {
        let (mut from, to) = (self.keys.step(Timestamp(i64::MIN), 0), self.keys.steps_end());
        let mut found = Vec::new();
        while let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? {
            let place = step_place(&key).ok_or_else(|| self.run.damaged(self.customer))?;
            found.push(Placed { place, step: self.run.decode(self.customer, &bytes)? });
            from = after(&key);
        }
        Ok(found)
    }
}

/// Milliseconds between two moments.
fn elapsed(began: Timestamp, end: Timestamp) -> Amount {
    Amount::from(end.0 - began.0)
}
