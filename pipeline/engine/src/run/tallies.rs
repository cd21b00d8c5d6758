//! What the groups of a rule share: room for new ones, and how much is told in an hour.

use std::sync::Arc;

use rules::{ActiveRule, CustomerId, Generation};

use super::Run;
use crate::apply::Failure;
use crate::evaluate::{GroupRun, Moment};
use crate::group::Group;
use crate::key::{ClockId, RuleKeys, Timer, TimerKind, customer_key};
use crate::stored;
use crate::stream::Timestamp;
use crate::tally::Tally;
use crate::write::Table;

impl Run<'_> {
    /// Makes room for a new group; answers whether there is any.
    pub(crate) fn open_group(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        (clock, at): (Timestamp, Timestamp),
    ) -> Result<bool, Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        let all = self.groups_of(customer)?;
        let is_full = all >= self.view.customer_groups_max;
        let has_room = tally.groups < u64::from(active.rule.grouping.max) && !is_full;
        if has_room {
            tally.groups += 1;
            self.put_tally(customer, active, &tally);
            self.put_groups_of(customer, all + 1);
        } else {
            self.effects.counts.customer_groups_refused += u64::from(is_full);
            self.change_tally(customer, active, |tally| tally.withhold(clock, at))?;
        }
        Ok(has_room)
    }

    /// Gives the room of a group back.
    pub(crate) fn close_group(&mut self, customer: CustomerId, active: &ActiveRule) -> Result<(), Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        tally.groups = tally.groups.saturating_sub(1);
        self.put_tally(customer, active, &tally);
        self.free_groups(customer, 1)
    }

    /// Gives the room of all groups of a rule back that is not in force any more.
    pub(crate) fn close_groups(
        &mut self,
        customer: CustomerId,
        generation: Generation,
    ) -> Result<(), Failure> {
        let groups = self.tally(customer, generation)?.groups;
        self.free_groups(customer, groups)
    }

    /// Counts groups that a fold over the past has opened.
    pub(crate) fn add_groups(&mut self, customer: CustomerId, groups: u64) -> Result<(), Failure> {
        let all = self.groups_of(customer)?;
        self.put_groups_of(customer, all.saturating_add(groups));
        Ok(())
    }

    fn free_groups(&mut self, customer: CustomerId, groups: u64) -> Result<(), Failure> {
        let all = self.groups_of(customer)?;
        self.put_groups_of(customer, all.saturating_sub(groups));
        Ok(())
    }

    /// How many groups a customer has over all its rules.
    fn groups_of(&mut self, customer: CustomerId) -> Result<u64, Failure> {
        Ok(self.get(customer, Table::State, &customer_key(customer))?.unwrap_or_default())
    }

    fn put_groups_of(&mut self, customer: CustomerId, groups: u64) {
        let key = customer_key(customer);
        if groups == 0 {
            self.view.delete(Table::State, key);
        } else {
            self.view.put(Table::State, key, stored::to_bytes(&groups));
        }
    }

    /// Whether one more record of the rule may be told in this hour.
    pub(crate) fn may_tell(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        (clock, at): (Timestamp, Timestamp),
    ) -> Result<bool, Failure> {
        let Some(max) = active.rule.policy.max_per_hour else { return Ok(true) };
        self.change_tally(customer, active, |tally| tally.tell(clock, at, max))
    }

    /// Counts a record that is not told because its alert was withheld.
    pub(crate) fn withhold(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        (clock, at): (Timestamp, Timestamp),
    ) -> Result<(), Failure> {
        self.change_tally(customer, active, |tally| tally.withhold(clock, at))
    }

    /// How many records of the group `{}` were opened at a clock by summaries.
    pub(crate) fn summaries_at(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        clock: Timestamp,
    ) -> Result<u32, Failure> {
        let summarised = self.tally(customer, active.generation)?.summarised;
        Ok(u32::from(summarised == Some(clock)))
    }

    /// Changes a tally, and sets the timer of its summary when one becomes due.
    fn change_tally<T>(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        change: impl FnOnce(&mut Tally) -> T,
    ) -> Result<T, Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        let before = tally.summary_due();
        let answer = change(&mut tally);
        if let (None, Some(due)) = (before, tally.summary_due()) {
            self.set_shared_timer(customer, active, TimerKind::Hour, due);
        }
        self.put_tally(customer, active, &tally);
        Ok(answer)
    }

    /// Sets a timer that stands under no group.
    pub(super) fn set_shared_timer(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        kind: TimerKind,
        due: Timestamp,
    ) {
        let timer = Timer {
            due,
            alert: active.rule.key.alert,
            group: String::new(),
            kind,
            is_global: active.rule.key.customer.is_global(),
            generation: active.generation,
        };
        self.set_timer(customer, ClockId::of(active.rule.timing.event_time.as_ref()), &timer);
    }

    pub(super) fn summarise(
        &mut self,
        customer: CustomerId,
        active: &Arc<ActiveRule>,
        moment: Moment,
    ) -> Result<(), Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        let summary = tally.summarise(moment.clock);
        self.put_tally(customer, active, &tally);
        if let Some(summary) = summary {
            GroupRun::load(self, active, customer, Group::none(), moment)?.tell_summary(summary);
        }
        Ok(())
    }

    /// The timers of a rule of a customer that stand under no group.
    pub(crate) fn shared_timers(
        &mut self,
        customer: CustomerId,
        generation: Generation,
    ) -> Result<Vec<(TimerKind, Timestamp)>, Failure> {
        let tally = self.tally(customer, generation)?;
        let hour = tally.summary_due().map(|due| (TimerKind::Hour, due));
        let forget = tally.forgets.map(|due| (TimerKind::Forget, due));
        Ok(hour.into_iter().chain(forget).collect())
    }

    pub(super) fn tally(&mut self, customer: CustomerId, generation: Generation) -> Result<Tally, Failure> {
        let key = RuleKeys::new(customer, generation).tally();
        Ok(self.get(customer, Table::State, &key)?.unwrap_or_default())
    }

    pub(super) fn put_tally(&mut self, customer: CustomerId, active: &ActiveRule, tally: &Tally) {
        let key = RuleKeys::new(customer, active.generation).tally();
        self.view.put(Table::State, key, stored::to_bytes(tally));
    }
}
