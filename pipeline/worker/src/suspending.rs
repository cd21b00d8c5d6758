//! Asks for suspensions: a rule that looks at more of an event than it may is to be switched off for the event's customer.
//!
//! The wish is a control record in the same commit as the event's position, so it is there if and only if the event
//! counts as evaluated. A customer has one partition, which asks once for each version of a rule; after a crash it may ask
//! again before it has read its own record, and the rule book takes the second one as no change.

use std::collections::BTreeMap;

use engine::{Cut, Partition, Timestamp};
use rules::{
    CustomerId, Generation, RuleBook, RuleKey, RuleVersion, SUSPENDED_MAX, Suspend, Suspension,
    SuspensionReason,
};

/// What was asked for and is not in force yet.
#[derive(Debug, Default)]
pub(crate) struct Suspending(BTreeMap<(RuleKey, CustomerId), (RuleVersion, Generation)>);

impl Suspending {
    /// The suspension to ask for, unless that was done.
    pub(crate) fn ask(&mut self, cut: &Cut, partition: Partition, now: Timestamp) -> Option<Suspend> {
        let Cut { active, customer, offset } = cut;
        let (key, written) = (active.rule.key, (active.version, active.generation));
        // A rule that is suspended for so many goes on for the others, and each event is counted.
        let is_full = active.suspended.len() >= SUSPENDED_MAX;
        if is_full || self.0.insert((key, *customer), written) == Some(written) {
            return None;
        }
        let suspension = Suspension {
            reason: SuspensionReason::StepBudget,
            since: now,
            partition: partition.0,
            offset: offset.0,
        };
        Some(Suspend {
            key,
            version: active.version,
            generation: active.generation,
            customer: *customer,
            suspension,
        })
    }

    /// Forgets what is in force by now, or was overtaken by a write of the rule.
    pub(crate) fn follow(&mut self, book: &RuleBook) {
        self.0.retain(|(key, customer), written| {
            book.get(key).is_some_and(|active| {
                *written == (active.version, active.generation) && !active.is_suspended_for(*customer)
            })
        });
    }
}
