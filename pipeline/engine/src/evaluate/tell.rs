//! Telling: alert records from judgements.

use rules::{AlertState, Amount, Evaluation, Span, Status};
use uuid::Uuid;

use super::GroupRun;
use super::policy::Judgement;
use crate::alert::{Alert, AlertEntity, Evidence, Origin, Window, instance_id, raw, threshold_json};
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::stream::Timestamp;
use crate::trail::{Named, Trail, Witness};

/// What an alert tells beside its value.
pub(super) struct Details {
    window: Window,
    first: Timestamp,
    last: Timestamp,
    pub(super) entities: Vec<Named>,
    witnesses: Vec<Witness>,
}

impl Details {
    pub(super) fn new(window: Window, first: Timestamp, last: Timestamp, trail: Trail) -> Self {
        let mut entities: Vec<_> = trail.entities.into_iter().map(|(_, entity)| entity).collect();
        entities.sort_by(|left, right| (left.of, &left.id).cmp(&(right.of, &right.id)));
        Self { window, first, last, entities, witnesses: trail.witnesses }
    }
}

impl GroupRun<'_, '_> {
    pub(super) fn bucket_details(&mut self, bucket: &Bucket, window: Window) -> Result<Details, Failure> {
        let active = self.aggregate();
        let trail = match &active.rule.evaluation {
            Evaluation::Aggregate(aggregate) => match (aggregate.window, window.start) {
                (rules::Window::Sliding(_), Some(start)) => bucket.trail.between(start, window.end),
                _ => bucket.trail.clone(),
            },
            Evaluation::Pattern(_) => Trail::default(),
        };
        let mut details = Details::new(window, bucket.first, bucket.last, trail);
        if let Evaluation::Aggregate(aggregate) = &active.rule.evaluation {
            if aggregate.entity_path.is_some() {
                details.entities = self.present_entities(bucket.set)?;
            }
        }
        Ok(details)
    }

    pub(super) fn tell(
        &mut self,
        state: AlertState,
        instance: Uuid,
        judgement: &Judgement<'_>,
        details: Details,
        before: &[Named],
    ) -> Result<(), Failure> {
        let rule = &self.active.rule;
        let status = rule.status_for(self.customer);
        if !status.is_evaluated() {
            return Ok(());
        }
        let missing = |from: &[Named], of: &[Named]| -> Vec<Named> {
            let known =
                |entity: &Named| of.iter().any(|other| (other.of, &other.id) == (entity.of, &entity.id));
            from.iter().filter(|entity| !known(entity)).cloned().collect()
        };
        let (added, removed) = (missing(&details.entities, before), missing(before, &details.entities));
        let entities = |named: &[Named]| named.iter().filter_map(|entity| self.entity(entity)).collect();
        let context = self.run.context;
        let evidence = |witness: &Witness| Evidence {
            topic: context.topic.to_owned(),
            partition: context.partition,
            offset: witness.offset,
            event_id: witness.event_id.as_deref().map(raw),
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
            value: judgement.value,
            threshold: rule.threshold_for(self.customer).map(threshold_json),
            window: details.window,
            first_seen: details.first,
            last_seen: details.last,
            entities: entities(&details.entities),
            entities_added: entities(&added),
            entities_removed: entities(&removed),
            evidence: details.witnesses.iter().map(evidence).collect(),
            origin: origin(status),
            late: self.moment.late,
            event_time: judgement.at,
            ingest_time: self.moment.ingest,
            emit_time: context.now,
            labels: rule.labels.clone(),
        };
        self.run.effects.alerts.push(alert);
        Ok(())
    }

    /// Tells how many records of an hour were withheld.
    pub(crate) fn tell_summary(self, withheld: u64) {
        let Self { run, active, customer, group, moment, .. } = self;
        let (rule, at) = (&active.rule, moment.clock);
        let status = rule.status_for(customer);
        if !status.is_evaluated() {
            return;
        }
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
            threshold: rule.threshold_for(customer).map(threshold_json),
            window: Window { start: Some(at.minus(Span::from_hours(1))), end: at },
            first_seen: at.minus(Span::from_hours(1)),
            last_seen: at,
            entities: Vec::new(),
            entities_added: Vec::new(),
            entities_removed: Vec::new(),
            evidence: Vec::new(),
            origin: origin(status),
            late: false,
            event_time: at,
            ingest_time: moment.ingest,
            emit_time: run.context.now,
            labels: rule.labels.clone(),
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

fn origin(status: Status) -> Origin {
    if status == Status::Shadow { Origin::Shadow } else { Origin::Live }
}
