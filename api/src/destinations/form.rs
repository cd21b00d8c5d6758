//! What is sent: the alert record itself, or what receivers made for Alertmanager or Slack take. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// What a destination takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// The alert record as it is.
    Tocsin,
    /// What Alertmanager sends to webhooks, version 4.
    Alertmanager,
    /// A message of Slack's incoming webhooks.
    Slack,
}

impl Form {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tocsin => "tocsin",
            Self::Alertmanager => "alertmanager",
            Self::Slack => "slack",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Tocsin, Self::Alertmanager, Self::Slack].into_iter().find(|form| form.name() == name)
    }

    /// The body for an alert record.
    pub(super) fn body(self, document: &str, destination: &str) -> String {
        if self == Self::Tocsin {
            return document.to_owned();
        }
        let alert: Value = serde_json::from_str(document).unwrap_or_default();
        match self {
            Self::Tocsin => document.to_owned(),
            Self::Alertmanager => alertmanager(&alert, destination).to_string(),
            Self::Slack => json!({"text": message(&alert)}).to_string(),
        }
    }
}

fn text(alert: &Value, field: &str) -> String {
    match &alert[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_resolved(alert: &Value) -> bool {
    alert["state"] == "resolved"
}

fn alertmanager(alert: &Value, destination: &str) -> Value {
    let mut labels = Map::new();
    for object in ["labels", "group"] {
        for (name, _) in alert[object].as_object().into_iter().flatten() {
            labels.insert(name.clone(), Value::from(text(&alert[object], name)));
        }
    }
    // What names the alert cannot be replaced by a label of the rule.
    for (name, field) in [
        ("alertname", "alertName"),
        ("severity", "severity"),
        ("customer", "customerId"),
        ("rule", "alertId"),
    ] {
        labels.insert(name.to_owned(), Value::from(text(alert, field)));
    }
    let status = if is_resolved(alert) { "resolved" } else { "firing" };
    // The zero time of the receivers' language: it has not ended.
    let ends = if is_resolved(alert) { text(alert, "eventTime") } else { "0001-01-01T00:00:00Z".to_owned() };
    let annotations = json!({"value": text(alert, "value"), "state": text(alert, "state")});
    let instance = text(alert, "alertInstanceId");
    let one = json!({
        "status": status, "labels": labels, "annotations": annotations, "startsAt": text(alert, "firstSeen"),
        "endsAt": ends, "generatorURL": "", "fingerprint": instance,
    });
    json!({
        "version": "4", "groupKey": instance, "truncatedAlerts": 0, "status": status, "receiver": destination,
        "groupLabels": {"alertname": text(alert, "alertName")}, "commonLabels": labels,
        "commonAnnotations": annotations, "externalURL": "", "alerts": [one],
    })
}

fn message(alert: &Value) -> String {
    let group = alert["group"].as_object().into_iter().flatten();
    let group: Vec<String> =
        group.map(|(name, _)| format!("{name} {}", text(&alert["group"], name))).collect();
    let head =
        format!("*{}* {} ({})", text(alert, "alertName"), text(alert, "state"), text(alert, "severity"));
    let mut parts = vec![head];
    parts.extend((!group.is_empty()).then(|| group.join(", ")));
    parts.extend((!alert["value"].is_null()).then(|| format!("value {}", text(alert, "value"))));
    parts.push(text(alert, "eventTime"));
    // These three have a meaning in Slack's text; links and mentions cannot be made without them.
    parts.join(" | ").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(state: &str) -> String {
        json!({"alertInstanceId": "i", "customerId": "c", "alertId": "r", "alertName": "A <!channel>", "severity": "high",
            "state": state, "group": {"user": "bob", "n": 3}, "value": 5, "labels": {"team": "blue", "rule": "mine"},
            "firstSeen": "2025-01-01T00:00:00Z", "eventTime": "2025-01-01T00:00:09Z"})
        .to_string()
    }

    #[test]
    fn receivers_of_alertmanager_get_its_form() {
        let body: Value = serde_json::from_str(&Form::Alertmanager.body(&alert("firing"), "ops")).unwrap();
        assert_eq!(
            (&body["version"], &body["status"], &body["receiver"]),
            (&json!("4"), &json!("firing"), &json!("ops"))
        );
        let one = &body["alerts"][0];
        assert_eq!(one["labels"]["team"], "blue");
        assert_eq!((&one["labels"]["rule"], &one["labels"]["n"]), (&json!("r"), &json!("3")));
        assert_eq!((&one["fingerprint"], &one["startsAt"]), (&json!("i"), &json!("2025-01-01T00:00:00Z")));
        assert_eq!(one["endsAt"], "0001-01-01T00:00:00Z");
        let body: Value = serde_json::from_str(&Form::Alertmanager.body(&alert("resolved"), "ops")).unwrap();
        assert_eq!(
            (&body["status"], &body["alerts"][0]["endsAt"]),
            (&json!("resolved"), &json!("2025-01-01T00:00:09Z"))
        );
    }

    #[test]
    fn slack_gets_a_message_that_mentions_nobody() {
        let body: Value = serde_json::from_str(&Form::Slack.body(&alert("firing"), "ops")).unwrap();
        let expected = "*A &lt;!channel&gt;* firing (high) | n 3, user bob | value 5 | 2025-01-01T00:00:09Z";
        assert_eq!(body["text"], expected);
        assert_eq!(Form::Tocsin.body("{}", "ops"), "{}");
    }
}
