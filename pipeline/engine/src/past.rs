//! What becomes of alerts that a new rule raises over events of the past.

use std::collections::BTreeMap;

use rules::{ActiveRule, CustomerId, Generation, Status};

use crate::alert::Origin;
use crate::apply::Context;

/// What becomes of an alert that is about the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Nobody is told; state changes as if they were.
    Withheld,
    /// It is told and marked as of the past.
    Marked,
}

/// The generations for which the events of a batch are past.
pub type Past = BTreeMap<Generation, Telling>;

impl Context<'_> {
    /// How a rule's record is marked; nothing if nobody is told.
    pub(crate) fn origin(&self, active: &ActiveRule, customer: CustomerId) -> Option<Origin> {
        let status = active.rule.status_for(customer);
        if !status.is_evaluated() || active.is_suspended_for(customer) {
            return None;
        }
        let telling = self.past.and_then(|past| past.get(&active.generation));
        match (telling, status) {
            (Some(Telling::Withheld), _) => None,
            (_, Status::Shadow) => Some(Origin::Shadow),
            (Some(Telling::Marked), _) => Some(Origin::Bootstrap),
            (None, _) => Some(Origin::Live),
        }
    }
}
