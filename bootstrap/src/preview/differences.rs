//! What one version of a rule tells and another does not.

use std::collections::BTreeMap;

use engine::{Alert, Timestamp};
use rules::{AlertId, CustomerId};

use super::tally::{ALERTS_TOLD_MAX, is_firing};

/// Alerts that only one side has.
#[derive(Debug, Default)]
pub struct Difference {
    /// How many.
    pub count: u64,
    /// The first of them, customer by customer.
    pub first: Vec<Alert>,
}

/// How the alerts of two sets of rules differ.
#[derive(Debug, Default)]
pub struct Differences {
    /// Those of the rules in question that the others do not tell.
    pub added: Difference,
    /// Those of the others that the rules in question do not tell.
    pub removed: Difference,
    /// How many both tell.
    pub same: u64,
}

/// What makes two alerts the same: whose, of which rule, of which group, when it began to be true.
type Same<'a> = (CustomerId, AlertId, &'a str, Timestamp);

impl Differences {
    /// Compares the alerts of one customer.
    pub(super) fn add(&mut self, alerts: &[Alert], others: &[Alert]) {
        let (mut here, mut there) = (index(alerts), index(others));
        for (same, alerts) in &mut here {
            if let Some(others) = there.get_mut(same) {
                let both = alerts.len().min(others.len());
                self.same += both as u64;
                alerts.drain(..both);
                others.drain(..both);
            }
        }
        here.into_values().flatten().for_each(|alert| self.added.take(alert));
        there.into_values().flatten().for_each(|alert| self.removed.take(alert));
    }
}

impl Difference {
    fn take(&mut self, alert: &Alert) {
        self.count += 1;
        if self.first.len() < ALERTS_TOLD_MAX {
            self.first.push(alert.clone());
        }
    }
}

fn index(alerts: &[Alert]) -> BTreeMap<Same<'_>, Vec<&Alert>> {
    let mut index: BTreeMap<_, Vec<&Alert>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| is_firing(alert)) {
        let same = (alert.customer_id, alert.alert_id, alert.group.text(), alert.event_time);
        index.entry(same).or_default().push(alert);
    }
    index
}
