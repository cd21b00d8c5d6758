//! What the groups of a rule share: room for new ones, and how much is told in an hour.

use std::sync::Arc;

use rules::{ActiveRule, CustomerId, Generation};

use super::Run;
use crate::apply::Failure;
use crate::evaluate::{GroupRun, Moment};
use crate::group::Group;
use crate::key::{ClockId, RuleKeys, Timer, TimerKind};
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
        let has_room = tally.groups < u64::from(active.rule.grouping.max);
        if has_room {
            tally.groups += 1;
            self.put_tally(customer, active, &tally);
        } else {
            self.change_tally(customer, active, |tally| tally.withhold(clock, at))?;
        }
        Ok(has_room)
    }

    /// Gives the room of a group back.
    pub(crate) fn close_group(&mut self, customer: CustomerId, active: &ActiveRule) -> Result<(), Failure> {
        let mut tally = self.tally(customer, active.generation)?;
        tally.groups = tally.groups.saturating_sub(1);
        self.put_tally(customer, active, &tally);
        Ok(())
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
            let timer = Timer {
                due,
                alert: active.rule.key.alert,
                group: String::new(),
                kind: TimerKind::Hour,
                is_global: active.rule.key.customer.is_global(),
                generation: active.generation,
            };
            self.set_timer(customer, ClockId::of(active.rule.timing.event_time.as_ref()), &timer);
        }
        self.put_tally(customer, active, &tally);
        Ok(answer)
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

    fn tally(&mut self, customer: CustomerId, generation: Generation) -> Result<Tally, Failure> {
        let key = RuleKeys::new(customer, generation).tally();
        Ok(self.get(customer, Table::State, &key)?.unwrap_or_default())
    }

    fn put_tally(&mut self, customer: CustomerId, active: &ActiveRule, tally: &Tally) {
        let key = RuleKeys::new(customer, active.generation).tally();
        self.view.put(Table::State, key, stored::to_bytes(tally));
    }
}
