//! Patterns: the events of a group in order of time, and what they complete.

mod absence;
mod sequence;
mod trailing;

use std::sync::Arc;

use rules::{Amount, Evaluation, Pattern, PatternKind, Span};
use serde::{Deserialize, Serialize};

use super::policy::{Judgement, Subject};
use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::head::Due;
use crate::hit::StepEvent;
use crate::key::step_place;
use crate::stored;
use crate::stream::Timestamp;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Completion {
    /// Its first event.
    began: Timestamp,
    /// Its last event: everything up to it is used up.
    place: Place,
}

impl Window {
    /// Milliseconds from its start to its end.
    pub(super) fn elapsed(&self) -> Amount {
        Amount::from(self.end.0 - self.start.unwrap_or(self.end).0)
    }
}

impl GroupRun<'_, '_> {
    /// Takes in an event of a pattern.
    pub(super) fn take_step(&mut self, arrival: &Arrival<'_>, event: &StepEvent) -> Result<(), Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(()) };
        let place = (arrival.time, arrival.offset.0);
        let resolved = self.resolve_on_step(pattern, arrival, event)?;
        if self.head.consumed.is_some_and(|consumed| place <= consumed) {
            return Ok(());
        }
        let wants_witness = self.active.rule.evidence.mode != rules::EvidenceMode::None;
        let step = StoredStep {
            event: event.clone(),
            witness: wants_witness.then(|| arrival.witness()),
            entities: arrival.hit.entities.clone(),
        };
        self.run.view.put(Table::State, self.keys.step(place.0, place.1), stored::to_bytes(&step));
        while let Some(completion) = self.completion(pattern)? {
            self.complete(&completion, completion.place.0, resolved)?;
        }
        self.forget_steps(pattern)
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
    fn complete(&mut self, completion: &Completion, at: Timestamp, resolved: bool) -> Result<(), Failure> {
        let window = Window { start: Some(completion.began), end: at };
        let subject = self.pattern_subject(window, completion.place)?;
        let judgement = Judgement {
            value: Some(window.elapsed()),
            holds: true,
            at,
            contributes: true,
            present: true,
            is_set: false,
            subject,
        };
        // The event that ended the alert before does not begin the next one.
        if !resolved {
            self.judge(&judgement)?;
        }
        self.consume(completion.place)
    }

    fn pattern_subject(&mut self, window: Window, place: Place) -> Result<Subject<'static>, Failure> {
        let began = window.start.unwrap_or(window.end);
        let inside = self.steps()?.into_iter().filter(|event| event.place.0 >= began && event.place <= place);
        let (mut trail, mut last) = (Trail::default(), began);
        for event in inside {
            last = event.place.0;
            trail.add(event.step.witness, self.active.rule.evidence.max as usize);
            trail.name(last, &event.step.entities);
        }
        Ok(Subject::Pattern { window, last, trail, place })
    }

    /// Ends the open alert if the event is of the step that does so; answers whether it did.
    fn resolve_on_step(
        &mut self,
        pattern: &Pattern,
        arrival: &Arrival<'_>,
        event: &StepEvent,
    ) -> Result<bool, Failure> {
        let step = self.active.rule.policy.resolve.as_ref().and_then(|resolve| resolve.on_step);
        if step.is_none_or(|step| event.steps & (1 << step) == 0) {
            return Ok(false);
        }
        let Some(episode) = &self.head.policy.episode else { return Ok(false) };
        let place = (arrival.time, arrival.offset.0);
        let ends = match pattern.kind {
            PatternKind::Absence => arrival.time >= episode.began,
            PatternKind::Sequence | PatternKind::All | PatternKind::AtLeast(_) => place > episode.completed,
        };
        if !ends {
            return Ok(false);
        }
        let window = Window { start: Some(episode.began), end: arrival.time };
        let mut trail = Trail::default();
        if self.active.rule.evidence.mode != rules::EvidenceMode::None {
            trail.add(Some(arrival.witness()), self.active.rule.evidence.max as usize);
        }
        trail.entities = episode.entities.iter().map(|entity| (arrival.time, entity.clone())).collect();
        let subject = Subject::Pattern { window, last: arrival.time, trail, place };
        let judgement = Judgement {
            value: Some(window.elapsed()),
            holds: false,
            at: arrival.time,
            contributes: true,
            present: true,
            is_set: false,
            subject,
        };
        self.resolve(&judgement)?;
        Ok(true)
    }

    /// A moment is reached at which something has not come, or is forgotten.
    pub(super) fn pass_deadline(&mut self, at: Timestamp) -> Result<(), Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(()) };
        if let (PatternKind::Absence, Some(within)) = (pattern.kind, pattern.within) {
            while let Some(open) = absence::open(pattern, within, &self.steps()?) {
                if open.deadline > at {
                    break;
                }
                // Everything before the deadline is decided.
                let place = (open.deadline.minus(Span::from_millis(1)), u64::MAX);
                let completion = Completion { began: open.began, place };
                self.complete(&completion, open.deadline, false)?;
            }
        }
        self.forget_steps(pattern)
    }

    /// When something will not have come, or an event is forgotten.
    pub(super) fn next_deadline(&mut self) -> Result<Option<Due>, Failure> {
        let active = Arc::clone(&self.active);
        let Evaluation::Pattern(pattern) = &active.rule.evaluation else { return Ok(None) };
        let Some(within) = pattern.within else { return Ok(None) };
        let steps = self.steps()?;
        let forgotten = steps.first().map(|first| self.forgotten(first.place.0, within));
        let forgotten = forgotten.map(|at| Due { at, due: at });
        let open = match pattern.kind {
            PatternKind::Absence => absence::open(pattern, within, &steps),
            PatternKind::Sequence | PatternKind::All | PatternKind::AtLeast(_) => None,
        };
        let patience = self.patience();
        let open = open.map(|open| Due { at: open.deadline, due: open.deadline.plus(patience) });
        Ok(open.into_iter().chain(forgotten).min_by_key(|due| due.due))
    }

    /// When no event can come any more that an event at this time would belong together with.
    fn forgotten(&self, time: Timestamp, within: Span) -> Timestamp {
        time.plus(within).plus(within).plus(self.lateness())
    }

    fn forget_steps(&mut self, pattern: &Pattern) -> Result<(), Failure> {
        let steps = self.steps()?;
        let too_many = steps.len().saturating_sub(STEPS_MAX);
        for (index, step) in steps.iter().enumerate() {
            let is_old = pattern
                .within
                .is_some_and(|within| self.forgotten(step.place.0, within) <= self.moment.clock);
            if !is_old && index >= too_many {
                break;
            }
            self.run.view.delete(Table::State, self.keys.step(step.place.0, step.place.1));
        }
        Ok(())
    }

    /// Uses up the events up to a place.
    fn consume(&mut self, place: Place) -> Result<(), Failure> {
        for step in self.steps()? {
            if step.place <= place {
                self.run.view.delete(Table::State, self.keys.step(step.place.0, step.place.1));
            }
        }
        self.head.consumed = Some(place);
        Ok(())
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
