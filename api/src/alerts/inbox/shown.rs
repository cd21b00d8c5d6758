//! An alert of the inbox as it is shown, with the silences that hold for it.

use std::collections::BTreeMap;

use engine::Timestamp;
use rules::CustomerId;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::item::{Item, State, Status};
use super::silence::Silence;
use crate::error::Answer;
use crate::records::{Records, silences};

/// An alert, with what people did about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboxAlert {
    /// Names the alert over all its records and over edits of its rule.
    #[schema(format = Uuid)]
    alert_instance_id: String,
    /// Whose alert.
    #[schema(format = Uuid)]
    pub(super) customer_id: String,
    /// The rule.
    #[schema(format = Uuid)]
    alert_id: String,
    /// The rule's name, by the latest record.
    alert_name: String,
    /// How much it matters.
    severity: String,
    /// What it does.
    state: State,
    /// What people make of it.
    status: Status,
    /// Who deals with it.
    #[serde(skip_serializing_if = "String::is_empty")]
    assignee: String,
    /// The silences that hold for it now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silenced_by: Vec<String>,
    /// Event time of its first record.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// When its latest record was decided.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    /// How many records it has.
    records: u64,
    /// How often people have changed something; the `ETag`.
    version: u64,
    /// Its latest record.
    #[schema(value_type = Option<Object>)]
    alert: Option<Box<RawValue>>,
}

/// The silences that last, by customer.
pub(super) struct Lasting(BTreeMap<CustomerId, Vec<Silence>>);

impl Lasting {
    /// Those of a customer, or of everybody.
    pub(super) async fn read(
        records: &Records,
        customer: Option<CustomerId>,
        now: Timestamp,
    ) -> Answer<Self> {
        let mut lasting: BTreeMap<CustomerId, Vec<Silence>> = BTreeMap::new();
        for silence in silences::lasting(records, customer, now).await? {
            lasting.entry(silence.customer).or_default().push(silence);
        }
        Ok(Self(lasting))
    }

    fn of(&self, item: &Item) -> Vec<String> {
        let Some(silences) = self.0.get(&item.customer) else { return Vec::new() };
        let alert: Value = serde_json::from_str(&item.document).unwrap_or_default();
        let hold = silences.iter().filter(|silence| silence.silences(item.customer, &alert));
        hold.map(|silence| silence.id.to_string()).collect()
    }
}

impl InboxAlert {
    pub(super) fn new(item: Item, lasting: &Lasting) -> Self {
        Self {
            silenced_by: lasting.of(&item),
            alert: item.alert(),
            alert_instance_id: item.instance.to_string(),
            customer_id: item.customer.to_string(),
            alert_id: item.rule.to_string(),
            alert_name: item.name,
            severity: item.severity,
            state: item.state,
            status: item.status,
            assignee: item.assignee,
            opened_at: item.opened_at,
            changed_at: item.changed_at,
            records: item.records,
            version: item.version,
        }
    }

    pub(super) fn is_silenced(&self) -> bool {
        !self.silenced_by.is_empty()
    }
}
