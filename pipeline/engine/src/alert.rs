//! Alerts: one record per change of an alert's state. Their JSON is the wire form of the alert topic.

use std::collections::BTreeMap;

use rules::{AlertId, AlertState, Amount, CustomerId, Limits};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::group::Group;
use crate::stream::{Offset, Partition, Timestamp};

/// The longest alert record, in bytes; below Kafka's default limit of 1 MB for a message, since one record that is too long
/// would stop the whole partition.
pub const ALERT_BYTES_MAX: usize = 900_000;

/// What made the alert come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// An event of the live stream.
    Live,
    /// An event that was there before the rule.
    Bootstrap,
    /// A rule that is only tried out.
    Shadow,
}

/// The place of an event that contributed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The event topic.
    pub topic: String,
    /// The event's partition.
    pub partition: Partition,
    /// The event's offset; negative for what happened before the log.
    #[serde(serialize_with = "signed")]
    pub offset: Offset,
    /// The event's own id, where the rule names one.
    pub event_id: Option<String>,
    /// What it said, where the rule asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
}

/// Who or what an alert is about.
#[derive(Debug, Clone, Serialize)]
pub struct AlertEntity {
    /// What kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id, as it stood in the payload.
    pub id: Box<RawValue>,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<Box<RawValue>>,
}

/// The time that the value is about; no start means "since the rule began".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// First moment inside.
    pub start: Option<Timestamp>,
    /// First moment behind it, or the moment at which it was judged.
    pub end: Timestamp,
}

/// An alert record.
#[derive(Clone, Serialize)]
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
    pub group: Group,
    /// The value that was judged; none where there is none.
    pub value: Option<Amount>,
    /// Whether the value is an estimate: of so many different values that they are not kept one by one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub value_is_estimate: bool,
    /// The limits that it met; patterns have none.
    pub threshold: Option<Value>,
    /// What time the value is about.
    pub window: Window,
    /// Event time of the first contribution.
    pub first_seen: Timestamp,
    /// Greatest event time of a contribution.
    pub last_seen: Timestamp,
    /// What the alert is about; empty where the rule names no entities.
    pub entities: Vec<AlertEntity>,
    /// Entities that came since the alert's previous record.
    pub entities_added: Vec<AlertEntity>,
    /// Entities that went since the alert's previous record.
    pub entities_removed: Vec<AlertEntity>,
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
    /// Whether payloads or entities were left out because the record would be too long.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// What events said never reaches logs, so the debug form leaves it out.
impl std::fmt::Debug for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Alert({} of {}/{}, {:?})",
            self.alert_instance_id, self.customer_id, self.alert_id, self.state
        )
    }
}

impl Alert {
    /// The wire form, at most about [`ALERT_BYTES_MAX`]: what would make it longer is left out, and it says so.
    pub fn to_json(&self) -> Vec<u8> {
        let json = self.written();
        if json.len() <= ALERT_BYTES_MAX {
            return json;
        }
        let mut short = Self { truncated: true, ..self.clone() };
        short.evidence.iter_mut().for_each(|evidence| evidence.payload = None);
        let json = short.written();
        if json.len() <= ALERT_BYTES_MAX {
            return json;
        }
        short.entities.clear();
        short.entities_added.clear();
        short.entities_removed.clear();
        short.written()
    }

    fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an alert has string keys and numbers that JSON can write")
    }
}

impl Serialize for Group {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw(self.text()).serialize(serializer)
    }
}

fn signed<S: Serializer>(offset: &Offset, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(offset.signed())
}

/// JSON text as a value of its own.
pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("the text was made as JSON")
}

/// The id of an alert: no value and no rule version in it, so that silences survive edits.
///
/// UUIDv5 in the namespace of the rule's id over `customer LF alert LF group as JSON LF clock-ordinal`.
pub(crate) fn instance_id(
    customer: CustomerId,
    alert: AlertId,
    group: &Group,
    opened_at: Timestamp,
    ordinal: u32,
) -> Uuid {
    let name = format!("{customer}\n{alert}\n{}\n{}-{ordinal}", group.text(), opened_at.0);
    Uuid::new_v5(&alert.uuid(), name.as_bytes())
}

/// Limits as alerts show them.
pub(crate) fn threshold_json(limits: &Limits) -> Value {
    let limits = limits.iter().map(|(comparator, bound)| (comparator.name().to_owned(), json!(bound)));
    Value::Object(limits.collect())
}
