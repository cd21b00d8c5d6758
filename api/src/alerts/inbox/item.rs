//! An item of the inbox: what an alert's records come to, and what people have set. Pure.

use engine::Timestamp;
use rules::{AlertId, CustomerId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The longest record that is kept as it came; of longer ones what lists are in it is left out.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// What goes from a record that is too long.
const LISTS: [&str; 4] = ["evidence", "entities", "entitiesAdded", "entitiesRemoved"];

/// What an alert does, by its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Its condition holds.
    Firing,
    /// Its condition held.
    Resolved,
    /// It tells of alerts that were held back by a limit.
    Suppressed,
}

/// What people make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Nothing is left to do.
    Closed,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Suppressed => "suppressed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Firing, Self::Resolved, Self::Suppressed].into_iter().find(|state| state.name() == name)
    }
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::Closed].into_iter().find(|status| status.name() == name)
    }
}

/// A record of the alert topic, as far as the inbox reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) instance: Uuid,
    pub(crate) customer: CustomerId,
    pub(crate) rule: AlertId,
    name: String,
    severity: String,
    state: State,
    /// Whether it tells that the alert begins.
    begins: bool,
    event_time: Timestamp,
    emit_time: Timestamp,
    document: String,
}

/// An item of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) instance: Uuid,
    /// Counts alerts as they came first.
    pub(crate) number: u64,
    pub(crate) customer: CustomerId,
    pub(crate) rule: AlertId,
    pub(crate) name: String,
    pub(crate) severity: String,
    pub(crate) state: State,
    /// Event time of its first record.
    pub(crate) opened_at: Timestamp,
    /// When its latest record was decided.
    pub(crate) changed_at: Timestamp,
    /// How many records it has, in this reading of the topic.
    pub(crate) records: u64,
    pub(crate) generation: u64,
    /// The latest record.
    pub(crate) document: String,
    pub(crate) status: Status,
    /// Who deals with it; empty: nobody.
    pub(crate) assignee: String,
    /// When the status was set.
    pub(crate) handled_at: Timestamp,
    /// How often people have changed something.
    pub(crate) version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    alert_instance_id: Uuid,
    customer_id: String,
    alert_id: String,
    alert_name: String,
    severity: String,
    state: String,
    event_time: String,
    emit_time: String,
}

impl Reading {
    /// The record as it is kept.
    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    /// Reads a record's value; none if it is no alert.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let wire: Wire = serde_json::from_slice(value).ok()?;
        let (state, begins) = match wire.state.as_str() {
            "firing" => (State::Firing, true),
            "updated" => (State::Firing, false),
            "resolved" => (State::Resolved, false),
            "suppressed" => (State::Suppressed, false),
            _ => return None,
        };
        let text = std::str::from_utf8(value).ok()?;
        Some(Self {
            instance: wire.alert_instance_id,
            customer: wire.customer_id.parse().ok()?,
            rule: wire.alert_id.parse().ok()?,
            name: wire.alert_name,
            severity: wire.severity,
            state,
            begins,
            event_time: wire.event_time.parse().ok()?,
            emit_time: wire.emit_time.parse().ok()?,
            document: kept(text)?,
        })
    }
}

/// The record as it is kept: whole, or without its lists.
fn kept(text: &str) -> Option<String> {
    if text.len() <= DOCUMENT_BYTES_MAX {
        return Some(text.to_owned());
    }
    let mut members: Map<String, Value> = serde_json::from_str(text).ok()?;
    for list in LISTS {
        members.remove(list);
    }
    members.insert("truncated".to_owned(), Value::Bool(true));
    let short = Value::Object(members).to_string();
    (short.len() <= 2 * DOCUMENT_BYTES_MAX).then_some(short)
}

impl Item {
    /// The latest record as JSON.
    pub(crate) fn alert(&self) -> Option<Box<RawValue>> {
        RawValue::from_string(self.document.clone()).ok()
    }

    /// The item of an alert that was not known.
    pub(crate) fn begin(reading: Reading, number: u64, generation: u64) -> Self {
        Self {
            instance: reading.instance,
            number,
            customer: reading.customer,
            rule: reading.rule,
            name: reading.name,
            severity: reading.severity,
            state: reading.state,
            opened_at: reading.event_time,
            changed_at: reading.emit_time,
            records: 1,
            generation,
            document: reading.document,
            status: Status::Open,
            assignee: String::new(),
            handled_at: reading.emit_time,
            version: 1,
        }
    }

    /// The item after another record of its alert. In another reading of the topic than before, what came from the
    /// topic begins anew and what people have set stays. An alert that begins again after it was closed is open again.
    pub(crate) fn fold(self, reading: Reading, generation: u64) -> Self {
        let reopened = self.status == Status::Closed && reading.begins && reading.emit_time > self.handled_at;
        let again = self.generation != generation;
        Self {
            status: if reopened { Status::Open } else { self.status },
            handled_at: if reopened { reading.emit_time } else { self.handled_at },
            opened_at: if again { reading.event_time } else { self.opened_at },
            records: if again { 1 } else { self.records + 1 },
            name: reading.name,
            severity: reading.severity,
            state: reading.state,
            changed_at: reading.emit_time,
            generation,
            document: reading.document,
            ..self
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
    pub(crate) const RULE: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";

    /// A record of the alert topic.
    pub(crate) fn record(instance: u128, customer: &str, state: &str, second: u32) -> String {
        let time = format!("2025-01-01T00:{:02}:{:02}Z", second / 60, second % 60);
        json!({
            "alertInstanceId": Uuid::from_u128(instance), "customerId": customer, "alertId": RULE,
            "alertName": "Many logins", "severity": "HIGH", "ruleVersion": 1, "state": state,
            "group": {"user": "bob"}, "value": second, "eventTime": time, "emitTime": time,
            "labels": {"team": "blue"}, "evidence": []
        })
        .to_string()
    }

    pub(crate) fn reading(instance: u128, state: &str, second: u32) -> Reading {
        Reading::read(record(instance, CUSTOMER, state, second).as_bytes()).unwrap()
    }

    #[test]
    fn records_of_an_alert_come_to_one_item() {
        let item = Item::begin(reading(1, "firing", 1), 7, 0);
        assert_eq!((item.state, item.status, item.records, item.number), (State::Firing, Status::Open, 1, 7));
        let item = item.fold(reading(1, "updated", 2), 0).fold(reading(1, "resolved", 3), 0);
        assert_eq!((item.state, item.records, item.number), (State::Resolved, 3, 7));
        assert_eq!(item.opened_at, reading(1, "firing", 1).event_time);
        assert_eq!(item.changed_at, reading(1, "firing", 3).emit_time);
    }

    #[test]
    fn reading_the_topic_again_counts_anew_and_keeps_what_people_set() {
        let mut item = Item::begin(reading(1, "firing", 1), 7, 0).fold(reading(1, "updated", 2), 0);
        (item.status, item.assignee, item.version) = (Status::Closed, "ann".to_owned(), 3);
        item.handled_at = reading(1, "firing", 9).emit_time;
        let again = item.fold(reading(1, "firing", 1), 1);
        assert_eq!((again.records, again.status, again.version), (1, Status::Closed, 3));
        assert_eq!(again.assignee, "ann");
    }

    #[test]
    fn an_alert_that_begins_after_it_was_closed_is_open_again() {
        let mut item = Item::begin(reading(1, "firing", 1), 1, 0);
        item.status = Status::Closed;
        item.handled_at = reading(1, "firing", 5).emit_time;
        assert_eq!(item.clone().fold(reading(1, "updated", 9), 0).status, Status::Closed);
        assert_eq!(item.clone().fold(reading(1, "firing", 4), 0).status, Status::Closed);
        assert_eq!(item.fold(reading(1, "firing", 9), 0).status, Status::Open);
    }

    #[test]
    fn what_is_no_alert_is_not_read_and_what_is_too_long_loses_its_lists() {
        for text in ["", "{}", "1", &record(1, "nobody", "firing", 1), &record(1, CUSTOMER, "odd", 1)] {
            assert_eq!(Reading::read(text.as_bytes()), None, "{text}");
        }
        let mut long: Value = serde_json::from_str(&record(1, CUSTOMER, "firing", 1)).unwrap();
        long["evidence"] = json!([{"payload": "x".repeat(DOCUMENT_BYTES_MAX)}]);
        let reading = Reading::read(long.to_string().as_bytes()).unwrap();
        let kept: Value = serde_json::from_str(&reading.document).unwrap();
        assert_eq!((kept.get("evidence"), &kept["truncated"]), (None, &json!(true)));
        long["alertName"] = json!("x".repeat(3 * DOCUMENT_BYTES_MAX));
        assert_eq!(Reading::read(long.to_string().as_bytes()), None);
    }
}
