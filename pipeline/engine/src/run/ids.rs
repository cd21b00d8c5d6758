//! Ids of events: each counts once for a rule, until it is forgotten.

use bytes::Bytes;
use rules::{ActiveRule, CustomerId, Span};

use super::Run;
use crate::apply::Failure;
use crate::hit::Hit;
use crate::key::{RuleKeys, TimerKind, event_id_end};
use crate::scalar::{self, Hash};
use crate::stored;
use crate::stream::Timestamp;
use crate::view::after;
use crate::write::Table;

/// How many ids are forgotten at one moment of a customer's clock; the rest is at the next.
const FORGOTTEN_AT_ONCE_MAX: usize = 1000;

/// The id of an event for a rule that asks for one.
fn id_of(customer: CustomerId, hit: &Hit) -> Option<(RuleKeys, Hash)> {
    let id = hit.event_id.as_ref()?;
    Some((RuleKeys::new(customer, hit.active.generation), scalar::hash(id)))
}

impl Run<'_> {
    /// Whether the event's id was applied before and is still remembered.
    pub(super) fn is_repeat(
        &mut self,
        customer: CustomerId,
        hit: &Hit,
        clock: Timestamp,
    ) -> Result<bool, Failure> {
        let Some((keys, id)) = id_of(customer, hit) else { return Ok(false) };
        let until: Option<Timestamp> = self.get(customer, Table::State, &keys.event_id(&id))?;
        Ok(until.is_some_and(|until| clock < until))
    }

    /// Remembers the id of an event that was applied.
    pub(super) fn remember_id(
        &mut self,
        customer: CustomerId,
        hit: &Hit,
        time: Timestamp,
        clock: Timestamp,
    ) -> Result<(), Failure> {
        let (Some((keys, id)), Some(event_id)) = (id_of(customer, hit), &hit.active.rule.event_id) else {
            return Ok(());
        };
        let until = time.plus(event_id.retention);
        if until <= clock {
            // So late that it is forgotten already.
            return Ok(());
        }
        let key = keys.event_id(&id);
        if let Some(before) = self.get::<Timestamp>(customer, Table::State, &key)? {
            self.view.delete(Table::State, keys.event_id_end(before, &id));
        }
        self.view.put(Table::State, key, stored::to_bytes(&until));
        self.view.put(Table::State, keys.event_id_end(until, &id), Bytes::new());
        let mut tally = self.tally(customer, hit.active.generation)?;
        if tally.forgets.is_none() {
            tally.forgets = Some(until);
            self.put_tally(customer, &hit.active, &tally);
            self.set_shared_timer(customer, &hit.active, TimerKind::Forget, until);
        }
        Ok(())
    }

    /// Forgets ids that are due, and sets the timer for the next ones.
    pub(super) fn forget_ids(
        &mut self,
        customer: CustomerId,
        active: &ActiveRule,
        clock: Timestamp,
    ) -> Result<(), Failure> {
        let keys = RuleKeys::new(customer, active.generation);
        let (mut from, to) = keys.event_id_ends(Timestamp(i64::MAX));
        let mut next = None;
        for count in 0..=FORGOTTEN_AT_ONCE_MAX {
            let Some((key, _)) = self.view.first(Table::State, &from, &to)? else { break };
            let (until, id) = event_id_end(&key).ok_or_else(|| self.damaged(customer))?;
            if until > clock || count == FORGOTTEN_AT_ONCE_MAX {
                next = Some(until.max(clock.plus(Span::from_millis(1))));
                break;
            }
            from = after(&key);
            self.view.delete(Table::State, keys.event_id(&id));
            self.view.delete(Table::State, key);
        }
        let mut tally = self.tally(customer, active.generation)?;
        tally.forgets = next;
        self.put_tally(customer, active, &tally);
        if let Some(next) = next {
            self.set_shared_timer(customer, active, TimerKind::Forget, next);
        }
        Ok(())
    }
}
