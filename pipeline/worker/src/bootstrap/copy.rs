//! What a fold came to is copied into the partition's state, a small part with each epoch.

use engine::{Alert, Table, Timestamp, Write, hidden_write};
use rules::{CustomerId, RuleBook, RuleKey};

use super::Work;
use super::evaluator::is_in_force;
use super::record::{Job, Phase};
use crate::outgoing::{self, Source};
use crate::partition::LivePartition;
use crate::settings::Settings;

impl LivePartition {
    /// Copies the next part: state first, then what is to be told.
    pub(super) fn copy(&mut self, book: &RuleBook, settings: &Settings, now: Timestamp) {
        let Work::Copying(fold) = &mut self.bootstraps.work else { return };
        let Some(job) = &mut self.bootstraps.record.job else { return };
        let in_force = InForce::of(job, book);
        let Phase::Copying { copied, told, .. } = &mut job.phase else { return };
        let (before, budget) = (self.segment.bytes(), settings.copy_bytes);
        let after = copied.as_ref().map(|(table, key)| (Table::ALL[usize::from(*table)], key.clone().into()));
        let mut is_done = true;
        for (table, key, value) in fold.state_after(after) {
            if self.segment.bytes() - before >= budget {
                is_done = false;
                break;
            }
            // That of rules that have gone too: the groups that a customer has were counted together. A sweep erases it at the join.
            let write = Write::Put { table, key: key.clone(), value: value.clone() };
            self.segment.stage(hidden_write(write));
            *copied = Some((place(table), key.to_vec()));
        }
        let source = Source { topic: &settings.topics.events, partition: self.partition };
        let (alerts, late) = (&fold.told().alerts, &fold.told().late);
        let done = usize::try_from(*told).unwrap_or(usize::MAX);
        if is_done {
            for alert in alerts.iter().skip(done) {
                if self.segment.bytes() - before >= budget {
                    is_done = false;
                    break;
                }
                *told += 1;
                if in_force.tells(alert) {
                    let alert = Alert { emit_time: now, ..alert.clone() };
                    let topic = settings.topics.alerts_of(alert.origin);
                    self.segment.emit(outgoing::alert(topic, self.partition, &alert));
                    self.segment.alerts += 1;
                }
            }
        }
        if is_done {
            for event in late.iter().skip(done.saturating_sub(alerts.len())) {
                if self.segment.bytes() - before >= budget {
                    is_done = false;
                    break;
                }
                *told += 1;
                let late = &settings.topics.late;
                self.segment.emit(outgoing::late_event(late, self.partition, &source, event));
            }
        }
        if is_done {
            job.phase = Phase::Chasing { next: job.until };
            self.bootstraps.work = Work::Nothing;
        }
        self.segment.stage(self.bootstraps.record.write_phase());
    }
}

/// The place of a table in the stored form.
fn place(table: Table) -> u8 {
    let place = Table::ALL.iter().position(|other| *other == table);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or_default()
}

/// The newcomers of a job that are still in force.
struct InForce {
    keys: std::collections::BTreeSet<RuleKey>,
}

impl InForce {
    fn of(job: &Job, book: &RuleBook) -> Self {
        let in_force = job.newcomers.iter().filter(|newcomer| is_in_force(newcomer, book));
        Self { keys: in_force.map(|newcomer| newcomer.active.rule.key).collect() }
    }

    fn tells(&self, alert: &Alert) -> bool {
        let key = |customer| RuleKey { customer, alert: alert.alert_id };
        self.keys.contains(&key(alert.customer_id)) || self.keys.contains(&key(CustomerId::GLOBAL))
    }
}
