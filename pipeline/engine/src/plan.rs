//! Plans a batch: decodes every record, matches it, and lists what state it will read. Needs no state itself, so it
//! can run on any core whatever the key of the event.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use rules::{ActiveRule, CustomerId, Snapshot};

use crate::dead_letter::{DeadLetter, Reason, Refusal};
use crate::event::decode_for;
use crate::key::{Key, clock_key, count_key};
use crate::partitioner::partition_of;
use crate::stream::{Offset, Partition, Timestamp};

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
    /// The record's place.
    pub offset: Offset,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// Whose event it is and which rules it meets; or why it cannot be evaluated.
    pub event: Result<Matched, Box<DeadLetter>>,
}

/// An event with the rules it meets.
#[derive(Debug, Clone)]
pub struct Matched {
    /// Whose event.
    pub customer: CustomerId,
    /// Whether any rule applies to the customer, so that its clock matters.
    pub concerned: bool,
    /// The rules, by (alert id, customer).
    pub rules: Vec<Arc<ActiveRule>>,
}

/// A planned batch, in offset order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One step a record.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The keys of state that [`crate::apply`] will read, each once.
    pub fn reads(&self) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        let events = self.steps.iter().filter_map(|step| step.event.as_ref().ok());
        for event in events.filter(|event| event.concerned) {
            keys.insert(clock_key(event.customer));
            keys.extend(event.rules.iter().map(|active| count_key(event.customer, active.generation)));
        }
        keys
    }
}

/// Plans a batch of one partition of `partitions`.
pub fn plan(snapshot: &Snapshot, partition: Partition, partitions: u32, inputs: Vec<Input>) -> Plan {
    let step = |input: Input| Step {
        offset: input.offset,
        timestamp: input.timestamp,
        event: matched(snapshot, partition, partitions, &input)
            .map_err(|refusal| dead_letter(input, refusal)),
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
    let home = partition_of(customer.to_string().as_bytes(), partitions);
    if home != partition {
        // Counted here it would split the customer's state over two partitions.
        let detail = format!(
            "the customer's partition is {home} of {partitions}: the producer must use the key `customerId` in lower \
             case and the partitioner murmur2"
        );
        return Err(Refusal { reason: Reason::Misplaced, detail });
    }
    let concerned = snapshot.concerns(customer);
    let rules = if concerned { snapshot.matches(customer, &event.payload) } else { Vec::new() };
    let rules = rules.into_iter().map(|met| Arc::clone(met.active)).collect();
    Ok(Matched { customer, concerned, rules })
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
