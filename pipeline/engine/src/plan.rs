//! Plans a batch: decodes every record, matches it, reads what it brings, and lists what state it will need. Needs no
//! state itself, so it can run on any core whatever the key of the event.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use rules::{ActiveRule, CustomerId, Matches, Met, Payload, Snapshot, TooManyNodes};

use crate::dead_letter::{DeadLetter, Reason, Refusal};
use crate::event::decode_for;
use crate::hit::{Hit, hit};
use crate::key::{ClockId, Key, RuleKeys, clock_key};
use crate::moment;
use crate::partitioner::partition_of;
use crate::scalar;
use crate::stream::{Offset, Partition, Timestamp};
use crate::write::Table;

/// A record of the event topic.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Its place in its partition.
    pub offset: Offset,
    /// Its timestamp, as the producer or the broker set it.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
}

/// What is to be done for one record.
#[derive(Debug, Clone)]
pub struct Step {
    /// The record.
    pub(crate) input: Input,
    /// Whose event it is and which rules it meets; or why it cannot be evaluated.
    pub(crate) event: Result<Matched, Box<DeadLetter>>,
}

/// An event with what it brings to the rules that it meets.
#[derive(Debug, Clone)]
pub(crate) struct Matched {
    /// Whose event.
    pub(crate) customer: CustomerId,
    /// Whether half a surrogate pair was replaced in its payload.
    pub(crate) is_altered: bool,
    /// When it happened, by every definition that rules of the customer have; nothing where that cannot be read. Empty if no
    /// rule applies to the customer.
    pub(crate) times: Vec<(ClockId, Option<Timestamp>)>,
    /// How many rules it meets.
    pub(crate) met: u64,
    /// What it brings, by (alert id, customer) of the rules.
    pub(crate) hits: Vec<Hit>,
    /// The rules that look at more of the payload than they may, so that it is unknown whether they meet it.
    pub(crate) cut: Vec<Arc<ActiveRule>>,
}

/// A planned batch, in offset order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One step a record.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// Puts the plans of consecutive parts of a batch together.
    pub fn join(parts: impl IntoIterator<Item = Self>) -> Self {
        Self { steps: parts.into_iter().flat_map(|part| part.steps).collect() }
    }

    /// How many of its records cannot be evaluated.
    pub fn refused(&self) -> usize {
        self.steps.iter().filter(|step| step.event.is_err()).count()
    }

    /// Keeps only what these rules and customers may get of these records: events still move clocks.
    pub fn retain(&mut self, mut keep: impl FnMut(&ActiveRule, CustomerId, &Input) -> bool) {
        for step in &mut self.steps {
            if let Ok(event) = &mut step.event {
                event.hits.retain(|hit| keep(&hit.active, event.customer, &step.input));
            }
        }
    }

    /// Keeps only the clocks that somebody looks at; that of record timestamps always.
    pub fn retain_clocks(&mut self, mut keep: impl FnMut(CustomerId, ClockId) -> bool) {
        for event in self.steps.iter_mut().filter_map(|step| step.event.as_mut().ok()) {
            let customer = event.customer;
            event.times.retain(|(clock, _)| *clock == ClockId::default() || keep(customer, *clock));
        }
    }

    /// The keys of state that [`crate::apply`] will surely read, each once. It may read more.
    pub fn reads(&self) -> BTreeSet<(Table, Key)> {
        let mut keys = BTreeSet::new();
        for event in self.steps.iter().filter_map(|step| step.event.as_ref().ok()) {
            keys.extend(event.times.iter().map(|(clock, _)| clock_key(event.customer, *clock)));
            for hit in &event.hits {
                let rule = RuleKeys::new(event.customer, hit.active.generation);
                keys.extend(hit.event_id.as_ref().map(|id| rule.event_id(&scalar::hash(id))));
                keys.extend(hit.groups.iter().map(|group| rule.clone().group(group.hash()).head()));
            }
        }
        keys.into_iter().map(|key| (Table::State, key)).collect()
    }
}

/// Plans a batch of one partition of `partitions`.
pub fn plan(snapshot: &Snapshot, partition: Partition, partitions: u32, inputs: Vec<Input>) -> Plan {
    let step = |input: Input| {
        let event = matched(snapshot, partition, partitions, &input)
            .map_err(|refusal| dead_letter(input.clone(), refusal));
        Step { input, event }
    };
    Plan { steps: inputs.into_iter().map(step).collect() }
}

fn matched(
    snapshot: &Snapshot,
    partition: Partition,
    partitions: u32,
    input: &Input,
) -> Result<Matched, Refusal> {
    let event = decode_for(snapshot, input.value.as_deref())?;
    let customer = event.customer;
    let mut text = [0; 36];
    let key = customer.uuid().as_hyphenated().encode_lower(&mut text);
    let home = partition_of(key.as_bytes(), partitions);
    if home != partition {
        // Counted here it would split the customer's state over two partitions.
        let detail = format!(
            "the customer's partition is {home} of {partitions}: the producer must use the key `customerId` in lower \
             case and the partitioner murmur2"
        );
        return Err(Refusal { reason: Reason::Misplaced, detail });
    }
    Ok(matched_payload(snapshot, customer, &event.payload, input.timestamp))
}

/// An event of which only rules and payload matter.
pub(crate) fn matched_payload(
    snapshot: &Snapshot,
    customer: CustomerId,
    payload: &Payload,
    timestamp: Timestamp,
) -> Matched {
    let is_altered = payload.is_altered();
    if !snapshot.concerns(customer) {
        let (times, hits, cut) = Default::default();
        return Matched { customer, is_altered, times, met: 0, hits, cut };
    }
    let root = payload.root();
    let mut times = vec![(ClockId::default(), Some(timestamp))];
    let mut cut_clocks = Vec::new();
    for event_time in snapshot.event_times(customer) {
        let clock = ClockId::of(Some(event_time));
        if times.iter().all(|(known, _)| *known != clock) {
            let time = event_time
                .path
                .select_bounded(root)
                .map(|nodes| nodes.first().and_then(|node| moment::read(node, event_time.format)));
            if time.is_err() {
                cut_clocks.push(clock);
            }
            times.push((clock, time.unwrap_or_default()));
        }
    }
    let Matches { met, mut cut } = snapshot.evaluate(customer, payload);
    let is_cut = |met: &Met<'_>| {
        let event_time = met.active.rule.timing.event_time.as_ref();
        !cut_clocks.is_empty() && cut_clocks.contains(&ClockId::of(event_time))
    };
    let hits = met.iter().filter_map(|met| match hit(met, root) {
        Ok(hit) if !is_cut(met) => hit,
        Ok(_) | Err(TooManyNodes) => {
            cut.push(met.active);
            None
        },
    });
    let hits = hits.collect();
    cut.sort_by_key(|active| (active.rule.key.alert, active.rule.key.customer));
    cut.dedup_by_key(|active| active.rule.key);
    let cut = cut.into_iter().cloned().collect();
    Matched { customer, is_altered, times, met: met.len() as u64, hits, cut }
}

fn dead_letter(input: Input, refusal: Refusal) -> Box<DeadLetter> {
    Box::new(DeadLetter {
        reason: refusal.reason,
        detail: refusal.detail,
        offset: input.offset,
        timestamp: input.timestamp,
        key: input.key,
        value: input.value,
    })
}
