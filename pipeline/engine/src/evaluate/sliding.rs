//! Sliding windows: the contributions of each moment are kept, so that they can leave; the present value is kept beside
//! them, so that an event costs the same whatever the window holds.

use std::collections::BTreeMap;

use rules::{Aggregate, Span};

use super::policy::Behind;
use super::tell::NEVER;
use super::{Arrival, GroupRun};
use crate::alert::Window;
use crate::apply::Failure;
use crate::bucket::{Bucket, Operation, greatest, least};
use crate::head::Due;
use crate::hit::Brought;
use crate::scalar::Hash;
use crate::stream::{Offset, Timestamp};
use crate::trail::Trail;
use crate::write::Table;

/// One millisecond.
const STEP: Span = Span::from_millis(1);

impl GroupRun<'_, '_> {
    pub(super) fn slide(
        &mut self,
        aggregate: &Aggregate,
        size: Span,
        arrival: &Arrival<'_>,
    ) -> Result<(), Failure> {
        let (clock, time) = (self.moment.clock, arrival.time);
        // Whatever left the window before has done so by a timer.
        self.head.expired = self.head.expired.max(clock.minus(size));
        let mut entry = self.bucket(time)?.unwrap_or_default();
        entry.add(time, &arrival.hit.brought, None);
        entry.operations.extend(self.operations(arrival));
        self.remember(&mut entry, arrival);
        self.put_bucket(time, &entry);

        let mut present = std::mem::take(&mut self.head.present);
        let mut changed = false;
        if time > clock.minus(size) {
            present.add(time, &arrival.hit.brought, None);
            changed = self.operate(&mut present, arrival)?;
        }
        if time > clock.minus(size) {
            self.remember(&mut present, arrival);
        }
        if time < clock && self.may_fire_in_the_past() {
            for end in self.ends_after(time, size)? {
                let past = self.past(aggregate, end, size, None)?;
                let changed = aggregate.entity_path.is_none()
                    || past.fingerprint != self.past(aggregate, end, size, Some(arrival.offset))?.fingerprint;
                if changed {
                    let window = Window { start: Some(end.minus(size)), end };
                    self.judge_past(aggregate, &past, window, Behind::Trail)?;
                }
            }
        }
        if changed || aggregate.entity_path.is_none() {
            let window = Window { start: Some(clock.minus(size)), end: clock };
            self.judge_present(aggregate, &present, window, time, true)?;
        }
        self.head.present = present;
        Ok(())
    }

    /// The ends of the past windows that a late contribution belongs to and that are judged again: its own time and those
    /// of later contributions.
    fn ends_after(&mut self, time: Timestamp, size: Span) -> Result<Vec<Timestamp>, Failure> {
        let clock = self.moment.clock;
        let last = time.plus(size).min(clock).minus(STEP);
        let ends = self.buckets(time, last)?.into_iter().map(|(end, _)| end);
        let oldest = clock.minus(self.lateness());
        Ok(ends.filter(|end| *end >= oldest).collect())
    }

    /// What a past window adds up to, with the events behind it; without the operations of one event, to see what it changed.
    fn past(
        &mut self,
        aggregate: &Aggregate,
        end: Timestamp,
        size: Span,
        without: Option<Offset>,
    ) -> Result<Bucket, Failure> {
        let max = self.active.rule.evidence.max as usize;
        let mut past = Bucket::default();
        let mut latest: BTreeMap<Hash, (Timestamp, Operation)> = BTreeMap::new();
        for (time, entry) in self.buckets(end.minus(size).plus(STEP), end)? {
            past.join(&entry);
            past.trail.join(&entry.trail, max);
            // Of one moment they are in order of position, and of one event its removals come last.
            let mut operations = entry.operations;
            operations.sort_by_key(|operation| (operation.position, !operation.present));
            for operation in operations {
                if without.is_none_or(|offset| offset.0 != operation.position) {
                    latest.insert(operation.member, (time, operation));
                }
            }
        }
        let present: Vec<_> = latest.into_values().filter(|(_, operation)| operation.present).collect();
        present.iter().for_each(|(_, operation)| past.toggle(&operation.member, true));
        if aggregate.entity_path.is_some() {
            // Behind a live set are the events that added its members.
            past.trail = Trail::default();
            past.first = present.iter().map(|(time, _)| *time).min().unwrap_or_default();
            past.last = present.iter().map(|(time, _)| *time).max().unwrap_or(NEVER);
            for (time, operation) in present {
                past.trail.add(operation.witness, max);
                past.trail.name((time, Offset(operation.position)), &operation.entities);
            }
        }
        Ok(past)
    }

    /// Contributions leave the window.
    pub(super) fn expire(&mut self, aggregate: &Aggregate, size: Span, at: Timestamp) -> Result<(), Failure> {
        let mut present = std::mem::take(&mut self.head.present);
        let (before, members) = (present.value(aggregate), present.fingerprint);
        let until = at.minus(size);
        let mut seek = false;
        let first = self.head.expired.plus(STEP);
        for (time, entry) in self.buckets(first, until)? {
            seek |= present.remove(&entry);
            self.leave(&mut present, time, &entry.operations)?;
        }
        self.head.expired = self.head.expired.max(until);
        if seek {
            let (mut min, mut max) = (None, None);
            for (_, entry) in self.buckets(until.plus(STEP), self.moment.clock)? {
                min = least(min, entry.min);
                max = greatest(max, entry.max);
            }
            (present.min, present.max) = (min, max);
        }
        if let Some((first, _)) = self.first_bucket_from(until.plus(STEP))? {
            present.first = first;
        }
        if present.value(aggregate) != before || present.fingerprint != members {
            let window = Window { start: Some(until), end: at };
            self.judge_present(aggregate, &present, window, at, false)?;
        }
        // No window that an event can still contribute to reaches further back.
        let forgotten = self.moment.clock.minus(size).minus(self.lateness());
        for (time, _) in self.buckets(Timestamp(i64::MIN), forgotten)? {
            self.run.view.delete(Table::State, self.keys.bucket(time));
        }
        present.trail.forget(self.head.expired);
        self.head.present = present;
        Ok(())
    }

    /// When the next contribution leaves the window, or is forgotten.
    pub(super) fn next_expiry(&mut self, size: Span) -> Result<Option<Due>, Failure> {
        let Some((oldest, _)) = self.first_bucket()? else { return Ok(None) };
        let forgotten = oldest.plus(size).plus(self.lateness());
        let inside = self.first_bucket_from(self.head.expired.plus(STEP))?;
        let expires = inside.map(|(time, _)| time.plus(size));
        let at = expires.map_or(forgotten, |expires| expires.min(forgotten));
        Ok(Some(Due { at, due: at }))
    }

    fn operations(&self, arrival: &Arrival<'_>) -> Vec<Operation> {
        let Brought::Members { added, removed } = &arrival.hit.brought else { return Vec::new() };
        let added = added.iter().map(|member| (*member, true));
        let all = added.chain(removed.iter().map(|member| (*member, false)));
        let operation = |(member, present): (Hash, bool)| Operation {
            position: arrival.offset.0,
            member,
            present,
            witness: if present { self.witness(arrival) } else { None },
            entities: if present { arrival.hit.entities.clone() } else { Vec::new() },
        };
        all.map(operation).collect()
    }
}
