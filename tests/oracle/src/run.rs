//! One rule for one customer: which events it applies, and its timers.
//!
//! Reading: order of refusal: exception, identity, grouping, lateness per group, `maxGroups` per group. An event counts as
//! applied if it was applied to some group, also where it brought nothing.
//! Reading: groups are counted for ever. An event that brings nothing makes one too.
//! Reading: while timers fire, the clock shows the moment at which each became due, so nothing depends on how far the next event
//! moves it. What waits for lateness is due when it has waited; at the end of the history it is due at its own time.
//! Reading: the summary of an hour goes before everything else of that moment.

use rules::{AlertId, CustomerId, Evaluation, LatePolicy, Limits, Node, Part, Rule, RuleKey, Window};

use crate::aggregate::{Contribution, brings};
use crate::clock::{Seen, see};
use crate::grouping::{Group, groups};
use crate::pattern::{Place, StepEvent, step_event};
use crate::policy::Voice;
use crate::record::{Desk, is_scalar};
use crate::{Event, window};

/// What a group has come to.
#[derive(Debug)]
pub(crate) struct GroupState<'a> {
    /// The name of the group.
    pub(crate) text: String,
    /// What aggregates are made of, in order of arrival.
    pub(crate) contributions: Vec<Contribution<'a>>,
    /// The ends of the windows that were judged when they closed.
    pub(crate) judged: Vec<i64>,
    /// What patterns are made of, in order of arrival.
    pub(crate) steps: Vec<StepEvent<'a>>,
    /// Up to where completions have consumed the step events.
    pub(crate) consumed: Option<Place>,
    /// The last deadline that has been concluded.
    pub(crate) concluded: Option<i64>,
    /// The moment up to which changes by time are done: other groups may be ahead by the timers of one moment.
    pub(crate) looked: i64,
    /// What it says.
    pub(crate) voice: Voice<'a>,
}

/// A rule at work for a customer.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The rule.
    pub(crate) rule: &'a Rule,
    /// Whose events.
    pub(crate) customer: CustomerId,
    /// The threshold in force.
    pub(crate) threshold: Option<&'a Limits>,
    /// What the clock will show once the timers have fired.
    pub(crate) clock: Option<i64>,
    /// What the last event has come to.
    pub(crate) seen: Option<Seen>,
    /// The groups, in the order in which they came.
    pub(crate) groups: Vec<GroupState<'a>>,
    /// Who writes the records.
    pub(crate) desk: Desk<'a>,
    /// Ids, and when each is forgotten.
    ids: Vec<(Node, i64)>,
    time: i64,
}

/// What fires at a time. The order of the variants is that at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The summary of an hour.
    Hour,
    /// A value changes by time, a window closes, or a deadline passes.
    Change,
    /// The threshold has held long enough.
    For,
    /// `resolve.after`.
    ResolveAfter,
}

/// Something that becomes due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    /// When.
    pub(crate) time: i64,
    alert: AlertId,
    owner: CustomerId,
    group: String,
    kind: Kind,
    customer: CustomerId,
}

impl<'a> Run<'a> {
    /// A rule that no event has reached.
    pub(crate) fn new(rule: &'a Rule, customer: CustomerId) -> Self {
        Self {
            rule,
            customer,
            threshold: rule.threshold_for(customer),
            clock: None,
            seen: None,
            groups: Vec::new(),
            desk: Desk::new(rule, customer),
            ids: Vec::new(),
            time: 0,
        }
    }

    /// Looks at what an event says of time.
    pub(crate) fn see(&mut self, event: &Event) {
        let seen = see(self.rule, &event.payload, event.timestamp, self.seen);
        if self.clock.is_none() {
            self.desk.now = seen.clock;
        }
        (self.time, self.clock, self.seen) = (seen.time, Some(seen.clock), Some(seen));
        self.desk.ingested = event.timestamp.0;
    }

    /// The first of its timers, whenever it is due.
    pub(crate) fn next_timer(&self, at_end: bool) -> Option<Timer> {
        let lateness = if at_end { 0 } else { self.rule.timing.allowed_lateness.as_i64() };
        let hour = self.desk.hour_ends().map(|time| (time, "", Kind::Hour));
        let others = self.groups.iter().flat_map(|state| {
            let change = self.next_change(state, lateness).map(|time| (time, Kind::Change));
            let held = state.voice.held_at().map(|time| (time, Kind::For));
            let resolves = state.voice.open.as_ref().and_then(|open| open.resolves_at);
            let resolves = resolves.map(|time| (time, Kind::ResolveAfter));
            let all = [change, held, resolves].into_iter().flatten();
            all.map(|(time, kind)| (time, state.text.as_str(), kind))
        });
        let (time, group, kind) = others.chain(hour).min()?;
        let RuleKey { customer: owner, alert } = self.rule.key;
        Some(Timer { time, alert, owner, group: group.to_owned(), kind, customer: self.customer })
    }

    /// Lets a timer fire.
    pub(crate) fn fire(&mut self, timer: &Timer) {
        self.desk.now = self.desk.now.max(timer.time);
        if timer.kind == Kind::Hour {
            self.desk.sum_up();
            return;
        }
        let Some(index) = self.groups.iter().position(|state| state.text == timer.group) else { return };
        self.groups[index].voice.begin();
        match (&self.rule.evaluation, timer.kind) {
            (_, Kind::ResolveAfter) => self.resolve_by_time(index, timer.time),
            (Evaluation::Aggregate(aggregate), Kind::For) => {
                self.held_long_enough(aggregate, index, timer.time);
            },
            (Evaluation::Aggregate(aggregate), _) => self.changes_by_time(aggregate, index, timer.time),
            (Evaluation::Pattern(pattern), _) => self.deadline_passes(pattern, index),
        }
    }

    /// Applies the event that was seen last.
    pub(crate) fn apply(&mut self, event: &'a Event) {
        let (time, clock) = (self.time, self.clock.unwrap_or(self.time));
        self.desk.now = clock;
        let holds = |condition: &rules::Condition| condition.holds(&event.payload, &self.rule.selections);
        let met: Vec<Part> = self
            .rule
            .parts()
            .iter()
            .filter(|(_, _, part)| holds(&part.condition))
            .map(|(part, ..)| *part)
            .collect();
        let step = match &self.rule.evaluation {
            Evaluation::Aggregate(_) => None,
            Evaluation::Pattern(pattern) => step_event(pattern, &met, event, time),
        };
        if met.is_empty() || (step.is_none() && crate::record::is_pattern(self.rule)) {
            return;
        }
        let excepted = self.rule.exceptions.iter().any(|exception| {
            exception.expires_at.is_none_or(|expiry| time < expiry.0) && holds(&exception.condition.condition)
        });
        let id = self.id_of(event);
        let is_known =
            |id: &Node| self.ids.iter().any(|(known, forgotten)| known == id && clock < *forgotten);
        if excepted || id.as_ref().is_some_and(is_known) {
            return;
        }
        let mut is_applied = false;
        for group in groups(&self.rule.grouping, &event.payload) {
            let Some(index) = self.admit(group, time, clock) else { continue };
            is_applied = true;
            match (&self.rule.evaluation, &step) {
                (Evaluation::Aggregate(aggregate), _) => {
                    let (adds, takes) = (met.contains(&Part::INCREMENT), met.contains(&Part::DECREMENT));
                    if let Some(brings) = brings(aggregate, adds, takes, &event.payload) {
                        self.contribute(aggregate, index, Contribution { event, time, brings });
                    }
                },
                (Evaluation::Pattern(pattern), Some(step)) => self.step(pattern, index, step.clone()),
                (Evaluation::Pattern(_), None) => {},
            }
        }
        if let (true, Some(id), Some(event_id)) = (is_applied, id, &self.rule.event_id) {
            self.ids.push((id, time + event_id.retention.as_i64()));
        }
    }

    fn id_of(&self, event: &Event) -> Option<Node> {
        let first = *self.rule.event_id.as_ref()?.path.select(&event.payload).first()?;
        is_scalar(first).then(|| first.clone())
    }

    /// The state of a group, unless the event comes too late for it or there are too many groups.
    fn admit(&mut self, group: Group, time: i64, clock: i64) -> Option<usize> {
        let text = group.text();
        let known = self.groups.iter().position(|state| state.text == text);
        let contributions = known.map_or(&[][..], |index| &self.groups[index].contributions);
        if self.is_too_late(contributions, time, clock) {
            return None;
        }
        if known.is_some() {
            return known;
        }
        if self.groups.len() >= usize::try_from(self.rule.grouping.max).unwrap_or(usize::MAX) {
            self.desk.refuse(time);
            return None;
        }
        let voice = Voice::new(group, &self.rule.policy, self.threshold);
        let (contributions, judged, steps) = Default::default();
        let (consumed, concluded) = (None, None);
        let looked = clock;
        self.groups.push(GroupState {
            text,
            contributions,
            judged,
            steps,
            consumed,
            concluded,
            looked,
            voice,
        });
        Some(self.groups.len() - 1)
    }

    fn is_too_late(&self, contributions: &[Contribution<'_>], time: i64, clock: i64) -> bool {
        let lateness = self.rule.timing.allowed_lateness.as_i64();
        if time >= clock {
            return false;
        }
        if self.rule.timing.late_policy == LatePolicy::Drop {
            return time < clock - lateness;
        }
        let end = match &self.rule.evaluation {
            Evaluation::Aggregate(aggregate) => window::end_of(aggregate.window, contributions, time),
            Evaluation::Pattern(pattern) => pattern.within.map(|within| time + within.as_i64()),
        };
        end.is_some_and(|end| end + lateness <= clock)
    }

    /// When the group's value changes by time, its next window closes, or its next deadline passes.
    fn next_change(&self, state: &GroupState<'_>, lateness: i64) -> Option<i64> {
        match &self.rule.evaluation {
            Evaluation::Aggregate(aggregate) if self.is_running(aggregate) => {
                window::next_change(aggregate.window, &state.contributions, state.looked)
            },
            Evaluation::Aggregate(aggregate) => {
                let ends = closing(aggregate.window, &state.contributions);
                let open = ends.into_iter().filter(|end| !state.judged.contains(end)).min();
                open.map(|end| end + lateness)
            },
            Evaluation::Pattern(pattern) if pattern.kind == rules::PatternKind::Absence => {
                let start = crate::pattern::open_start(pattern, &state.steps, state.concluded)?;
                Some(start.time + pattern.within?.as_i64() + lateness)
            },
            Evaluation::Pattern(_) => None,
        }
    }
}

/// The ends of the windows that have contributions.
pub(crate) fn closing(window: Window, contributions: &[Contribution<'_>]) -> Vec<i64> {
    contributions
        .iter()
        .map(|contribution| window::at(window, contributions, contribution.time).end)
        .collect()
}
