//! The demonstration's rules and events.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

/// The customer whose counts go on over restarts.
const LASTING: Uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);

/// How many events the lasting customer sends at each start, and how many its rule waits for: it fires at the second.
const LASTING_EVENTS: usize = 6;
const LASTING_THRESHOLD: usize = 10;

/// How many new customers each start brings, and how many events each sends.
const NEW_CUSTOMERS: usize = 3;
const NEW_EVENTS: usize = 5;

/// Rules and events of one start.
pub(crate) struct Story {
    events: Vec<StoryEvent>,
}

/// An event and whose it is.
pub(crate) struct StoryEvent {
    pub(crate) customer: Uuid,
    pub(crate) json: Value,
}

impl Story {
    /// The story of one start: its new customers are drawn anew.
    pub(crate) fn new() -> Self {
        let mut events = Vec::new();
        for number in 0..LASTING_EVENTS {
            let payload = json!({"action": "export", "report": {"rows": 10 * number}});
            events.push(StoryEvent::new(LASTING, &payload));
        }
        for _ in 0..NEW_CUSTOMERS {
            let customer = Uuid::new_v4();
            for number in 0..NEW_EVENTS {
                let scope = if number % 2 == 0 { "anyone" } else { "team" };
                let payload = json!({
                    "action": "share", "actor": {"id": "u-1", "email": "ann@example.com"},
                    "file": {"id": format!("f-{number}")}, "acl": [{"scope": "team"}, {"scope": scope}]
                });
                events.push(StoryEvent::new(customer, &payload));
            }
        }
        Self { events }
    }

    /// The rules, in both forms in which a rule can be written.
    pub(crate) fn rules(&self) -> [Value; 2] {
        [
            json!({
                "customerId": "deadbeef-dead-beef-dead-beefdeadbeef",
                "alertId": "7c1f2f3e-0a54-4c0e-9d0b-5f0f6a1f9b01",
                "alertName": "Public files",
                "alertDescription": "Three files or more were shared with anyone",
                "severity": "high",
                "match": "$.acl[?(@.scope == 'anyone')]",
                "threshold": 3
            }),
            json!({
                "customerId": LASTING,
                "alertId": "0b7e2c55-5f0d-4a55-8f5f-3b1f6f1a2c02",
                "alertName": "Ten exports, counted over restarts",
                "alertDescription": "The original form of a rule",
                "threshold": LASTING_THRESHOLD,
                "jsonPath": "$.report",
                "bootstrapCustomerId": null
            }),
        ]
    }

    /// The events, in the order in which they are sent.
    pub(crate) fn events(&self) -> &[StoryEvent] {
        &self.events
    }

    /// The customers of this start; each of them gets an alert.
    pub(crate) fn new_customers(&self) -> BTreeSet<String> {
        let new = self.events.iter().map(|event| event.customer).filter(|customer| *customer != LASTING);
        new.map(|customer| customer.to_string()).collect()
    }
}

impl StoryEvent {
    fn new(customer: Uuid, payload: &Value) -> Self {
        Self { customer, json: json!({"customerId": customer, "payload": payload.to_string()}) }
    }
}
