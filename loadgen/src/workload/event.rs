//! One event as bytes: the envelope `{"customerId", "payload": "<JSON as a string>"}`.
//! What is the event's own (id, sequence, actor, action, probes) is written anew, the long rest comes from a pool that
//! was made and escaped before the start, so that the generator is not what is measured.

use std::fmt::Write;

use super::bodies::Bodies;
use super::{Probe, Workload};

const ACTIONS: [&str; 8] = [
    "document.viewed",
    "document.shared",
    "document.deleted",
    "member.invited",
    "member.removed",
    "token.created",
    "policy.changed",
    "login.failed",
];
const NAMES: [&str; 8] = ["Ada", "Björn", "Chen", "Dalia", "Émile", "Farid", "Grace", "Hanna"];

/// Writes events; keeps its scratch space from one to the next.
#[derive(Debug)]
pub(crate) struct Writer<'w> {
    workload: &'w Workload,
    bodies: &'w Bodies,
    head: String,
}

impl<'w> Writer<'w> {
    /// A writer for this workload.
    pub(crate) fn new(workload: &'w Workload, bodies: &'w Bodies) -> Self {
        Self { workload, bodies, head: String::new() }
    }

    /// Appends the envelope of one event.
    pub(crate) fn append(&mut self, sequence: u64, envelope: &mut String) {
        let customers = self.workload.customers();
        let mut fact = self.workload.fact(sequence);
        let customer = &customers[fact.customer];
        let probe = match fact.probe {
            Probe::None => None,
            Probe::Own => Some(&customer.probe),
            Probe::Neighbour => {
                let other = &customers[(fact.customer + 1) % customers.len()].probe;
                // A lone customer has no neighbour whose probe could be taken for its own.
                (*other != customer.probe).then_some(other)
            },
        };
        let chance = &mut fact.chance;
        let user = chance.below(10_000);
        let name = chance.pick(&NAMES);
        let action = chance.pick(&ACTIONS);
        let id = chance.next();

        let head = &mut self.head;
        head.clear();
        // Writing to a String cannot fail.
        _ = write!(
            head,
            r#"{{"id":"{id:016x}-{sequence}","sequence":{sequence},"actor":{{"id":"u-{user}","name":"{name}","email":"u{user}@example.com","roles":["editor","member"]}},"action":"{action}","probes":["#
        );
        if let Some(probe) = probe {
            _ = write!(head, r#"{{"name":"{probe}","value":{}}}"#, chance.below(1_000));
        }
        head.push(']');

        envelope.push_str(r#"{"customerId":""#);
        envelope.push_str(&customer.id_text);
        envelope.push_str(r#"","payload":""#);
        escape(head, envelope);
        envelope.push_str(self.bodies.pick(chance));
        envelope.push_str("\"}");
    }
}

/// Appends JSON text as the inside of a JSON string. Such text has no raw control characters but those between tokens.
pub(crate) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
}
