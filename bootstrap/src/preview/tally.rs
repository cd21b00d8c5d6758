//! What would have fired: how often, for whom and when, the first alerts, and whom they are about.

use std::collections::BTreeMap;

use engine::{Alert, Timestamp};
use ports::{Fired, FiredAbout, FiredOnDay};
use rules::{AlertState, CustomerId};

/// So many alerts are told whole: the first in event time.
pub(super) const ALERTS_TOLD_MAX: usize = 100;
/// So many pairs of customer and day are counted apart; the rest is counted together.
const DAYS_MAX: usize = 10_000;
/// So many entities are counted apart.
const ENTITIES_MAX: usize = 1_000;

/// Counts alerts.
#[derive(Default)]
pub(super) struct Tally {
    fired: Fired,
    days: BTreeMap<(CustomerId, String), u64>,
    first: BTreeMap<(Timestamp, u64), Alert>,
    entities: BTreeMap<(CustomerId, String, String), u64>,
}

impl Tally {
    pub(super) fn count(&self) -> u64 {
        self.fired.fired
    }

    pub(super) fn add(&mut self, alert: Alert) {
        self.fired.records += 1;
        if !is_firing(&alert) {
            return;
        }
        self.fired.fired += 1;
        let day = (alert.customer_id, day(alert.event_time));
        if self.days.len() < DAYS_MAX || self.days.contains_key(&day) {
            *self.days.entry(day).or_default() += 1;
        } else {
            self.fired.further_days += 1;
        }
        for entity in &alert.entities {
            let entity = (alert.customer_id, entity.kind.clone(), entity.id.get().to_owned());
            if self.entities.len() < ENTITIES_MAX || self.entities.contains_key(&entity) {
                *self.entities.entry(entity).or_default() += 1;
            } else {
                self.fired.further_entities = true;
            }
        }
        let place = (alert.event_time, self.fired.fired);
        let is_first = self.first.len() < ALERTS_TOLD_MAX;
        if is_first || self.first.last_key_value().is_some_and(|(last, _)| place < *last) {
            self.first.insert(place, alert);
            if self.first.len() > ALERTS_TOLD_MAX {
                self.first.pop_last();
            }
        }
    }

    pub(super) fn finish(self) -> Fired {
        let days = self.days.into_iter().map(|((customer, day), fired)| FiredOnDay { customer, day, fired });
        let entities = self.entities.into_iter().map(|((customer, kind, id), fired)| FiredAbout {
            customer,
            kind,
            id,
            fired,
        });
        let mut entities: Vec<_> = entities.collect();
        entities.sort_by_key(|entity| std::cmp::Reverse(entity.fired));
        Fired { days: days.collect(), first: self.first.into_values().collect(), entities, ..self.fired }
    }
}

/// Whether a record says that an alert began.
pub(super) fn is_firing(alert: &Alert) -> bool {
    alert.state == AlertState::Firing
}

fn day(time: Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}
