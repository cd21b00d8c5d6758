//! Alerts: one record per change of an alert's state. Their JSON is the wire form of the alert topic.

use std::collections::BTreeMap;

use rules::{AlertId, CustomerId, Limits};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stream::{Offset, Partition, Timestamp};

/// What happened to the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The threshold was reached.
    Firing,
}

/// What made the alert come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// An event of the live stream.
    Live,
}

/// The place of an event that contributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The event topic.
    pub topic: String,
    /// The event's partition.
    pub partition: Partition,
    /// The event's offset.
    pub offset: Offset,
    /// The event's own id, where the rule names one.
    pub event_id: Option<String>,
}

/// The time that the value is about; no start means "since the rule began".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// First moment inside.
    pub start: Option<Timestamp>,
    /// The moment at which it was judged.
    pub end: Timestamp,
}

/// An alert record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Names the alert over all its records and over edits of its rule.
    pub alert_instance_id: Uuid,
    /// Whose alert.
    pub customer_id: CustomerId,
    /// The rule's id.
    pub alert_id: AlertId,
    /// The rule's name.
    pub alert_name: String,
    /// How much it matters.
    pub severity: &'static str,
    /// The version of the rule that judged.
    pub rule_version: u32,
    /// What happened.
    pub state: AlertState,
    /// The group's keys; empty where the rule has none.
    pub group: BTreeMap<String, Value>,
    /// The value that was judged.
    pub value: u64,
    /// The limit that it met.
    pub threshold: Option<Value>,
    /// What time the value is about.
    pub window: Window,
    /// Event time of the first contribution.
    pub first_seen: Timestamp,
    /// Greatest event time of a contribution.
    pub last_seen: Timestamp,
    /// What the alert is about; empty where the rule names no entities.
    pub entities: Vec<Value>,
    /// Entities that came since the alert's previous record.
    pub entities_added: Vec<Value>,
    /// Entities that went since the alert's previous record.
    pub entities_removed: Vec<Value>,
    /// The latest events that contributed.
    pub evidence: Vec<Evidence>,
    /// What made it come.
    pub origin: Origin,
    /// Whether a late event caused it.
    pub late: bool,
    /// When the condition became true.
    pub event_time: Timestamp,
    /// The timestamp of the record that caused it.
    pub ingest_time: Timestamp,
    /// When it was decided.
    pub emit_time: Timestamp,
    /// The rule's labels.
    pub labels: BTreeMap<String, String>,
}

impl Alert {
    /// The wire form.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an alert has string keys and numbers that JSON can write")
    }
}

/// The id of an alert: no value and no rule version in it, so that silences survive edits.
///
/// UUIDv5 in the namespace of the rule's id over `customer LF alert LF group as JSON LF clock-ordinal`.
pub(crate) fn instance_id(customer: CustomerId, alert: AlertId, opened_at: Timestamp, ordinal: u32) -> Uuid {
    let name = format!("{customer}\n{alert}\n{{}}\n{}-{ordinal}", opened_at.0);
    Uuid::new_v5(&alert.uuid(), name.as_bytes())
}

/// The limit of a rule as alerts show it.
pub(crate) fn threshold_json(limits: &Limits) -> Value {
    let limits = limits.iter().map(|(comparator, bound)| (comparator.name().to_owned(), json!(bound)));
    Value::Object(limits.collect())
}
