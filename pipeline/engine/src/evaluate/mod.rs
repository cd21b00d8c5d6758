//! Evaluation of one group of one rule: its state is loaded, an event or a timer changes it, alerts are told, and it is
//! saved with the timers that it needs next.

mod aggregate;
mod anew;
mod buckets;
mod estimate;
mod members;
mod pattern;
mod policy;
mod session;
mod sliding;
mod tell;
mod windows;

use std::sync::Arc;

use rules::{ActiveRule, CustomerId, Evaluation, EvidenceMode, Mode, Span};

use crate::apply::Failure;
use crate::group::Group;
use crate::head::{Due, Head, Timers};
use crate::hit::{Brought, Hit};
use crate::key::{ClockId, GroupKeys, RuleKeys, Timer, TimerKind};
use crate::run::Run;
use crate::stored;
use crate::stream::{Offset, Timestamp};
use crate::trail::Witness;
use crate::write::Table;

pub use estimate::DISTINCT_EXACT_MAX;
pub(crate) use pattern::Progress;

/// What is evaluated, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The customer's clock.
    pub(crate) clock: Timestamp,
    /// The timestamp of the record that caused the evaluation.
    pub(crate) ingest: Timestamp,
    /// Whether a late event caused it.
    pub(crate) late: bool,
}

/// An event that contributes to a group.
pub(crate) struct Arrival<'h> {
    pub(crate) hit: &'h Hit,
    /// When it happened.
    pub(crate) time: Timestamp,
    /// Where it stands in the log.
    pub(crate) offset: Offset,
}

impl GroupRun<'_, '_> {
    /// The event as evidence, if the rule wants any.
    fn witness(&self, arrival: &Arrival<'_>) -> Option<Witness> {
        let wanted = self.active.rule.evidence.mode != EvidenceMode::None;
        wanted.then(|| Witness {
            time: arrival.time,
            offset: arrival.offset,
            // Texts are shown as they are, other ids as JSON.
            event_id: arrival
                .hit
                .event_id
                .as_ref()
                .map(|id| serde_json::from_str(id).unwrap_or_else(|_| id.clone())),
            payload: arrival.hit.payload.clone(),
        })
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It counts.
    Applied,
    /// It came too late.
    TooLate,
    /// Its group would be one too many.
    TooManyGroups,
}

/// One group at work.
pub(crate) struct GroupRun<'r, 'a> {
    pub(crate) run: &'r mut Run<'a>,
    pub(crate) active: Arc<ActiveRule>,
    pub(crate) customer: CustomerId,
    clock_id: ClockId,
    pub(crate) keys: GroupKeys,
    pub(crate) group: Group,
    pub(crate) head: Head,
    is_new: bool,
    /// Whether the event at hand has had its say: it spoke, or ended an alert.
    spoke: bool,
    pub(crate) moment: Moment,
}

impl<'r, 'a> GroupRun<'r, 'a> {
    /// Loads a group.
    pub(crate) fn load(
        run: &'r mut Run<'a>,
        active: &Arc<ActiveRule>,
        customer: CustomerId,
        group: Group,
        moment: Moment,
    ) -> Result<Self, Failure> {
        let keys = RuleKeys::new(customer, active.generation).group(group.hash());
        let stored = run.get::<Head>(customer, Table::State, &keys.head())?;
        let clock_id = ClockId::of(active.rule.timing.event_time.as_ref());
        let is_new = stored.is_none();
        let head = stored.unwrap_or_else(|| Head::new(group.text(), active.judges_since.0));
        Ok(Self {
            run,
            active: Arc::clone(active),
            customer,
            clock_id,
            keys,
            group,
            head,
            is_new,
            spoke: false,
            moment,
        })
    }

    /// Takes an event in.
    pub(crate) fn arrive(mut self, arrival: &Arrival<'_>) -> Result<Fate, Failure> {
        if self.is_too_late(arrival)? {
            return Ok(Fate::TooLate);
        }
        if self.is_new
            && !self.run.open_group(self.customer, &self.active, (self.moment.clock, arrival.time))?
        {
            return Ok(Fate::TooManyGroups);
        }
        self.settle_edit()?;
        match &arrival.hit.brought {
            Brought::Nothing => {},
            Brought::Step(event) => self.take_step(arrival, event)?,
            Brought::Change { .. } | Brought::Numbers { .. } | Brought::Members { .. } => {
                self.contribute(arrival)?;
            },
        }
        self.save()?;
        Ok(Fate::Applied)
    }

    /// Does what a timer says.
    pub(crate) fn fire(mut self, timer: &Timer) -> Result<(), Failure> {
        let timers = &mut self.head.timers;
        let slot = match timer.kind {
            TimerKind::Change => &mut timers.change,
            TimerKind::Hold => &mut timers.hold,
            TimerKind::Resolve => &mut timers.resolve,
            TimerKind::Hour | TimerKind::Forget => return Ok(()),
        };
        // What is no longer in the head was replaced; its key is gone with this firing.
        let Some(due) = slot.filter(|slot| slot.due == timer.due) else { return Ok(()) };
        *slot = None;
        if self.is_new {
            return Ok(());
        }
        // An edit came before the moment that the timer is about.
        let clock = self.moment.clock;
        self.moment.clock = clock.min(timer.due.minus(Span::from_millis(1)));
        self.settle_edit()?;
        self.moment.clock = clock;
        // After an edit it may be due at another time, or not at all.
        let is_due = |due: Option<Due>| due.is_some_and(|due| due.due <= timer.due);
        match (timer.kind, &self.active.rule.evaluation) {
            (TimerKind::Change, Evaluation::Aggregate(_)) => self.change(due)?,
            (TimerKind::Change, Evaluation::Pattern(_)) => self.pass_deadline(due.due)?,
            (TimerKind::Hold, _) if is_due(self.next_hold()) => self.hold(due.at)?,
            (TimerKind::Resolve, _) if is_due(self.next_resolve()) => self.resolve_after(due.at)?,
            (TimerKind::Hold | TimerKind::Resolve | TimerKind::Hour | TimerKind::Forget, _) => {},
        }
        self.save()
    }

    /// Sets the group's timers anew, for instance when nothing waits for late events any more.
    pub(crate) fn reschedule(self) -> Result<(), Failure> {
        if self.is_new { Ok(()) } else { self.save() }
    }

    /// How long conclusions from something not having come wait.
    fn patience(&self) -> Span {
        if self.run.context.waits { self.active.rule.timing.allowed_lateness } else { Span::ZERO }
    }

    fn lateness(&self) -> Span {
        self.active.rule.timing.allowed_lateness
    }

    fn save(mut self) -> Result<(), Failure> {
        let mut wanted = Timers {
            change: match &self.active.rule.evaluation {
                Evaluation::Aggregate(_) => self.next_change()?,
                Evaluation::Pattern(_) => self.next_deadline()?,
            },
            hold: self.next_hold(),
            resolve: self.next_resolve(),
        };
        let known = self.head.timers;
        let spent = if wanted == Timers::default() { self.spent_at() } else { None };
        let is_spent = spent.is_some_and(|at| at <= self.moment.clock);
        if !is_spent {
            wanted.change = wanted.change.or_else(|| spent.map(|at| Due { at, due: at }));
        }
        for (kind, known, wanted) in [
            (TimerKind::Change, known.change, wanted.change),
            (TimerKind::Hold, known.hold, wanted.hold),
            (TimerKind::Resolve, known.resolve, wanted.resolve),
        ] {
            self.schedule(kind, known, wanted)?;
        }
        self.head.timers = wanted;
        let key = self.keys.head();
        if is_spent {
            self.run.view.delete(Table::State, key);
            return self.run.close_group(self.customer, &self.active);
        }
        self.run.view.put(Table::State, key, stored::to_bytes(&self.head));
        Ok(())
    }

    fn schedule(&mut self, kind: TimerKind, known: Option<Due>, wanted: Option<Due>) -> Result<(), Failure> {
        let (known, wanted) = (known.map(|known| known.due), wanted.map(|wanted| wanted.due));
        if known == wanted {
            return Ok(());
        }
        let timer = |due| Timer {
            due,
            alert: self.active.rule.key.alert,
            group: self.group.text().to_owned(),
            kind,
            is_global: self.active.rule.key.customer.is_global(),
            generation: self.active.generation,
        };
        if let Some(known) = known {
            self.run.view.delete(Table::Timers, timer(known).key(self.customer, self.clock_id));
        }
        if let Some(wanted) = wanted {
            self.run.set_timer(self.customer, self.clock_id, &timer(wanted));
        }
        Ok(())
    }

    /// When nothing is left of the group that a group without state would not have, if no event comes; never, if what it
    /// remembers matters for ever. Asked for where no timer waits, so windows and events are forgotten already.
    fn spent_at(&self) -> Option<Timestamp> {
        let rule = &self.active.rule;
        let within = match &rule.evaluation {
            Evaluation::Aggregate(aggregate) if aggregate.window == rules::Window::Total => return None,
            Evaluation::Aggregate(_) => Span::ZERO,
            Evaluation::Pattern(pattern) => pattern.within?,
        };
        let policy = &self.head.policy;
        if !policy.armed || policy.episode.is_some() {
            return None;
        }
        let cooldown = match rule.policy.mode {
            Mode::Cooldown(cooldown) => cooldown,
            Mode::Once | Mode::Every | Mode::PerWindow => Span::ZERO,
        };
        // Late events ask about what was used up, and whether a past window ended before the last alert did.
        let used_up = self.head.consumed.map(|(time, _)| time.plus(within).plus(self.lateness()));
        let closed = policy.closed.map(|closed| closed.plus(self.lateness()).plus(Span::from_millis(1)));
        let spoke = policy.spoke.map(|spoke| spoke.plus(cooldown));
        // Two openings of one moment have different ids.
        let opened = policy.openings.0.plus(Span::from_millis(1));
        [used_up, closed, spoke, Some(opened)].into_iter().flatten().max()
    }
}
