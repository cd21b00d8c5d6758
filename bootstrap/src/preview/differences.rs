//! What one version of a rule tells and another does not.

use std::collections::BTreeMap;

use engine::{Alert, Timestamp};
use ports::{Difference, Differences};
use rules::{AlertId, CustomerId};

use super::tally::{ALERTS_TOLD_MAX, is_firing};

/// What makes two alerts the same: whose, of which rule, of which group, when it began to be true.
type Same<'a> = (CustomerId, AlertId, &'a str, Timestamp);

/// Compares the alerts of one customer.
pub(super) fn add(differences: &mut Differences, alerts: &[Alert], others: &[Alert]) {
    let (mut here, mut there) = (index(alerts), index(others));
    for (same, alerts) in &mut here {
        if let Some(others) = there.get_mut(same) {
            let both = alerts.len().min(others.len());
            differences.same += both as u64;
            alerts.drain(..both);
            others.drain(..both);
        }
    }
    here.into_values().flatten().for_each(|alert| take(&mut differences.added, alert));
    there.into_values().flatten().for_each(|alert| take(&mut differences.removed, alert));
}

fn take(difference: &mut Difference, alert: &Alert) {
    difference.count += 1;
    if difference.first.len() < ALERTS_TOLD_MAX {
        difference.first.push(alert.clone());
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
