//! What is judged when an event or a timer comes: completions and deadlines of patterns.
//!
//! Reading: a completion becomes true at the time of its last event in order, also where a late event made it.
//! Reading: an event resolves before it completes; one that resolves an episode of once does not fire the next.
//! Reading, absence: an event of `onStep` that came between the deadline and its conclusion resolves at once.
//! Reading: the record of a resolving event spans from the first event of the alert to it.

use rules::{Amount, Pattern, PatternKind};

use crate::pattern::{Place, StepEvent, alive, completion, open_start};
use crate::policy::Judgement;
use crate::record::Finding;
use crate::run::Run;

impl<'a> Run<'a> {
    /// A step event comes.
    pub(crate) fn step(&mut self, pattern: &Pattern, index: usize, step: StepEvent<'a>) {
        let late = step.time < self.desk.now;
        let state = &mut self.groups[index];
        state.steps.push(step.clone());
        state.voice.begin();
        self.resolve_on_step(pattern, index, &step, late);
        if pattern.kind == PatternKind::Absence {
            return;
        }
        loop {
            let state = &mut self.groups[index];
            let alive = alive(&state.steps, state.consumed);
            let Some(events) = completion(pattern, &alive) else { return };
            let events: Vec<StepEvent<'a>> = events.into_iter().cloned().collect();
            let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
            let reach = (first.place(), last.place());
            state.consumed = Some(reach.1);
            let finding = span(reach.0.0, reach.1.0, late, &events);
            state.voice.judge(&completed(finding, reach), &mut self.desk);
        }
    }

    /// Ends the open alert if the event is one of the step that does.
    fn resolve_on_step(&mut self, pattern: &Pattern, index: usize, step: &StepEvent<'a>, late: bool) {
        let on_step = self.rule.policy.resolve.as_ref().and_then(|resolve| resolve.on_step);
        let voice = &mut self.groups[index].voice;
        let (Some(on_step), Some(open)) = (on_step, &voice.open) else { return };
        let Some((first, last)) = open.reach else { return };
        let is_after = match pattern.kind {
            PatternKind::Absence => step.place() >= first,
            PatternKind::Sequence | PatternKind::All | PatternKind::AtLeast(_) => step.place() > last,
        };
        if is_after && step.serves(usize::from(on_step)) {
            let mut behind = open.told.behind.clone();
            behind.push((step.time, step.event));
            let finding = Finding { behind, ..span(first.0, step.time, late, &[]) };
            voice.resolve(&finding, &mut self.desk);
        }
    }

    /// The next deadline has passed.
    pub(crate) fn deadline_passes(&mut self, pattern: &Pattern, index: usize) {
        let state = &mut self.groups[index];
        let start = open_start(pattern, &state.steps, state.concluded).cloned();
        let (Some(start), Some(within)) = (start, pattern.within) else { return };
        let deadline = start.time + within.as_i64();
        state.concluded = Some(deadline);
        let finding = span(start.time, deadline, false, std::slice::from_ref(&start));
        let until: Place = (deadline, 0);
        let was_open = state.voice.open.is_some();
        state.voice.judge(&completed(finding, (start.place(), until)), &mut self.desk);
        if was_open {
            return;
        }
        let mut since: Vec<StepEvent<'a>> =
            state.steps.iter().filter(|step| step.place() >= until).cloned().collect();
        since.sort_by_key(StepEvent::place);
        for step in since {
            self.resolve_on_step(pattern, index, &step, false);
        }
    }
}

fn span<'a>(first: i64, last: i64, late: bool, events: &[StepEvent<'a>]) -> Finding<'a> {
    let behind = events.iter().map(|event| (event.time, event.event)).collect();
    let value = Some(Amount::from_billionths(i128::from(last - first) * 1_000_000_000));
    Finding { value, start: Some(first), end: last, at: last, late, behind }
}

fn completed(finding: Finding<'_>, reach: (Place, Place)) -> Judgement<'_> {
    Judgement {
        finding,
        holds: true,
        present: true,
        contribution: true,
        has_contributions: true,
        members: Vec::new(),
        reach: Some(reach),
    }
}
