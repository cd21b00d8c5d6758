//! Telling: alert records from judgements.

use rules::{AlertState, Amount, Span};
use uuid::Uuid;

use super::GroupRun;
use super::policy::Behind;
use crate::alert::{Alert, AlertEntity, Evidence, Window, instance_id, raw, threshold_json};
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::head::Told;
use crate::stream::Timestamp;
use crate::trail::{Named, Trail, Witness};

/// The last time of no events.
pub(super) const NEVER: Timestamp = Timestamp(i64::MIN);

impl GroupRun<'_, '_> {
    /// What a record tells of the value of a bucket. Without events behind it, its last time is the least there is.
    pub(super) fn bucket_told(
        &mut self,
        value: Option<Amount>,
        bucket: &Bucket,
        window: Window,
        behind: Behind,
    ) -> Result<Told, Failure> {
        let (first, last, trail) = match behind {
            Behind::Members => {
                let trail = self.present_trail(bucket.set)?;
                let first = trail.first.unwrap_or_default();
                (first, trail.last, trail.trail)
            },
            Behind::TrailAfter(start) => (bucket.first, bucket.last, bucket.trail.after(start)),
            Behind::Trail => (bucket.first, bucket.last, bucket.trail.clone()),
        };
        let last = if bucket.events == 0 { NEVER } else { last };
        let told = self.told_of(value, window, (first, last), trail);
        Ok(Told { is_estimate: bucket.estimated, ..told })
    }

    pub(super) fn told_of(
        &self,
        value: Option<Amount>,
        window: Window,
        (first, last): (Timestamp, Timestamp),
        trail: Trail,
    ) -> Told {
        let kinds = &self.active.rule.entities;
        let kind = |named: &Named| kinds.get(usize::from(named.of)).map(|entity| &entity.kind);
        let mut entities: Vec<_> = trail.entities.into_iter().map(|(_, entity)| entity).collect();
        entities.sort_by(|left, right| (kind(left), &left.id).cmp(&(kind(right), &right.id)));
        let Window { start, end } = window;
        Told { value, is_estimate: false, start, end, first, last, witnesses: trail.witnesses, entities }
    }

    pub(super) fn tell(
        &mut self,
        state: AlertState,
        instance: Uuid,
        told: &Told,
        at: Timestamp,
        before: &[Named],
    ) {
        let rule = &self.active.rule;
        let Some(origin) = self.run.context.origin(&self.active, self.customer) else { return };
        let missing = |from: &[Named], of: &[Named]| -> Vec<Named> {
            let known = |entity: &Named| of.iter().any(|other| other.is(entity));
            from.iter().filter(|entity| !known(entity)).cloned().collect()
        };
        let (added, removed) = (missing(&told.entities, before), missing(before, &told.entities));
        let entities = |named: &[Named]| named.iter().filter_map(|entity| self.entity(entity)).collect();
        let context = self.run.context;
        let evidence = |witness: &Witness| Evidence {
            topic: context.topic.to_owned(),
            partition: context.partition,
            offset: witness.offset,
            event_id: witness.event_id.clone(),
            payload: witness.payload.as_deref().map(raw),
        };
        let alert = Alert {
            alert_instance_id: instance,
            customer_id: self.customer,
            alert_id: rule.key.alert,
            alert_name: rule.name.clone(),
            severity: rule.severity_for(self.customer).name(),
            rule_version: self.active.version.0,
            state,
            group: self.group.clone(),
            value: told.value,
            value_is_estimate: told.is_estimate,
            threshold: rule.threshold_for(self.customer).map(threshold_json),
            window: Window { start: told.start, end: told.end },
            first_seen: told.first,
            last_seen: told.last,
            entities: entities(&told.entities),
            entities_added: entities(&added),
            entities_removed: entities(&removed),
            evidence: told.witnesses.iter().map(evidence).collect(),
            origin,
            late: self.moment.late,
            event_time: at,
            ingest_time: self.moment.ingest,
            emit_time: context.now,
            labels: rule.labels.clone(),
            truncated: false,
        };
        self.run.effects.alerts.push(alert);
    }

    /// Tells of the open alert as if it were firing now, unless it is one of which nothing is told.
    pub(crate) fn tell_open(mut self) {
        let Some(episode) = self.head.policy.episode.take().filter(|episode| !episode.silent) else { return };
        let opened_at = self.head.policy.openings.0;
        self.tell(AlertState::Firing, episode.instance, &episode.told, opened_at, &[]);
    }

    /// Tells how many records of an hour were withheld.
    pub(crate) fn tell_summary(self, (withheld, first, last): (u64, Timestamp, Timestamp)) {
        let Self { run, active, customer, group, moment, .. } = self;
        let (rule, at) = (&active.rule, moment.clock);
        let Some(origin) = run.context.origin(&active, customer) else { return };
        run.effects.alerts.push(Alert {
            alert_instance_id: instance_id(customer, rule.key.alert, &group, at, 0),
            customer_id: customer,
            alert_id: rule.key.alert,
            alert_name: rule.name.clone(),
            severity: rule.severity_for(customer).name(),
            rule_version: active.version.0,
            state: AlertState::Suppressed,
            group,
            value: Some(Amount::from(withheld)),
            value_is_estimate: false,
            threshold: rule.threshold_for(customer).map(threshold_json),
            window: Window { start: Some(at.minus(Span::from_hours(1))), end: at },
            first_seen: first,
            last_seen: last,
            entities: Vec::new(),
            entities_added: Vec::new(),
            entities_removed: Vec::new(),
            evidence: Vec::new(),
            origin,
            late: false,
            event_time: at,
            ingest_time: moment.ingest,
            emit_time: run.context.now,
            labels: rule.labels.clone(),
            truncated: false,
        });
    }

    fn entity(&self, named: &Named) -> Option<AlertEntity> {
        let entity = self.active.rule.entities.get(usize::from(named.of))?;
        Some(AlertEntity {
            kind: entity.kind.clone(),
            id: raw(&named.id),
            display: named.display.as_deref().map(raw),
        })
    }
}
